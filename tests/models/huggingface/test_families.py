"""The table of families: each a tiny checkpoint, opened offline through `hf:DIR`, asked the same at every batch size.

What is held: with batches of 1, 8 and 32 every sample has the same outcome, be it an answer or an error.

- Log-probabilities of options may differ by `LOGPROB`, 1e-4: batches of another size add floats up in another order.
- Texts and tags are equal. Only where two tokens were as good as tied may a text differ: the scores of the best two
  lay within `TIE`, 1e-4, of each other at some step of the sample's own run at batch size 1 (which is recorded, so that
  it is known and not assumed).
"""

from __future__ import annotations

import ast
import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LogitsProcessor

import velm_bench.models.huggingface as room
from tests.models.huggingface.families import FAMILIES, Family
from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.models import Model, Setup, open_model
from velm_bench.results.store import SAMPLES, read_table
from velm_bench.samples import Ability, TextAnswer
from velm_bench.tasks.registry import Definition

SIZES = (1, 8, 32)
LOGPROB = 1e-4
TIE = 1e-4
NEEDED = {
    "captioning": {Ability.GENERATE},
    "vqa": {Ability.GENERATE},
    "classification": {Ability.GENERATE, Ability.CHOOSE},
    "ner": {Ability.GENERATE, Ability.TAG},
}
"""The abilities of which a kind needs one."""
HERE = [name for name, family in FAMILIES.items() if family.runs]
NOT_HERE = [name for name, family in FAMILIES.items() if not family.runs]

Outcomes = Mapping[str, Mapping[str, Any]]
"""What came of each sample: its row of samples.parquet, by id."""


class Margins(LogitsProcessor):
    """Watches generation, and remembers for every text how close the two best tokens ever were on its way."""

    def __init__(self) -> None:
        self.least = float("inf")
        self.of: dict[str, float] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        best = scores.float().topk(2, dim=-1).values
        self.least = min(self.least, float((best[:, 0] - best[:, 1]).min()))
        return scores

    def loading(self, model: Any) -> Callable[[], None]:
        """A model's own `load`, with the watching set up at its end."""
        ready = model.load

        def load() -> None:
            ready()
            if hasattr(model.model, "generate"):
                self.watch(model)

        return load

    def watch(self, model: Any) -> None:
        """Sit in every generation of a loaded model, and note the margin of single samples under their answers."""
        write, answer = model.model.generate, model.generate

        def watched_write(**asked: Any) -> Any:
            return write(**{**asked, "logits_processor": [*(asked.get("logits_processor") or []), self]})

        def watched_answer(prepared: Sequence[Any]) -> Sequence[TextAnswer]:
            self.least = float("inf")
            answers: Sequence[TextAnswer] = answer(prepared)
            if len(answers) == 1:
                self.of[answers[0].text] = min(self.least, self.of.get(answers[0].text, self.least))
            return answers

        model.model.generate, model.generate = watched_write, watched_answer


