"""Calibration error, its diagram, and the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from velm_bench.metrics import CalibrationError, MetricInputError, build

LABELS = ("cat", "dog", "eel")
NAMES = ("ece", "brier")


def said(label: Any, **probabilities: Any) -> dict[str, Any]:
    return {"label": label, "ranked": None, "probabilities": probabilities or None}


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
    metric = CalibrationError()
    rows = metric.statistics(predictions, [["a" if right else "b"] for _, right in pairs])
    assert metric.value(rows) == pytest.approx(slow_ece(confidence, [right for _, right in pairs]), abs=1e-9)
    assert not metric.higher("ece")
    samples, mean, right = metric.reliability(rows).T
    assert samples.sum() == len(pairs)
    assert (np.isnan(mean) == (samples == 0)).all()
    assert np.nansum(np.abs(mean - right) * samples) / len(pairs) == pytest.approx(metric.value(rows))


def test_the_diagram_is_under_weights() -> None:
    metric = CalibrationError()
    rows = metric.statistics([said("a", a=0.5), said("a", a=0.5), said("a", a=1.0)], [["a"], ["b"], ["a"]])
    assert metric.reliability(rows)[[7, 14]].tolist() == [[2, 0.5, 0.5], [1, 1, 1]]
    weighted = metric.reliability(rows, np.asarray([[3.0, 1.0, 0.0], [0.0, 1.0, 1.0]]))
    assert weighted.shape == (2, 15, 3)
    assert weighted[:, 7].tolist() == [[4, 0.5, 0.75], [1, 0.5, 0]]


def test_a_failure_is_wrong_with_full_confidence() -> None:
    metric = build("ece")
    assert metric.statistics([None, None], [["a"]] * 2).tolist() == [[14, 1, 0]] * 2
    assert metric.statistics([said(None, a=0.25, b=0.75)], [["b"]]).tolist() == [[11, 0.75, 1]]


def test_a_label_without_a_probability_is_an_error_and_not_another_label() -> None:
    metric = build("ece")
    with pytest.raises(MetricInputError, match=r"^Sample 1: its label 'c' has no probability"):
        metric.statistics([said("a", a=1.0), said("c", a=0.25, b=0.75)], [["b"], ["b"]])
    assert metric.statistics([said("b", a=0.75, b=0.25)], [["b"]]).tolist() == [[3, 0.25, 1]]


DISTRIBUTION = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)


@settings(deadline=None)
@given(st.lists(st.tuples(DISTRIBUTION, st.sampled_from(LABELS)), min_size=1, max_size=30), st.data())
def test_brier_equals_scikit_learn_with_and_without_weights(
    pairs: list[tuple[list[int], str]], data: st.DataObject
) -> None:
    table = np.asarray([counts for counts, _ in pairs], dtype=float)
    table /= table.sum(axis=1, keepdims=True)
    golden = [gold for _, gold in pairs]
    metric = build("brier")
    predictions = [said(None, **dict(zip(LABELS, row, strict=True))) for row in table]
    rows = metric.statistics(predictions, [[gold] for gold in golden])
    assert metric.value(rows) == pytest.approx(brier_score_loss(golden, table, labels=LABELS, scale_by_half=False))
    weights = np.asarray(data.draw(st.lists(st.integers(1, 3), min_size=len(pairs), max_size=len(pairs))), dtype=float)
    weighted = brier_score_loss(golden, table, labels=LABELS, scale_by_half=False, sample_weight=weights)
    assert metric.value(rows, weights) == pytest.approx(weighted)
    assert not metric.higher("brier")


def test_brier_by_hand_and_at_its_ends() -> None:
    metric = build("brier")
    predictions = [said("a", a=0.5, b=0.5), said("a", a=1.0, b=0.0), said("a", a=1.0), None]
    rows = metric.statistics(predictions, [["a"], ["a"], ["b"], ["a"]])
    assert rows[:, 0].tolist() == [0.5, 0.0, 2.0, 2.0]
    assert metric.compute([said("a", a=0.2, b=0.8)], [["a", "b"]])["brier"] == pytest.approx(0.08)


def test_a_sample_has_options_of_its_own_and_labels_may_be_integers() -> None:
    predictions = [{"label": 3, "probabilities": {3: np.float32(0.75), 4: 0.25}}, said("x", x=0.5, y=0.5)]
    assert build("brier").compute(predictions, [[3], ["y"]])["brier"] == pytest.approx((0.125 + 0.5) / 2)
    assert build("ece").statistics(predictions, [["3"], ["y"]]).tolist() == [[11, 0.75, 1], [7, 0.5, 0]]


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_says_why_it_cannot_be_computed(name: str) -> None:
    metric, good = build(name), said("a", a=1.0)
    assert metric.applicable([good, None]) is None
    assert "1 of 3 predictions carry no probabilities" in (metric.applicable([good, None, said("a")]) or "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [-0.5, 1.5, -1e-9, 1e300])
def test_a_probability_outside_its_range_is_an_error(name: str, wrong: float) -> None:
    for probabilities in ({"a": wrong}, {"a": 0.5, "b": wrong}):
        with pytest.raises(ValueError, match=r"^Sample 1: the probability .* is not between 0 and 1"):
            build(name).statistics([None, said("a", **probabilities)], [["a"], ["a"]])


HOSTILE = [float("nan"), float("inf"), None, "0.5", b"0.5", True, [0.5], [0.1, 0.2], {}, 10**400, 1j]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_probability_that_is_none_is_one_error_that_names_the_row(name: str, wrong: Any) -> None:
    for probabilities in ({"a": wrong}, {"a": 0.5, "b": wrong}, {"b": wrong, "a": 0.5}):
        if wrong is True and len(probabilities) > 1:
            continue  # among floats numpy reads it as 1
        with pytest.raises(MetricInputError, match=r"^Sample 1: the probability of '[ab]' is .*give a number"):
            build(name).statistics([None, said("a", **probabilities)], [["a"], ["a"]])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_mapping_or_no_label_is_one_error_that_names_the_row(name: str) -> None:
    for wrong in ([0.5, 0.5], "abc", 0.5, {b"a": 0.5}, {None: 0.5}):
        with pytest.raises(MetricInputError, match=r"^Sample 1\b"):
            build(name).statistics([None, {"label": "a", "probabilities": wrong}], [["a"], ["a"]])
    with pytest.raises(MetricInputError, match=r"^Sample 1\b"):
        build(name).statistics([None, said(["a"], a=0.5)], [["a"], ["a"]])


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_sum_to_1_at_most(name: str) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1: its probabilities sum to 1.5"):
        build(name).statistics([None, said("a", a=0.75, b=0.75)], [["a"], ["a"]])
    assert build(name).compute([said("a", a=1.0000004)], [["a"]]) == {name: 0.0}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", ["a", 5, said("a"), {"probabilities": {}}, {"a": 1.0}])
def test_an_answer_without_probabilities_is_no_failure(name: str, answer: Any) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1: its prediction has no 'probabilities': "):
        build(name).statistics([None, answer], [["a"], ["a"]])


@given(st.dictionaries(st.text(), st.floats(0, 1), min_size=1, max_size=6), st.text())
def test_any_distribution_has_a_score_in_range(weights: dict[str, float], gold: str) -> None:
    total = sum(weights.values())
    probabilities = {label: weight / total for label, weight in weights.items()} if total > 1e-9 else weights
    predictions = [{"label": None, "probabilities": probabilities}]
    assert 0.0 <= build("brier").compute(predictions, [[gold]])["brier"] <= 2.0
    assert 0.0 <= build("ece").compute(predictions, [[gold]])["ece"] <= 1.0


@pytest.mark.parametrize("name", NAMES)
def test_no_samples_are_unknown(name: str) -> None:
    metric = build(name)
    assert np.isnan(metric.value(metric.statistics([], [])))
