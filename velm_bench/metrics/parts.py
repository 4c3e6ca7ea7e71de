"""References of two parts: what is right, and something that it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velm_bench.metrics.base import MetricInputError


def two_parts(references: Sequence[Any], parts: str) -> tuple[list[Any], list[Any]]:
    """The first parts and the second parts; MetricInputError, naming the row, where a reference is no two parts."""
    for row, reference in enumerate(references):
        if not isinstance(reference, tuple | list) or len(reference) != 2:
            raise MetricInputError(f" needs references of two parts: {parts}.", row)
    return [first for first, _ in references], [second for _, second in references]
