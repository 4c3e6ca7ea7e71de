"""Several questions at once: p values that stay honest when the smallest of many is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def holm(values: Sequence[float]) -> NDArray[np.float64]:
    """Holm's adjusted p values (1979), in the order given; NaN, a question without an answer, stays and counts not.

    Rejecting where the adjusted value is below a level keeps the chance of any false rejection below it, however the
    questions depend on each other.
    """
    given = np.asarray(values, dtype=np.float64)
    adjusted = np.full(len(given), np.nan)
    places = np.flatnonzero(~np.isnan(given))
    order = places[np.argsort(given[places], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * factors))
    return adjusted


def benjamini_hochberg(values: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p values of Benjamini and Hochberg (1995), in the order given; NaN stays and counts not.

    Calling those below a level keeps the expected share of false ones among the called below it, where the questions
    are independent or depend positively on each other (Benjamini and Yekutieli 2001).
    """
    given = np.asarray(values, dtype=np.float64)
    adjusted = np.full(len(given), np.nan)
    places = np.flatnonzero(~np.isnan(given))
    order = places[np.argsort(given[places], kind="stable")][::-1]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(given[order] * len(order) / ranks))
    return adjusted


def beyond_resolution(p: float, value: float, bounds: tuple[float, float], replicates: int, groups: int) -> float:
    """A bootstrap p of a difference, where no replicate crossed zero replaced by what its size says; else as it is.

    Of B replicates none can give less than 2 / (B + 1), which adjusting for many questions would always leave above a
    level. There p is the two-sided tail of Student's t with groups - 1 degrees of freedom (by the approximation of
    Wallace 1959), its standard error taken from the farther 95 % bound; never above the bootstrap's p, and never below
    2 ** (1 - groups), the least that turning the signs of the groups can give.
    """
    least = 2.0 / (replicates + 1)
    if not p <= least * (1 + 1e-9) or groups < 2:
        return p
    error = max(value - bounds[0], bounds[1] - value) / NormalDist().inv_cdf(0.975)
    tail = _student(abs(value) / error, groups - 1) if error > 0 else 0.0
    return min(p, max(tail, 2.0 ** (1 - groups)))


def _student(t: float, freedom: int) -> float:
    """The two-sided tail of Student's distribution beyond t, by Wallace's approximation."""
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.erfc(z / math.sqrt(2.0))
