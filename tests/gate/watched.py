"""A task of many small samples and models that answer as many of them wrong as told, for the tests of --fail-fast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.runner import Run, evaluate
from velm_bench.gate.evidence import Evidence, evidence_of
from velm_bench.results.pairing import read_run
from velm_bench.samples import TextAnswer
from velm_bench.tasks.registry import Definition

SAMPLES = 200
FIELDS = {"id": "id", "image": "image", "question": "question", "answers": "gold", "group": "set", "slices": ["q"]}


def many(folder: Path, per_group: int = 1, n: int = SAMPLES, **changes: Any) -> Definition:
    """A task of so many questions, of which `per_group` in a row are of one group; Toy answers all of them right."""
    rows = [
        {
            "id": f"s{place:03d}",
            "image": f"pictures/{place % 9}.png",
            "question": "How many?",
            "gold": [str(place % 9 % 3)] * 10,
            "set": f"g{place // per_group}",
            "q": ["even", "odd"][place % 2],
        }
        for place in range(n)
    ]
    source = {"type": "jsonl", "path": "data.jsonl", "fields": FIELDS}
    return make_task(folder, rows=rows, source=source, **changes)


def wrong(which: Callable[[int], bool], name: str = "toy:worse") -> Toy:
    """A model that is wrong where told, by the samples' numbers."""
    model = Toy(name=name)
    model.spoil = lambda sample, answer: TextAnswer("wrong") if which(int(sample[1:])) else answer
    return model


def baseline(task: Definition, root: Path, model: Toy | None = None, **changes: Any) -> Evidence:
    """The evidence of a finished run."""
    run: Run = evaluate(task, model or Toy(), settings(root / "before", **changes))
    return evidence_of(read_run(run.folder))


def folder_of(root: Path) -> Path:
    """The only folder of a run there is."""
    (found,) = {path.parent for path in root.glob("*/*/*/*")}
    return found
