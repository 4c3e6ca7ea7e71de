"""A verdict as data: what `gate --json` prints and every report is made from."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from velm_bench.results.schema import Record

GATE_VERSION = 1
"""Raised whenever a reader of the previous version would misread a verdict."""


class Outcome(StrEnum):
    """What came of a comparison, of one row and of all."""

    PASS = "pass"
    """Shown to be not worse than the margin allows."""
    REGRESSION = "regression"
    """Shown to be worse, and not shown to be within the margin."""
    INCONCLUSIVE = "inconclusive"
    """Neither is shown: more samples would decide."""
    INVALID = "invalid"
    """It could not be compared."""


EXIT_CODES = {Outcome.PASS: 0, Outcome.REGRESSION: 1, Outcome.INCONCLUSIVE: 3, Outcome.INVALID: 2}
"""What `gate` exits with; an inconclusive verdict as the policy's `on_inconclusive` says."""


class Tier(StrEnum):
    """Whether a row decides."""

    REQUIRED = "required"
    ADVISORY = "advisory"


class Against(StrEnum):
    """What the candidate is compared with."""

    BASELINE = "baseline"
    """The previous release."""
    ANCHOR = "anchor"
    """A pinned release, with a budget for all that was lost since."""


class Compared(Record):
    """One score of two runs, the whole of a task or a slice of it.

    All differences are turned so that above zero the candidate is better.
    """

    task: str
    """The task as runs are titled: "scenes_vqa", "scenes_vqa (blank)"."""
    metric: str
    """The name of the score."""
    slice: str = ""
    """"question_type=count"; empty for the whole task."""
    higher_is_better: bool = True
    """Whether a larger score is the better one."""
    baseline: float | None = None
    """The baseline's score; null where it is undefined."""
    candidate: float | None = None
    """The candidate's."""
    change: float | None = None
    """By how much the candidate is better; below zero it is worse."""
    low: float | None = None
    """Lower bound of the change's two-sided interval, of coverage 1 - alpha."""
    high: float | None = None
    """Upper bound."""
    bound: float | None = None
    """One-sided lower bound of the change, at level alpha: so much worse it may be."""
    error: float | None = None
    """The standard error of the change."""
    p: float | None = None
    """Two-sided p of no difference, by exchanging the two runs at random within groups."""
    p_bootstrap: float | None = None
    """The same by the paired cluster bootstrap."""
    p_worse: float | None = None
    """One-sided p of not being worse, by exchange."""
    p_adjusted: float | None = None
    """Adjusted for the other rows: in a verdict `p_worse`, by Holm within a tier, for slices by Benjamini and Hochberg;
    in a comparison `p`, by Holm over the tasks' primary scores."""
    p_mcnemar: float | None = None
    """McNemar's exact two-sided p where every sample is right or wrong; it takes no account of groups."""
    wins: int | None = None
    """Samples on which the candidate does better; null where the score means nothing for one sample."""
    losses: int | None = None
    """Samples on which it does worse."""
    ties: int | None = None
    """Samples on which both do the same."""
    n: int = 0
    """How many samples were compared."""
    groups: int = 0
    """Of how many groups (images)."""
    baseline_errors: int = 0
    """How many samples failed in the baseline, those that it lacks included; they count as wrong."""
    candidate_errors: int = 0
    """How many failed in the candidate, likewise."""


class Row(Compared):
    """One score of the candidate against the baseline or the anchor, with what came of it."""

    against: Against = Against.BASELINE
    """What it is compared with."""
    tier: Tier = Tier.REQUIRED
    """Whether it decides."""
    outcome: Outcome
    """What came of it."""
    why: str = ""
    """The reason in one sentence."""
    margin: float | None = None
    """How much worse is put up with, in the score's units; the row passes where `bound` lies above -margin."""
    needed: int | None = None
    """About how many samples would decide an inconclusive row, with the policy's power."""


