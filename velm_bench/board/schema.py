"""The nouns of a board, as they stand in its files: what is pinned, submitted, and found out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from velm_bench.results.schema import Record, Score

BOARD_VERSION = 1
"""Raised whenever a reader of the previous version would misread a file of a board."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as 64 hexadecimal digits."""
Count = Annotated[int, Field(ge=0, le=10**15)]
"""How many of something: more than there is of anything, and less than a column of the index holds."""


class Level(StrEnum):
    """How far a submission has been verified; each level includes those before it."""

    VALID = "valid"
    """Its files are what they should be."""
    COMPLETE = "complete"
    """It answers exactly the samples that the board's task has, with the same content."""
    RECOMPUTED = "recomputed"
    """Its scores were computed anew from its answers."""
    REPRODUCED = "reproduced"
    """Somebody ran the same model again and got the same."""


LEVELS = tuple(Level)
"""From the lowest to the highest."""


class Status(StrEnum):
    """Whether a submission counts."""

    LISTED = "listed"
    """It does."""
    FLAGGED = "flagged"
    """It does, with a reason for doubt beside it."""
    REJECTED = "rejected"
    """It does not: verification failed, or the board's owner says so."""
    WITHDRAWN = "withdrawn"
    """It does not: taken back by those who made it."""
    SUPERSEDED = "superseded"
    """It does not: another submission took its place."""


COUNTING = (Status.LISTED, Status.FLAGGED)
"""Those that stand on the board unless one asks for the others."""


class PinnedTask(Record):
    """A task as the board asks it: the file, and everything that must agree."""

    name: str
    """The task's name, with ":split" where one was chosen."""
    kind: str
    """captioning, vqa, multiple_choice, classification, ner, ..."""
    file: str
    """The task's YAML within the board's folder."""
    split: str = ""
    """The split chosen with ":split"; empty for the file's own."""
    limit: int | None = Field(default=None, ge=1)
    """How many samples are asked, a seeded choice; null for all."""
    seed: int = 0
    """Decides which samples a limit keeps; also the seed of the intervals."""
    digest: Digest
    """Identity of what is asked."""
    fingerprint: str
    """The source's digest of its records and settings."""
    content: Digest
    """SHA-256 over ids, pictures, inputs and references of the samples asked."""
    samples: int = Field(ge=1)
    """How many samples are asked."""
    primary: str
    """The output that ranks models on this task."""
    higher_is_better: bool = True
    """Whether a larger primary score is the better one."""
    floor: float | None = None
    """What can be had without looking: the best primary score of `floor_by`'s candidates; null where unknown."""
    floor_by: str = ""
    """Whose score the floor is: "baseline:majority"."""
    ceiling: float | None = None
    """The primary score that counts as 1 once corrected for chance; null where unknown."""
    ceiling_by: str = ""
    """Where the ceiling comes from: "the metric's maximum", "references, each against the others"."""


class BoardFile(Record):
    """`board.toml`."""

    board_version: Literal[1] = 1
    """The version of this schema."""
    title: str = Field(min_length=1, max_length=200)
    """What the board is called."""
    replicates: int = Field(default=1000, ge=10, le=100_000)
    """Bootstrap replicates of its intervals."""
    tasks: tuple[PinnedTask, ...] = Field(min_length=1)
    """What it measures, in the order in which it is shown."""


class Card(Record):
    """What those who submit say about their model; every text is shown as plain text only."""

    name: str = Field(min_length=1, max_length=200)
    """What the model is called on the board."""
    revision: str = Field(default="", max_length=200)
    """Its version, release or commit."""
    parameters: Count | None = None
    """How many weights it has."""
    licence: str = Field(default="", max_length=200)
    """Under which its weights may be used."""
    training_data: str = Field(default="", max_length=2000)
    """What it was trained on."""
    release_date: date | None = None
    """When it was released."""
    parent: str = Field(default="", max_length=200)
    """The model that it was made from, or its previous release."""
    organisation: str = Field(default="", max_length=200)
    """Who made it."""
    homepage: str = Field(default="", max_length=500)
    """Where to read more; shown as text, never as a link that is followed."""
    notes: str = Field(default="", max_length=4000)
    """Anything else."""

    @field_validator("name")
    @classmethod
    def _can_be_seen(cls, name: str) -> str:
        if not any(unicodedata.category(letter)[0] in "LNPS" for letter in name):
            raise ValueError("a name has at least one letter that can be seen")
        return name


RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-=+~]{0,119}")
"""What the name of a run within its submission looks like."""
FILE_PATH = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.\-=+~]{0,119}/){0,3}[A-Za-z0-9_][A-Za-z0-9_.\-=+~]{0,119}")
"""What the path of a file within a bundle looks like: it stays in the bundle's folder, and none of it is hidden."""


class FileEntry(Record):
    """A file of a bundle."""

    path: str = Field(max_length=250)
    """Where it lies in the bundle, with slashes."""
    sha256: Digest
    """Of its bytes as they lie there."""
    size: Count
    """How many bytes."""

    @field_validator("path")
    @classmethod
    def _stays_within(cls, path: str) -> str:
        if not FILE_PATH.fullmatch(path):
            raise ValueError(
                "the path of a file holds letters, digits and _.-=+~ only, and no folder begins with a dot"
            )
        return path


