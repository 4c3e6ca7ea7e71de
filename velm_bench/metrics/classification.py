"""Accuracy, macro F1 and calibration of one label per sample.

Predictions are mappings {"label", "ranked", "probabilities"}, any of which may be None; references are lists that
hold the right label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import (
    Array,
    MeanMetric,
    Metric,
    MetricInputError,
    aligned,
    all_ones,
    divide,
    precision_recall_f1,
    scatter,
)
from velm_bench.samples import Form

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


def label_of(prediction: Any) -> Any:
    """The predicted label, None where there is none."""
    return prediction.get("label") if isinstance(prediction, Mapping) else prediction


def part_of(prediction: Any, part: str) -> Any:
    """Another part of a prediction, None where it has none."""
    return prediction.get(part) if isinstance(prediction, Mapping) else None


def without(predictions: Sequence[Any], part: str, what: str) -> str | None:
    """A sentence if some answered prediction lacks a part, else None."""
    lacking = sum(prediction is not None and not part_of(prediction, part) for prediction in predictions)
    return f"{lacking} of {len(predictions)} predictions carry no {what}." if lacking else None


class Accuracy(MeanMetric):
    """The share of samples whose predicted label is the right one."""

    form = Form.LABEL
    name = "accuracy"
    signature = "accuracy|v:1"

    def score(self, prediction: Any, reference: Any) -> float:
        return float(label_of(prediction) in reference)


class AccuracyTop5(MeanMetric):
    """The share of samples whose right label is among the first five of the ranking."""

    form = Form.LABEL
    name = "accuracy_top5"
    signature = "accuracy|top:5|v:1"

    def score(self, prediction: Any, reference: Any) -> float:
        return float(any(label in reference for label in (part_of(prediction, "ranked") or ())[:5]))

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "ranked", "ranking of labels")


class MacroF1(Metric):
    """The unweighted mean of the F1 of every class that occurs in the references or the predictions.

    This is scikit-learn's f1_score(average="macro"). A failed sample, or a label that is no class of the task, is a
    miss of the right class and a hit of none. Kept are the two class numbers, so that memory is O(samples).
    """

    form = Form.LABEL
    name = "macro_f1"
    outputs = ("macro_f1",)
    columns = ("gold", "predicted")
    additive = False

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        if not self.labels:
            raise UsageError("The metric macro_f1 needs the task's labels: the task lists none.")
        self.signature = f"macro-f1|classes:{len(self.labels)}|over:occurring|v:1"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        numbers = {label: number for number, label in enumerate(self.labels)}
        rows = []
        for row, (prediction, gold) in enumerate(aligned(predictions, references)):
            if gold[0] not in numbers:
                raise MetricInputError(f"Sample {row} has the label {gold[0]!r}, which is none of the task's labels.")
            rows.append((numbers[gold[0]], numbers.get(label_of(prediction), -1)))
        return np.asarray(rows, dtype=np.float64).reshape(-1, 2)

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Per class: correct, predicted, gold; shape (..., 3 x classes)."""
        weight, size = all_ones(statistics, weights), len(self.labels)
        gold, predicted = statistics.T.astype(np.int64)
        correct = np.where(gold == predicted, gold, -1)
        return np.concatenate([scatter(weight, index, size) for index in (correct, predicted, gold)], axis=-1)

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = np.split(totals, 3, axis=-1)
        occurring = (predicted + gold) > 0
        f1 = precision_recall_f1(correct, predicted, gold)[2]
        return divide(f1.sum(-1, keepdims=True), occurring.sum(-1, keepdims=True).astype(np.float64), empty=np.nan)


class CalibrationError(Metric):
    """Expected calibration error (Guo et al. 2017): 15 equal bins (low, high] of the predicted label's probability.

    A failed sample is wrong with confidence 1, and so is an answer without probabilities.
    """

    form = Form.LABEL
    name = "ece"
    signature = f"ece|bins:{BINS}|equal-width|v:1"
    outputs = ("ece",)
    columns = ("bin", "confidence", "correct")
    higher_is_better = False
    additive = False

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows = [calibration_row(prediction, gold) for prediction, gold in aligned(predictions, references)]
        return np.asarray(rows, dtype=np.float64).reshape(-1, 3)

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Per bin: samples, confidence, correct; shape (..., 45)."""
        weight = all_ones(statistics, weights)
        bins, (confidence, correct) = statistics[:, 0].astype(np.int64), statistics[:, 1:].T
        parts = (weight, weight * confidence, weight * correct)
        return np.concatenate([scatter(part, bins, BINS) for part in parts], axis=-1)

    def finalize(self, totals: Array) -> Array:
        samples, confidence, correct = np.split(totals, 3, axis=-1)
        gap = np.abs(confidence - correct).sum(-1, keepdims=True)
        return divide(gap, samples.sum(-1, keepdims=True), empty=np.nan)

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "probabilities", "probabilities")


def calibration_row(prediction: Any, gold: Sequence[Any]) -> tuple[float, float, float]:
    """Bin, confidence and correctness of one sample; MetricInputError for a probability outside [0, 1]."""
    probabilities = part_of(prediction, "probabilities")
    if not probabilities:
        return BINS - 1.0, 1.0, 0.0
    label = label_of(prediction)
    if label not in probabilities:
        label = max(probabilities, key=probabilities.__getitem__)
    confidence = float(probabilities[label])
    if not 0.0 <= confidence <= 1.0 + 1e-6:
        raise MetricInputError(f"The probability {confidence} of the label {label!r} is not between 0 and 1.")
    confidence = min(confidence, 1.0)
    return float(max(0, math.ceil(confidence * BINS) - 1)), confidence, float(label in gold)
