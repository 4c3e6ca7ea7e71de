"""What can be compared, and which numbers COCO gives of it: boxes, masks, body points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import Array, Mask, divide
from velm_bench.metrics.detection.fields import Image, Item, boxes, scalars, values_of, vectors
from velm_bench.metrics.detection.masks import mask_overlap, read_masks

if TYPE_CHECKING:
    from velm_bench.metrics.detection.matching import Pairs
    from velm_bench.metrics.detection.things import Detections, Objects

Shapes = NDArray[Any]
"""A row per object or detection: boxes (n, 4), body points (n, 51 and more), mask encodings (n,)."""

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""The overlaps from which a detection is a match."""
ALL, SMALL, MEDIUM, LARGE = (0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)
"""Ranges of areas in square pixels, both ends included."""
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""How far annotators differ at each of COCO's 17 body points, relative to the object's size (cocoapi)."""


PRECISION, RECALL = 0, -1
"""Columns of the table of numbers: average precision, then recall under each limit on detections, the highest last."""


class Number(NamedTuple):
    """Which cells of the table an output is the mean of."""

    column: int
    area: int = 0
    """An area range, by its place in the geometry's."""
    threshold: int | None = None
    """An overlap threshold, by its place; all of them if left out."""

    def of(self, table: Array) -> Array:
        """The number from a table of shape (replicates, areas, thresholds, columns), shape (replicates,)."""
        cells = table[:, self.area, :, self.column]
        return np.asarray(cells.mean(axis=1) if self.threshold is None else cells[:, self.threshold])


