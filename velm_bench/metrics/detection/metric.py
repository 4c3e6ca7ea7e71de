"""The detection metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import Array, Metric, aligned, checked_weights, reading_corpus
from velm_bench.metrics.detection.accumulate import accumulate
from velm_bench.metrics.detection.events import EVENT, Events, events_of, pack, unpack, without_detections
from velm_bench.metrics.detection.fields import categories_of
from velm_bench.metrics.detection.geometry import GEOMETRIES
from velm_bench.metrics.detection.matching import match
from velm_bench.metrics.detection.things import Scene, read_detections, read_objects, read_scenes
from velm_bench.registry import suggestion
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

BLOCK = 500
"""Images matched together: more would take more memory, fewer more time."""


class Detection(Metric):
    """COCO's summary numbers (Lin et al. 2014, as cocoapi's COCOeval), from matches that are made once.

    `detection` and `detection:bbox` compare boxes, `detection:segm` masks, `detection:keypoints` the 17 body points.

    A prediction is a list of {"category", "score", "bbox": [x, y, width, height]}; for the other two "segmentation"
    (polygons, or run lengths as "size" and "counts") or "keypoints" (51 numbers) stands in the place of the box. A
    reference is {"objects": [...], "height", "width"}, the objects being COCO annotations with a "category" for the
    "category_id": "bbox", "segmentation" or "keypoints", "area", "iscrowd", "num_keypoints". An "area" that lacks is
    the box's or the mask's; the size is needed for polygons only. `reference` finds the objects among a sample's
    references and the size in its facts. A failed image has no detections: all its objects are missed.

    Categories are the task's labels, and any other is an error. Without labels they are those of the references, and
    detections of others are left out, as they change no number. Detections with equal scores rank in row order, which
    is that of COCOeval where rows are sorted by image id. A weight of w counts an image as if it were there w times
    and each detection stood beside its copies.
    """

    name = "detection"
    best = 1.0
    form = Form.DETECTIONS
    takes = "the geometry: bbox, segm or keypoints"
    additive = False

    def __init__(self, labels: Sequence[str] = (), argument: str = "bbox") -> None:
        super().__init__(labels)
        if argument not in GEOMETRIES:
            raise UsageError(f"Unknown geometry '{argument}' of detection: {suggestion(argument, list(GEOMETRIES))}")
        self.geometry = GEOMETRIES[argument]
        self.numbers = self.geometry.outputs()
        self.outputs = tuple(self.numbers)
        limits = ",".join(map(str, self.geometry.limits))
        self.signature = f"detection|{argument}|{self.geometry.choices}|max:{limits}|recall:101|ties:row-order|v:1"
        self.columns = columns(1)

    def reference(self, sample: Sample) -> Any:
        sides = {side: sample.facts[side] for side in ("height", "width") if side in sample.facts}
        return {"objects": list(sample.references), **sides}

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        """The objects and detections of every image as events of five numbers, shape (samples, 5 x events).

        The fullest image decides how many events there are, and `columns` is set to fit. Filler is zero, and changes no
        value. An event is a detection, one of the best 100 (20 for body points) of its category and image, or all
        objects of an image that count alike: 40 bytes, so that a thousand images take 40 kB per event of the fullest.
        """
        pairs = aligned(predictions, references)
        scenes = read_scenes([reference for _, reference in pairs])
        with reading_corpus():
            categories = self._categories([*scenes, *read_scenes(() if corpus is None else corpus)])
        answers = [answer for answer, _ in pairs]
        blocks = [slice(start, start + BLOCK) for start in range(0, len(scenes), BLOCK)]
        rows = pack([self._events(answers[block], scenes[block], categories) for block in blocks])
        self.columns = columns(rows.shape[1] // len(EVENT))
        return rows

    def concatenate(self, shards: Sequence[Array]) -> Array:
        """The shards' rows, the narrower ones filled up, and `columns` set to fit.

        Without labels the shards must come of one `corpus`, so that each numbers the categories alike.
        """
        width = max(shard.shape[1] for shard in shards)
        self.columns = columns(width // len(EVENT))
        return np.concatenate([np.pad(shard, ((0, 0), (0, width - shard.shape[1]))) for shard in shards])

    def lost(self, known: Array) -> Array:
        """The objects are kept, which stand before all detections of an image, and `columns` is set to fit."""
        self.columns = columns(known.shape[1] // len(EVENT))
        return without_detections(known)

    def _categories(self, scenes: Sequence[Scene]) -> dict[str, int]:
        """A number for each category: the labels, or else those that occur."""
        names = self.labels or sorted({name for image, items in scenes for name in categories_of(items, image)})
        return {name: number for number, name in enumerate(names)}

    def _events(self, predictions: Sequence[Any], scenes: Sequence[Scene], categories: Mapping[str, int]) -> Events:
        objects = read_objects(scenes, self.geometry, categories)
        detections = read_detections(predictions, scenes, self.geometry, categories, closed=bool(self.labels))
        return events_of(objects, detections, match(detections, objects, self.geometry), len(scenes))

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """The outputs themselves, shape (outputs,) or (replicates, outputs): an average precision is no sum."""
        weight = checked_weights(statistics, weights)
        found = unpack(statistics, len(self.geometry.areas))
        table = accumulate(found, np.atleast_2d(weight), self.geometry.limits)
        values = np.stack([number.of(table) for number in self.numbers.values()], axis=-1)
        return values if weight.ndim == 2 else values[0]

    def finalize(self, totals: Array) -> Array:
        return totals


def columns(events: int) -> tuple[str, ...]:
    """The names of the statistics of that many events."""
    return tuple(f"{part}_{number}" for number in range(events) for part in EVENT)