@dataclass(frozen=True)
class Asked:
    """A family, its model, and what came of every task it can be put to, by kind and batch size."""

    family: Family
    model: Model
    outcomes: Mapping[str, Mapping[int, Outcomes]]
    margins: Margins

    def answered(self, kind: str) -> dict[str, Any]:
        """The answers to one kind at batch size 1, by sample."""
        rows = self.outcomes[kind][1]
        return {name: json.loads(row["answer"]) for name, row in rows.items() if not row["error"]}

    def distinct(self, kind: str) -> int:
        """How many different answers there are."""
        return len({json.dumps(answer) for answer in self.answered(kind).values()})


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be made."""

    def refuse(*_: Any) -> None:
        raise AssertionError("something asks for a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def ask(
    checkpoint: Callable[[str], Path], tasks: Mapping[str, Definition], tmp_path: Path, offline: None
) -> Callable[[str], Asked]:
    """Puts a family to the mixed task set at every batch size, without any network."""

    def asked(name: str) -> Asked:
        model, margins = open_model(f"hf:{checkpoint(name)}", Setup(device="cpu")), Margins()
        model.load = margins.loading(model)  # type: ignore[method-assign]
        fitting = {kind: task for kind, task in tasks.items() if NEEDED[kind] & model.abilities}
        outcomes = {kind: {size: run(task, model, tmp_path, size) for size in SIZES} for kind, task in fitting.items()}
        return Asked(FAMILIES[name], model, outcomes, margins)

    return asked


def run(task: Definition, model: Model, output: Path, size: int) -> Outcomes:
    """What came of every sample of a task at a batch size."""
    settings = RunSettings(output / str(size), batch_size=size, replicates=0, workers=2, max_error_rate=1.0)
    done = evaluate(task, model, settings)
    return {row["id"]: row for row in read_table(done.folder / SAMPLES).to_pylist()}


def test_the_table_is_as_long_as_promised() -> None:
    assert len(HERE) >= 25
    assert {ability for name in HERE for ability in FAMILIES[name].abilities} == set(Ability)


@pytest.mark.parametrize("name", HERE)
def test_a_family_answers_the_same_at_every_batch_size(name: str, ask: Callable[[str], Asked]) -> None:
    """All that is held of one family, in one test so that it is made and asked once."""
    asked = ask(name)
    assert asked.model.abilities == asked.family.abilities
    check_batch_sizes(asked)
    check_errors(asked)
    check_pictures_matter(asked)
    check_questions_matter(asked)


def check_batch_sizes(asked: Asked) -> None:
    """Every batch size gives the same; see the tolerances above."""
    assert bool(asked.margins.of) is hasattr(asked.model.model, "generate"), "margins are not watched"  # type: ignore[attr-defined]
    for kind, by_size in asked.outcomes.items():
        alone = by_size[1]
        for size in SIZES[1:]:
            together = by_size[size]
            assert list(together) == list(alone)
            for name, row in alone.items():
                assert together[name]["error"] == row["error"], (kind, size, name)
                if not row["error"]:
                    require_same(row["answer"], together[name]["answer"], asked.margins, (kind, size, name))


def require_same(alone: str, together: str, margins: Margins, where: tuple[Any, ...]) -> None:
    """Fail where two answers as JSON differ by more than the tolerances."""
    one, other = json.loads(alone), json.loads(together)
    if "logprobs" in one:
        assert other["logprobs"] == pytest.approx(one["logprobs"], abs=LOGPROB, rel=0), where
        assert {**one, "logprobs": 0} == {**other, "logprobs": 0}, where
    elif one != other:
        assert "text" in one, where
        assert margins.of.get(one["text"], float("inf")) < TIE, (where, one, other)


def check_errors(asked: Asked) -> None:
    """Questions are about no, one or two pictures: those that a family cannot be shown are error rows, each with a
    sentence, and nothing else is."""
    for kind, by_size in asked.outcomes.items():
        for name, row in by_size[1].items():
            pictures = pictures_of(kind, name)
            able = pictures in asked.family.pictures
            assert bool(row["error"]) is not able, (name, pictures, row["error"])
            if not able:
                assert re.fullmatch(r"[A-Z][^\n]*\.", row["error"])
                assert "Error" not in row["error"], "an exception's name is no sentence"


def pictures_of(kind: str, name: str) -> int:
    """How many pictures a sample of the mixed set has."""
    number = int(name.rpartition("-")[2])
    return 1 if kind != "vqa" or number < 6 else 2 if number < 9 else 0


def check_pictures_matter(asked: Asked) -> None:
    """Answers depend on the picture where it is seen: if not, the same answer at every batch size would say nothing
    about how pictures are put together."""
    if "captioning" in asked.outcomes:  # one prompt, six pictures
        found = asked.distinct("captioning")
        assert found >= asked.family.varied if asked.family.sees else found == 1
    if "classification" in asked.outcomes:  # six pictures, three prompts
        distinct = asked.distinct("classification")
        assert distinct == 6 if asked.family.sees else distinct == 3


def check_questions_matter(asked: Asked) -> None:
    """Answers depend on the question where it is read: samples 0 and 4, and 1 and 5, ask two things of one picture."""
    if "vqa" in asked.outcomes and asked.family.reads:
        answers = asked.answered("vqa")
        assert answers["vqa-00"] != answers["vqa-04"] or answers["vqa-01"] != answers["vqa-05"]
    if "ner" in asked.outcomes and asked.family.reads:
        assert asked.distinct("ner") >= min(3, asked.family.varied)


@pytest.mark.parametrize("name", NOT_HERE)
def test_a_processor_that_needs_a_package_says_so(
    name: str, checkpoint: Callable[[str], Path], tasks: Mapping[str, Definition], tmp_path: Path
) -> None:
    """One sentence that names the package, before anything is asked."""
    with pytest.raises(UsageError) as caught:
        run(tasks["captioning"], open_model(f"hf:{checkpoint(name)}", Setup(device="cpu")), tmp_path, 8)
    said = str(caught.value)
    assert "\n" not in said
    assert f"pip install {FAMILIES[name].needs}" in said


def test_no_family_is_named_in_the_code() -> None:
    """The room knows kinds of models by transformers' tables and by trying them out: docstrings and comments aside, no
    text, name or attribute in it holds the name of a family."""
    names = {name.replace("_", "") for name in FAMILIES} | {"qwen", "idefics", "gemma", "blip", "florence"}
    for path in Path(room.__file__).parent.glob("*.py"):
        named = {word for word in words_of(path) for name in names if is_named(name, word)}
        assert not named, path.name


def is_named(name: str, word: str) -> bool:
    """Whether a word is a family's name or, of longer names, begins with it."""
    return word == name or (len(name) > 4 and word.startswith(name))


def words_of(path: Path) -> set[str]:
    """The names, attributes and texts of a module's code, each in lower case without underscores."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    prose = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    prose |= {node.value.value for node in ast.walk(tree) if is_text(node)}
    said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    used = [getattr(node, "id", "") or getattr(node, "attr", "") for node in ast.walk(tree)]
    words = [word for text in said if text not in prose for word in re.split(r"[^A-Za-z0-9_]+", text)]
    return {word.replace("_", "").casefold() for word in [*words, *used]}


def is_text(node: ast.AST) -> bool:
    """Whether a statement is nothing but a text: the description of what stands above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
