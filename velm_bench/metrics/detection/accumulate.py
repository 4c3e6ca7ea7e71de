"""Average precision and recall of weighted images, from matches alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from velm_bench.metrics.base import Array, Mask, divide
from velm_bench.metrics.detection.events import Found
from velm_bench.metrics.detection.geometry import THRESHOLDS
from velm_bench.metrics.detection.runs import Indices

RECALLS = np.linspace(0.0, 1.0, 101)
"""The recalls at which precision is read."""
CELLS = 500_000
"""The most weights looked at together (4 MB)."""


def accumulate(found: Found, weights: Array, limits: Sequence[int]) -> Array:
    """Average precision, then recall under each limit: the means over categories, NaN where none has an object.

    Weights have shape (replicates, images), the table (replicates, areas, thresholds, 1 + limits). A limit is how many
    detections of an image and category count, the best first.
    """
    areas = found.object_counts.shape[1]
    table = np.zeros((areas, len(THRESHOLDS), 1 + len(limits), len(weights)))
    categories = np.zeros((areas, 1, 1, len(weights)))
    by_image = np.ascontiguousarray(weights.T)
    for one in by_category(found):
        step = max(1, CELLS // max(1, len(one.image)))
        for start in range(0, len(weights), step):
            part = slice(start, start + step)
            weight = np.ascontiguousarray(by_image[:, part])
            total = one.object_counts.T @ weight[one.object_image]
            categories[:, 0, 0, part] += total > 0
            table[:, :, 1:, part] += recalls(one, weight, total, limits)
            for area in range(areas):
                hits, counts = one.hits[:, area], one.counts[:, area]
                table[area, :, 0, part] += average_precision(weight, one.image, hits, counts, total[area])
    return np.moveaxis(divide(table, categories, empty=np.nan), -1, 0)


def by_category(found: Found) -> list[Found]:
    """The part of every category that has an object to be found."""
    parts = []
    for category in np.unique(found.object_category[found.object_counts.any(axis=1)]):
        there = found.object_category == category
        rows = slice(*np.searchsorted(found.category, [category, category + 1]))
        parts.append(Found._make([*(part[there] for part in found[:3]), *(part[rows] for part in found[3:])]))
    return parts


def recalls(one: Found, weight: Array, total: Array, limits: Sequence[int]) -> Array:
    """Recall of a category under each limit, 0 without objects; (areas, thresholds, limits, replicates).

    `weight` has shape (images, replicates), `total` (areas, replicates) is the weight of the objects.
    """
    parts = []
    for limit in limits:
        rows = np.flatnonzero(one.hits.any(axis=(1, 2)) & (one.rank < limit))
        hits = np.tensordot(one.hits[rows].astype(np.float64), weight[one.image[rows]], axes=(0, 0))
        parts.append(divide(hits, total[:, None]))
    return np.stack(parts, axis=2)


def average_precision(weight: Array, image: Indices, hits: Mask, counts: Mask, total: Array) -> Array:
    """Precision at 101 recalls, averaged: shape (thresholds, replicates); 0 without objects.

    Precision at a recall is the best one at that recall or beyond, and it is best right at a hit: only there it is
    computed. `weight` has shape (images, replicates), `image` (detections,) in falling order of scores, `hits` and
    `counts` (detections, thresholds), `total` (replicates,) is the weight of the objects.
    """
    out = np.zeros((hits.shape[1], weight.shape[1]))
    shown: Mask | None = None
    for threshold in range(hits.shape[1]):
        rows = np.flatnonzero(hits[:, threshold])
        if not len(rows):
            continue
        if shown is None or not np.array_equal(shown, counts[:, threshold]):  # seldom: most count at all thresholds
            shown = counts[:, threshold]
            seen, place = np.cumsum(weight[image[shown]], axis=0), np.cumsum(shown) - 1
        right = np.cumsum(weight[image[rows]], axis=0)
        precision = right / (seen[place[rows]] + np.spacing(1))
        best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = np.searchsorted(RECALLS, divide(right, total), side="right")
        out[threshold] = (np.diff(reached, axis=0, prepend=0) * best).sum(axis=0) / len(RECALLS)
    return out
