"""A task opened: its samples read and checked, and those chosen that a limit keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.samples import Sample
from velm_bench.sources.base import Place
from velm_bench.tasks.base import Kind
from velm_bench.tasks.definition import Task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.registry import Definition


@dataclass(frozen=True)
class Opened:
    """A task with its data."""

    task: Task
    kind: Kind
    fingerprint: str
    """The source's digest."""
    everything: tuple[Sample, ...]
    """All samples, in source order."""
    chosen: tuple[Sample, ...]
    """Those to ask, in source order."""


def open_task(definition: Definition, settings: RunSettings) -> Opened:
    """Read a task's samples; UsageError for data that is missing, duplicated, or not as many as expected."""
    task = definition.task
    source_class, section = task.source_settings()
    place = Place(settings.data, definition.path.resolve().parent)
    source = source_class.open(section, place, task.kind)
    samples = tuple(source.samples())
    _check(task, samples)
    kind = KINDS.get(task.kind)(task, source.options())
    return Opened(task, kind, source.fingerprint(), samples, limited(samples, settings.limit, settings.seed))


def limited(samples: tuple[Sample, ...], limit: int | None, seed: int) -> tuple[Sample, ...]:
    """A seeded choice of `limit` samples in source order; with the same seed a smaller limit is part of a larger."""
    if limit is None or limit >= len(samples):
        return samples
    ranked = sorted(samples, key=lambda sample: hashlib.sha256(f"{seed}:{sample.id}".encode()).digest())
    kept = {sample.id for sample in ranked[:limit]}
    return tuple(sample for sample in samples if sample.id in kept)


def _check(task: Task, samples: Sequence[Sample]) -> None:
    if not samples:
        raise UsageError(f"The data of task '{task.name}' has no samples: check its 'source' section.")
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise UsageError(f"The data of task '{task.name}' has the id '{sample.id}' twice: ids must be unique.")
        seen.add(sample.id)
    if task.expected_samples is not None and len(samples) != task.expected_samples:
        raise UsageError(
            f"The data of task '{task.name}' has {len(samples)} samples where 'expected_samples' says "
            f"{task.expected_samples}: it is incomplete or another version."
        )
    known = {name for sample in samples for name in sample.slices}
    for name in task.slices:
        if name not in known:
            raise UsageError(
                f"The task '{task.name}' names the slice '{name}', which no sample has: {_known_slices(name, known)}"
            )


def _known_slices(name: str, known: set[str]) -> str:
    return suggestion(name, list(known)) if known else "its data has no slices."
