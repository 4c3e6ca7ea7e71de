"""Several questions at once: p values that stay honest when the smallest of many is looked at."""

from __future__ import annotations

from collections.abc import Sequence

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
