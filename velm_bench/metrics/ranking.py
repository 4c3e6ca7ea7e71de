"""Rankings of classes or of candidates: mean average precision of several labels per sample, and retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import (
    Array,
    Metric,
    MetricInputError,
    aligned,
    checked_weights,
    divide,
    reference_texts,
    scatter,
    with_count,
)
from velm_bench.metrics.classes.labels import needed_part, numbers_of, texts_of, without
from velm_bench.samples import Form

FIRST = float(np.finfo(np.float64).max)
"""The score of a failed sample in a class where it is wrong."""
NEVER = -FIRST
"""The score of what has none: behind all, and not found where it is right."""
ABSENT = 1e9
"""The rank of what is not in a ranking, and of a failed sample: finite, and beyond any ranking."""
DEPTHS = (1, 5, 10)
"""How deep recall looks."""


class MeanAveragePrecision(Metric):
    """Mean average precision of samples with any number of right labels: the mean over classes with a right sample.

    A class ranks the samples by its scores; its average precision is the sum over thresholds of (R_n - R_n-1) P_n,
    samples with equal scores being taken in together, as in scikit-learn's average_precision_score. Predictions carry
    "probabilities", any finite numbers by label of which only the order counts; references are lists of right labels,
    which may be empty. A label without a number is not found: where it is right, recall never reaches it and nothing
    is added for it, as trec_eval has it. One that is no class of the task is ignored. A failed sample is not found in
    the classes where it is right, and stands before all in the others, so that failing never pays.
    """

    form = Form.LABEL
    best = 1.0
    name = "mean_average_precision"
    outputs = ("mean_average_precision",)
    additive = False

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        if not self.labels:
            raise UsageError("The metric mean_average_precision needs the task's labels: the task lists none.")
        choices = "ties:together|absent:never-found|over:classes-with-right|fail:worst"
        self.signature = f"mean-average-precision|classes:{len(self.labels)}|{choices}|v:1"
        self.columns = tuple(f"{part}/{label}" for part in ("score", "right") for label in self.labels)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = aligned(predictions, references)
        out = np.zeros((len(pairs), 2 * len(self.labels)))
        numbers = {label: number for number, label in enumerate(self.labels)}
        for row, (prediction, golden) in enumerate(pairs):
            scores, right = np.split(out[row], 2)
            right[right_classes(golden, numbers, row)] = 1.0
            given = needed_part(prediction, "probabilities", row)
            if given is None:
                scores[:] = np.where(right > 0, NEVER, FIRST)
            else:
                found = dict(zip(*numbers_of(given, row, "probability"), strict=True))
                scores[:] = [found.get(label, NEVER) for label in self.labels]
        return out

    def unknown(self) -> Array:
        return np.repeat([0.0, -1.0], len(self.labels))

    def lost(self, known: Array) -> Array:
        _, right = np.split(known, 2, axis=1)
        scores = np.select([right > 0, right == 0], [NEVER, FIRST], default=0.0)
        return np.hstack([scores, right])

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Per class: average precision and the weight of its right samples; shape (..., 2 x classes)."""
        weight = checked_weights(statistics, weights)
        by_sample = np.ascontiguousarray(np.atleast_2d(weight).T)  # so that samples are put in order as whole rows
        scores, right = np.split(statistics, 2, axis=1)
        parts = [average_precision(*each, by_sample) for each in zip(scores.T, right.T, strict=True)]
        out = np.concatenate([np.stack(part, axis=-1) for part in zip(*parts, strict=True)], axis=-1)
        return out.reshape(*weight.shape[:-1], statistics.shape[1])

    def finalize(self, totals: Array) -> Array:
        precision, right = np.split(totals, 2, axis=-1)
        there = right > 0
        count = there.sum(-1, keepdims=True).astype(np.float64)
        return divide((precision * there).sum(-1, keepdims=True), count, empty=np.nan)

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        return without(predictions, "probabilities", "probabilities")


def right_classes(golden: Any, numbers: Mapping[str, int], row: int) -> list[int]:
    """The numbers of the right classes of a sample; MetricInputError where one is none of the task's."""
    labels = texts_of(golden, row, "list of right labels")
    unknown = [label for label in labels if label not in numbers]
    if unknown:
        raise MetricInputError(f" has the label {unknown[0]!r:.40}, which is none of the task's labels.", row)
    return [numbers[label] for label in labels]


