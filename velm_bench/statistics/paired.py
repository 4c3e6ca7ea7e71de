"""Two runs on the same samples: the difference of their scores under shared bootstrap weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.resampling import (
    Metric,
    bounds,
    determined,
    nothing,
    replicate_values,
    selected,
    tails,
)

Array = NDArray[np.float64]

NOISE = 1e-12
"""Differences below this are rounding, and count as none."""


class Difference(NamedTuple):
    """By how much run b scores above run a, with its interval and a two-sided p; NaN where it cannot be known."""

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    metric: Metric,
    statistics_a: Array,
    statistics_b: Array,
    groups: Sequence[str] | NDArray[np.str_],
    *,
    mask: NDArray[np.bool_] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Difference]:
    """The difference b - a of every output, its percentile interval (widened where it would not contain it) and its
    bootstrap p.

    Row i of both statistics, shape (samples, k), belongs to the same sample of group `groups[i]`. Raises ValueError
    where shapes or the level do not fit.
    """
    tails(level)
    (rows_a, rows_b), names = selected([statistics_a, statistics_b], groups, mask)
    values = metric.values(rows_b) - metric.values(rows_a)
    low = high = p = nothing(metric)
    if determined(names, replicates):
        drawn_a, drawn_b = replicate_values(metric, [rows_a, rows_b], names, replicates, seed)
        low, high = bounds(drawn_b - drawn_a, values, level)
        p = two_sided(drawn_b - drawn_a)
    return {
        output: Difference(*(float(part[place]) for part in (values, low, high, p)))
        for place, output in enumerate(metric.outputs)
    }


def two_sided(differences: Array) -> Array:
    """Twice the smaller share of replicates at or beyond zero, per column; shape (replicates, outputs) -> (outputs,).

    One is added to both counts (Davison and Hinkley 1997, section 4.2), so that p is never 0; equal runs give 1.
    """
    known = ~np.isnan(differences)
    below = (known & (differences <= NOISE)).sum(axis=0)
    above = (known & (differences >= -NOISE)).sum(axis=0)
    share = 2.0 * (np.minimum(below, above) + 1.0) / (known.sum(axis=0) + 1.0)
    return np.where(known.any(axis=0), np.minimum(1.0, share), np.nan)
