"""Masks as run-length encodings, checked before faster-coco-eval sees them: it does not return from damaged ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import Array, Mask
from velm_bench.metrics.detection.fields import Image, size_of, vectors
from velm_bench.metrics.detection.runs import rank_within, running_sums
from velm_bench.metrics.optional import needed

Runs = NDArray[np.int64]
"""Lengths of runs of pixels, column by column, outside and inside the mask in turn."""
Encoding = dict[str, Any]
"""{"size": [height, width], "counts": compressed runs, as bytes}."""

UNSOUND = "the 'counts' of a 'segmentation' are not the lengths of runs that fill its 'size'"
LONGEST = 7
"""Characters of a run: 5 bits each, and no run has more than 32 bits."""


def mask_tools() -> Any:
    """The mask functions of faster-coco-eval; MetricUnavailableError where it is not installed."""
    with needed("faster-coco-eval", "detection:segm"):
        from faster_coco_eval.core import mask
    return mask


def read_masks(segmentations: Sequence[Any], image: Image) -> tuple[NDArray[np.object_], Array]:
    """The encodings of polygons, lists of runs or compressed runs, shape (masks,), and their areas in pixels."""
    encodings = np.empty(len(segmentations), dtype=np.object_)
    encodings[:] = [_encoding(one, image) for one in segmentations]
    return encodings, _areas(encodings.tolist(), image)


def _areas(encodings: Sequence[Encoding], image: Image) -> Array:
    """The pixels inside each mask; an error where runs do not cover the image exactly."""
    if not encodings:
        return np.zeros(0)
    decoded = decompressed([one["counts"] for one in encodings])
    pixels = [one["size"][0] * one["size"][1] for one in encodings]
    if decoded is not None:
        runs, owner, place = decoded
        if runs.min() >= 0 and np.array_equal(np.bincount(owner, runs), pixels):
            return np.asarray(np.bincount(owner, runs * (place % 2)), dtype=np.float64)
    raise image.wrong(UNSOUND)


def _encoding(segmentation: Any, image: Image) -> Encoding:
    if isinstance(segmentation, Mapping):
        return _from_runs(segmentation, image)
    if isinstance(segmentation, list | tuple):
        return _from_polygons(segmentation, image)
    raise image.wrong("a 'segmentation' must be a list of polygons or a mapping with 'size' and 'counts'")


def _from_runs(segmentation: Mapping[str, Any], image: Image) -> Encoding:
    """Runs, compressed or as a list; they must cover the image exactly."""
    height, width = size = size_of(segmentation.get("size"), image, "the 'size' of a 'segmentation'")
    if image.size not in (None, size):
        raise image.wrong(f"a 'segmentation' has the 'size' {size}, and its image {image.size}")
    counts = segmentation.get("counts")
    if isinstance(counts, list | tuple):
        if not all(type(run) is int and run >= 0 for run in counts) or sum(counts) != height * width:
            raise image.wrong(UNSOUND)
        encoding: Encoding = mask_tools().frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
        return encoding
    if isinstance(counts, str):
        counts = counts.encode("utf-8", "replace")
    if not isinstance(counts, bytes):
        raise image.wrong("the 'counts' of a 'segmentation' must be a string or a list of whole numbers")
    return {"size": [height, width], "counts": counts}


def _from_polygons(polygons: Sequence[Any], image: Image) -> Encoding:
    """The union of polygons [x, y, x, y, ...] with at least three corners."""
    if image.size is None:
        raise image.wrong("a 'segmentation' of polygons needs the image's 'height' and 'width' in the reference")
    if not polygons or not all(isinstance(one, list | tuple) and len(one) in range(6, 10**6, 2) for one in polygons):
        raise image.wrong("a 'segmentation' of polygons must be lists [x, y, x, y, x, y, ...]")
    reach = 2 * max(image.size)  # drawing a border takes memory by its length
    corners = [vectors([one], len(one), "segmentation", image)[0] for one in polygons]
    if any(np.abs(one).max() > reach for one in corners):
        raise image.wrong("a polygon of a 'segmentation' is far outside its image")
    drawn = mask_tools().frPyObjects([one.tolist() for one in corners], *image.size)
    encoding: Encoding = mask_tools().merge(drawn) if len(drawn) > 1 else drawn[0]
    return encoding


def decompressed(strings: Sequence[bytes]) -> tuple[Runs, Runs, Runs] | None:
    """The runs of all strings in one row, the string each belongs to, its place there; None if a string is damaged.

    Each character carries 5 bits of a signed number, low ones first, and 32 where another follows; from the fourth
    run on the number is the difference to the run before the last (cocoapi, maskApi.c).
    """
    codes = np.frombuffer(b"".join(strings), dtype=np.uint8).astype(np.int64) - 48
    stops = np.cumsum([len(string) for string in strings])
    if not all(strings) or codes.min() < 0 or codes.max() > 63 or (codes[stops - 1] & 32).any():
        return None
    ends = np.flatnonzero(codes < 32)
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > LONGEST:
        return None
    starts = ends - lengths + 1
    bits = 5 * (np.arange(len(codes)) - np.repeat(starts, lengths))
    runs = np.add.reduceat((codes & 31) << bits, starts) - np.where(codes[ends] & 16, 1 << (5 * lengths), 0)
    owner = np.searchsorted(stops, ends, side="right")
    place = rank_within(owner)
    for chain in ((place % 2 == 1), (place % 2 == 0) & (place > 0)):
        runs[chain] = running_sums(runs[chain], owner[chain])
    return runs, owner, place


def mask_overlap(found: Iterable[Encoding], golden: Iterable[Encoding], crowd: Mask) -> Array:
    """Intersection over union, shape (found, golden); over the found mask's own area where the other is a crowd."""
    return np.asarray(mask_tools().iou(list(found), list(golden), crowd.astype(int).tolist()), dtype=np.float64)