def average_precision(scores: Array, right: Array, weights: Array) -> tuple[Array, Array]:
    """Average precision of one class and the weight of its right samples, each (replicates,).

    `scores` and `right` (1, 0, or below 0 where it is unknown) have shape (samples,), weights (samples, replicates).
    Only thresholds at which a right sample comes in add to the sum, so weights are summed from one to the next.
    """
    total = (right > 0).astype(np.float64) @ weights
    order = np.argsort(-scores)
    order = order[right[order] >= 0]
    ranked, hit = scores[order], (right[order] > 0) & (scores[order] > NEVER)
    if not hit.any():
        return np.zeros(weights.shape[1]), total
    place = np.searchsorted(-ranked, -ranked[hit], side="right")  # behind the ties of each right sample
    ends, first = np.unique(place, return_index=True)
    samples = np.add.reduceat(weights[order[: ends[-1]]], np.concatenate([[0], ends[:-1]]), axis=0).cumsum(axis=0)
    hits = np.add.reduceat(weights[order[hit]], first, axis=0)
    found = hits.cumsum(axis=0)
    return divide((hits * divide(found, samples)).sum(axis=0), total), total


class Retrieval(Metric):
    """Recall at 1, 5 and 10, median rank and mean reciprocal rank of the first right candidate.

    A prediction is a ranked list of candidate ids, best first, or a score by id; references are lists of right ids. A
    ranking's positions are taken as they are. Of scores the rank is 1 plus the number of wrong candidates with at least
    the score of the best right one, so that ties count against the model. A right id that is not ranked, and a failed
    sample, has rank 1e9: no recall and a reciprocal rank of 0. The median is the lower one: the smallest rank that at
    least half of the samples reach.
    """

    form = Form.RANKING
    best = 1.0
    name = "retrieval"
    signature = "retrieval|rank:first-right|ties:worst|median:lower|absent:1e9|v:1"
    outputs = (*(f"recall_at_{depth}" for depth in DEPTHS), "median_rank", "mean_reciprocal_rank")
    columns = ("rank", "samples")
    higher_is_better = MappingProxyType({"median_rank": False})
    additive = False

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = aligned(predictions, references)
        golden = reference_texts(references, self.name)
        ranks = [
            ABSENT if prediction is None else first_right(prediction, set(ids), row)
            for row, ((prediction, _), ids) in enumerate(zip(pairs, golden, strict=True))
        ]
        return with_count(np.asarray(ranks, dtype=np.float64).reshape(-1, 1))

    def unknown(self) -> Array:
        return np.asarray([ABSENT, 1.0])

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Hits at each depth, the median itself (no sum gives it), reciprocal ranks, samples; shape (..., 6)."""
        weight, rank = checked_weights(statistics, weights), statistics[:, 0]
        ranks, place = np.unique(rank, return_inverse=True)
        weight_of = scatter(weight, place.reshape(-1).astype(np.int64), len(ranks))
        reciprocal = np.where(ranks < ABSENT, divide(np.ones(len(ranks)), ranks), 0.0)
        sums = weight_of @ np.column_stack([*(ranks <= depth for depth in DEPTHS), reciprocal, np.ones(len(ranks))])
        return np.insert(sums, len(DEPTHS), lower_median(ranks, weight_of), axis=-1)

    def finalize(self, totals: Array) -> Array:
        scores = divide(totals[..., :-1], totals[..., -1:], empty=np.nan)
        scores[..., len(DEPTHS)] = totals[..., len(DEPTHS)]
        return scores


def first_right(prediction: Any, right: set[str], row: int) -> float:
    """The rank of the first right candidate, 1 being the best; ABSENT where there is none."""
    if not isinstance(prediction, Mapping):
        ids = texts_of(prediction, row, "ranking")
        return float(next((place for place, one in enumerate(ids, 1) if one in right), ABSENT))
    labels, scores = numbers_of(prediction, row, "score")
    wanted = np.fromiter((label in right for label in labels), np.bool_, len(labels))
    if not wanted.any():
        return ABSENT
    return 1.0 + np.count_nonzero(~wanted & (scores >= scores[wanted].max()))


def lower_median(values: Array, weights: Array) -> Array:
    """The smallest value with at least half of the weight at or below it, shape (...); NaN where there is no weight.

    `values` rise, shape (k,); weights have shape (..., k).
    """
    below = weights.cumsum(axis=-1)
    total = below[..., -1:] if len(values) else np.zeros((*weights.shape[:-1], 1))
    place = np.minimum((below < total / 2).sum(axis=-1), max(0, len(values) - 1))
    return np.where(total[..., 0] > 0, np.append(values, np.nan)[place], np.nan)