class Geometry(ABC):
    """A way to compare a detection with an object."""

    areas: tuple[tuple[float, float], ...] = (ALL, SMALL, MEDIUM, LARGE)
    limits: tuple[int, ...] = (1, 10, 100)
    """The most detections per image and category, growing."""
    choices = "iou:.5-.95|crowd:ignored|areas:32,96"
    """The part of the signature."""
    prefix: str
    """What the names of the outputs begin with."""

    def outputs(self) -> Mapping[str, Number]:
        """COCO's summary, by the names of the outputs."""
        sizes = list(enumerate(("small", "medium", "large"), start=1))
        numbers = {"ap": Number(PRECISION), "ap50": Number(PRECISION, 0, 0), "ap75": Number(PRECISION, 0, 5)}
        numbers |= {f"ap_{size}": Number(PRECISION, area) for area, size in sizes}
        numbers |= {f"ar{limit}": Number(column) for column, limit in enumerate(self.limits, start=1)}
        numbers |= {f"ar_{size}": Number(RECALL, area) for area, size in sizes}
        return {f"{self.prefix}_{name}": number for name, number in numbers.items()}

    @abstractmethod
    def read(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        """Shapes and areas of detections, checked."""

    def read_objects(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        """Shapes and areas of objects; areas are the annotations' own where they have one."""
        shapes, areas = self.read(items, image)
        return shapes, stated_areas(items, areas, image)

    def empty(self, items: Sequence[Item], shapes: Shapes, image: Image) -> Mask:
        """Which objects need not be found although they are no crowds."""
        return np.zeros(len(items), dtype=np.bool_)

    @abstractmethod
    def overlap(self, detections: Detections, objects: Objects, pairs: Pairs) -> Array:
        """How far the two of each pair agree, 0 to 1, shape (pairs,)."""


def stated_areas(items: Sequence[Item], areas: Array, image: Image) -> Array:
    """The `area` of every item; where it has none, the one given."""
    stated = scalars([item.get("area", area) for item, area in zip(items, areas, strict=True)], "area", image)
    if (stated < 0).any():
        raise image.wrong("an 'area' is negative")
    return stated


class Boxes(Geometry):
    """Boxes by intersection over union; over the detection's own area where the object is a crowd."""

    prefix = "detection"

    def read(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        found = boxes(items, image)
        return found, found[:, 2] * found[:, 3]

    def overlap(self, detections: Detections, objects: Objects, pairs: Pairs) -> Array:
        one, other = detections.shape[pairs.detection].T, objects.shape[pairs.object].T
        sides = np.minimum(one[:2] + one[2:], other[:2] + other[2:]) - np.maximum(one[:2], other[:2])
        shared = np.where((sides > 0).all(axis=0), sides[0] * sides[1], 0.0)
        own = one[2] * one[3]
        union = np.where(objects.crowd[pairs.object], own, own + other[2] * other[3] - shared)
        return divide(shared, union)


class Masks(Geometry):
    """Masks by intersection over union, through faster-coco-eval."""

    prefix = "detection_segm"

    def read(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        return read_masks(values_of(items, "segmentation", image), image)

    def overlap(self, detections: Detections, objects: Objects, pairs: Pairs) -> Array:
        parts = [np.zeros(0)]
        for found, golden in pairs.groups():
            overlap = mask_overlap(detections.shape[found], objects.shape[golden], objects.crowd[golden])
            parts.append(overlap.ravel())
        return np.concatenate(parts)


class Keypoints(Geometry):
    """COCO's 17 body points by object keypoint similarity, over the points that are labelled.

    Where none is, by how far points lie outside the doubled box. Detections have 51 numbers (x, y, anything), objects
    the same with their visibility, and their box behind them.
    """

    areas = (ALL, MEDIUM, LARGE)
    limits = (20,)
    choices = "oks:coco17:.5-.95|crowd:ignored|areas:32,96"
    prefix = "detection_keypoints"

    def outputs(self) -> Mapping[str, Number]:
        parts = {"": (0, None), "50": (0, 0), "75": (0, 5), "_medium": (1, None), "_large": (2, None)}
        columns = {"ap": PRECISION, "ar": RECALL}
        return {
            f"{self.prefix}_{short}{part}": Number(column, *cells)
            for short, column in columns.items()
            for part, cells in parts.items()
        }

    def read(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        points = vectors(values_of(items, "keypoints", image), 3 * len(SIGMAS), "keypoints", image)
        across, down = points[:, 0::3], points[:, 1::3]
        return points, np.ptp(across, axis=1) * np.ptp(down, axis=1)

    def read_objects(self, items: Sequence[Item], image: Image) -> tuple[Shapes, Array]:
        box = boxes(items, image)
        points = self.read(items, image)[0]
        return np.hstack([points, box]), stated_areas(items, box[:, 2] * box[:, 3], image)

    def empty(self, items: Sequence[Item], shapes: Shapes, image: Image) -> Mask:
        labelled = np.count_nonzero(shapes[:, 2:51:3] > 0, axis=1)
        stated = [item.get("num_keypoints", count) for item, count in zip(items, labelled, strict=True)]
        return np.asarray(scalars(stated, "num_keypoints", image) == 0)

    def overlap(self, detections: Detections, objects: Objects, pairs: Pairs) -> Array:
        found, golden = detections.shape[pairs.detection], objects.shape[pairs.object]
        labelled = golden[:, 2:51:3] > 0
        some = labelled.any(axis=1, keepdims=True)
        distance = np.zeros(labelled.shape)
        for axis in (0, 1):
            at, start, side = found[:, axis:51:3], golden[:, [51 + axis]], golden[:, [53 + axis]]
            outside = np.maximum(0, start - side - at) + np.maximum(0, at - (start + side * 2))
            distance += np.where(some, at - golden[:, axis:51:3], outside) ** 2
        scale = (objects.area[pairs.object] + np.spacing(1))[:, None]
        agreement = np.exp(-distance / (SIGMAS * 2) ** 2 / scale / 2)
        counted = labelled | ~some
        return np.asarray((agreement * counted).sum(axis=1) / counted.sum(axis=1))


GEOMETRIES: Mapping[str, Geometry] = {"bbox": Boxes(), "segm": Masks(), "keypoints": Keypoints()}
"""By the names that COCO's evaluation gives them."""
