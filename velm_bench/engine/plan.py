"""The plan of a run: what is asked about each sample, and the key under which its answer is kept."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from velm_bench.digests import digest_json
from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import reason
from velm_bench.engine.shots import Draw, no_shots
from velm_bench.engine.treatment import Treat
from velm_bench.errors import SampleError
from velm_bench.models.base import Model
from velm_bench.samples import Picture, Request, Sample
from velm_bench.tasks.base import Kind

UNREADABLE = "unreadable"
"""Stands for the digest of a picture that cannot be read."""
CHUNK = 64
"""How many samples a thread takes at a time."""


@dataclass(frozen=True)
class Row:
    """One sample of a plan: a request, or the reason why there is none."""

    sample: Sample
    content: str
    """Digest of the sample as the source gives it: id, pictures, inputs, references."""
    request: Request | None = None
    key: str = ""
    """Digest of the request (ability, prompt, settings, pictures), the task and the model."""
    error: str = ""
    shown: Sample | None = None
    """The sample as the model is asked about it, where a treatment changed it."""
    hidden: tuple[Picture, ...] = ()
    """Pictures that are not shown and without which the sample is not asked either; see treatment.Shown."""

    @property
    def id(self) -> str:
        """The sample's id."""
        return self.sample.id

    @property
    def asked(self) -> Sample:
        """The sample that an answer is about."""
        return self.shown or self.sample


@dataclass(frozen=True)
class Planner:
    """Turns samples into rows; its methods are safe on any thread."""

    kind: Kind
    model: Model
    treat: Treat
    task_digest: str
    draw: Draw = no_shots

    def row(self, sample: Sample) -> Row:
        """The row of one sample; UsageError where the task cannot be put to the model at all."""
        content = content_digest(sample)
        problem = self.kind.problem(sample)
        if problem:
            return Row(sample, content, error=problem)
        try:
            shown = self.treat(sample)
            hidden = [picture.digest for picture in shown.hidden]  # first: its own picture is what a sample fails for
            request = replace(self.request(shown.sample), shots=self.draw(sample))
            key = self.key(request, hidden)
        except SampleError as error:
            return Row(sample, content, error=reason(error))
        return Row(sample, content, request, key, shown=shown.sample, hidden=shown.hidden)

    def request(self, sample: Sample) -> Request:
        """What the model is asked about a sample in the task's words, with the pictures that it gets to see."""
        task = self.kind.task
        request = self.kind.request(sample, self.model.abilities)
        images = request.images if self.model.sees else ()
        return replace(request, images=images, system=task.system, chat_template=task.chat_template)

    def key(self, request: Request, hidden: Sequence[str]) -> str:
        """Digest of the request, the task, the model, and the pictures that stand behind it unseen."""
        asked = [request.digest(), self.model.identity.digest, self.task_digest]
        return digest_json([*asked, list(hidden)] if hidden else asked)


def make_plan(opened: Opened, model: Model, treat: Treat, workers: int, draw: Draw = no_shots) -> list[Row]:
    """A row per chosen sample, in source order; pictures are read and digested on threads."""
    planner = Planner(opened.kind, model, treat, opened.task.digest(), draw)
    chunks = [opened.chosen[start : start + CHUNK] for start in range(0, len(opened.chosen), CHUNK)]
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda chunk: [planner.row(sample) for sample in chunk], chunks)
        return by_picture([row for rows in done for row in rows])


def survey(opened: Opened, workers: int) -> list[Row]:
    """A row per chosen sample, in source order, with nothing asked: what can be said without any model."""
    with ThreadPoolExecutor(workers) as pool:
        return by_picture(list(pool.map(partial(_unasked, opened.kind), opened.chosen, chunksize=CHUNK)))


def _unasked(kind: Kind, sample: Sample) -> Row:
    return Row(sample, content_digest(sample), error=kind.problem(sample))


def by_picture(rows: Sequence[Row]) -> list[Row]:
    """The rows, those that their source puts into no group in that of the first sample with the same pictures.

    Questions about one picture are no independent draws, and many public copies do not name their pictures.
    """
    first: dict[tuple[str, ...], str] = {}
    found = []
    for row in rows:
        pictures = () if row.sample.group else tuple(map(picture_digest, row.sample.images))
        shared = bool(pictures) and UNREADABLE not in pictures
        group = first.setdefault(pictures, row.id) if shared else row.id
        found.append(row if group == row.id else replace(row, sample=replace(row.sample, group=group)))
    return found


def content_digest(sample: Sample) -> str:
    """The identity of a sample's content, unreadable pictures included."""
    pictures = [picture_digest(picture) for picture in sample.images]
    return digest_json([sample.id, pictures, dict(sample.inputs), list(sample.references)])


def picture_digest(picture: Picture) -> str:
    """A picture's digest, or the word that it cannot be read."""
    try:
        return picture.digest
    except SampleError:
        return UNREADABLE


def data_digest(rows: Sequence[Row]) -> str:
    """The identity of all the samples that are asked."""
    return digest_json([row.content for row in rows])
