"""A mixed task set: captions, questions about none, one or two pictures, classes and entities, in a folder of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

SIZES = ((32, 32), (40, 90), (64, 20), (48, 64), (96, 33), (30, 31))
"""Heights and widths of the pictures, in pixels."""
LABELS = ("red", "green", "blue", "white")
SETTINGS: dict[str, dict[str, Any]] = {
    "captioning": {"metrics": ["exact_match"], "generation": {"max_new_tokens": 6}},
    "vqa": {"metrics": ["exact_match"], "generation": {"max_new_tokens": 6}},
    "classification": {"metrics": ["accuracy"], "labels": list(LABELS), "prompt": "{hint} Which colour is it?"},
    "ner": {"metrics": ["entity_f1"], "labels": ["PER", "LOC"], "generation": {"max_new_tokens": 6}},
}


def make_tasks(folder: Path) -> dict[str, Definition]:
    """Write pictures, records and a task per kind; the definitions by kind."""
    rng = np.random.default_rng(20)
    for number, (height, width) in enumerate(SIZES):
        Image.fromarray(scene(rng, height, width)).save(folder / f"{number}.png")
    rows = {"captioning": captions(), "vqa": questions(), "classification": classes(), "ner": sentences()}
    return {kind: write_task(folder, kind, found) for kind, found in rows.items()}


def scene(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Four patches of random colours with a little noise, so that every part of a picture differs from the others."""
    colours = rng.integers(0, 256, (2, 2, 3))
    rows, columns = np.arange(height) * 2 // height, np.arange(width) * 2 // width
    noise = rng.integers(-20, 21, (height, width, 3))
    return np.clip(colours[rows[:, None], columns[None, :]] + noise, 0, 255).astype(np.uint8)


def captions() -> list[dict[str, Any]]:
    """Every picture is to be described."""
    return [row("captioning", number, [number], ["a red circle"]) for number in range(len(SIZES))]


def questions() -> list[dict[str, Any]]:
    """Questions of different lengths: six about one picture, three about two, three about none."""
    asked = [
        "how many stars are there?",
        "what colour is it?",
        "is there a square left of the one yellow star? yes or no",
    ]
    shown = [[0], [1], [2], [3], [0], [1], [2, 4], [4, 0], [1, 1], [], [], []]
    return [row("vqa", number, pictures, ["2"], question=asked[number % 3]) for number, pictures in enumerate(shown)]


def classes() -> list[dict[str, Any]]:
    """Every picture is to be put into one of four classes, with hints of different lengths."""
    hints = ["", "There may be several.", "Look at the largest one, left of the square."]
    return [row("classification", number, [number], LABELS[number % 4], hint=hints[number % 3]) for number in range(6)]


def sentences() -> list[dict[str, Any]]:
    """Sentences of different lengths, each with a picture."""
    texts = ["Ada saw Paris", "Grace lives", "the fox and Ada went to Rome in the night", "nobody", "Rome is far away"]
    names = {"Ada": "B-PER", "Grace": "B-PER", "Paris": "B-LOC", "Rome": "B-LOC"}
    found = []
    for number, text in enumerate(texts):
        tokens = text.split()
        found.append(row("ner", number, [number], [names.get(token, "O") for token in tokens], tokens=tokens))
    return found


def row(kind: str, number: int, pictures: list[int], gold: Any, **inputs: Any) -> dict[str, Any]:
    """One record."""
    return {"id": f"{kind}-{number:02d}", "images": [f"{one}.png" for one in pictures], "gold": gold, **inputs}


def write_task(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Definition:
    """A task over records, in YAML (which JSON is)."""
    (folder / f"{kind}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    own = {"vqa": {"question": "question"}, "ner": {"tokens": "tokens"}, "classification": {"inputs": {"hint": "hint"}}}
    fields = {"id": "id", "image": "images", "references": "gold", "group": "id", **own.get(kind, {})}
    source = {"type": "jsonl", "path": f"{kind}.jsonl", "fields": fields}
    path = folder / f"{kind}.yaml"
    path.write_text(json.dumps({"name": f"mixed_{kind}", "kind": kind, "source": source, **SETTINGS[kind]}))
    return Definition(load_task(path), path)
