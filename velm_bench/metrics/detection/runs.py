"""Runs of equal numbers, as sorted group numbers have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def rank_within(group: Indices) -> Indices:
    """The place of every row within its run of equal group numbers (0 or more), from 0."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(len(group)) - np.repeat(starts, np.diff(starts, append=len(group)))


def running_sums(values: Indices, group: Indices) -> Indices:
    """The sum of each value and those before it in its run of equal group numbers."""
    sums = np.cumsum(values)
    starts = np.arange(len(values)) - rank_within(group)
    return np.asarray(sums - (sums - values)[starts])
