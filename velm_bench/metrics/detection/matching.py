"""Which detection is which object: COCO's greedy matching, for all images, thresholds and area ranges at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from velm_bench.metrics.base import Array, Mask
from velm_bench.metrics.detection.geometry import THRESHOLDS, Geometry
from velm_bench.metrics.detection.runs import Indices
from velm_bench.metrics.detection.things import Detections, Objects

LIMITS = np.minimum(THRESHOLDS, 1 - 1e-10)


@dataclass(frozen=True)
class Pairs:
    """Detections with the objects of the same image and category, in the order of the detections."""

    detection: Indices
    object: Indices

    @classmethod
    def of(cls, detections: Detections, objects: Objects) -> Pairs:
        """All pairs."""
        first = np.searchsorted(objects.group, detections.group, side="left")
        count = np.searchsorted(objects.group, detections.group, side="right") - first
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return cls(np.repeat(np.arange(len(count)), count), np.repeat(first, count) + within)

    def groups(self) -> Iterator[tuple[slice, slice]]:
        """The detections and the objects of each image and category that has both."""
        rows = np.flatnonzero(np.diff(self.detection, prepend=-1))
        starts = rows[np.diff(self.object[rows], prepend=-1) != 0]
        for start, stop in pairwise([*starts, len(self.detection)]):
            yield (
                slice(self.detection[start], self.detection[stop - 1] + 1),
                slice(self.object[start], self.object[stop - 1] + 1),
            )


class Matches(NamedTuple):
    """What detections and objects count as."""

    hits: Mask
    """Right detections, shape (detections, areas, thresholds)."""
    ignored: Mask
    """Detections that are neither right nor wrong, same shape."""
    unscored: Mask
    """Objects that need not be found, shape (objects, areas)."""


def match(detections: Detections, objects: Objects, geometry: Geometry) -> Matches:
    """The matches of all detections and objects.

    In the order of scores each detection takes the object it overlaps most, of those free and above the threshold; of
    equal overlaps the last. An object that need not be found is taken only where no other can be, and makes the
    detection ignored; a crowd can be taken again. What takes no object is wrong, or ignored if its area is outside the
    range.
    """
    unscored = objects.ignored[:, None] | outside(objects.area, geometry)
    pairs = Pairs.of(detections, objects)
    overlap = geometry.overlap(detections, objects, pairs)
    matched, taken_unscored = _greedy(detections, objects, unscored, pairs, overlap)
    wrong_size = outside(detections.area, geometry)[:, :, None]
    return Matches(matched & ~taken_unscored, np.where(matched, taken_unscored, wrong_size), unscored)


def outside(area: Array, geometry: Geometry) -> Mask:
    """Whether areas lie outside each range, shape (things, areas)."""
    low, high = np.asarray(geometry.areas).T
    return np.asarray((area[:, None] < low) | (area[:, None] > high))


def _greedy(
    detections: Detections, objects: Objects, unscored: Mask, pairs: Pairs, overlap: Array
) -> tuple[Mask, Mask]:
    """Which detections take an object, and which take one that need not be found; (detections, areas, thresholds).

    All images go together: the first detections of each image and category, then the second ones, and so on.
    """
    shape = (len(detections.image), unscored.shape[1], len(THRESHOLDS))
    matched, taken_unscored = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    taken = np.zeros((len(objects.image), *shape[1:]), dtype=np.bool_)
    near = np.flatnonzero(overlap >= LIMITS[0])
    near = near[np.lexsort((pairs.detection[near], detections.rank[pairs.detection[near]]))]
    detection, golden, overlap = pairs.detection[near], pairs.object[near], overlap[near]
    by_overlap = np.lexsort((golden, overlap))
    place = np.empty_like(by_overlap)
    place[by_overlap] = np.arange(len(by_overlap))
    rounds = np.flatnonzero(np.diff(detections.rank[detection], append=-1)) + 1
    for start, stop in pairwise([0, *rounds]):
        gold = golden[start:stop]
        free = ~taken[gold] | objects.crowd[gold, None, None]
        near_enough = overlap[start:stop, None, None] >= LIMITS
        preference = place[start:stop, None] + len(place) * ~unscored[gold]
        preference = np.where(free & near_enough, preference[:, :, None], -1)
        first = np.flatnonzero(np.diff(detection[start:stop], prepend=-1))
        best = np.maximum.reduceat(preference, first, axis=0)
        which, area, threshold = np.nonzero(best >= 0)
        row = detection[start:stop][first][which]
        chosen = golden[by_overlap[best[which, area, threshold] % len(place)]]
        matched[row, area, threshold] = True
        taken_unscored[row, area, threshold] = unscored[chosen, area]
        taken[chosen, area, threshold] = True
    return matched, taken_unscored
