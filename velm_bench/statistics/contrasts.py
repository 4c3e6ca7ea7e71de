"""Two runs on the same samples, asked many questions at once: every metric, the whole and every slice, under one set of
draws.

Two resamplings answer two questions. The cluster bootstrap (Davison and Hinkley 1997, section 3.8) draws groups with
replacement and says how far the difference may lie from the one observed. Approximate randomisation (Noreen 1989)
exchanges the two runs at random within whole groups and says what difference two equal models show: it is exact where
they are equal, however few samples tell them apart. Both are weights of samples, so that any metric will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.resampling import (
    CELLS,
    Metric,
    cluster_codes,
    cluster_sums,
    determined,
    group_weights,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


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

    def weighted(self) -> tuple[Array, Array]:
        """Both statistics, with nothing where the mask leaves a sample out; right for additive metrics."""
        if self.mask is None:
            return self.baseline, self.candidate
        keep = self.mask[:, None]
        return np.where(keep, self.baseline, 0.0), np.where(keep, self.candidate, 0.0)


@dataclass(frozen=True)
class Resampled:
    """Differences candidate - baseline of every output of a contrast's metric; NaN where undefined."""

    values: Array
    """The two scores themselves, shape (2, outputs): baseline, candidate."""
    drawn: Array
    """Under drawn groups, shape (replicates, outputs)."""
    exchanged: Array
    """Under exchanged groups, shape (replicates, outputs)."""
    groups: int
    """How many groups have samples in the contrast."""

    @property
    def observed(self) -> Array:
        """The difference itself, shape (outputs,)."""
        return np.asarray(self.values[1] - self.values[0])


def resample(
    contrasts: Sequence[Contrast],
    groups: Sequence[str] | NDArray[np.str_],
    replicates: int = 10_000,
    seed: int = 0,
) -> list[Resampled]:
    """Every contrast under the same draws. ValueError where the lengths of statistics, groups and masks differ.

    Where a contrast has fewer than two groups its replicates are NaN: resampling then says nothing.
    """
    names = np.asarray(groups, dtype=np.str_)
    lengths = {len(names)} | {len(part) for one in contrasts for part in (one.baseline, one.candidate)}
    lengths |= {len(one.mask) for one in contrasts if one.mask is not None}
    if len(lengths) > 1:
        raise ValueError(f"Statistics, groups and masks must have one row per sample, not {sorted(lengths)} rows.")
    codes, count = cluster_codes(names)
    tables = [_table(one, codes, count) for one in contrasts]
    found = [_values(one) for one in contrasts]
    known = [_groups_of(one, names) for one in contrasts]
    drawn: list[list[Array]] = [[] for _ in contrasts]
    exchanged: list[list[Array]] = [[] for _ in contrasts]
    alive = [place for place, inside in enumerate(known) if determined(inside, replicates)]
    for weights, bits in _blocks(count, len(names), replicates, seed, all(tables[place].additive for place in alive)):
        for place in alive:
            drawn[place].append(tables[place].drawn(weights))
            exchanged[place].append(tables[place].exchanged(bits))
    return [
        Resampled(
            values=found[place],
            drawn=_stacked(drawn[place], replicates, len(one.metric.outputs)),
            exchanged=_stacked(exchanged[place], replicates, len(one.metric.outputs)),
            groups=len(np.unique(known[place])),
        )
        for place, one in enumerate(contrasts)
    ]


def exchanges(count: int, replicates: int, seed: int, block: int) -> Iterator[Array]:
    """Whether each of `count` groups is exchanged in each replicate, as 0 and 1: blocks of shape (<= block, count).

    The bits of PCG64's raw words, another stream than that of `group_weights` for the same seed.
    """
    bits = np.random.PCG64(np.random.SeedSequence([seed, 1]))
    words = -(-count // 64)
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        raw = bits.random_raw(rows * words).astype("<u8").view(np.uint8).reshape(rows, words * 8)
        yield np.unpackbits(raw, axis=1, count=count, bitorder="little").astype(np.float64)


def _blocks(count: int, samples: int, replicates: int, seed: int, additive: bool) -> Iterator[tuple[Array, Array]]:
    block = max(1, CELLS // max(1, count if additive else 2 * samples))
    return zip(group_weights(count, replicates, seed, block), exchanges(count, replicates, seed, block), strict=True)


class _Additive:
    """A contrast whose statistics may be summed within groups beforehand."""

    additive = True

    def __init__(self, contrast: Contrast, codes: NDArray[np.int64], count: int) -> None:
        first, second = contrast.weighted()
        self.metric, self.width = contrast.metric, first.shape[1]
        sums = cluster_sums(first, codes, count), cluster_sums(second, codes, count)
        self.both = np.concatenate(sums, axis=1)
        self.gap = sums[1] - sums[0]
        self.totals = sums[0].sum(axis=0), sums[1].sum(axis=0)

    def drawn(self, weights: Array) -> Array:
        totals = weights @ self.both
        return np.asarray(self.metric.finalize(totals[:, self.width :]) - self.metric.finalize(totals[:, : self.width]))

    def exchanged(self, bits: Array) -> Array:
        moved = bits @ self.gap
        return np.asarray(self.metric.finalize(self.totals[1] - moved) - self.metric.finalize(self.totals[0] + moved))


class _General:
    """A contrast whose metric needs every sample: both runs' samples stand in one table under weights."""

    additive = False

    def __init__(self, contrast: Contrast, codes: NDArray[np.int64], count: int) -> None:
        keep = np.ones(len(codes), dtype=np.bool_) if contrast.mask is None else contrast.mask
        self.metric, self.codes = contrast.metric, codes[keep]
        self.first, self.second = contrast.baseline[keep], contrast.candidate[keep]
        self.stacked = np.concatenate([self.first, self.second])

    def drawn(self, weights: Array) -> Array:
        spread = weights[:, self.codes]
        return np.asarray(self.metric.values(self.second, spread) - self.metric.values(self.first, spread))

    def exchanged(self, bits: Array) -> Array:
        moved = bits[:, self.codes]
        stay = 1.0 - moved
        mine = self.metric.values(self.stacked, np.concatenate([stay, moved], axis=1))
        other = self.metric.values(self.stacked, np.concatenate([moved, stay], axis=1))
        return np.asarray(other - mine)


def _table(contrast: Contrast, codes: NDArray[np.int64], count: int) -> _Additive | _General:
    return (_Additive if contrast.metric.additive else _General)(contrast, codes, count)


def _values(contrast: Contrast) -> Array:
    keep = slice(None) if contrast.mask is None else contrast.mask
    return np.stack([contrast.metric.values(part[keep]) for part in (contrast.baseline, contrast.candidate)])


def _groups_of(contrast: Contrast, names: NDArray[np.str_]) -> NDArray[np.str_]:
    return names if contrast.mask is None else names[contrast.mask]


def _stacked(blocks: Sequence[Array], replicates: int, outputs: int) -> Array:
    return np.concatenate(blocks) if blocks else np.full((replicates, outputs), np.nan)