class Cost(Record):
    """Speed or memory of the two runs of a task, on the same terms."""

    task: str
    """The task as runs are titled."""
    what: str
    """"speed" (samples per second) or "memory" (bytes at the peak)."""
    against: Against = Against.BASELINE
    """What it is compared with."""
    tier: Tier = Tier.ADVISORY
    """Whether it decides."""
    outcome: Outcome
    """What came of it."""
    why: str = ""
    """The reason in one sentence: "the baseline ran on another device"."""
    baseline: float | None = None
    """The baseline's figure."""
    candidate: float | None = None
    """The candidate's."""
    change: float | None = None
    """The share by which the candidate is better: -0.1 is a tenth slower, or a tenth more memory."""
    low: float | None = None
    """Lower bound of the change's interval; null where it was measured once."""
    high: float | None = None
    """Upper bound."""
    margin: float | None = None
    """The share that is put up with."""


class Flip(Record):
    """A sample that the candidate answers otherwise, worse or better."""

    task: str
    """The task as runs are titled."""
    metric: str
    """The score that it changes."""
    id: str
    """The sample."""
    group: str
    """Its group (image)."""
    kind: str = ""
    """captioning, vqa, ner, ...: how answers are to be read."""
    change: float
    """By how much this sample alone moves the score, times the number of samples: -1 where a right answer became
    wrong."""
    question: str = ""
    """What was asked, where the data is here."""
    references: str = ""
    """What is right, as JSON; empty where only a baseline file knows it."""
    baseline_answer: str | None = None
    """What the baseline predicted, as JSON; null where that is not known (a baseline file holds no answers)."""
    candidate_answer: str | None = None
    """What the candidate predicted, as JSON; null where it failed."""
    candidate_error: str = ""
    """Why the candidate has no answer."""


class Party(Record):
    """One of the two or three that were compared."""

    models: list[str]
    """The names of the models, usually one."""
    sources: list[str]
    """The folders or files it was read from."""
    digests: dict[str, str] = Field(default_factory=dict)
    """By task, the digest of the model's weights and settings."""


class Verdict(Record):
    """The whole decision."""

    gate_version: int = GATE_VERSION
    """The version of this schema."""
    outcome: Outcome
    """The decision: invalid before regression before inconclusive before pass, of the required rows."""
    exit_code: int
    """What the command exits with."""
    summary: str
    """The decision in one sentence."""
    candidate: Party
    """What is judged."""
    baseline: Party
    """What it is compared with."""
    anchor: Party | None = None
    """The pinned release, where there is one."""
    alpha: float
    """The chance of calling an unchanged candidate a regression, over all required rows together."""
    replicates: int
    """How many resamples were drawn."""
    seed: int
    """The seed of the draws."""
    on_inconclusive: str
    """What the policy does with an inconclusive verdict: pass, warn or fail."""
    policy_digest: str = ""
    """SHA-256 over the policy, defaults filled in."""
    rows: list[Row]
    """A row per task, score and what it is compared with."""
    slices: list[Row] = Field(default_factory=list)
    """The slices, advisory."""
    costs: list[Cost] = Field(default_factory=list)
    """Speed and memory, where they were asked for."""
    flips: list[Flip] = Field(default_factory=list)
    """The samples that became worse, worst first, as many as asked for."""
    flipped: dict[str, int] = Field(default_factory=dict)
    """By task, how many samples became worse in all."""
    notes: list[str] = Field(default_factory=list)
    """Sentences for the reader: what was left out and why."""


class Comparison(Record):
    """Two runs, or two models on several tasks, side by side; nothing is decided."""

    gate_version: int = GATE_VERSION
    """The version of this schema."""
    candidate: Party
    """The second of the two."""
    baseline: Party
    """The first."""
    alpha: float
    """The intervals cover 1 - alpha."""
    replicates: int
    """How many resamples were drawn."""
    seed: int
    """The seed of the draws."""
    rows: list[Compared]
    """A row per task and score, the primary score first."""
    slices: list[Compared] = Field(default_factory=list)
    """The slices, by the primary score or the one asked for."""
    flips: list[Flip] = Field(default_factory=list)
    """The samples that became worse, worst first, then those that became better, as many of each as asked for."""
    notes: list[str] = Field(default_factory=list)
    """Sentences for the reader: what was left out and why."""


def verdict_json_schema() -> dict[str, Any]:
    """The JSON schema of a verdict."""
    return Verdict.model_json_schema()
