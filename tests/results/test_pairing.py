"""Two runs side by side: one difference, and a refusal wherever they are not about the same thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.models import open_model
from velm_bench.results.pairing import paired
from velm_bench.results.store import RESULT, read_result
from velm_bench.tasks.registry import resolve


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def run(root: Path, model: str, task: str = "vqa:lite", limit: int | None = 60) -> Path:
    settings = RunSettings(output=root, limit=limit, replicates=100)
    return evaluate(resolve(task)[0], open_model(f"baseline:{model}"), settings).folder


def test_the_difference_is_that_of_the_scores(root: Path) -> None:
    low, high = run(root, "constant"), run(root, "oracle")
    found = paired(low, high, "vqa_accuracy")
    scores = [read_result(folder).scores["vqa_accuracy"].value or 0.0 for folder in (low, high)]
    assert found.value == pytest.approx(scores[1] - scores[0])
    assert 0 < found.low <= found.value <= found.high
    assert paired(low, low, "vqa_accuracy") == (0.0, 0.0, 0.0, 1.0)


def test_a_slice_is_compared_alone(root: Path) -> None:
    low, high = run(root, "constant"), run(root, "oracle")
    counts = paired(low, high, "vqa_accuracy", {"question_type": "count"})
    sliced = [
        read_result(folder).slices["question_type"]["count"].scores["vqa_accuracy"].value for folder in (low, high)
    ]
    assert sliced[0] is not None
    assert sliced[1] is not None
    assert counts.value == pytest.approx(sliced[1] - sliced[0])
    with pytest.raises(UsageError, match="no slice 'weather'"):
        paired(low, high, "vqa_accuracy", {"weather": "rain"})


def test_what_is_not_about_the_same_thing_is_refused(root: Path) -> None:
    base = run(root, "constant")
    with pytest.raises(UsageError, match="the task differs"):
        paired(base, run(root, "constant", "classification:lite"), "vqa_accuracy")
    with pytest.raises(UsageError, match="the content of the samples differs"):
        paired(base, run(root, "oracle", limit=50), "vqa_accuracy")
    with pytest.raises(UsageError, match="has no score 'cider'"):
        paired(base, run(root, "oracle"), "cider")


def test_another_signature_is_refused(root: Path, tmp_path: Path) -> None:
    base = run(root, "constant")
    other = tmp_path / "other"
    other.mkdir()
    for path in base.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    result = json.loads((other / RESULT).read_text(encoding="utf-8"))
    result["scores"]["vqa_accuracy"]["signature"] = "another|v:2"
    (other / RESULT).write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(UsageError, match="the signature of 'vqa_accuracy' differs"):
        paired(base, other, "vqa_accuracy")
