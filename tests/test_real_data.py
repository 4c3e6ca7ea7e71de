"""The example tasks over real data: every sample is there, and both a baseline and the reference model answer it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from velm_bench.engine.runner import Run, evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import open_model
from velm_bench.tasks.registry import resolve

SAMPLES = {"coco_mini": 283, "flickr8k_1k": 125, "easy_vqa": 9673, "fashion_mnist": 10000, "conll2003": 3453}
SUPPORT = {
    "B-LOC": 1668, "I-LOC": 257, "B-MISC": 702, "I-MISC": 216, "B-ORG": 1661, "I-ORG": 835, "B-PER": 1617,
    "I-PER": 1156, "O": 38323,
}  # fmt: skip
"""How often each tag stands in the CoNLL-2003 test set, rewritten as IOB2."""


def run(shared: Path, output: Path, task: str, model: str, limit: int | None = None) -> Run:
    settings = RunSettings(output=output, data=(shared,), limit=limit, replicates=50)
    path = REPOSITORY / "examples" / f"{task}.yaml"
    return evaluate(resolve(str(path))[0], open_model(model), settings)


@pytest.mark.parametrize("task", SAMPLES)
def test_no_sample_is_lost(shared: Path, tmp_path: Path, task: str) -> None:
    result = run(shared, tmp_path, task, "baseline:oracle").result
    assert (result.n, result.n_errors, result.parse_failures) == (SAMPLES[task], 0, 0)
    score = result.scores[result.primary].value
    assert score is not None
    if task not in ("coco_mini", "flickr8k_1k"):  # a caption equals one of five, not all
        assert score == 1.0


def test_conll_supports(shared: Path, tmp_path: Path) -> None:
    scores = run(shared, tmp_path, "conll2003", "baseline:majority").result.scores
    assert {tag: scores[f"token_support/{tag}"].value for tag in SUPPORT} == SUPPORT
    assert sum(SUPPORT.values()) == 46435
    assert scores["token_accuracy"].value == pytest.approx(38323 / 46435)


def test_the_easy_vqa_majority_is_its_readmes(shared: Path, tmp_path: Path) -> None:
    scores = run(shared, tmp_path, "easy_vqa", "baseline:majority").result.scores
    assert scores["exact_match"].value == pytest.approx(0.373, abs=5e-4)


@pytest.mark.parametrize("task", SAMPLES)
def test_the_reference_model_answers_real_samples(shared: Path, tmp_path: Path, task: str) -> None:
    pytest.importorskip("torch")
    result = run(shared, tmp_path, task, "ref:prefix", limit=12).result
    assert (result.n, result.n_errors) == (12, 0)
    assert result.scores[result.primary].value is not None


TRAINED = {
    "fashion_mnist": (57000, 3000, "classification"),
    "conll2003": (14041, 3250, "ner"),
    "easy_vqa": (3800, 200, "vqa"),
    "flickr8k": (753, 113, "captioning"),
}
"""Of each recipe: rows (pictures, or sentences) that are trained on and held out, and the kind."""


@pytest.mark.parametrize("name", TRAINED)
def test_the_recipes_open_their_data(shared: Path, name: str) -> None:
    pytest.importorskip("tokenizers")
    from velm_bench.reference.data.opening import open_book
    from velm_bench.reference.data.tasks import TaskBook
    from velm_bench.reference.processing import train_tokenizer
    from velm_bench.reference.recipe import read_recipe

    path = REPOSITORY / "recipes" / "real" / f"{name}.yaml"
    recipe = read_recipe(path)
    assert recipe.name == name
    book = open_book(recipe, (shared,), path.parent)
    assert isinstance(book, TaskBook)
    trained, held_out, kind = TRAINED[name]
    assert (book.epoch, book.task.kind) == (trained, kind)
    tokenizer = train_tokenizer(book.corpus(), recipe.model.language.vocabulary)
    assert len(book.checks(tokenizer, 10**6)) == held_out
    batch = book.batch(tokenizer, range(4))
    assert ("pixels" in batch) == (kind != "ner")
    assert (batch["tags" if kind == "ner" else "targets"] >= 0).any(1).all()
