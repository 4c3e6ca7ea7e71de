"""A score that somebody else gave each sample: what a run that was made by another harness keeps."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, MeanMetric, MetricInputError, shown, with_count

LARGEST = sys.float_info.max
"""A whole number may be larger, and then it is no float."""


class GivenScore(MeanMetric):
    """The mean of the numbers that the samples came with: `given:NAME`. A prediction is a mapping of such numbers.

    Whether larger is better nobody says here; it is taken to be unless the argument ends with ":lower". No more does
    anybody say how bad a score can be: a lost sample has the worst of all scores that are known, 0 among them.
    """

    name = "given"
    takes = "the name of a score"

    def __init__(self, labels: Sequence[str] = (), argument: str = "score") -> None:
        self.key = argument.removesuffix(":lower")
        self.higher_is_better = not argument.endswith(":lower")
        self.outputs = (self.key,)
        self.signature = f"given|score:{self.key}|better:{'higher' if self.higher_is_better else 'lower'}|v:1"
        super().__init__(labels)

    def lost(self, known: Array) -> Array:
        worst = np.min if self.higher_is_better else np.max
        return with_count(np.full((len(known), 1), worst(known[:, 0], initial=self.worst)))

    def score(self, prediction: Any, reference: Any) -> float:
        value = prediction.get(self.key) if isinstance(prediction, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            raise MetricInputError(f"The score '{self.key}' of a sample is {shown(value)}: give a finite number.")
        return float(value)
