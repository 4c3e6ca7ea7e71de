"""Accuracy, macro F1 and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.errors import UsageError
from velm_bench.metrics import build

LABELS = ("cat", "dog", "eel", "fox")


def said(label: str | None, ranked: list[str] | None = None, **probabilities: float) -> dict[str, Any]:
    return {"label": label, "ranked": ranked, "probabilities": probabilities or None}


def test_accuracy() -> None:
    metric = build("accuracy", LABELS)
    rows = metric.statistics([said("cat"), said("dog"), said(None), None], [["cat"], ["cat"], ["cat"], ["cat"]])
    assert rows.tolist() == [[1, 1], [0, 1], [0, 1], [0, 1]]
    assert metric.value(rows) == 0.25


def test_top5_reads_the_ranking() -> None:
    ranking = list("abcdefg")
    metric = build("accuracy_top5")
    rows = metric.statistics([said("a", ranking)] * 3 + [None], [["a"], ["e"], ["f"], ["a"]])
    assert rows[:, 0].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("name", "good"), [("accuracy_top5", said("a", ["a"])), ("ece", said("a", a=1.0))])
def test_a_metric_says_why_it_cannot_be_computed(name: str, good: dict[str, Any]) -> None:
    metric = build(name)
    assert metric.applicable([good, None]) is None
    assert "1 of 3 predictions carry no" in (metric.applicable([good, None, said("a")]) or "")
    assert build("accuracy").applicable([said("a")]) is None


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40), st.data())
def test_macro_f1_equals_scikit_learn_with_and_without_weights(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    from sklearn.metrics import f1_score

    golden, predicted = [gold for gold, _ in pairs], [label for _, label in pairs]
    metric = build("macro_f1", LABELS)
    rows = metric.statistics([said(label) for label in predicted], [[gold] for gold in golden])
    assert metric.value(rows) == pytest.approx(f1_score(golden, predicted, average="macro", zero_division=0))
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    if any(counts):
        again = f1_score(np.repeat(golden, counts), np.repeat(predicted, counts), average="macro", zero_division=0)
        weights = np.asarray([counts, [1] * len(pairs)], dtype=float)
        assert metric.value(rows, weights)[0] == pytest.approx(again)
        assert metric.value(rows, weights)[1] == pytest.approx(metric.value(rows))


def test_macro_f1_counts_failures_and_foreign_labels_as_misses() -> None:
    metric = build("macro_f1", LABELS)
    rows = metric.statistics([said("cat"), said("whale"), None], [["cat"], ["cat"], ["dog"]])
    assert rows.tolist() == [[0, 0], [0, -1], [1, -1]]
    assert metric.value(rows) == pytest.approx((2 / 3 + 0) / 2)
    assert np.isnan(metric.value(rows[:0]))


def test_macro_f1_names_what_is_missing() -> None:
    with pytest.raises(UsageError, match="needs the task's labels"):
        build("macro_f1")
    with pytest.raises(ValueError, match="Sample 0 has the label 'whale'"):
        build("macro_f1", LABELS).statistics([None], [["whale"]])


def slow_ece(confidence: list[float], correct: list[bool]) -> float:
    """Guo et al. 2017, bin by bin."""
    conf, hit, total = np.asarray(confidence), np.asarray(correct, dtype=float), 0.0
    for place in range(15):
        inside = (conf > place / 15) & (conf <= (place + 1) / 15) | ((place == 0) & (conf == 0))
        if inside.any():
            total += inside.mean() * abs(hit[inside].mean() - conf[inside].mean())
    return total


CONFIDENCES = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None)
@given(CONFIDENCES)
def test_calibration_error_equals_a_loop_over_bins(pairs: list[tuple[int, bool]]) -> None:
    confidence = [thousandths / 1000 for thousandths, _ in pairs]
    predictions = [said("a", a=value) for value in confidence]
    metric = build("ece")
    rows = metric.statistics(predictions, [["a" if right else "b"] for _, right in pairs])
    assert metric.value(rows) == pytest.approx(slow_ece(confidence, [right for _, right in pairs]), abs=1e-9)
    assert not metric.higher("ece")


def test_a_failure_is_wrong_with_full_confidence() -> None:
    metric = build("ece")
    assert metric.statistics([None, said("a")], [["a"], ["a"]]).tolist() == [[14, 1, 0], [14, 1, 0]]
    assert metric.statistics([said(None, a=0.25, b=0.75)], [["b"]]).tolist() == [[11, 0.75, 1]]


@pytest.mark.parametrize("probability", [float("nan"), -0.5, 1.5])
def test_a_probability_that_is_none_is_an_error(probability: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        build("ece").statistics([said("a", a=probability)], [["a"]])
