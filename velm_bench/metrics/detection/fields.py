"""Reading the dictionaries of one image; whatever has the wrong form ends in one sentence that names the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, MetricInputError, as_text, is_whole, listed, shown

Item = Mapping[str, Any]
"""An object or a detection: an annotation or a result in COCO's keys, its category by name."""

MOST_PIXELS = 2**31
"""Run lengths are held in 32 bits."""
FARTHEST = 1e9
"""Coordinates beyond are none, and their squares overflow."""


@dataclass(frozen=True)
class Image:
    """An image's row, and its (height, width) in pixels where they are known."""

    row: int
    size: tuple[int, int] | None = None

    def wrong(self, why: str) -> MetricInputError:
        """The error for this image."""
        return MetricInputError(f": {why}.", self.row)


def objects_of(reference: Any, row: int) -> tuple[Image, Sequence[Item]]:
    """The image and the objects of a reference {"objects", "height", "width"}, the size being optional."""
    image = Image(row)
    if not isinstance(reference, Mapping) or "objects" not in reference:
        raise image.wrong("the reference must be a mapping with 'objects', and 'height' and 'width' for masks")
    sides = [reference[side] for side in ("height", "width") if reference.get(side) is not None]
    if sides:
        image = Image(row, size_of(sides, image, "the size of the image"))
    return image, items_of(reference["objects"], image)


def size_of(sides: Any, image: Image, what: str) -> tuple[int, int]:
    """Height and width in pixels."""
    if isinstance(sides, list | tuple) and len(sides) == 2 and all(map(is_whole, sides)):
        height, width = map(int, sides)
        if min(height, width) > 0 and height * width < MOST_PIXELS:
            return height, width
    raise image.wrong(f"{what} must be its height and width in pixels, not {shown(sides)}")


def items_of(items: Any, image: Image) -> Sequence[Item]:
    """A list of mappings."""
    found = listed(items)
    if found is not None and all(isinstance(item, Mapping) for item in found):
        return found
    raise image.wrong(f"objects and detections come as a list of mappings, not as {shown(items)}")


def values_of(items: Sequence[Item], key: str, image: Image) -> list[Any]:
    """One value of every item."""
    try:
        return [item[key] for item in items]
    except KeyError:
        raise image.wrong(f"an object or a detection has no '{key}'") from None


def categories_of(items: Sequence[Item], image: Image) -> list[str]:
    """The category of every item as text."""
    return [as_text(name, image.row, "category") for name in values_of(items, "category", image)]


def vectors(values: Sequence[Any], length: int, key: str, image: Image) -> Array:
    """Lists of `length` coordinates, shape (items, length)."""
    if not len(values):
        return np.empty((0, length))
    found = _numeric(values)
    if found is None or found.shape != (len(values), length) or np.abs(found).max() > FARTHEST:
        raise image.wrong(f"each '{key}' must be {length} finite numbers of at most {FARTHEST:.0e}")
    return found


def scalars(values: Sequence[Any], key: str, image: Image) -> Array:
    """Finite numbers, shape (items,)."""
    found = _numeric(values)
    if found is None or found.shape != (len(values),):
        raise image.wrong(f"each '{key}' must be a finite number")
    return found


def _numeric(values: Sequence[Any]) -> Array | None:
    """The values as an array, None where they are not all finite numbers in a regular form."""
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, OverflowError):  # rows of different lengths
        return None
    if found.dtype.kind not in "iuf":
        return None
    found = found.astype(np.float64)
    return found if np.isfinite(found).all() else None


def boxes(items: Sequence[Item], image: Image) -> Array:
    """Boxes [x, y, width, height], shape (items, 4)."""
    found = vectors(values_of(items, "bbox", image), 4, "bbox", image)
    if (found[:, 2:] < 0).any():
        raise image.wrong("a 'bbox' has a negative width or height: give [x, y, width, height]")
    return found
