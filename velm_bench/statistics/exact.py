"""McNemar's exact test: two runs whose every sample is right or wrong."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.resampling import Metric

Array = NDArray[np.float64]
UNDERFLOW = 20
"""So many times the square root of n from the middle, the chance of a count is below the smallest number there is."""


class Scoring(Metric, Protocol):
    """What this needs of a metric (`velm_bench.metrics.Metric` has it)."""

    def per_sample(self, statistics: Array) -> Array: ...


def mcnemar(wins: int, losses: int) -> float:
    """The two-sided p of McNemar's exact test (1947): twice the chance that of `wins + losses` fair coins no more than
    the smaller of the two show heads, at most 1.

    The chances stand to their neighbours as k to n - k + 1, and together make 1: no factorial is needed, and 100,000
    coins take a millisecond. It takes samples for independent. Raises ValueError where a count is below 0.
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"Wins and losses are counts of samples, not {wins} and {losses}.")
    total, fewer = wins + losses, min(wins, losses)
    middle = total // 2
    lowest = max(0, middle - UNDERFLOW * (math.isqrt(total) + 1))
    if fewer < lowest:
        return 0.0
    counts = np.arange(middle, lowest, -1, dtype=np.float64)
    chances = np.concatenate([[1.0], np.cumprod(counts / (total - counts + 1.0))])  # of middle, middle - 1, ...
    both_sides = 2.0 * float(chances.sum()) - (1.0 if total % 2 == 0 else 0.0)
    return min(1.0, 2.0 * float(chances[middle - fewer :].sum()) / both_sides)


def binary_scores(metric: Scoring, statistics: Array, place: int) -> Array | None:
    """The score of each sample, 0 or 1, shape (samples,), where the `place`-th output is the mean of such scores.

    None where a sample has another score or none, where the output is no mean of them (tried under two sets of
    weights), and where there are no samples.
    """
    if not metric.additive or not len(statistics):
        return None
    scores = metric.per_sample(statistics)[:, place]
    if not np.isin(scores, (0.0, 1.0)).all():
        return None
    weights = np.stack([np.ones(len(scores)), 1.0 + np.arange(len(scores)) % 7])
    means = weights @ scores / weights.sum(axis=1)
    return scores if np.allclose(metric.values(statistics, weights)[:, place], means, rtol=0.0, atol=1e-9) else None
