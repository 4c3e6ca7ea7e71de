"""Metrics that fail take nothing with them; samples without readable gold are credited with nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.engine.toys import Toy, make_task, rows_of, settings
from velm_bench.engine.runner import Run, evaluate
from velm_bench.errors import RunError, UnavailableError
from velm_bench.metrics import MetricInputError
from velm_bench.metrics.base import reading_corpus
from velm_bench.metrics.questions.vqa import VqaAccuracy
from velm_bench.results.store import read_result, read_samples, statistics_of

FAILURES = [
    RunError("Java died."),
    MetricInputError("Sample 3 is odd."),
    ValueError("of all things"),
    TypeError("unhashable"),
    MemoryError(),
    ZeroDivisionError("division by zero"),
]


def failing(monkeypatch: pytest.MonkeyPatch, method: str, error: Exception) -> list[str]:
    """Let a method of one metric fail; the calls of it."""
    calls: list[str] = []

    def fail(*arguments: Any, **named: Any) -> Any:
        calls.append(method)
        raise error

    monkeypatch.setattr(VqaAccuracy, method, fail)
    return calls


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["reference", "applicable", "statistics", "finalize", "count", "higher"])
def test_a_metric_that_fails_is_skipped_and_the_others_are_written(
    method: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = failing(monkeypatch, method, error)
    task = make_task(tmp_path, metrics=["exact_match", "vqa_accuracy"])
    run = evaluate(task, Toy(), settings(tmp_path / "out"))
    assert run.result == read_result(run.folder)
    assert list(run.result.scores) == ["exact_match"]
    assert list(run.result.slices["q"]["odd"].scores) == ["exact_match"]
    assert list(run.broken) == list(run.result.skipped) == ["vqa_accuracy"]
    assert (str(error) or "MemoryError") in run.result.skipped["vqa_accuracy"]
    assert [name for name in read_samples(run.folder).column_names if "vqa_accuracy" in name] == []
    assert len(calls) == 1


def test_a_primary_metric_that_fails_leaves_its_place_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "statistics", RunError("Java died."))
    run = evaluate(make_task(tmp_path), Toy(), settings(tmp_path / "out"))
    assert (run.result.primary, run.result.score.value, run.result.score.n) == ("vqa_accuracy", None, 12)
    assert run.result.scores["exact_match"].value is not None
    monkeypatch.undo()
    again = Toy()
    mended = evaluate(make_task(tmp_path), again, settings(tmp_path / "out"))
    assert (again.asked, mended.broken, mended.result.skipped) == ([], {}, {})
    assert mended.result.score.value is not None


def test_a_metric_that_is_not_to_be_had_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "statistics", UnavailableError("Run pip install something."))
    run = evaluate(make_task(tmp_path), Toy(), settings(tmp_path / "out"))
    assert (run.broken, run.result.skipped) == ({}, {"vqa_accuracy": "Run pip install something."})


def test_statistics_of_another_shape_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VqaAccuracy, "statistics", lambda *_: np.zeros((3, 2)))
    run = evaluate(make_task(tmp_path), Toy(), settings(tmp_path / "out"))
    assert run.broken == {"vqa_accuracy": "It gave statistics of shape (3, 2) for 12 samples."}


def with_gold(tmp_path: Path, kind: str, gold: dict[int, Any], metrics: list[str]) -> Run:
    """A run of which some samples have another gold."""
    rows = rows_of(kind, 12)
    for place, value in gold.items():
        rows[place]["gold"] = value
    return evaluate(make_task(tmp_path, kind=kind, rows=rows, metrics=metrics), Toy(), settings(tmp_path / "out"))


def rows_without_gold(run: Run, metric: str) -> Any:
    return statistics_of(read_samples(run.folder), metric)[[0, 5]]


def test_a_mean_counts_a_sample_without_gold_as_wrong(tmp_path: Path) -> None:
    run = with_gold(tmp_path, "vqa", {0: [], 5: []}, ["vqa_accuracy", "pair_accuracy"])
    assert run.result.n_errors == 2
    assert rows_without_gold(run, "vqa_accuracy").tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert run.result.score.answered == pytest.approx((run.result.score.value or 0.0) * 12 / 10)
    assert run.broken == {}


def test_macro_f1_credits_a_sample_without_gold_with_no_class(tmp_path: Path) -> None:
    run = with_gold(tmp_path, "classification", {0: "neither", 5: "neither"}, ["macro_f1", "ece", "accuracy"])
    assert rows_without_gold(run, "macro_f1").tolist() == [[-1.0, -1.0], [-1.0, -1.0]]
    truth = [["dark", "light"][i % 2] for i in range(12) if i not in (0, 5)]
    assert run.result.scores["macro_f1"].value == pytest.approx(f1_score(truth, ["dark"] * 10, average="macro"))
    assert rows_without_gold(run, "ece").tolist() == [[14.0, 1.0, 0.0]] * 2
    assert run.result.scores["accuracy"].value == pytest.approx(5 / 12)


def test_a_class_that_all_samples_share_is_not_one_of_those_without_gold(tmp_path: Path) -> None:
    others = dict.fromkeys(range(12), "dark")
    run = with_gold(tmp_path, "classification", {**others, 0: "neither"}, ["macro_f1", "class_report"])
    assert rows_without_gold(run, "macro_f1")[0].tolist() == [-1.0, -1.0]
    assert run.result.scores["macro_f1"].value == 1.0
    assert run.result.scores["class_support/dark"].value == 11


def test_statistics_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    compute = VqaAccuracy.statistics

    def counting(metric: Any, predictions: Any, *rest: Any) -> Any:
        sizes.append(len(predictions))
        return compute(metric, predictions, *rest)

    monkeypatch.setattr(VqaAccuracy, "statistics", counting)
    with_gold(tmp_path, "vqa", {0: []}, ["vqa_accuracy"])
    assert sizes == [11]


class Particular(VqaAccuracy):
    """Refuses an answer or a reference of its own choice."""

    refused = ""

    def statistics(self, predictions: Any, references: Any, corpus: Any = None) -> Any:
        for row, (prediction, texts) in enumerate(zip(predictions, references, strict=True)):
            if self.refused in (prediction, *texts):
                raise MetricInputError(" is refused.", row)
        with reading_corpus():
            for row, texts in enumerate(corpus or ()):
                if self.refused in texts:
                    raise MetricInputError(" is refused.", row)
        return super().statistics(predictions, references, corpus)


def test_an_error_names_the_sample_and_not_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("velm_bench.metrics.questions.vqa.VqaAccuracy", Particular)
    monkeypatch.setattr(Particular, "refused", "odd")
    run = with_gold(tmp_path / "gold", "vqa", {0: [], 1: [], 7: ["odd"]}, ["vqa_accuracy"])
    assert run.broken == {"vqa_accuracy": "Sample 's007' is refused."}
    rows = rows_of("vqa", 12)
    rows[2]["gold"] = []
    task = make_task(tmp_path / "limit", rows=rows)
    asked = read_samples(evaluate(task, Toy(), settings(tmp_path / "first", limit=4)).folder)["id"].to_pylist()
    left_out = next(place for place in (11, 10, 9, 8, 7, 6, 5) if f"s{place:03d}" not in asked)
    rows[left_out]["gold"] = ["odd"]
    run = evaluate(make_task(tmp_path / "again", rows=rows), Toy(), settings(tmp_path / "out", limit=4))
    assert run.broken == {"vqa_accuracy": f"Sample 's{left_out:03d}' is refused."}


def test_entities_of_a_sample_without_gold_are_none(tmp_path: Path) -> None:
    run = with_gold(tmp_path, "ner", {0: [], 5: ["B-PER"], 2: ["O"]}, ["token_report", "entity_f1"])
    assert run.result.n_errors == 2
    scores = run.result.scores
    assert scores["token_support/B-PER"].value == 9
    assert scores["token_support/O"].value == 6
    assert rows_without_gold(run, "token_report")[:, :-1].sum() == 0
    assert rows_without_gold(run, "token_report")[:, -1].tolist() == [1.0, 1.0]


def test_a_sample_whose_picture_cannot_be_read_keeps_its_own_gold(tmp_path: Path) -> None:
    rows = rows_of("ner", 12)
    rows[3]["image"] = "pictures/missing.png"
    run = evaluate(make_task(tmp_path, kind="ner", rows=rows), Toy(), settings(tmp_path / "out"))
    scores = run.result.scores
    assert (scores["entity_recall"].value, scores["entity_precision"].value) == (11 / 12, 1.0)


def test_no_gold_at_all_is_not_applicable(tmp_path: Path) -> None:
    run = with_gold(tmp_path, "vqa", {place: [] for place in range(12)}, ["vqa_accuracy"])
    assert run.broken == {}
    assert "No sample has references" in run.result.skipped["vqa_accuracy"]
