"""The samples of a listed task, read from the task's own source on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from velm_bench.board.listings.listing import ListedTask
from velm_bench.engine.opening import open_task
from velm_bench.engine.pictures import encode_png, enlarged, large, shrunk, thumbnail
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import VelmError
from velm_bench.samples import Sample
from velm_bench.tasks.base import Kind
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

__all__ = ["Questions", "encode_png", "enlarged", "large", "questions", "shrunk", "thumbnail"]

_LOCK = Lock()


@dataclass(frozen=True)
class Questions:
    """What a task asks, as far as this machine knows."""

    samples: Mapping[str, Sample]
    """By id; empty where the data is not here."""
    kind: Kind | None = None
    note: str = ""
    """Why there is nothing, a sentence."""

    def prompt(self, sample: Sample) -> str:
        """The prompt for a sample; empty where there is none."""
        try:
            return self.kind.text(sample) if self.kind else ""
        except VelmError:
            return ""

    def options(self, sample: Sample) -> tuple[str, ...]:
        """What there is to choose from; empty where the answer is free."""
        given = sample.inputs.get("options", ())
        return tuple(map(str, given)) if isinstance(given, list | tuple) else ()


def questions(task: ListedTask, data: Sequence[Path] = (), snapshot: str = "") -> Questions:
    """The samples of a task, read once per process and snapshot; nothing but a sentence where that is not possible."""
    if task.file is None:
        return Questions({}, note=f"The file of the task {task.name} is not on this machine: pictures are not shown.")
    try:
        with _LOCK:  # two readers of a page would else read the data twice
            return _read(task.file, task.split, task.limit, task.seed, tuple(data), snapshot)
    except (VelmError, OSError, ValueError, ImportError) as error:
        said = " ".join(str(error).split())
        return Questions({}, note=f"The data of {task.name} cannot be read on this machine: {said:.300}")


@lru_cache(maxsize=6)
def _read(file: Path, split: str, limit: int | None, seed: int, data: tuple[Path, ...], snapshot: str) -> Questions:
    task = load_task(file)
    definition = Definition(task.on_split(split) if split else task, file)
    opened = open_task(definition, RunSettings(Path(), data=data, limit=limit, seed=seed))
    return Questions({sample.id: sample for sample in opened.chosen}, opened.kind)
