"""Whether a model looks: its lead over itself with grey pictures, and over the majority, on each embedded task."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import open_model
from velm_bench.results.pairing import paired
from velm_bench.tasks.registry import resolve

ASKED = (
    ("captioning", "cider", {}),
    ("vqa", "vqa_accuracy", {}),
    ("classification", "accuracy", {}),
    ("ner", "entity_f1", {"needs_image": "yes"}),
)


def run(reference: str, task: str, output: Path, control: str, limit: int | None) -> Path:
    """The folder of a run."""
    settings = RunSettings(output=output, control=control, limit=limit)
    return evaluate(resolve(task)[0], open_model(reference), settings).folder


def main(reference: str = "ref:prefix", limit: int | None = None) -> None:
    """Print a line per task and comparison."""
    print(f"{reference}: difference of the score, 95 % interval of the paired cluster bootstrap")
    with tempfile.TemporaryDirectory() as folder:
        for task, output, where in ASKED:
            sighted = run(reference, task, Path(folder), "", limit)
            for name, other, control in (("grey pictures", reference, "blank"), ("majority", "baseline:majority", "")):
                lead = paired(run(other, task, Path(folder), control, limit), sighted, output, where)
                print(f"{task:<15}{output:<14}over {name:<14}{lead.value:+.4f}  [{lead.low:+.4f}, {lead.high:+.4f}]")


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
