"""Worked examples: drawn for each sample from the training data of its task, never from its own picture.

Which ones a sample gets depends on the seed, its id and the training data, and on nothing else: not on `--limit`, on
the batch size, or on what a control does to the sample. The examples themselves are never under a control.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from velm_bench.engine.opening import Opened, limited, open_source
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.base import Model
from velm_bench.results.provenance import redact_text
from velm_bench.results.schema import WorkedExamples
from velm_bench.samples import Ability, Picture, Sample, Shot
from velm_bench.tasks.base import Kind
from velm_bench.tasks.registry import Definition

MOST = 2048
"""Examples are drawn from so many samples of the training data at most, a seeded choice: each is read before use."""

Draw = Callable[[Sample], tuple[Shot, ...]]
"""The worked examples of a sample; safe on any thread."""


def no_shots(sample: Sample) -> tuple[Shot, ...]:
    """What is drawn without --shots."""
    return ()


@dataclass(frozen=True)
class Candidate:
    """A sample of the training data as an example."""

    id: str
    cluster: str
    pictures: frozenset[str]
    """The digests of its pictures."""
    shot: Shot


class Pool:
    """The training data of a task; `draw` is what runs ask for."""

    def __init__(
        self, samples: Sequence[Sample], kind: Kind, abilities: Collection[Ability], told: WorkedExamples, seed: int
    ) -> None:
        self.samples, self.kind, self.abilities = samples, kind, abilities
        self.told = told
        """What the result says of the examples."""
        self.seed = seed
        self._known: dict[int, Candidate | None] = {}

    def draw(self, sample: Sample) -> tuple[Shot, ...]:
        """So many examples as are wanted, in a random order; UsageError where there are too few."""
        found: list[Shot] = []
        own = frozenset(digest for digest in map(_digest, sample.images) if digest)
        for place in shuffled(len(self.samples), Random(f"shots:{self.seed}:{sample.id}")):
            candidate = self._candidate(place)
            if candidate and not _is_own(candidate, sample, own):
                found.append(candidate.shot)
            if len(found) == self.told.count:
                return tuple(found)
        raise UsageError(
            f"--shots {self.told.count} is more than the split '{self.told.split}' of task '{self.kind.task.name}' has "
            f"for sample '{sample.id}': {len(found)} of its {len(self.samples)} samples can be examples."
        )

    def _candidate(self, place: int) -> Candidate | None:
        """The example at a place; None where the sample there cannot be one, as when its picture cannot be decoded."""
        if place not in self._known:
            self._known[place] = self._worked(self.samples[place])
        return self._known[place]

    def _worked(self, sample: Sample) -> Candidate | None:
        if self.kind.problem(sample) or self.kind.truth(sample) is None:
            return None
        try:
            pictures = frozenset(picture.digest for picture in sample.images)
            for picture in sample.images:
                picture.decode()
            asked = self.kind.request(sample, self.abilities)
        except SampleError:
            return None
        shot = Shot(sample.images, asked.prompt, self.kind.worked_answer(sample))
        return Candidate(sample.id, sample.cluster, pictures, shot)


def open_shots(definition: Definition, opened: Opened, model: Model, settings: RunSettings) -> Pool | None:
    """The pool from which the examples of a run come, None where it has none.

    UsageError where the model takes none, where what is asked of it is no conversation, or where the task has no
    training data or too little.
    """
    if not settings.shots:
        return None
    _require_asked_in_words(opened, model)
    task = definition.task
    split = task.source_class().public_split(task.shots_split)
    try:
        source = open_source(Definition(task.on_split(task.shots_split), definition.path), settings)
        samples = tuple(source.samples())
    except UsageError as error:
        raise UsageError(
            f"--shots draws its examples from the split '{split}' ('shots_split') of task '{task.name}', which cannot "
            f"be read: {error}"
        ) from error
    told = WorkedExamples(count=settings.shots, split=split, fingerprint=source.fingerprint())
    if len(samples) < settings.shots:
        raise UsageError(
            f"--shots {settings.shots} is more than the split '{split}' of task '{task.name}' has: it has "
            f"{len(samples)} samples."
        )
    return Pool(
        limited(samples, max(MOST, settings.shots), settings.seed), opened.kind, model.abilities, told, settings.seed
    )


def _require_asked_in_words(opened: Opened, model: Model) -> None:
    """UsageError for a model that takes no examples, and for words to be tagged, which are no question."""
    name = redact_text(model.identity.name)
    if not model.converses:
        raise UsageError(f"The model '{name}' takes no worked examples: leave --shots out.")
    kind = opened.kind
    first = next((sample for sample in opened.chosen if not kind.problem(sample)), None)
    if first and kind.request(first, model.abilities).ability is Ability.TAG:
        raise UsageError(
            f"The model '{name}' tags the words of task '{opened.task.name}' and takes no worked examples for that: "
            "leave --shots out."
        )


def shuffled(count: int, dice: Random) -> Iterator[int]:
    """The numbers below `count` in a random order, each made when it is asked for."""
    moved: dict[int, int] = {}
    for place in range(count):
        other = dice.randrange(place, count)
        yield moved.get(other, other)
        moved[other] = moved.get(place, place)


def _is_own(candidate: Candidate, sample: Sample, pictures: Collection[str]) -> bool:
    """Whether an example may give away a sample: it is the same one, of its group, or of a picture of its."""
    same = candidate.id == sample.id or candidate.cluster == sample.cluster
    return same or not candidate.pictures.isdisjoint(pictures)


def _digest(picture: Picture) -> str:
    """The digest of a picture; empty where it cannot be read."""
    try:
        return picture.digest
    except SampleError:
        return ""
