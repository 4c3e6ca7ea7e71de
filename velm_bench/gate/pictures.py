"""The questions and pictures of flipped samples, read from the tasks' own sources on this machine.

A picture is shown only where the sample's content is, by its digest, what the run was about: never a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from velm_bench.engine.opening import Opened, open_task
from velm_bench.engine.pictures import encode_png, enlarged, shrunk
from velm_bench.engine.plan import content_digest
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import SampleError, UsageError, VelmError
from velm_bench.gate.evidence import CONTENT_DIGITS, Evidence
from velm_bench.gate.schema import Flip
from velm_bench.results.schema import Result
from velm_bench.samples import Picture, Sample
from velm_bench.schema import parse
from velm_bench.sources.hub.kept import in_cache
from velm_bench.sources.hub.mirror import in_mirrors
from velm_bench.sources.hub.remote import COMMIT
from velm_bench.sources.hub.settings import HubSettings
from velm_bench.tasks.definition import GenerationSettings, Task
from velm_bench.tasks.registry import Definition, definitions, resolve

SIDE = 448
"""Larger pictures are made smaller, to so many pixels along the longer edge."""
SMALL = 224
"""Smaller ones are enlarged by whole pixels up to about this."""
MOST = 4
"""How many pictures of a sample are shown."""


@dataclass(frozen=True)
class Shown:
    """One sample as a report shows it."""

    question: str
    """The question, the words to be tagged, or the prompt; empty where there is none of these."""
    pngs: tuple[bytes, ...] = ()
    """Its pictures; empty where it has none, or none can be read."""


@dataclass(frozen=True)
class Pictures:
    """What reports show of the flipped samples besides the answers."""

    samples: Mapping[tuple[str, str], Shown] = field(default_factory=dict)
    """By the task's title and the sample's id."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """By title, why there is nothing, or not all: a sentence."""

    def of(self, flip: Flip) -> Shown | None:
        """The sample of a flip; None where it is not known here."""
        return self.samples.get((flip.task, flip.id))

    def asked(self, flips: Sequence[Flip]) -> list[Flip]:
        """The flips with the questions that are known here, where they have none yet."""
        found = [(flip, self.of(flip)) for flip in flips]
        return [
            flip if flip.question or known is None else flip.model_copy(update={"question": known.question})
            for flip, known in found
        ]


def find_pictures(candidate: Sequence[Evidence], flips: Sequence[Flip], data: Sequence[Path] = ()) -> Pictures:
    """Questions and pictures of the flipped samples, as far as the data is on this machine; never raises a VelmError.

    What to open is what the run's own result says. Nothing is downloaded: `data` and the kept files of the hub's client
    are looked at. Where a task's data is not here, is other data, or is not named (an imported run, a baseline file),
    there is a sentence instead.
    """
    samples: dict[tuple[str, str], Shown] = {}
    notes: dict[str, str] = {}
    for title in dict.fromkeys(flip.task for flip in flips):
        ids = dict.fromkeys(flip.id for flip in flips if flip.task == title)
        try:
            one = _with_run(candidate, title)
            found = _shown(one, list(ids), tuple(data))
            samples |= {(title, name): shown for name, shown in found.items()}
            notes |= _remark(one, len(ids) - len(found))
        except (VelmError, OSError, ValueError, ImportError) as error:
            said = " ".join(str(error).split())
            known = isinstance(error, _AbsentError)
            notes[title] = said if known else f"The pictures of {title} cannot be read: {said:.300}"
    return Pictures(samples, notes)


class _AbsentError(UsageError):
    """Why a task's pictures cannot be shown, as a whole sentence."""


def _with_run(candidate: Sequence[Evidence], title: str) -> Evidence:
    """The first evidence of a task with a run of our own; _AbsentError where there is none."""
    found = [one for one in candidate if one.title == title]
    for one in found:
        if one.run is not None and not one.imported:
            return one
    if any(one.imported for one in found):
        raise _AbsentError(
            f"The pictures of {title} are not shown: another harness ran it, whose data is not known here."
        )
    raise _AbsentError(f"The pictures of {title} are not shown: no run with its answers is here, only a baseline.")


