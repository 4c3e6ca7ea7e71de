"""The samples that a task's textbook is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from velm_bench.errors import RunError, SampleError, UsageError
from velm_bench.reference.processing import blank_picture, fit_picture
from velm_bench.samples import EncodedPicture, Pixels, Sample
from velm_bench.sources.base import Place
from velm_bench.tasks.base import Kind
from velm_bench.tasks.definition import Task, load_task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.registry import resolve

Row = tuple[int, ...]
"""Samples by their numbers: all that share a picture, or one that has none."""


@dataclass(frozen=True)
class Samples:
    """The usable samples of a task's split."""

    kind: Kind
    held: tuple[Sample, ...]
    fingerprint: str
    """The identity of the data that they come from."""

    @classmethod
    def of(cls, task: Task, place: Place) -> Samples:
        """Read them; UsageError where the data is missing or none of it can be used."""
        source_class, section = task.source_settings()
        source = source_class.open(section, place, task.kind)
        kind = KINDS.get(task.kind)(task, source.options())
        usable = tuple(sample for sample in source.samples() if sample.references and not kind.problem(sample))
        if not usable:
            raise UsageError(f"The data of task '{task.name}' has no samples to train on: check its 'source' section.")
        return cls(kind, usable, source.fingerprint())

    def rows(self) -> list[Row]:
        """The samples of each picture; those without one each alone."""
        found: dict[object, list[int]] = {}
        for number, sample in enumerate(self.held):
            found.setdefault(_picture_key(sample, number), []).append(number)
        return [tuple(numbers) for numbers in found.values()]


def _picture_key(sample: Sample, number: int) -> object:
    """What samples of one picture share; a picture that is not a file is taken for one of its own."""
    picture = sample.images[0] if sample.images else None
    return picture.source if isinstance(picture, EncodedPicture) and isinstance(picture.source, Path) else number


def sized(sample: Sample, size: int) -> Pixels:
    """A sample's picture as the model takes it, a blank one where it has none; RunError for one that cannot be read."""
    if not sample.images:
        return blank_picture(size)
    try:
        return fit_picture(sample.images[0].decode(), size)
    except SampleError as error:
        raise RunError(f"Training cannot see the picture of sample '{sample.id}': {error}") from error


def find_task(name: str, beside: Path) -> tuple[Task, Path]:
    """A task by its shipped name or its file, looked for from `beside` on, and the folder that the file lies in."""
    if name.endswith((".yaml", ".yml")):
        path = beside / name
        return load_task(path), path.resolve().parent
    found = resolve(name)
    if len(found) != 1:
        raise UsageError(f"data.task '{name}' names {len(found)} tasks: name one.")
    return found[0].task, found[0].path.resolve().parent
