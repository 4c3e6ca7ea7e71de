"""Accuracy, F1 and its kin, and the report per class, of one label per sample.

Predictions are mappings {"label", "ranked", "probabilities"}, any of which may be None, or a bare label; references
are lists that hold the right label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import (
    Array,
    Mask,
    MeanMetric,
    Metric,
    MetricInputError,
    checked_weights,
    divide,
    precision_recall_f1,
    reference_texts,
    samples_of,
    scatter,
    undefined,
)
from velm_bench.metrics.classes.labels import label_pairs, needed_part, part_of, texts_of, without
from velm_bench.samples import Form


class Accuracy(MeanMetric):
    """The share of samples whose predicted label is the right one, or one of several right ones."""

    form = Form.LABEL
    best = 1.0
    name = "accuracy"
    signature = "accuracy|v:1"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = label_pairs(predictions, references, self.name)
        return super().statistics([label for label, _ in pairs], [golden for _, golden in pairs])

    def score(self, prediction: Any, reference: Any) -> float:
        return float(prediction in reference)


class AccuracyNorm(Accuracy):
    """Accuracy of the label whose log-probability per token is the best.

    A sum over tokens favours short labels, a mean does not. Where a model gave no number of tokens, or wrote its
    answer, it is the accuracy of its label.
    """

    name = "accuracy_norm"
    signature = "accuracy|norm:tokens|v:1"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        given = samples_of(predictions, "predictions")
        return super().statistics([part_of(one, "label_norm") or one for one in given], references)


class AccuracyTop(MeanMetric):
    """The share of samples with a right label among the first K of the ranking, positions taken as they are."""

    form = Form.LABEL
    best = 1.0
    name = "accuracy_top"
    takes = "how many labels of the ranking count"

    def __init__(self, labels: Sequence[str] = (), argument: str = "") -> None:
        if not re.fullmatch("[1-9][0-9]{0,8}", argument):
            raise UsageError(
                f"The metric accuracy_top needs how many labels count: write accuracy_top:3, not '{argument:.40}'."
            )
        self.most = int(argument)
        self.signature = f"accuracy|top:{self.most}|v:1"
        self.outputs = (f"accuracy_top{self.most}",)
        super().__init__(labels)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        given = samples_of(predictions, "predictions")
        rankings = [needed_part(prediction, "ranked", row) for row, prediction in enumerate(given)]
        heads = [
            None if ranked is None else texts_of(ranked, row, "ranking", self.most)
            for row, ranked in enumerate(rankings)
        ]
        return super().statistics(heads, reference_texts(references, self.name))

    def score(self, prediction: Any, reference: Any) -> float:
        return float(any(label in reference for label in prediction))

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "ranked", "ranking of labels")


class AccuracyTop5(AccuracyTop):
    """The share of samples whose right label is among the first five of the ranking."""

    name = "accuracy_top5"
    takes = ""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels, "5")


class ClassMetric(Metric):
    """A metric of the confusion matrix, whose row per sample is the two class numbers: memory is O(samples).

    The task's labels are the classes. A failed sample, or a label that is no class of the task, is a miss of the right
    class and a hit of none: its predicted class is -1. A right class of -1 is unknown, and its sample counts nothing.
    A sample of several right labels has no row in a confusion matrix, and is an error.
    """

    form = Form.LABEL
    best = 1.0
    columns = ("gold", "predicted")
    gold = ("gold",)
    additive = False
    choices: str
    """What the signature says besides the number of classes."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        if not self.labels:
            raise UsageError(f"The metric {self.name} needs the task's labels: the task lists none.")
        if len(set(self.labels)) < len(self.labels):
            raise UsageError(f"The metric {self.name} needs labels that differ: the task lists one twice.")
        self.outputs = (self.name,)
        self.signature = f"{self.name.replace('_', '-')}|classes:{len(self.labels)}|{self.choices}|v:1"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        numbers = {label: number for number, label in enumerate(self.labels)}
        rows = []
        for row, (label, golden) in enumerate(label_pairs(predictions, references, self.name)):
            if len(golden) > 1:
                raise MetricInputError(f" has {len(golden)} right labels: {self.name} is defined for one.", row)
            if golden[0] not in numbers:
                raise MetricInputError(f" has the label {golden[0]!r:.40}, which is none of the task's labels.", row)
            rows.append((numbers[golden[0]], -1 if label is None else numbers.get(label, -1)))
        return np.asarray(rows, dtype=np.float64).reshape(-1, 2)

    def unknown(self) -> Array:
        return np.full(2, -1.0)

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Per class, and last for no or an unknown label: correct, predicted, gold; shape (..., 3 x (classes + 1))."""
        weight, size = checked_weights(statistics, weights), len(self.labels) + 1
        gold, predicted = statistics.T.astype(np.int64)
        predicted = np.where(gold < 0, -1, predicted % size)
        correct = np.where(gold == predicted, gold, -1)
        return np.concatenate([scatter(weight, index, size) for index in (correct, predicted, gold)], axis=-1)

    def confusion(self, statistics: Array, weights: Array | None = None) -> Array:
        """The confusion matrix under weights, shape (..., classes, classes + 1): right class by predicted class.

        The last column is "no label, or one that is none of the task's".
        """
        size = len(self.labels)
        gold, predicted = statistics.T.astype(np.int64)
        cell = np.where(gold < 0, -1, gold * (size + 1) + predicted % (size + 1))
        cells = scatter(checked_weights(statistics, weights), cell, size * (size + 1))
        return cells.reshape(*cells.shape[:-1], size, size + 1)


def by_class(totals: Array) -> tuple[Array, Array, Array]:
    """Correct, predicted and gold counts, each (..., classes), from a ClassMetric's totals; others are left out."""
    correct, predicted, gold = np.split(totals, 3, axis=-1)
    return correct[..., :-1], predicted[..., :-1], gold[..., :-1]


