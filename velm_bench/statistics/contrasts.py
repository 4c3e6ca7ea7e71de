"""Two runs on the same samples, asked many questions at once: every metric, the whole and every slice, under one set of
draws.

Two resamplings answer two questions. The cluster bootstrap (Davison and Hinkley 1997, section 3.8) draws groups with
replacement and says how far the difference may lie from the one observed. Approximate randomisation (Noreen 1989)
exchanges the two runs at random within whole groups and says what difference two equal models show: it is exact where
they are equal, however few samples tell them apart. Both are weights of samples, so that any metric will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.contrast_tables import Contrast, Indices, Samples, Sums, Table
from velm_bench.statistics.resampling import CELLS, cluster_codes, group_weights

__all__ = ["Contrast", "Resampled", "exchanges", "resample"]

Array = NDArray[np.float64]
DRAWN = 1_000_000
"""The most weights of groups that are drawn at a time: few enough to stay near the processor."""
HELD = 20_000_000
"""The most numbers of tables that are held at a time (160 MB), but for a single contrast that needs more."""


@dataclass(frozen=True)
class Resampled:
    """Differences candidate - baseline of a contrast's metric; NaN where undefined."""

    values: Array
    """The two scores themselves, shape (2, outputs): baseline, candidate."""
    drawn: Array
    """Under drawn groups, shape (replicates, outputs kept)."""
    exchanged: Array
    """Under exchanged groups, shape (replicates, outputs kept)."""
    groups: int
    """How many groups have samples in the contrast."""
    effective: float
    """How many groups of equal size say as much: the squared number of samples over the sum of squared sizes (Kish
    1965); `groups` where all are of one size."""
    places: tuple[int, ...]
    """The numbers of the outputs whose replicates are kept."""

    @property
    def observed(self) -> Array:
        """The difference itself, shape (outputs,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(self.values[1] - self.values[0])


def resample(
    contrasts: Sequence[Contrast],
    groups: Sequence[str] | NDArray[np.str_],
    replicates: int = 10_000,
    seed: int = 0,
) -> list[Resampled]:
    """Every contrast under the same draws. ValueError where the lengths of statistics, groups and masks differ.

    Where a contrast has fewer than two groups its replicates are NaN: resampling then says nothing. Contrasts whose
    tables do not fit into memory together are done in turn, with the same draws made again.
    """
    names = np.asarray(groups, dtype=np.str_)
    _check(contrasts, len(names))
    codes, count = cluster_codes(names)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what has no number is NaN
        found = [_empty(one, codes, replicates) for one in contrasts]
        telling = {place: one for place, one in enumerate(contrasts) if found[place].groups > 1 and replicates > 0}
        for portion in _portions(telling, count):
            _fill(found, _tables(portion, codes, count), count, replicates, seed)
    return found


def exchanges(count: int, replicates: int, seed: int, block: int) -> Iterator[Array]:
    """Whether each of `count` groups is exchanged in each replicate, as 0 and 1: blocks of shape (<= block, count).

    The bits of PCG64's raw words, another stream than that of `group_weights` for the same seed. They do not depend on
    the block size.
    """
    bits = np.random.PCG64(np.random.SeedSequence([seed, 1]))
    words = -(-count // 64)
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        raw = bits.random_raw(rows * words).astype("<u8").view(np.uint8).reshape(rows, words * 8)
        yield np.unpackbits(raw, axis=1, count=count, bitorder="little").astype(np.float64)


def _check(contrasts: Sequence[Contrast], samples: int) -> None:
    """ValueError where a contrast does not fit the samples."""
    lengths = {samples} | {len(part) for one in contrasts for part in (one.baseline, one.candidate)}
    lengths |= {len(one.mask) for one in contrasts if one.mask is not None}
    if len(lengths) > 1:
        raise ValueError(f"Statistics, groups and masks must have one row per sample, not {sorted(lengths)} rows.")
    if any(one.mask is not None and one.mask.dtype != np.bool_ for one in contrasts):
        raise ValueError("A mask says of each sample whether it is meant: give truth values.")


def _empty(contrast: Contrast, codes: Indices, replicates: int) -> Resampled:
    """The scores of a contrast, and replicates that nothing is known of yet."""
    sizes = np.bincount(codes[contrast.inside]).astype(np.float64)
    groups = int(np.count_nonzero(sizes))
    effective = float(sizes.sum() ** 2 / np.square(sizes).sum()) if groups else 0.0
    shape = replicates, len(contrast.kept)
    drawn, exchanged = np.full(shape, np.nan), np.full(shape, np.nan)
    return Resampled(contrast.values, drawn, exchanged, groups, effective, contrast.kept)


def _portions(contrasts: Mapping[int, Contrast], groups: int) -> Iterator[dict[int, Contrast]]:
    """The contrasts in portions whose tables may be held together."""
    portion: dict[int, Contrast] = {}
    held = 0
    for place, one in contrasts.items():
        size = 3 * one.baseline.shape[1] * (groups if one.metric.additive else one.samples)
        if portion and held + size > HELD:
            yield portion
            portion, held = {}, 0
        portion[place] = one
        held += size
    if portion:
        yield portion


def _tables(contrasts: Mapping[int, Contrast], codes: Indices, count: int) -> list[Table]:
    """The contrasts ready to be resampled: additive ones together, any other alone."""
    found: list[Table] = [Samples(place, one, codes) for place, one in contrasts.items() if not one.metric.additive]
    additive = {place: one for place, one in contrasts.items() if one.metric.additive}
    return [*found, Sums(additive, codes, count)] if additive else found


def _fill(found: Sequence[Resampled], tables: Sequence[Table], count: int, replicates: int, seed: int) -> None:
    """Write the replicates of the contrasts of these tables."""
    widest = max(table.width for table in tables)
    block = max(1, CELLS // max(count, widest) if widest else DRAWN // count)
    start = 0
    draws = group_weights(count, replicates, seed, block), exchanges(count, replicates, seed, block)
    for drawn, exchanged in zip(*draws, strict=True):
        rows = slice(start, start + len(drawn))
        for table in tables:
            for place, first, second in table.differences(drawn, exchanged):
                kept = list(found[place].places)
                found[place].drawn[rows], found[place].exchanged[rows] = first[:, kept], second[:, kept]
        start += len(drawn)
