"""A task whose right answers the test server knows: what colour is this picture, question by question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velm_bench.results.store import read_samples
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

TASK = {
    "name": "colours",
    "kind": "vqa",
    "source": {
        "type": "jsonl",
        "path": "rows.jsonl",
        "fields": {"id": "id", "image": "image", "question": "question", "answers": "answers"},
    },
    "prompt": "{question}",
    "metrics": ["exact_match"],
}


def colour(number: int) -> tuple[int, int, int]:
    """The colour of a sample's picture, another for each."""
    return (number % 256, number // 256, 7 * number % 256)


def make_colours(folder: Path, n: int, **changes: Any) -> Definition:
    """The task in a folder: n pictures of one colour each, questions of different lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(n):
        Image.fromarray(np.full((8, 8, 3), colour(number), np.uint8)).save(folder / f"{number}.png")
        question = f"what is number {number}{' of all' * (number % 7)}"
        right = f"{'-'.join(map(str, colour(number)))} {question}"
        rows.append({"id": f"s{number:03d}", "image": f"{number}.png", "question": question, "answers": [right]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / "colours.yaml"
    path.write_text(json.dumps({**TASK, **changes}), encoding="utf-8")
    return Definition(load_task(path), path)


def right_answers(folder: Path) -> dict[str, str]:
    """What the server should say of each sample."""
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["answers"][0] for row in map(json.loads, lines)}


def given_answers(run: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The predictions of a run, and the errors, by sample id."""
    rows = read_samples(run).select(["id", "prediction", "error"]).to_pylist()
    right = {row["id"]: json.loads(row["prediction"]) for row in rows if not row["error"]}
    return right, {row["id"]: row["error"] for row in rows if row["error"]}
