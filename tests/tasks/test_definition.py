"""Task files: strict, with one sentence per mistake; the digest holds what decides an answer and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from velm_bench.errors import UsageError
from velm_bench.samples import Generation
from velm_bench.sources.base import SourceSettings
from velm_bench.sources.scenes.source import ScenesSource
from velm_bench.tasks.definition import Task, fill, load_task
from velm_bench.tasks.registry import definitions

GOOD: dict[str, Any] = {
    "name": "mine",
    "kind": "vqa",
    "source": {"type": "jsonl", "path": "a.jsonl"},
    "metrics": ["vqa_accuracy"],
}


def written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
    return path


def test_a_good_file_loads(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, slices=["question_type"], generation={"max_new_tokens": 5}))
    assert task.slices == ("question_type",)
    assert task.generation.settings().max_new_tokens == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metricks": ["x"]}, r"mine\.yaml: unknown key 'metricks': did you mean 'metrics'\?"),
        ({"generation": {"max_tokens": 5}}, r"unknown key 'generation\.max_tokens': did you mean 'max_new_tokens'\?"),
        ({"generation": {"max_new_tokens": 0}}, r"'generation\.max_new_tokens' is not valid"),
        ({"generation": {"max_new_tokens": "8"}}, r"'generation\.max_new_tokens' is not valid"),
        ({"kind": "captoning"}, r"there is no kind 'captoning', did you mean 'captioning'"),
        ({"metrics": []}, r"'metrics' is not valid"),
        ({"metrics": "cider"}, r"'metrics' is not valid"),
        ({"labels": ["a", "b", "a"]}, r"'labels' is not valid: each label must be there once"),
        ({"labels": ["a", ""]}, r"'labels' is not valid: each label"),
        ({"expected_samples": 0}, r"'expected_samples' is not valid"),
        ({"name": "../up"}, r"'name' is not valid"),
        ({"prompt": "{question.__class__}"}, r"plain fields"),
        ({"prompt": "{0}"}, r"plain fields"),
        ({"prompt": "{question"}, r"'prompt' is not valid"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_task(written(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_misspelt_required_key_is_called_misspelt(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nkind: vqa\nsource: {type: x}\nmetrcs: [a]\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"unknown key 'metrcs': did you mean 'metrics'"):
        load_task(path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nkind: vqa\nmetrics: [a]\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the key 'source' is missing"):
        load_task(path)


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "a: 1\n  b: 2\n"])
def test_broken_yaml_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml"):
        load_task(path)


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nkind: vqa\nmetrics: [a]\nsource: {type: x}\nmetrics: [b]\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.yaml line 5 is not valid YAML: the key 'metrics' stands there twice"):
        load_task(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_task(tmp_path / "none.yaml")


def test_the_digest_changes_with_what_is_asked_only() -> None:
    base = Task.model_validate(GOOD)
    same = [{"description": "other"}, {"metrics": ["exact_match"]}, {"slices": ["a"]}, {"name": "other"}]
    other = [{"prompt": "{question}"}, {"generation": {"max_new_tokens": 3}}, {"labels": ["a"]}, {"kind": "captioning"}]
    assert {Task.model_validate({**GOOD, **change}).digest() for change in same} == {base.digest()}
    assert len({Task.model_validate({**GOOD, **change}).digest() for change in other} | {base.digest()}) == 5


def test_what_tasks_could_not_say_before_leaves_their_digests_as_they_were() -> None:
    pinned = {
        "scenes_captioning": "91c3edc5bfa40af4c64d91b618d8d18a6ae24ad4347af4c1a86b165b3f9a6351",
        "scenes_classification": "e33f3553a4e4bc50485c2ccfaa3b099d5161bc7dec98ee0a658c14833452a21d",
        "scenes_ner": "3a140370632ab7b0cc88ecd36390aa686e31e9f720d876256fa77ac4d8b8d053",
        "scenes_vqa": "ea52a6018f9127d9acae1b077bb57f317dcb0e2c69b9c8c36a5d1664b5862a64",
    }
    assert {name: definitions()[name].task.digest() for name in pinned} == pinned


@pytest.mark.parametrize(
    "change",
    [
        {"system": "Be brief."},
        {"chat_template": "{{ messages }}"},
        {"templates": ["a {label}"]},
        {"generation": {"stop": ["."]}},
        {"generation": {"temperature": 0.5, "top_p": 0.9}},
    ],
)
def test_where_they_are_said_they_count(change: dict[str, Any]) -> None:
    assert Task.model_validate({**GOOD, **change}).digest() != Task.model_validate(GOOD).digest()


def test_other_data_to_draw_examples_from_is_the_same_question() -> None:
    assert Task.model_validate({**GOOD, "shots_split": "dev"}).digest() == Task.model_validate(GOOD).digest()


def test_generation_is_replaced_in_part() -> None:
    base = Task.model_validate({**GOOD, "generation": {"max_new_tokens": 9, "temperature": 0.5, "top_p": 0.8}})
    hotter = base.with_generation({"temperature": 1, "stop": ["."]}, "here").generation
    assert (hotter.max_new_tokens, hotter.temperature, hotter.top_p, hotter.stop) == (9, 1.0, 0.8, (".",))
    assert base.with_generation({"max_new_tokens": 9}, "here").digest() == base.digest()
    assert base.with_generation({"max_new_tokens": 8}, "here").digest() != base.digest()


def test_what_a_replaced_setting_leaves_nothing_to_do_goes_with_it() -> None:
    base = Task.model_validate(
        {**GOOD, "generation": {"temperature": 0.5, "top_p": 0.8, "beams": 3, "length_penalty": 2}}
    )
    plain = base.with_generation({"temperature": 0, "beams": 1}, "here").generation.settings()
    assert plain == Generation()
    with pytest.raises(UsageError, match=r"In here: .*'top_p' does nothing without a temperature"):
        base.with_generation({"temperature": 0, "top_p": 0.8}, "here")


def test_another_split_is_another_task() -> None:
    base = Task.model_validate({**GOOD, "source": {"type": "scenes", "split": "test"}, "expected_samples": 7})
    lite = base.on_split("lite")
    assert lite.name == "mine:lite"
    assert lite.source["split"] == "lite"
    assert lite.expected_samples is None
    assert lite.digest() != base.digest()


def test_a_source_without_splits_has_no_other_split(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(ScenesSource):
        Settings = SourceSettings  # type: ignore[assignment]

    monkeypatch.setattr("velm_bench.sources.SOURCES.get", lambda _: Plain)
    with pytest.raises(UsageError, match=r"The source 'jsonl' of task 'mine' has no splits, 'train' or other"):
        Task.model_validate(GOOD).on_split("train")


@pytest.mark.parametrize("kind", ["ner", "vqa"])
def test_the_key_of_a_secret_split_stays_secret(kind: str) -> None:
    base = Task.model_validate({**GOOD, "kind": kind, "source": {"type": "scenes", "size": 96}})
    written_so = Task.model_validate({**GOOD, "kind": kind, "source": {"type": "scenes", "split": "fresh:S3CRETKEY"}})
    named = base.on_split("fresh:S3CRETKEY")
    assert named.source_settings()[1].split == "fresh:S3CRETKEY"  # type: ignore[attr-defined]
    for task in (named, written_so):
        public = task.public_definition()
        assert "S3CRETKEY" not in json.dumps([task.name, public])
        assert public["source"]["split"] == named.name.removeprefix("mine:")
    assert named.name != base.on_split("fresh:OTHER").name
    sample = next(iter(ScenesSource(named.source_settings()[1], kind).samples()))  # type: ignore[arg-type]
    assert sample.id.startswith(named.name.removeprefix("mine:").replace(":", "-"))


def test_what_is_no_secret_is_public() -> None:
    task = Task.model_validate({**GOOD, "source": {"type": "scenes", "split": "test"}})
    assert task.public_definition() == task.model_dump(mode="json")
    assert Task.model_validate(GOOD).public_definition() == Task.model_validate(GOOD).model_dump(mode="json")


def test_source_settings_are_strict() -> None:
    with pytest.raises(UsageError, match="Unknown source 'scene': did you mean 'scenes'"):
        Task.model_validate({**GOOD, "source": {"type": "scene"}}).source_settings()
    with pytest.raises(UsageError, match=r"'source\.type' is missing"):
        Task.model_validate({**GOOD, "source": {"path": "x"}}).source_settings()
    with pytest.raises(UsageError, match="section 'source': unknown key 'splitt': did you mean 'split'"):
        Task.model_validate({**GOOD, "source": {"type": "scenes", "splitt": "x"}}).source_settings()


def test_a_prompt_is_filled_with_plain_text() -> None:
    assert fill("Q: {question} {{ok}}", {"question": "{danger}"}) == "Q: {danger} {ok}"
