"""How far the probabilities of one label per sample can be believed: calibration error and Brier score.

Predictions are mappings {"label", "ranked", "probabilities"}, the last a probability by label; references are lists
that hold the right label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import (
    Array,
    ColumnMeans,
    Metric,
    MetricInputError,
    aligned,
    as_text,
    checked_weights,
    divide,
    reference_texts,
    scatter,
    with_count,
)
from velm_bench.metrics.classes.labels import Numbers, needed_part, numbers_of, without
from velm_bench.samples import Form

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""
ROUNDING = 1e-6
"""How far above 1 a probability may lie for having been rounded."""
WRONG = (BINS - 1.0, 1.0, 0.0)
"""Bin, confidence and correctness of a failed sample."""
SUM_ROUNDING = 1e-3
"""How far above 1 the sum of a sample's probabilities may lie: half-precision models give as much."""

Judged = tuple[str | None, Numbers | None, list[str]]
"""The predicted label if there is one, the probabilities (None where it failed) and the right labels of a sample."""


def judged(predictions: Sequence[Any], references: Sequence[Any], metric: str) -> Iterator[Judged]:
    """The samples read one at a time: a thousand probabilities each would fill the memory.

    MetricInputError, naming the row, where an answered sample has no probabilities, one is not between 0 and 1, or they
    sum to more than 1, and where a label is no text.
    """
    pairs = aligned(predictions, references)
    golden = reference_texts([right for _, right in pairs], metric)
    for row, ((prediction, _), right) in enumerate(zip(pairs, golden, strict=True)):
        probabilities = probabilities_of(prediction, row)
        label = None if probabilities is None else prediction.get("label")
        yield None if label is None else as_text(label, row, "prediction"), probabilities, right


def probabilities_of(prediction: Any, row: int) -> Numbers | None:
    """The probabilities by label, None where the sample failed; MetricInputError where they are no distribution."""
    given = needed_part(prediction, "probabilities", row)
    if given is None:
        return None
    labels, values = numbers_of(given, row, "probability")
    outside = np.flatnonzero((values < 0.0) | (values > 1.0 + ROUNDING))
    if len(outside):
        place = outside[0]
        raise MetricInputError(
            f": the probability {values[place]} of {labels[place]!r:.40} is not between 0 and 1.", row
        )
    total = float(values.sum())
    if total > 1.0 + SUM_ROUNDING:
        raise MetricInputError(f": its probabilities sum to {total:.6g}, which is more than 1.", row)
    return Numbers(labels, np.minimum(values, 1.0))


class CalibrationError(Metric):
    """Expected calibration error (Guo et al. 2017): 15 equal bins (low, high] of the predicted label's probability.

    Of several right labels any is right. A failed sample is wrong with confidence 1. Without a label the most probable
    one is predicted; one that has no probability is an error.
    """

    form = Form.LABEL
    best = 0.0
    name = "ece"
    signature = f"ece|bins:{BINS}|equal-width|v:1"
    outputs = ("ece",)
    columns = ("bin", "confidence", "correct")
    higher_is_better = False
    additive = False

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        samples = enumerate(judged(predictions, references, self.name))
        rows = [calibration_row(*one, row) for row, one in samples]
        return np.asarray(rows, dtype=np.float64).reshape(-1, 3)

    def unknown(self) -> Array:
        return np.asarray(WRONG)

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Per bin: samples, confidence, correct; shape (..., 45)."""
        weight = checked_weights(statistics, weights)
        bins, (confidence, correct) = statistics[:, 0].astype(np.int64), statistics[:, 1:].T
        parts = (weight, weight * confidence, weight * correct)
        return np.concatenate([scatter(part, bins, BINS) for part in parts], axis=-1)

    def finalize(self, totals: Array) -> Array:
        samples, confidence, correct = np.split(totals, 3, axis=-1)
        gap = np.abs(confidence - correct).sum(-1, keepdims=True)
        return divide(gap, samples.sum(-1, keepdims=True), empty=np.nan)

    def reliability(self, statistics: Array, weights: Array | None = None) -> Array:
        """The bins of a reliability diagram, shape (..., 15, 3): samples, mean confidence, accuracy (NaN if empty)."""
        samples, confidence, correct = np.split(self.totals(statistics, weights), 3, axis=-1)
        parts = (samples, divide(confidence, samples, empty=np.nan), divide(correct, samples, empty=np.nan))
        return np.stack(parts, axis=-1)

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "probabilities", "probabilities")


def calibration_row(
    label: str | None, probabilities: Numbers | None, golden: Sequence[str], row: int
) -> tuple[float, float, float]:
    """Bin, confidence and correctness of one sample; the label is the most probable one where none is given.

    MetricInputError where the label has no probability.
    """
    if probabilities is None:
        return WRONG
    labels, values = probabilities
    if label is not None and label not in labels:
        raise MetricInputError(f": its label {label!r:.40} has no probability, although others have.", row)
    place = int(values.argmax()) if label is None else labels.index(label)
    confidence = float(values[place])
    return float(max(0, math.ceil(confidence * BINS) - 1)), confidence, float(labels[place] in golden)


class Brier(ColumnMeans):
    """The Brier score of several classes as Brier 1950 has it; from 0 to 2, and lower is better.

    It is the mean over samples of the sum over classes of (p - y)^2, y being 1 for the right class and 0 for the
    others: scikit-learn's brier_score_loss of several classes, unscaled. Classes are the sample's own options; one
    without a probability has 0. Of several right labels the most probable counts. A failed sample scores the worst, 2.
    """

    form = Form.LABEL
    best = 0.0
    name = "brier"
    signature = "brier|sum-over-classes|range:0-2|v:1"
    higher_is_better = False
    worst = 2.0

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        samples = judged(predictions, references, self.name)
        scores = [brier_score(probabilities, golden) for _, probabilities, golden in samples]
        return with_count(np.asarray(scores, dtype=np.float64).reshape(-1, 1))

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "probabilities", "probabilities")


def brier_score(probabilities: Numbers | None, golden: Sequence[str]) -> float:
    """The Brier score of one sample."""
    if probabilities is None:
        return Brier.worst
    right = probabilities.best(golden) or 0.0
    others = float(probabilities.values @ probabilities.values) - right**2
    return float((1.0 - right) ** 2 + max(0.0, others))
