"""Ranks with intervals: which models can be told apart when all are compared at once.

Percentile intervals of bootstrapped ranks are too short where models are nearly tied: each replicate shuffles the tied
ones, and the middle of the shuffle is not where the truth must lie. Counting significant differences instead is safe.
For model i, all differences D_ij to the others are judged together: c_i is the quantile over the replicates of
max_j |D*_ij - mean D*_ij| / se_ij, and j is better than i where D_ij exceeds c_i se_ij. The rank of i lies between
1 + the number of better ones and M - the number of worse ones (Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for
Ranks with Applications to Mobility across Neighbourhoods and Academic Achievement across Countries", section 3).

Groups of ties run from the top: the best score leads the first group, and whatever cannot be told from its leader
belongs to it; the first score that can be told leads the next group. Equal scores are always decided together, so that
identical models share a group. Two members of a group may be told apart from each other, never from its leader.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.resampling import tails

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

SAME = 1e-12
"""A variance of a difference below this share of the models' own is rounding: the two are one."""
ROUNDING = 1e-9
"""Scores that differ by less are the same."""
CELLS = 2_000_000
"""Numbers held at a time while models are compared (16 MB)."""
MANY, VERY_MANY = 1_000, 10_000
"""More models than this are compared with less computation and wider intervals: see `Comparisons`."""


class Ranks(NamedTuple):
    """For each model, shape (models,): ranks count from 1, the best; groups likewise."""

    rank: Whole
    """1 + how many score higher."""
    low: Whole
    """The best rank that the interval holds."""
    high: Whole
    """The worst rank that the interval holds."""
    group: Whole
    """The group of ties."""


def rank_intervals(scores: Array, replicates: Array, level: float = 0.95) -> Ranks:
    """Ranks of models by their scores (higher is better), with simultaneous intervals and groups of ties.

    `scores` has shape (models,), `replicates` (replicates, models): the scores under shared bootstrap weights. Raises
    ValueError where shapes or the level do not fit, or a number is not finite.
    """
    tails(level)
    count = len(scores)
    if replicates.ndim != 2 or replicates.shape[1] != count or not len(replicates):
        raise ValueError(f"Scores of {count} models need replicates of shape (replicates, {count}).")
    if not (np.isfinite(scores).all() and np.isfinite(replicates).all()):
        raise ValueError("Only finite scores can be ranked.")
    comparisons = Comparisons(scores, replicates, level)
    rank = 1 + count - np.searchsorted(np.sort(scores), scores, side="right")
    low, high = np.ones(count, dtype=np.int64), np.full(count, count, dtype=np.int64)
    for part in comparisons.parts(np.arange(count)):
        apart = comparisons.apart(part)
        higher = scores[None, :] > scores[part, None]
        low[part] += (apart & higher).sum(axis=1)
        high[part] -= (apart & ~higher).sum(axis=1)
    return Ranks(rank.astype(np.int64), low, high, _groups(scores, comparisons))


class Comparisons:
    """Every model against all others, computed for some of them at a time.

    The critical values of M models take time in proportion to replicates x M squared. Beyond `MANY` models all share
    the normal one for M - 1 comparisons (Bonferroni, in place of the bootstrap's quantile), and beyond `VERY_MANY` the
    standard error of a difference is bounded by the sum of both models' own.
    """

    def __init__(self, scores: Array, replicates: Array, level: float = 0.95) -> None:
        self.scores, self.level, self.count = scores, level, len(scores)
        self.centred = np.ascontiguousarray((replicates - replicates.mean(axis=0)).T)
        self.squares = np.einsum("mb,mb->m", self.centred, self.centred)
        self.shared = NormalDist().inv_cdf(1.0 - tails(level)[0] / self.count) if self.count > MANY else None

    def parts(self, models: Whole) -> Iterator[Whole]:
        """Models in such numbers as may be compared at once."""
        rows = max(1, CELLS // self.count)
        return (models[start : start + rows] for start in range(0, len(models), rows))

    def apart(self, models: Whole) -> Mask:
        """Whether each model of all can be told from these, shape (these, models).

        Each row holds at its own level, so that a is told from b and b not from a may happen. Models that never differ
        cannot be told apart; a difference that no replicate moves is certain (always wrong against always right).
        """
        errors = self._errors(models)
        critical = [self.shared or self._critical(one, errors[row]) for row, one in enumerate(models)]
        least = np.maximum(np.asarray(critical)[:, None] * errors, ROUNDING)
        return np.asarray(np.abs(self.scores[None, :] - self.scores[models, None]) > least)

    def _errors(self, models: Whole) -> Array:
        """Standard errors of the differences of some models to all, 0 where two never differ; (these, models)."""
        draws = self.centred.shape[1]
        if self.count > VERY_MANY:
            own = np.sqrt(self.squares / draws)
            return np.asarray(own[models, None] + own[None, :])
        sums = self.squares[models, None] + self.squares[None, :]
        found = sums - 2.0 * (self.centred[models] @ self.centred.T)
        return np.asarray(np.sqrt(np.where(found > SAME * sums, found, 0.0) / draws))

    def _critical(self, one: int, errors: Array) -> float:
        """The quantile of the largest studentised difference of one model to all."""
        scale = np.divide(1.0, errors, out=np.zeros(len(errors)), where=errors > 0.0)
        largest = np.zeros(self.centred.shape[1])
        rows = max(1, CELLS // 8 // len(largest))
        for start in range(0, self.count, rows):
            part = slice(start, start + rows)
            moved = self.centred[part] - self.centred[one]
            moved *= scale[part, None]
            np.maximum(largest, moved.max(axis=0), out=largest)
            np.maximum(largest, -moved.min(axis=0), out=largest)
        # of B draws, the smallest that at least `level` of B + 1 do not exceed
        place = min(len(largest), math.ceil(self.level * (len(largest) + 1))) - 1
        return float(np.partition(largest, place)[place])


def _groups(scores: Array, comparisons: Comparisons) -> Whole:
    """The number of each model's group, shape (models,)."""
    groups = np.zeros(len(scores), dtype=np.int64)
    order = np.argsort(-scores, kind="stable")
    equals = np.split(order, np.flatnonzero(np.diff(scores[order])) + 1)
    told = np.ones(len(scores), dtype=np.bool_)
    number = 0
    for members in equals:
        if told[members].all():
            number += 1
            told[:] = True
            for leaders in comparisons.parts(members):
                told &= comparisons.apart(leaders).all(axis=0)
        groups[members] = number
    return groups
