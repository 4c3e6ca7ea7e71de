"""References of two parts: what is right, and something that it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velm_bench.metrics.base import MetricInputError, listed, samples_of


def two_parts(references: Sequence[Any], parts: str) -> tuple[list[Any], list[Any]]:
    """The first parts and the second parts; MetricInputError, naming the row, where a reference is no two parts."""
    first, second = [], []
    for row, reference in enumerate(samples_of(references, "references")):
        both = listed(reference)
        if both is None or len(both) != 2:
            raise MetricInputError(f" needs references of two parts: {parts}.", row)
        first.append(both[0])
        second.append(both[1])
    return first, second
