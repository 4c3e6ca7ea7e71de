"""Tiny data for every kind of task, written in seconds: what real data sets look like."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from tests.reference.conftest import RECIPES
from velm_bench.reference.recipe import Recipe, read_recipe

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}
NAMES = ("Ada", "Bo Li", "Cy", "Dee")
TOWNS = ("Rome", "New York", "Oslo")


def write_data(folder: Path) -> None:
    """Pictures of one colour each in class folders, questions and captions about them, and tagged sentences."""
    draw = np.random.default_rng(0)
    questions, captions = [], []
    for number in range(24):
        colour = list(COLOURS)[number % 3]
        pixels = np.full((20, 26, 3), COLOURS[colour], np.uint8) + draw.integers(0, 30, (20, 26, 1), np.uint8)
        path = folder / "pictures" / colour / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        name = f"{colour}/{number}.png"
        for other in COLOURS:
            answers = ["yes" if other == colour else "no"] * 2 + ["maybe"]
            questions.append({"question": f"is it {other}?", "answers": answers, "image": name})
        captions += [{"image": name, "caption": f"{start} {colour} picture"} for start in ("a", "one", "some")]
    (folder / "questions.json").write_text(json.dumps(questions))
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["image", "caption"])
        writer.writeheader()
        writer.writerows(captions)
    (folder / "train.txt").write_text("".join(_sentence(number) for number in range(40)))
    (folder / "dev.txt").write_text("".join(_sentence(number) for number in range(40, 52)))


def _sentence(number: int) -> str:
    """A sentence in columns, its entities tagged as IOB1 does; a document begins with every fourth."""
    name, town = NAMES[number % 4].split(), TOWNS[number % 3].split()
    pairs = [*((word, "I-PERSON") for word in name), (f"met{number}", "O"), ("in", "O")]
    pairs += [*((word, "I-TOWN") for word in town), (".", "O")]
    head = "-DOCSTART- O\n\n" if number % 4 == 0 else ""
    return head + "".join(f"{word} {tag}\n" for word, tag in pairs) + "\n"


SOURCES: dict[str, dict[str, Any]] = {
    "classification": {"type": "images", "path": "pictures", "splits": {"train": {}}},
    "vqa": {
        "type": "jsonl",
        "path": "questions.json",
        "images": "pictures",
        "fields": {"question": "question", "references": "answers", "image": "image"},
        "splits": {"train": {}},
    },
    "captioning": {
        "type": "csv",
        "path": "captions.csv",
        "images": "pictures",
        "fields": {"image": "image", "references": "caption"},
        "group_by": "image",
        "splits": {"train": {}},
    },
    "ner": {"type": "conll", "path": "train.txt", "splits": {"train": {}, "dev": {"path": "dev.txt"}}},
}
METRICS = {"classification": "accuracy", "vqa": "vqa_accuracy", "captioning": "cider", "ner": "entity_f1"}


def write_task(folder: Path, kind: str) -> Path:
    """The task file of a kind beside the data."""
    task = {"name": f"made_{kind}", "kind": kind, "source": SOURCES[kind], "metrics": [METRICS[kind]]}
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(task))
    return path


def made_recipe(kind: str, data: Mapping[str, Any] | None = None, **changes: Any) -> Recipe:
    """A recipe for a training of seconds on the made data of a kind."""
    content = read_recipe(RECIPES / "tiny.yaml").model_dump()
    content["data"] = {"task": f"{kind}.yaml", "validation": 0.25, "length": 64, **(data or {})}
    content["model"]["fusion"]["kind"] = "none" if kind == "ner" else "prefix"
    content |= {"images": 64, "batch": 8, "sight": {"first": 0}}
    content["validation"] = {"every": 4, "scenes": 6, "patience": 50}
    return Recipe.model_validate(content | changes)
