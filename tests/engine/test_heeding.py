"""What a model would not heed is refused before anything is asked, in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_shots import Talker
from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.runner import evaluate
from velm_bench.errors import UsageError
from velm_bench.models import open_model
from velm_bench.samples import Ability, GenerateRequest, Request


class Particular(Toy):
    """Heeds the length of an answer and nothing else; notes what it was put to."""

    abilities = frozenset({Ability.GENERATE})

    def __init__(self) -> None:
        super().__init__()
        self.required: list[Request] = []

    def require(self, request: Request) -> None:
        self.required.append(request)
        if isinstance(request, GenerateRequest):
            self.require_honoured(request.generation, ("max_new_tokens",))


def test_a_setting_that_is_not_heeded_is_one_sentence_before_anything_is_asked(tmp_path: Path) -> None:
    model = Particular()
    definition = make_task(tmp_path / "t", generation={"temperature": 0.5})
    with pytest.raises(UsageError, match=r"'toy:model' does not heed generation\.temperature: leave it out"):
        evaluate(definition, model, settings(tmp_path / "out"))
    assert (model.batches, model.loads) == ([], 0)
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_one_request_of_each_class_is_put_to_the_model(tmp_path: Path) -> None:
    model = Particular()
    done = evaluate(make_task(tmp_path / "t", generation={"max_new_tokens": 3}), model, settings(tmp_path / "out"))
    assert [type(request) for request in model.required] == [GenerateRequest]
    assert done.result.n_errors == 0


@pytest.mark.parametrize(
    ("generation", "why"),
    [
        ({"stop": ["."]}, "'ref:prefix' does not heed generation.stop"),
        ({"repetition_penalty": 1.2}, "'ref:prefix' does not heed generation.repetition_penalty"),
        ({"temperature": 0.5, "beams": 2}, "ref:prefix draws no words in a beam search"),
    ],
)
def test_the_reference_family_says_what_it_does_not_heed(tmp_path: Path, generation: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        evaluate(make_task(tmp_path / "t", generation=generation), open_model("ref:prefix"), settings(tmp_path / "out"))


@pytest.mark.parametrize("reference", ["ref:prefix", "baseline:majority"])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"system": "Be brief."}, r"The task 'toy' has a system prompt \('system'\), which the model '{}' does not"),
        ({"chat_template": "{{ x }}"}, r"The task 'toy' has a chat template \('chat_template'\), which the model '{}'"),
    ],
)
def test_a_model_that_does_not_converse_is_not_asked_in_words_it_drops(
    tmp_path: Path, reference: str, change: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=why.format(reference)):
        evaluate(make_task(tmp_path / "t", **change), open_model(reference), settings(tmp_path / "out"))


@pytest.mark.parametrize("kind", ["vqa", "classification"])
def test_a_model_that_converses_gets_the_tasks_words(tmp_path: Path, kind: str) -> None:
    plain, told = Talker(), Talker()
    first = evaluate(make_task(tmp_path / "a", kind=kind), plain, settings(tmp_path / "out"))
    changed = make_task(tmp_path / "b", kind=kind, system="Be brief.", chat_template="{{ messages }}")
    second = evaluate(changed, told, settings(tmp_path / "out"))
    assert {(request.system, request.chat_template) for request in plain.requests.values()} == {("", "")}
    assert {(request.system, request.chat_template) for request in told.requests.values()} == {
        ("Be brief.", "{{ messages }}")
    }
    assert first.result.run_id != second.result.run_id
    assert len(told.asked) == 12
