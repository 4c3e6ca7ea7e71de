"""Matches as rows of numbers: a fixed number of columns for each object and each detection of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from velm_bench.metrics.base import Array, Mask
from velm_bench.metrics.detection.geometry import THRESHOLDS
from velm_bench.metrics.detection.matching import Matches
from velm_bench.metrics.detection.runs import Indices, rank_within
from velm_bench.metrics.detection.things import Detections, Objects

EVENT = ("kind", "category", "score", "hits", "ignored")
"""The columns of an event. `hits` and `ignored` are bits of (area range, threshold) for detections: they need 40, and
float64 holds 53. For objects `ignored` are bits of area ranges, and `hits` is how many of an image are alike."""
OBJECTS, DETECTION = 1.0, 2.0
"""Kinds of events; 0 fills a row up."""


class Found(NamedTuple):
    """Objects and detections as `unpack` finds them; detections are sorted by category and falling score."""

    object_image: Indices
    object_category: Indices
    object_counts: Array
    """How many objects there are to be found, (objects, areas)."""
    image: Indices
    category: Indices
    rank: Indices
    """The place within image and category, from 0."""
    hits: Mask
    """(detections, areas, thresholds)."""
    counts: Mask
    """Whether it is right or wrong, not ignored; same shape."""


class Events(NamedTuple):
    """The events of a block of images, sorted by image."""

    images: int
    """How many images there are."""
    image: Indices
    values: Array
    """Shape (events, 5)."""


def events_of(objects: Objects, detections: Detections, matches: Matches, images: int) -> Events:
    """The events of that many images: an image's objects, those alike as one, then its detections."""
    kinds = np.column_stack([objects.image, objects.category, to_bits(matches.unscored)])
    kinds, alike = np.unique(kinds, axis=0, return_counts=True)
    gold = np.zeros((len(kinds), len(EVENT)))
    gold[:, 0], gold[:, 1], gold[:, 3], gold[:, 4] = OBJECTS, kinds[:, 1], alike, kinds[:, 2]
    found = np.zeros((len(detections.image), len(EVENT)))
    found[:, 0], found[:, 1], found[:, 2] = DETECTION, detections.category, detections.score
    found[:, 3], found[:, 4] = to_bits(matches.hits), to_bits(matches.ignored)
    image = np.concatenate([kinds[:, 0].astype(np.int64), detections.image])
    order = np.argsort(image, kind="stable")
    return Events(images, image[order], np.concatenate([gold, found])[order])


def pack(blocks: Sequence[Events]) -> Array:
    """One row per image, filled up with zeros to the fullest, at least one event: (images, events x 5)."""
    places = [rank_within(block.image) for block in blocks]
    width = max([1, *(int(place.max()) + 1 for place in places if len(place))])
    rows = [np.zeros((0, width, len(EVENT)))]
    for block, place in zip(blocks, places, strict=True):
        rows.append(np.zeros((block.images, width, len(EVENT))))
        rows[-1][block.image, place] = block.values
    return np.concatenate(rows).reshape(-1, width * len(EVENT))


def unpack(statistics: Array, areas: int) -> Found:
    """What `pack` packed, over that many area ranges."""
    events = statistics.reshape(len(statistics), statistics.shape[1] // len(EVENT), len(EVENT))
    image, place = np.nonzero(events[:, :, 0] == OBJECTS)
    gold = events[image, place]
    at, place = np.nonzero(events[:, :, 0] == DETECTION)
    found = events[at, place]
    category = found[:, 1].astype(np.int64)
    rank = rank_within((at << 32) + category)
    order = np.lexsort((-found[:, 2], category))  # stable: of equal scores the first image goes first
    hits, ignored = (from_bits(found[order, column], areas * len(THRESHOLDS)) for column in (3, 4))
    shape = (len(order), areas, len(THRESHOLDS))
    return Found(
        image,
        gold[:, 1].astype(np.int64),
        ~from_bits(gold[:, 4], areas) * gold[:, 3:4],
        at[order],
        category[order],
        rank[order],
        hits.reshape(shape),
        ~ignored.reshape(shape),
    )


def without_detections(statistics: Array) -> Array:
    """What `pack` packed with the objects alone, filled up with zeros: (images, events x 5) -> the same shape."""
    events = statistics.reshape(len(statistics), statistics.shape[1] // len(EVENT), len(EVENT))
    return np.where(events[:, :, :1] == OBJECTS, events, 0.0).reshape(statistics.shape)


def to_bits(flags: Mask) -> Array:
    """Flags (n, ...) as one whole number each, the first flag lowest."""
    flat = flags.reshape(len(flags), int(np.prod(flags.shape[1:])))
    return flat @ 2.0 ** np.arange(flat.shape[1])


def from_bits(numbers: Array, size: int) -> Mask:
    """The flags of whole numbers, shape (n, size)."""
    return np.asarray((numbers.astype(np.int64)[:, None] >> np.arange(size)) & 1 == 1)
