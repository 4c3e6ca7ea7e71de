"""Generated detections, and COCO files in the form of the detection metric."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HEIGHT, WIDTH = 120, 160
COCO_FILE = dict[str, Any]


def official(gold: COCO_FILE, found: list[dict[str, Any]], geometry: str) -> np.ndarray:
    """The summary of pycocotools' COCOeval, NaN for its -1."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(gold)
        truth.createIndex()
        one = COCOeval(truth, truth.loadRes(copy.deepcopy(found)), geometry)
        one.evaluate()
        one.accumulate()
        one.summarize()
    stats = np.asarray(one.stats)
    return np.where(stats == -1, np.nan, stats)


def as_samples(gold: COCO_FILE, found: list[dict[str, Any]]) -> tuple[list[Any], list[Any], list[str]]:
    """Predictions, references and labels, the images sorted by id as COCOeval has them."""
    names = {category["id"]: category["name"] for category in gold["categories"]}
    images = sorted(gold["images"], key=lambda image: image["id"])
    references = {image["id"]: {"objects": [], "height": image["height"], "width": image["width"]} for image in images}
    predictions: dict[Any, list[Any]] = {image["id"]: [] for image in images}
    for one in gold["annotations"]:
        references[one["image_id"]]["objects"].append({**one, "category": names[one["category_id"]]})
    for one in found:
        predictions[one["image_id"]].append({**one, "category": names[one["category_id"]]})
    return list(predictions.values()), list(references.values()), list(names.values())


def resampled(gold: COCO_FILE, found: list[dict[str, Any]], counts: np.ndarray) -> tuple[COCO_FILE, list[Any]]:
    """Each image as often as it was drawn, copies side by side under new ids."""
    out: COCO_FILE = {**gold, "images": [], "annotations": []}
    results = []
    for image, count in zip(sorted(gold["images"], key=lambda image: image["id"]), counts, strict=True):
        for _ in range(int(count)):
            number = len(out["images"]) + 1
            out["images"].append({**image, "id": number})
            for one in gold["annotations"]:
                if one["image_id"] == image["id"]:
                    out["annotations"].append({**one, "image_id": number, "id": len(out["annotations"]) + 1})
            results += [{**one, "image_id": number} for one in found if one["image_id"] == image["id"]]
    return out, results


def generated(geometry: str, seed: int) -> tuple[COCO_FILE, list[dict[str, Any]]]:
    """A few small images with crowds, empty images, images of 250 detections, exact duplicates and (odd seeds) ties."""
    rng = np.random.default_rng(seed)
    categories = int(rng.integers(1, 4))
    gold: COCO_FILE = {
        "info": {},
        "images": [{"id": n, "height": HEIGHT, "width": WIDTH} for n in range(1, int(rng.integers(2, 8)))],
        "categories": [{"id": n, "name": f"kind {n}"} for n in range(1, categories + 1)],
        "annotations": [],
    }
    found = []
    for image in gold["images"]:
        objects = [annotation(rng, image["id"], categories) for _ in range(rng.integers(0, 6))]
        for one in objects:
            gold["annotations"].append({**one, "id": len(gold["annotations"]) + 1})
        for _ in range(250 if rng.random() < 0.1 else rng.integers(0, 12)):
            near = objects[rng.integers(len(objects))] if objects and rng.random() < 0.8 else None
            found.append({"image_id": image["id"], **detection(rng, near, categories, geometry, ties=bool(seed % 2))})
    return gold, found


def annotation(rng: np.random.Generator, image: int, categories: int) -> dict[str, Any]:
    box = random_box(rng)
    points = random_points(rng, box)
    crowd = bool(rng.random() < 0.25)
    outline = polygons(rng, box)
    return {
        "image_id": image,
        "category_id": int(rng.integers(1, categories + 1)),
        "bbox": box,
        "iscrowd": int(crowd),
        "area": float(box[2] * box[3] * rng.choice([1, 1, 0.5, 3])),
        "segmentation": runs(outline) if crowd else outline,
        "keypoints": points.ravel().tolist(),
        "num_keypoints": int((points[:, 2] > 0).sum()),
    }


def detection(
    rng: np.random.Generator, near: dict[str, Any] | None, categories: int, geometry: str, ties: bool
) -> dict[str, Any]:
    """A jittered or an exact copy of an object, or something else."""
    box = np.asarray(near["bbox"] if near else random_box(rng))
    if rng.random() < 0.7:
        box = box + rng.integers(-4, 5, 4)
    box = np.concatenate([np.clip(box[:2], 0, 150), np.abs(box[2:])])
    points = np.asarray(near["keypoints"]).reshape(17, 3) if near else random_points(rng, box)
    points = points + rng.normal(0, rng.choice([0, 1, 5]), (17, 3)) * [1, 1, 0]
    shape = {
        "bbox": lambda: {"bbox": box.tolist()},
        "segm": lambda: {"segmentation": compressed(polygons(rng, box.tolist()))},
        "keypoints": lambda: {"keypoints": points.ravel().tolist()},
    }[geometry]()
    same = near is not None and rng.random() < 0.9
    category = int(near["category_id"]) if near and same else int(rng.integers(1, categories + 1))
    score = float(rng.choice([0.1, 0.5, 0.9]) if ties else rng.random())
    return {"category_id": category, "score": score, **shape}


def random_box(rng: np.random.Generator) -> list[float]:
    side = rng.choice([3, 40, 110])
    return [*map(float, rng.integers(0, 100, 2)), *map(float, rng.integers(0, side, 2))]


def random_points(rng: np.random.Generator, box: Any) -> np.ndarray:
    across, down = box[0] + rng.random(17) * max(box[2], 1), box[1] + rng.random(17) * max(box[3], 1)
    labelled = rng.integers(0, 3, 17) * (rng.random() > 0.15)
    return np.stack([across, down, labelled], axis=1)


def polygons(rng: np.random.Generator, box: list[float]) -> list[list[float]]:
    x, y, width, height = box
    if rng.random() < 0.7:
        return [[x, y, x + width, y, x + width, y + height, x, y + height]]
    return [[x, y, x + width, y, x + width, y + height], [x, y, x + width / 2, y + height, x, y + height]]


def compressed(outline: list[list[float]]) -> dict[str, Any]:
    encoding = coco_mask.merge(coco_mask.frPyObjects(outline, HEIGHT, WIDTH))
    return {"size": encoding["size"], "counts": encoding["counts"].decode()}


def runs(outline: list[list[float]]) -> dict[str, Any]:
    """The mask as a list of run lengths, outside first."""
    pixels = coco_mask.decode(compressed(outline)).ravel(order="F")
    borders = np.flatnonzero(np.diff(pixels, prepend=0))
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *borders, len(pixels)]).tolist()}