def _shown(one: Evidence, ids: Sequence[str], data: tuple[Path, ...]) -> dict[str, Shown]:
    """The samples that are here with the content that the run was about; _AbsentError where none is."""
    if one.run is None:
        raise _AbsentError(f"The pictures of {one.title} are not shown: its run is not here.")
    opened = _open(one.run.result, data)
    place = {name: at for at, name in enumerate(one.ids.tolist())}
    here = {sample.id: sample for sample in opened.everything}
    found = {}
    for name in ids:
        sample = here.get(name)
        if sample is not None and name in place and _same(sample, str(one.contents[place[name]]), one, opened):
            found[name] = Shown(_question(opened, sample), _pngs(sample.images[:MOST]))
    if ids and not found:
        raise _AbsentError(
            f"The pictures of {one.title} are not shown: the data on this machine is not what the run asked."
        )
    return found


def _same(sample: Sample, content: str, one: Evidence, opened: Opened) -> bool:
    """Whether a sample here is the one that was asked: by its content, or by the data set's fingerprint."""
    if content:
        return content_digest(sample)[:CONTENT_DIGITS] == content
    return opened.fingerprint == one.fingerprint


def _remark(one: Evidence, missing: int) -> dict[str, str]:
    """What a reader must know about the pictures of a task, if anything."""
    said = [f"{missing} of its samples are not shown: they differ from the data on this machine."] if missing else []
    control = one.run.result.control if one.run is not None else ""
    if control:
        said.append(f"The model was not shown these pictures as they are ({control}).")
    return {one.title: " ".join(said)} if said else {}


def _open(result: Result, data: tuple[Path, ...]) -> Opened:
    """The task of a run with its data; _AbsentError where the result does not say all of it, or it is not here."""
    where = f"the definition of task '{result.task.name}' in its result"
    task = parse(Task, _as_written(result.task.definition), where)
    if task.digest() != result.task.digest:
        raise _AbsentError(
            f"The pictures of {result.title} are not shown: its result does not say all of the task (the key of a "
            "secret split is hidden, or the file was changed)."
        )
    return open_task(Definition(_on_this_machine(task, data), _file(result)), RunSettings(Path(), data=data))


def _as_written(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without the defaults of its generation settings, of which some are refused where they do nothing."""
    settings = definition.get("generation")
    if not isinstance(settings, dict):
        return dict(definition)
    defaults = GenerationSettings().model_dump(mode="json")
    changed = {name: value for name, value in settings.items() if name not in defaults or value != defaults[name]}
    return {**definition, "generation": changed}


def _file(result: Result) -> Path:
    """The task's file, beside which its data may lie: the shipped one, or what the run's command named."""
    shipped = definitions().get(result.task.name.partition(":")[0])
    if shipped is not None:
        return shipped.path
    words = result.provenance.command
    for flag, value in pairwise(words):
        if flag == "--tasks":
            try:
                named = [one.path for one in resolve(value) if one.task.name == result.task.name]
            except VelmError:
                named = []
            if named:
                return named[0]
    return Path("task.yaml")


def _on_this_machine(task: Task, data: tuple[Path, ...]) -> Task:
    """The task, so pinned that nothing is downloaded; _AbsentError where that would be needed.

    A data set of the hub is read from the data folders, or from what its client has kept, at the commit of that.
    """
    _, section = task.source_settings()
    if not isinstance(section, HubSettings):
        return task
    parts = section.all_parts()
    if all(in_mirrors(part, data) for part in parts):
        return task
    kept = [found for part in parts if (found := in_cache(part)) is not None]
    if len(kept) == len(parts) and all(COMMIT.fullmatch(part.revision) for part in parts):
        return task
    commits = {found.commit for found in kept}
    if len(kept) == len(parts) and len(commits) == 1 and COMMIT.fullmatch(min(commits)):
        return task.model_copy(update={"source": {**task.source, "revision": min(commits)}})
    raise _AbsentError(
        f"The pictures of {task.name} are not shown: its data set is in no data folder: give its folder with --data or "
        "VELM_DATA."
    )


def _question(opened: Opened, sample: Sample) -> str:
    """The question itself where the sample has one, else the words that were to be tagged, else the prompt."""
    asked = sample.inputs.get("question")
    if "tokens" in sample.inputs:
        return " ".join(map(str, sample.inputs["tokens"]))
    if isinstance(asked, str) and not sample.inputs.get("options"):
        return asked
    try:
        return opened.kind.text(sample)
    except VelmError:
        return asked if isinstance(asked, str) else ""


def _pngs(pictures: Sequence[Picture]) -> tuple[bytes, ...]:
    """The pictures that can be read, of a size for a report."""
    found = []
    for picture in pictures:
        try:
            found.append(encode_png(enlarged(shrunk(picture.decode(), SIDE), SMALL)))
        except SampleError:
            continue
    return tuple(found)