class RunEntry(Record):
    """One of the runs in a bundle: its files are `runs/<name>/result.json` and `runs/<name>/answers.jsonl.gz`."""

    name: str
    """The run's folder in the bundle: `store.safe_name` of its title ("scenes_vqa", "scenes_vqa (blank)")."""
    task: str
    """The name of the board's task."""
    control: str = ""
    """What was done to what the model was shown; empty for an ordinary run."""
    shots: Count = 0
    """How many worked examples stood before each question."""

    @field_validator("name")
    @classmethod
    def _is_plain(cls, name: str) -> str:
        if not RUN_NAME.fullmatch(name):
            raise ValueError("the name of a run holds letters, digits and _.-=+~ only")
        return name


class Manifest(Record):
    """`manifest.json`: what a bundle holds. The SHA-256 of its bytes is the submission's identity."""

    board_version: Literal[1] = 1
    """The version of this schema."""
    model: str = Field(max_length=2000)
    """The reference of the model as it was run: "ref:prefix"."""
    model_digest: str = Field(max_length=200)
    """SHA-256 over weights, processor and every setting that changes an answer; the same in all runs."""
    card: Card
    """What is said about the model."""
    runs: tuple[RunEntry, ...] = Field(min_length=1)
    """Sorted by name."""
    files: tuple[FileEntry, ...] = Field(min_length=1)
    """Every file but this one, sorted by path."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        runs = [entry.name.casefold() for entry in self.runs]  # some file systems know no capitals
        paths = ["manifest.json", *(entry.path.casefold() for entry in self.files)]
        for names in (runs, paths):
            twice = next((name for name, count in Counter(names).items() if count > 1), None)
            if twice is not None:
                raise ValueError(f"'{twice}' stands there twice")
        return self


class AnswerLine(Record):
    """A line of `answers.jsonl`: what the model said about one sample."""

    id: str
    """The sample."""
    content: Digest
    """Digest of the sample that was asked: id, pictures, inputs, references."""
    pictures: tuple[str, ...] = ()
    """The digests of its pictures."""
    answer: dict[str, Any] | None = None
    """The raw answer ({"text"}, {"logprobs"} or {"tags"}); null where there is an error."""
    error: str = ""
    """Why there is no answer, or none that could be read; it counts as wrong."""


class VerifiedRun(Record):
    """What recomputing one run gave."""

    answers: Digest
    """SHA-256 over ids and predictions: equal for two models only where one copied, or both say nothing."""
    blank: bool = False
    """Whether the predictions say too little for that to mean anything (one and the same for all, no entity at all)."""
    n: Count
    """How many samples there are, failed ones included."""
    n_errors: Count
    """How many failed and count as wrong."""
    parse_failures: Count = 0
    """How many pieces of answers could not be parsed."""
    primary: str
    """The name of the primary score."""
    scores: dict[str, Score]
    """The main output of each metric of the board's task, the primary one first."""
    claimed: dict[str, float | None] = Field(default_factory=dict)
    """What the submission says of the same outputs; for the record, never shown as truth."""
    slices: dict[str, dict[str, Score]] = Field(default_factory=dict)
    """The primary score by slice name and value."""
    samples_per_second: float | None = None
    """Answers per second, as the submission says."""
    device: str = Field(default="", max_length=200)
    """Where the model ran, as the submission says."""

    @model_validator(mode="after")
    def _has_its_primary_score(self) -> Self:
        if self.primary not in self.scores:
            raise ValueError(f"'scores' has no '{self.primary:.100}', which 'primary' names")
        return self


class EventKind(StrEnum):
    """What may be said about a submission."""

    SUBMITTED = "submitted"
    VERIFIED = "verified"
    REPRODUCED = "reproduced"
    FLAGGED = "flagged"
    CLEARED = "cleared"
    """A flag or a rejection is taken back."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Event(Record):
    """One file of `events/`: something that was found out or decided; never changed, never deleted."""

    board_version: Literal[1] = 1
    """The version of this schema."""
    submission: Digest
    """What it is about."""
    kind: EventKind
    """What happened."""
    at: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$")
    """When, UTC, to the microsecond; events are read in the order of this, then of the names of their files."""
    by: str = Field(default="", max_length=200)
    """Who says so."""
    reason: str = Field(default="", max_length=2000)
    """Why, in a sentence."""
    level: Level | None = None
    """For VERIFIED: how far verification got, complete or recomputed."""
    runs: dict[str, VerifiedRun] = Field(default_factory=dict)
    """For VERIFIED: what was recomputed, by the run's name."""
    other: str = ""
    """For SUPERSEDED: the submission that takes its place. For FLAGGED: the one that it equals."""
    software: str = ""
    """For VERIFIED: the version of velm-bench that recomputed."""

    @field_validator("at")
    @classmethod
    def _is_a_moment(cls, at: str) -> str:
        datetime.fromisoformat(at)
        return at

    @model_validator(mode="after")
    def _says_what_verifying_finds(self) -> Self:
        if self.kind is EventKind.VERIFIED and self.level not in (Level.COMPLETE, Level.RECOMPUTED):
            raise ValueError("'level' of what was verified is 'complete' or 'recomputed'")
        return self
