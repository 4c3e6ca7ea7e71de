"""A task opened: its samples read and checked, and those chosen that a limit keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from velm_bench.engine.settings import RunSettings
from velm_bench.engine.treating import find_treatment
from velm_bench.engine.treatment import Treat, as_it_is
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.base import Model
from velm_bench.registry import suggestion
from velm_bench.results.provenance import redact_text
from velm_bench.samples import Sample
from velm_bench.sources.base import Place, Source
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
    revision: str = ""
    """The commit that the data is from, where the source knows it."""


def open_task(definition: Definition, settings: RunSettings) -> Opened:
    """Read a task's samples; UsageError for data that is missing, duplicated, or not as many as expected."""
    task = definition.task
    source = open_source(definition, settings)
    samples = tuple(source.samples())
    _check(task, samples)
    kind = KINDS.get(task.kind)(task, source.options())
    chosen = limited(samples, settings.limit, settings.seed)
    return Opened(task, kind, source.fingerprint(), samples, chosen, source.revision())


def open_source(definition: Definition, settings: RunSettings) -> Source:
    """The source of a task's samples; UsageError for data that is missing or malformed as a whole."""
    source_class, section = definition.task.source_settings()
    place = Place(settings.data, definition.path.resolve().parent, definition.words)
    return source_class.open(section, place, definition.task.kind)


def begin_treatment(opened: Opened, model: Model, settings: RunSettings) -> Treat:
    """What becomes of each sample before it is asked.

    UsageError where a control or a perturbation would change nothing that this model is asked: such a run would say
    that a model does not look, or that it stands everything, without having tried.
    """
    if not settings.control:
        return as_it_is
    if not model.sees:
        raise UsageError(
            f"The answers of '{redact_text(model.identity.name)}' were given elsewhere, whatever is shown here: no "
            "control and no perturbation can be run without the model itself."
        )
    treatment = find_treatment(settings.control)
    treat = treatment.begin(opened.everything, settings.seed)
    askable = (sample for sample in opened.chosen if not opened.kind.problem(sample))
    if not any(_changes(treat, sample, opened.kind, model) for sample in askable):
        raise UsageError(treatment.idle(opened.task.name))
    return treat


def _changes(treat: Treat, sample: Sample, kind: Kind, model: Model) -> bool:
    """Whether the treatment changes what is asked about a sample."""
    try:
        shown = treat(sample).sample
    except SampleError:
        return False
    return kind.request(shown, model.abilities) != kind.request(sample, model.abilities)


def limited(samples: tuple[Sample, ...], limit: int | None, seed: int) -> tuple[Sample, ...]:
    """A seeded choice of `limit` samples in source order; with the same seed a smaller limit is part of a larger.

    Twins (samples that share `facts["pair"]`) are chosen together, but for the last that the limit may cut off.
    """
    if limit is None or limit >= len(samples):
        return samples
    kept = {sample.id for sample in sorted(samples, key=lambda sample: _rank(sample, seed))[:limit]}
    return tuple(sample for sample in samples if sample.id in kept)


def _rank(sample: Sample, seed: int) -> bytes:
    """What decides a sample's place in the choice; the same for twins, which a stable sort leaves side by side."""
    pair = sample.facts.get("pair")
    unit = sample.id if pair is None else str(pair)
    return hashlib.sha256(f"{seed}:{unit}".encode("utf-8", "surrogatepass")).digest()


def _check(task: Task, samples: Sequence[Sample]) -> None:
    if not samples:
        raise UsageError(f"The data of task '{task.name}' has no samples: check its 'source' section.")
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise UsageError(f"The data of task '{task.name}' has the id '{sample.id}' twice: ids must be unique.")
        seen.add(sample.id)
        _require_storable(task, sample)
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


def _require_storable(task: Task, sample: Sample) -> None:
    """Refuse an id, group or slice that the samples file could not hold as it is."""
    for what, text in (
        ("id", sample.id),
        ("group", sample.group),
        *(("slice", text) for pair in sample.slices.items() for text in pair),
    ):
        _require_encodable(task, what, text)


def _require_encodable(task: Task, what: str, text: Any) -> None:
    try:
        str(text).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The data of task '{task.name}' has the {what} {text!a}, which is no valid Unicode text: mend it."
        ) from error


def _known_slices(name: str, known: set[str]) -> str:
    return suggestion(name, list(known)) if known else "its data has no slices."
