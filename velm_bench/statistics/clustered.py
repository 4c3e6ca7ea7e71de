"""The mean of paired differences whose samples come in groups, and how much the groups cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.resampling import cluster_codes, cluster_sums

Array = NDArray[np.float64]


class Clustered(NamedTuple):
    """A mean with two standard errors."""

    mean: float
    error: float
    """Robust to groups (Liang and Zeger 1986), with the small-sample factor groups / (groups - 1); NaN for fewer than
    two groups."""
    plain: float
    """As if all samples were independent; NaN for fewer than two."""
    correlation: float
    """Intra-group correlation by analysis of variance (Donner 1986); NaN where no group has two samples, or nothing
    varies."""
    n: int
    groups: int

    @property
    def design_effect(self) -> float:
        """(error / plain) ** 2: by how much groups multiply the variance; 1 where nothing varies, NaN if unknown."""
        if math.isnan(self.error) or math.isnan(self.plain):
            return math.nan
        return (self.error / self.plain) ** 2 if self.plain > 0.0 else 1.0


def clustered(differences: Array, groups: Sequence[str] | NDArray[np.str_]) -> Clustered:
    """The mean of differences, shape (n,), with a group's name for each. ValueError where the lengths differ or are 0.

    The standard error is that of least squares on a constant with cov_type="cluster" in statsmodels: the root of the
    sum of squares of the groups' summed residuals, over n.
    """
    given = np.asarray(differences, dtype=np.float64)
    if given.ndim != 1 or len(given) != len(groups) or not len(given):
        raise ValueError(f"One difference per sample is needed, not {len(given)} for {len(groups)} samples.")
    codes, count = cluster_codes(groups)
    n, mean = len(given), float(given.mean())
    residuals = given - mean
    sums = cluster_sums(residuals[:, None], codes, count)[:, 0]
    error = math.sqrt(count / (count - 1) * float(sums @ sums)) / n if count > 1 else math.nan
    plain = float(given.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Clustered(mean, error, plain, _correlation(residuals, sums, np.bincount(codes, minlength=count)), n, count)


def _correlation(residuals: Array, sums: Array, sizes: NDArray[np.int64]) -> float:
    """(B - W) / (B + (m - 1) W) of the mean squares between and within groups, m the mean size less its spread."""
    n, count = len(residuals), len(sizes)
    if count < 2 or n == count:
        return math.nan
    between = float((sums**2 / sizes).sum())
    within = max(float(residuals @ residuals) - between, 0.0) / (n - count)
    between /= count - 1
    size = (n - float((sizes.astype(np.float64) ** 2).sum()) / n) / (count - 1)
    whole = between + (size - 1.0) * within
    return (between - within) / whole if whole > 0.0 else math.nan
