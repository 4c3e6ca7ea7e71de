"""Libraries that some metrics need and an installation may lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from velm_bench.metrics.base import MetricUnavailableError


@contextmanager
def needed(package: str, metric: str) -> Iterator[None]:
    """An import of what a metric needs; MetricUnavailableError, which says what to run, where it fails."""
    try:
        yield
    except ImportError as error:
        raise MetricUnavailableError(
            f"The metric '{metric}' needs {package}: run pip install 'velm-bench[metrics]'."
        ) from error


def levenshtein(metric: str) -> ModuleType:
    """rapidfuzz' Levenshtein distance; MetricUnavailableError where it is not installed."""
    with needed("rapidfuzz", metric):
        from rapidfuzz.distance import Levenshtein
    return Levenshtein
