"""What a baseline file holds, as data: a block per task, with a log of its own and a digest over the block."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from velm_bench.results.schema import Record, Score, Timing

BASELINE_VERSION = 1
"""Raised whenever a reader of the previous version would misread a file."""
MOST_SAMPLES = 5_000_000
"""The most samples that a task of a baseline may have."""
MOST_NUMBERS = 100_000_000
"""The most statistics that a task may have, over all metrics (800 MB in memory)."""
LONGEST_REASON = 1000
"""How many letters of a reason are kept."""

WHOLE_FORMS = ("bits", "uint8", "int8", "uint16", "int16", "int32", "int64")
"""How whole numbers are packed, the smallest first."""


class Packed(Record):
    """A column of numbers or texts: zlib over bytes, base64 in lines."""

    form: Literal["bits", "uint8", "int8", "uint16", "int16", "int32", "int64", "float64", "hex", "texts"]
    """bits: whole numbers 0 and 1, eight to a byte; int..., uint..., float64: little-endian numbers, first the lowest
    byte of each, then the next; hex: texts of 16 hexadecimal digits as 8 bytes; texts: a JSON list in ASCII."""
    count: int = Field(ge=0, le=MOST_SAMPLES)
    """How many numbers or texts."""
    steps: bool = False
    """Whether the numbers are differences, each to the one before; the first to 0."""
    size: int | None = Field(default=None, ge=2, le=2**31)
    """How many bytes the texts unpack to; of numbers the count says it."""
    data: list[str]
    """Base64, all lines in one."""


class Numbered(Record):
    """Texts that differ in their numbers only, such as "eval/00012/q3"."""

    patterns: list[str]
    """The texts with every run of digits as # and its length: "eval/#5/q#1"."""
    codes: Packed
    """For each text the place of its pattern."""
    numbers: Packed
    """The first number of every text that has one, then the second of every text that has two, and so on."""


class Column(Record):
    """One value per sample: one for all, one for each, or a dictionary and its codes."""

    values: list[float] | list[str | None] | Packed | Numbered
    """The values; short lists stand there as they are."""
    codes: Packed | None = None
    """For each sample the place of its value; null where there is one value for all, or one for each."""


class Table(Record):
    """Several numbers per sample: the statistics of a metric."""

    columns: list[Column]
    """A column per number."""
    codes: Packed | None = None
    """Where whole rows repeat: for each sample the place of its row in the columns."""
    rows: int | None = Field(default=None, ge=1, le=MOST_SAMPLES)
    """How many rows there are where these are a dictionary."""

    @model_validator(mode="after")
    def _with_both_or_neither(self) -> Table:
        if (self.codes is None) is not (self.rows is None):
            raise ValueError("codes and rows go together")
        return self


class Where(Record):
    """Where and how the run was made."""

    device: str = ""
    """Such as "cpu"."""
    dtype: str = ""
    """The precision."""
    batch_size: int | None = None
    """How many samples were asked at once."""
    platform: str = ""
    """Operating system and processor type."""


class Move(Record):
    """A score before and after, and what the paired comparison said of it at that moment."""

    before: float | None = None
    """The score of what was held until then; null where there was none."""
    after: float | None = None
    """The score of what was accepted."""
    change: float | None = None
    """By how much the new one is better, below zero worse; null where the two could not be compared."""
    low: float | None = None
    """Lower bound of the change's 95 % interval."""
    high: float | None = None
    """Upper bound."""
    p_worse: float | None = None
    """One-sided p of not being worse."""


class Event(Record):
    """Who put a run into the baseline, when and why."""

    at: str
    """UTC, ISO 8601."""
    by: str = ""
    """Who says so."""
    did: Literal["set", "accept"]
    """With which command."""
    reason: str = Field(default="", max_length=LONGEST_REASON)
    """Why."""
    model: str
    """Whose run it is."""
    run_id: str
    """Which."""
    n: int
    """Of how many samples."""
    n_errors: int
    """How many of them failed."""
    scores: dict[str, Move]
    """By name, the first score of each metric, the primary one first."""
    common: int | None = None
    """On how many samples the change was measured, where one of the two runs has others too; null where all are."""
    differences: list[str] = Field(default_factory=list)
    """Why the two could not be compared; empty where they could, or there was nothing before."""


class Block(Record):
    """One task: all that a comparison needs of the run, and no answers."""

    kind: str
    """captioning, vqa, ..., imported."""
    task_digest: str
    """Identity of what was asked."""
    fingerprint: str
    """The data set's."""
    labels: list[str]
    """What the metrics were built with."""
    limit: int | None
    """How many samples were asked at most; null for all."""
    imported: str
    """The harness whose scores these are; empty for our own."""
    primary: str
    """The name of the primary score."""
    model: str
    """Who answered."""
    model_digest: str
    """Of weights and settings."""
    run_id: str
    """Identity of the run."""
    n: int = Field(ge=0, le=MOST_SAMPLES)
    """How many samples."""
    n_errors: int = Field(ge=0, le=MOST_SAMPLES)
    """How many of them failed."""
    scores: dict[str, Score]
    """By output name."""
    log: list[Event] = Field(min_length=1)
    """Every run that this task's baseline has been, the oldest first."""
    timing: Timing
    """How long it took."""
    circumstances: Where
    """On what."""
    ids: Column
    """The samples' ids."""
    groups: Column
    """Their groups (images)."""
    contents: Column
    """The first digits of their content digests."""
    failed: Packed
    """Which have no answer."""
    slices: dict[str, Column]
    """By slice, the value of each sample."""
    statistics: dict[str, Table]
    """By metric."""
    digest: str
    """SHA-256 over the task's name and all of the block before this."""
