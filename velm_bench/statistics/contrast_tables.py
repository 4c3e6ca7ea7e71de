"""What a contrast's statistics become before they are resampled: sums within groups, or the samples of both runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics import resampling

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]
Differences = Iterator[tuple[int, Array, Array]]
"""By the number of the contrast, candidate - baseline under drawn and under exchanged groups: (rows, outputs) each."""


class Metric(resampling.Metric, Protocol):
    """What contrasts need of a metric (`velm_bench.metrics.Metric` has it)."""

    def concatenate(self, shards: Sequence[Array]) -> Array: ...


@dataclass(frozen=True)
class Contrast:
    """One metric of two runs, on all samples or on some of them."""

    metric: Metric
    baseline: Array
    """Statistics, shape (samples, k)."""
    candidate: Array
    """Statistics of the same samples in the same order."""
    mask: Mask | None = None
    """Which samples are meant, shape (samples,); all if left out."""
    places: tuple[int, ...] | None = None
    """Of which outputs replicates are kept, by number; all if left out. A report of 1,000 classes has 3,000 outputs, of
    160 kB each in 10,000 replicates."""

    @property
    def kept(self) -> tuple[int, ...]:
        """The numbers of the outputs whose replicates are kept."""
        return tuple(range(len(self.metric.outputs))) if self.places is None else self.places

    @property
    def inside(self) -> Mask | slice:
        """What selects its samples."""
        return slice(None) if self.mask is None else self.mask

    @property
    def samples(self) -> int:
        """How many samples are meant."""
        return len(self.baseline) if self.mask is None else int(np.count_nonzero(self.mask))

    @property
    def sides(self) -> tuple[Array, Array]:
        """Both statistics, of its samples alone."""
        return self.baseline[self.inside], self.candidate[self.inside]

    @property
    def values(self) -> Array:
        """The scores of baseline and candidate, shape (2, outputs)."""
        return np.stack([self.metric.values(part) for part in self.sides])


class Table(Protocol):
    """Contrasts, ready to be resampled."""

    @property
    def width(self) -> int:
        """How many weights a replicate takes besides those of the groups."""

    def differences(self, drawn: Array, exchanged: Array) -> Differences:
        """Differences under draws and exchanges of groups, each of shape (rows, groups)."""


class Sums:
    """Additive contrasts: their sums within groups stand side by side, so that one product of weights and sums serves
    all. Where a mask leaves a sample out it adds nothing, also to what a metric divides by."""

    width = 0

    def __init__(self, members: Mapping[int, Contrast], codes: Indices, count: int) -> None:
        """`codes`: the group of each sample, below `count`."""
        self.members = members
        ends = np.cumsum([0, *(one.baseline.shape[1] for one in members.values())])
        self.spans = [slice(start, end) for start, end in pairwise(ends.tolist())]
        self.half = int(ends[-1])
        self.both = np.empty((count, 2 * self.half))
        first, second = self._halves(self.both)
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(count))
        for one, span in zip(members.values(), self.spans, strict=True):
            keep = None if one.mask is None else one.mask[order, None]
            for side, table in ((one.baseline, first), (one.candidate, second)):
                rows = side[order] if keep is None else np.where(keep, side[order], 0.0)
                table[:, span] = np.add.reduceat(rows, starts, axis=0)
        self.gap = second - first
        self.totals = self._halves(self.both.sum(axis=0))

    def differences(self, drawn: Array, exchanged: Array) -> Differences:
        (first, second), moved = self._halves(drawn @ self.both), exchanged @ self.gap
        mine, other = self.totals[0] + moved, self.totals[1] - moved
        for (place, one), span in zip(self.members.items(), self.spans, strict=True):
            score = one.metric.finalize
            yield (
                place,
                score(second[:, span]) - score(first[:, span]),
                score(other[:, span]) - score(mine[:, span]),
            )

    def _halves(self, columns: Array) -> tuple[Array, Array]:
        """The columns of the baseline and of the candidate."""
        return columns[..., : self.half], columns[..., self.half :]


class Samples:
    """A contrast whose metric needs every sample: both runs' samples stand in one table under weights.

    The two answers to a sample stand side by side, so that where the order of samples decides ties (detection), an
    exchanged run has the order that it would have alone.
    """

    def __init__(self, place: int, contrast: Contrast, codes: Indices) -> None:
        self.place, self.metric = place, contrast.metric
        self.codes = codes[contrast.inside]
        both = self.metric.concatenate(contrast.sides)
        self.both = np.ascontiguousarray(both.reshape(2, -1, both.shape[1]).swapaxes(0, 1)).reshape(both.shape)
        self.width = len(self.both)

    def differences(self, drawn: Array, exchanged: Array) -> Differences:
        weights = drawn[:, self.codes]
        scores = [self.metric.values(self.both[side::2], weights) for side in (0, 1)]
        weights = np.empty((len(exchanged), self.width))
        weights[:, 1::2] = exchanged[:, self.codes]
        weights[:, ::2] = 1.0 - weights[:, 1::2]
        first = self.metric.values(self.both, weights)
        second = self.metric.values(self.both, np.subtract(1.0, weights, out=weights))
        yield self.place, scores[1] - scores[0], second - first