def mean_over(scores: Array, weights: Array | Mask) -> Array:
    """The weighted mean over the last axis, kept as one of length 1: (..., classes) -> (..., 1); NaN for no weight."""
    weight = np.broadcast_to(weights, scores.shape).astype(np.float64)
    return divide((scores * weight).sum(-1, keepdims=True), weight.sum(-1, keepdims=True), empty=np.nan)


class MacroF1(ClassMetric):
    """The unweighted mean of the F1 of every class that occurs in the references or the predictions.

    This is scikit-learn's f1_score(average="macro") over the task's labels that occur.
    """

    name = "macro_f1"
    choices = "over:occurring"

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = by_class(totals)
        return mean_over(precision_recall_f1(correct, predicted, gold)[2], predicted + gold > 0)


class MicroF1(ClassMetric):
    """F1 of the counts summed over classes, scikit-learn's f1_score(average="micro").

    No label, or one that is none of the task's, is a wrong prediction like any other, so that failing never pays. Each
    sample having one label, this is accuracy.
    """

    name = "micro_f1"
    choices = "unknown:wrong"

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = (part.sum(-1) for part in np.split(totals, 3, axis=-1))
        return undefined(precision_recall_f1(correct, predicted, gold)[2][..., None], gold)


class WeightedF1(ClassMetric):
    """The mean of the F1 of every class, weighted by how many samples are of it: f1_score(average="weighted")."""

    name = "weighted_f1"
    choices = "weights:support"

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = by_class(totals)
        return mean_over(precision_recall_f1(correct, predicted, gold)[2], gold)


class BalancedAccuracy(ClassMetric):
    """The unweighted mean of the recall of every class that occurs in the references (Brodersen et al. 2010).

    This is scikit-learn's balanced_accuracy_score, not adjusted for chance.
    """

    name = "balanced_accuracy"
    choices = "over:gold"

    def finalize(self, totals: Array) -> Array:
        correct, _, gold = by_class(totals)
        return mean_over(divide(correct, gold), gold > 0)


class Mcc(ClassMetric):
    """Matthews' correlation coefficient of several classes, R_K of Gorodkin 2004, formula 8; between -1 and 1.

    This is scikit-learn's matthews_corrcoef; all that is no label of the task is one more class. It is 0 where one
    class alone is predicted, or is right.
    """

    name = "mcc"
    choices = "unknown:one-class"

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = np.split(totals, 3, axis=-1)
        samples = gold.sum(-1)
        covariance = correct.sum(-1) * samples - (predicted * gold).sum(-1)
        # each side with its own sum: rounding then leaves nothing where there is one class alone
        spread = [part.sum(-1) ** 2 - (part**2).sum(-1) for part in (predicted, gold)]
        return undefined(divide(covariance, np.sqrt(np.maximum(spread[0] * spread[1], 0.0)))[..., None], samples)


class ClassReport(ClassMetric):
    """F1, precision, recall and support of each class, and before them the means over the classes that occur.

    This is scikit-learn's precision_recall_fscore_support over the task's labels. The scores of a class that is
    neither predicted nor right are unknown (NaN).
    """

    name = "class_report"
    choices = "over:occurring"
    measures = ("f1", "precision", "recall")

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.outputs = (
            *(f"class_{measure}" for measure in self.measures),
            *(f"class_{measure}/{label}" for measure in (*self.measures, "support") for label in self.labels),
        )

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = by_class(totals)
        precision, recall, f1 = precision_recall_f1(correct, predicted, gold)
        occurring = predicted + gold > 0
        means = [mean_over(scores, occurring) for scores in (f1, precision, recall)]
        each = [np.where(occurring, scores, np.nan) for scores in (f1, precision, recall)]
        return undefined(np.concatenate([*means, *each, gold], axis=-1), gold.sum(-1))
