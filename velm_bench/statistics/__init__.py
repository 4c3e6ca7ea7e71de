"""Intervals and comparisons: resampled clusters of samples, and the weighted statistics that metrics keep."""

from velm_bench.statistics.paired import Difference, paired_difference
from velm_bench.statistics.resampling import Estimate, interval

__all__ = ["Difference", "Estimate", "interval", "paired_difference"]
