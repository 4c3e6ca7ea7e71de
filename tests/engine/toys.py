"""Small tasks and models for the tests of the engine: real files, a real source, answers that depend on the pixels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velm_bench.digests import digest_json
from velm_bench.engine.settings import RunSettings
from velm_bench.models.base import Identity, Model
from velm_bench.samples import Ability, ChoiceAnswer, ChooseRequest, Request, TagAnswer, TagRequest, TextAnswer
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

FIELDS = {
    "vqa": {"id": "id", "image": "image", "question": "question", "answers": "gold", "group": "image", "slices": ["q"]},
    "classification": {"id": "id", "image": "image", "label": "gold", "slices": ["q"]},
    "ner": {"id": "id", "image": "image", "tokens": "tokens", "tags": "gold", "slices": ["q"]},
}
METRICS = {"vqa": ["vqa_accuracy", "exact_match"], "classification": ["accuracy", "ece"], "ner": ["entity_f1"]}
LABELS = {"vqa": [], "classification": ["dark", "light"], "ner": ["PER"]}
GOLD: dict[str, Callable[[int], Any]] = {
    "vqa": lambda i: [str(i % 3)] * 10,
    "classification": lambda i: ["dark", "light"][i % 2],
    "ner": lambda i: ["B-PER", "O"][: 1 + i % 2],
}


def draw(path: Path, level: int) -> None:
    """A small picture of one grey level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 8, 3), level, np.uint8)).save(path)


def rows_of(kind: str, n: int) -> list[dict[str, Any]]:
    """The records of a toy data set: prompts of different lengths, two samples per picture."""
    return [
        {
            "id": f"s{i:03d}",
            "image": f"pictures/{i // 2}.png",
            "question": f"How many? {'please ' * (i % 5)}",
            "tokens": ["Ada", "runs"][: 1 + i % 2],
            "gold": GOLD[kind](i),
            "q": ["even", "odd"][i % 2],
        }
        for i in range(n)
    ]


def make_task(folder: Path, n: int = 12, kind: str = "vqa", rows: Any = None, **changes: Any) -> Definition:
    """A task in a folder: records, pictures and the YAML (which is JSON, and so YAML)."""
    records = rows_of(kind, n) if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for record in records:
        picture = folder / record["image"]
        if not picture.exists() and "missing" not in record["image"]:
            draw(picture, 10 * int(picture.stem))
    task = {
        "name": "toy",
        "kind": kind,
        "source": {"type": "jsonl", "path": "data.jsonl", "fields": FIELDS[kind]},
        "metrics": METRICS[kind],
        "slices": ["q"],
        **({"labels": LABELS[kind]} if LABELS[kind] else {}),
        **changes,
    }
    path = folder / "toy.yaml"
    path.write_text(json.dumps(task))
    return Definition(load_task(path), path)


def settings(output: Path, **changes: Any) -> RunSettings:
    """Settings for a quick run in small batches."""
    return RunSettings(output, **{"batch_size": 4, "workers": 2, "replicates": 50, **changes})


class OutOfMemoryError(RuntimeError):
    """What a device raises when a batch is too large."""


def _unspoiled(sample_id: str, answer: Any) -> Any:
    return answer


def _count(request: Request, level: int) -> TextAnswer:
    return TextAnswer(str(level // 10 % 3), 1)


class Toy(Model):
    """Answers from the brightness of the picture; keeps count of what it was asked, also in a file."""

    abilities = frozenset(Ability)
    batch_size = 8

    def __init__(self, log: Path | None = None, name: str = "toy:model", **identity: Any) -> None:
        self.identity = Identity(name, digest_json(["toy", name, identity]))
        self.log = log
        self.batches: list[list[str]] = []
        self.loads = 0
        self.poison: set[str] = set()
        self.unreadable: set[str] = set()
        self.capacity = 10**9
        self.spoil: Callable[[str, Any], Any] = _unspoiled

    @property
    def asked(self) -> list[str]:
        """The ids asked so far, in order."""
        return [sample_id for batch in self.batches for sample_id in batch]

    def load(self) -> None:
        self.loads += 1

    def out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, OutOfMemoryError)

    def prepare(self, request: Request) -> Any:
        if request.sample_id in self.unreadable:
            raise ZeroDivisionError("cannot prepare")
        return request, sum(int(picture.decode().mean()) for picture in request.images)

    def _take(self, prepared: Sequence[Any]) -> None:
        ids = [request.sample_id for request, _ in prepared]
        self.batches.append(ids)
        if self.log:
            with self.log.open("a") as stream:
                stream.write(" ".join(ids) + "\n")
        if len(prepared) > self.capacity:
            raise OutOfMemoryError(f"{len(prepared)} do not fit")
        if self.poison & set(ids):
            raise ValueError("poison")

    def _answers(self, prepared: Sequence[Any], make: Callable[[Any, int], Any]) -> list[Any]:
        self._take(prepared)
        return [self.spoil(request.sample_id, make(request, level)) for request, level in prepared]

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        return self._answers(prepared, _count)

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]:
        def weigh(request: ChooseRequest, level: int) -> ChoiceAnswer:
            return ChoiceAnswer((-0.1 - level / 1000,) + (-2.0,) * (len(request.options) - 1))

        return self._answers(prepared, weigh)

    def tag(self, prepared: Sequence[Any]) -> Sequence[TagAnswer]:
        def label(request: TagRequest, level: int) -> TagAnswer:
            return TagAnswer(("B-PER",) + ("O",) * (len(request.tokens) - 1))

        return self._answers(prepared, label)


def saying(text: str) -> Toy:
    """The model that gives this one answer; by its identity it is the same as any other toy."""
    model = Toy()
    model.spoil = lambda *_: TextAnswer(text)
    return model
