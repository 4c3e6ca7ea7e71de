"""Objects and detections of several images in flat arrays, sorted by image and category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import Array, Mask, samples_of
from velm_bench.metrics.detection.fields import Image, Item, categories_of, items_of, objects_of, scalars, values_of
from velm_bench.metrics.detection.geometry import Geometry, Shapes
from velm_bench.metrics.detection.runs import Indices, rank_within

Scene = tuple[Image, Sequence[Item]]
"""An image and what is there."""


@dataclass(frozen=True)
class Things:
    """Objects or detections; every array has a row per thing."""

    image: Indices
    """A number of the image, from 0."""
    category: Indices
    area: Array
    """Square pixels."""
    shape: Shapes

    @property
    def group(self) -> Indices:
        """A number per image and category, in sorted order."""
        return (self.image << 32) + self.category


@dataclass(frozen=True)
class Objects(Things):
    """What is there, in the given order within image and category."""

    crowd: Mask
    """Regions of many objects: any number of detections may lie on one, and they count as nothing."""
    ignored: Mask
    """What need not be found: crowds, and objects that are nowhere labelled."""


@dataclass(frozen=True)
class Detections(Things):
    """What was found, the best first within image and category; of equal scores the first in the given order."""

    score: Array
    rank: Indices
    """The place within image and category, from 0."""


def read_scenes(references: Sequence[Any]) -> list[Scene]:
    """The images and their objects."""
    return [objects_of(reference, row) for row, reference in enumerate(samples_of(references, "references"))]


def read_objects(scenes: Sequence[Scene], geometry: Geometry, categories: Mapping[str, int]) -> Objects:
    """The objects of the images; MetricInputError for whatever cannot be read."""
    parts = [_object_parts(image, items, geometry, categories) for image, items in scenes]
    category, area, shape, crowd, empty = map(np.concatenate, zip(*parts, strict=True))
    image = _image_numbers(parts)
    order = np.lexsort((category, image))
    ignored = crowd | empty
    return Objects(image[order], category[order], area[order], shape[order], crowd[order], ignored[order])


def _object_parts(
    image: Image, items: Sequence[Item], geometry: Geometry, categories: Mapping[str, int]
) -> tuple[NDArray[Any], ...]:
    names = categories_of(items, image)
    for name in names:
        if name not in categories:
            raise image.wrong(f"an object has the category {name!r}, which is none of the task's labels")
    shape, area = geometry.read_objects(items, image)
    crowd = scalars([item.get("iscrowd", 0) for item in items], "iscrowd", image) != 0
    return _numbered(names, categories), area, shape, crowd, geometry.empty(items, shape, image)


def read_detections(
    predictions: Sequence[Any], scenes: Sequence[Scene], geometry: Geometry, categories: Mapping[str, int], closed: bool
) -> Detections:
    """The detections of the images, no more than the highest limit per image and category.

    Where the categories are closed, another one is an error; else such detections are left out. MetricInputError for
    whatever cannot be read.
    """
    parts = [
        _detection_parts(image, [] if answer is None else items_of(answer, image), geometry, categories, closed)
        for answer, (image, _) in zip(predictions, scenes, strict=True)
    ]
    category, area, shape, score = map(np.concatenate, zip(*parts, strict=True))
    image = _image_numbers(parts)
    order = np.lexsort((-score, category, image))
    order = order[category[order] >= 0]
    everything = Things(image[order], category[order], area[order], shape[order])
    rank = rank_within(everything.group)
    kept = rank < geometry.limits[-1]
    order = order[kept]
    return Detections(image[order], category[order], area[order], shape[order], score[order], rank[kept])


def _detection_parts(
    image: Image, items: Sequence[Item], geometry: Geometry, categories: Mapping[str, int], closed: bool
) -> tuple[NDArray[Any], ...]:
    names = categories_of(items, image)
    for name in names:
        if closed and name not in categories:
            raise image.wrong(f"a detection has the category {name!r}, which is none of the task's labels")
    score = scalars(values_of(items, "score", image), "score", image)
    shape, area = geometry.read(items, image)
    return _numbered(names, categories), area, shape, score


def _numbered(names: Sequence[str], categories: Mapping[str, int]) -> Indices:
    return np.asarray([categories.get(name, -1) for name in names], dtype=np.int64)


def _image_numbers(parts: Sequence[tuple[NDArray[Any], ...]]) -> Indices:
    return np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
