"""The cluster bootstrap (Davison and Hinkley 1997, section 3.8): whole groups of samples drawn with replacement.

Questions about one image are not independent, so images are drawn, not questions. One place turns groups into
weights; every interval and every comparison uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

CELLS = 4_000_000
"""The most weights held at a time when no block size is given (32 MB)."""


class Metric(Protocol):
    """What resampling needs of a metric (`velm_bench.metrics.Metric` has it)."""

    @property
    def outputs(self) -> tuple[str, ...]: ...

    @property
    def additive(self) -> bool: ...

    def values(self, statistics: Array, weights: Array | None = None) -> Array: ...

    def finalize(self, totals: Array) -> Array: ...


class Estimate(NamedTuple):
    """A score with its interval, low <= value <= high; a bound is NaN where it cannot be known (fewer than two groups,
    or no replicate in which the score is defined)."""

    value: float
    low: float
    high: float


def cluster_codes(groups: Sequence[str] | NDArray[np.str_]) -> tuple[Indices, int]:
    """A number per sample for its group, and how many groups there are.

    Groups are numbered in sorted order, so that the weight of a group does not depend on the order of the samples.
    """
    names, codes = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    return codes.astype(np.int64).reshape(-1), len(names)


def group_weights(count: int, replicates: int, seed: int = 0, block: int | None = None) -> Iterator[Array]:
    """How often each of `count` groups is drawn in each replicate: blocks of shape (<= block, count).

    Raw 64-bit words of PCG64(seed), whose stream numpy promises to keep, scaled to a group number by multiplying
    their upper halves. The draws do not depend on the block size.
    """
    bits = np.random.PCG64(seed)
    block = block or max(1, CELLS // max(1, count))
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        words = bits.random_raw(rows * count)
        words >>= np.uint64(32)
        words *= np.uint64(count)
        words >>= np.uint64(32)
        drawn = words.view(np.int64).reshape(rows, count)
        drawn += np.arange(rows, dtype=np.int64)[:, None] * count
        yield np.bincount(drawn.reshape(-1), minlength=rows * count).reshape(rows, count).astype(np.float64)


def replicate_values(
    metric: Metric,
    runs: Sequence[Array],
    groups: Sequence[str] | NDArray[np.str_],
    replicates: int = 1000,
    seed: int = 0,
) -> list[Array]:
    """All outputs of a metric under shared bootstrap weights: for each run's statistics (replicates, outputs)."""
    codes, count = cluster_codes(groups)
    values: list[list[Array]] = [[] for _ in runs]
    if metric.additive:
        tables = [cluster_sums(run, codes, count) for run in runs]
        for weights in group_weights(count, replicates, seed):
            for table, found in zip(tables, values, strict=True):
                found.append(metric.finalize(weights @ table))
    else:
        for weights in group_weights(count, replicates, seed, max(1, CELLS // max(1, len(codes)))):
            for run, found in zip(runs, values, strict=True):
                found.append(metric.values(run, weights[:, codes]))
    return [np.concatenate(found) for found in values]


def cluster_sums(statistics: Array, codes: Indices, count: int) -> Array:
    """Statistics summed within groups, shape (samples, k) -> (groups, k)."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(count))
    return np.add.reduceat(statistics[order], starts, axis=0)


def interval(
    metric: Metric,
    statistics: Array,
    groups: Sequence[str] | NDArray[np.str_],
    *,
    mask: NDArray[np.bool_] | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Every output of a metric with its percentile interval, widened where it would not contain the score.

    `statistics` has shape (samples, k), `groups` a name per sample. `mask`, shape (samples,), restricts both to a
    slice; only groups with samples in it are drawn. Raises ValueError where shapes or the level do not fit.
    """
    tails(level)
    rows, names = selected([statistics], groups, mask)
    values = metric.values(rows[0])
    low = high = nothing(metric)
    if determined(names, replicates):
        low, high = bounds(replicate_values(metric, rows, names, replicates, seed)[0], values, level)
    return {
        output: Estimate(float(values[place]), float(low[place]), float(high[place]))
        for place, output in enumerate(metric.outputs)
    }


def selected(
    runs: Sequence[Array], groups: Sequence[str] | NDArray[np.str_], mask: NDArray[np.bool_] | None
) -> tuple[list[Array], NDArray[np.str_]]:
    """The rows of each run and their groups under a mask; ValueError where lengths differ."""
    names = np.asarray(groups, dtype=np.str_)
    lengths = {len(run) for run in runs} | {len(names)} | ({len(mask)} if mask is not None else set())
    if len(lengths) != 1:
        raise ValueError(f"Statistics, groups and mask must have one row per sample, not {sorted(lengths)} rows.")
    if mask is None:
        return list(runs), names
    keep = np.asarray(mask, dtype=bool)
    return [run[keep] for run in runs], names[keep]


def determined(names: NDArray[np.str_], replicates: int) -> bool:
    """Whether resampling can say anything: at least two groups, and a replicate."""
    return replicates > 0 and len(names) > 1 and bool(np.any(names != names[0]))


def nothing(metric: Metric) -> Array:
    """A NaN per output."""
    return np.full(len(metric.outputs), np.nan)


def tails(level: float) -> tuple[float, float]:
    """The two quantiles of a central interval; ValueError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"The level of an interval lies between 0 and 1, not {level}.")
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def bounds(replicates: Array, values: Array, level: float) -> tuple[Array, Array]:
    """The central interval of each output, widened to its value; replicates (replicates, outputs), values (outputs,).

    A score that resampling moves to one side would else lie outside: a calibration error is a sum of absolute
    differences, which noise only enlarges, so that replicates of an error of 0 all lie above it.
    """
    low, high = percentiles(replicates, level)
    return np.minimum(low, values), np.maximum(high, values)


def percentiles(replicates: Array, level: float) -> tuple[Array, Array]:
    """The central interval of each column, shape (replicates, outputs) -> two of (outputs,).

    Replicates in which an output is undefined (NaN) are left out of its interval; where all are, its bounds are NaN.
    """
    low_high = tails(level)
    if not np.isnan(replicates).any():
        low, high = np.quantile(replicates, low_high, axis=0)
        return low, high
    columns = [column[~np.isnan(column)] for column in replicates.T]
    found = np.asarray([np.quantile(column, low_high) if len(column) else (np.nan, np.nan) for column in columns])
    return found[:, 0], found[:, 1]
