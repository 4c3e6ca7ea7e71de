"""The Run as data: what `result.json` holds.

All of it is a function of task, data, model and seed, except `timing` and `provenance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

SCHEMA_VERSION = 1
"""Raised whenever a reader of the previous version would misread a file."""

BLANK, SHUFFLED, ABSENT = "blank", "shuffled", "absent"
"""The controls: what can become of the pictures of a run that shows what they are worth."""
CONTROLS = (BLANK, SHUFFLED, ABSENT)

VOLATILE = frozenset({"timing", "provenance"})
"""The parts of a Result that differ between two runs of the same thing."""


class Record(BaseModel):
    """Base of all parts: immutable, unknown keys refused, every field described in the exported schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Score(Record):
    """One number with its interval."""

    value: float | None
    """The score over all samples, failed ones counted as wrong; null where it is undefined or was skipped."""
    low: float | None = None
    """Lower bound of the interval; null where it cannot be known (fewer than two groups)."""
    high: float | None = None
    """Upper bound of the interval."""
    answered: float | None = None
    """The score over the samples that were answered; null if none was."""
    n: int = Field(ge=0, lt=2**63)
    """How many things the value stands for, failed ones included: samples, unless the metric counts something else (the
    pairs that are complete, for `pair_accuracy`)."""
    n_errors: int = Field(ge=0, lt=2**63)
    """How many samples failed, of those that the value was computed from."""
    signature: str
    """Every choice of the metric that changes the number; compare only where it agrees."""
    higher_is_better: bool = True
    """Whether a larger number is the better one."""
    metric: str = ""
    """The metric that gave it; its statistics are the column `stat.<metric>` of the samples."""


class SliceResult(Record):
    """The scores of the samples that share a value, such as question_type = count."""

    n: int
    """How many samples belong to it."""
    n_errors: int
    """How many of them failed."""
    scores: dict[str, Score]
    """By output name, as for the whole."""


class ModelInfo(Record):
    """Who answered."""

    name: str
    """The reference as it was given, credentials removed: "ref:prefix"."""
    digest: str
    """SHA-256 over weights, processor and every setting that changes an answer."""
    parameters: int | None = None
    """How many weights there are, where that means something."""
    dtype: str = ""
    """The precision it computed in."""
    abilities: list[str] = []
    """What it can be asked for: generate, choose, tag."""
    details: dict[str, Any] = {}
    """More for the reader: architecture, training, licence."""


class TaskInfo(Record):
    """What was asked."""

    name: str
    """The task's name, with ":split" where one was chosen; a secret split's key is not in it."""
    kind: str
    """captioning, vqa, multiple_choice, classification, ner, ..."""
    digest: str
    """Identity of what is asked; metrics and slices are not part of it."""
    description: str = ""
    """One sentence."""
    primary: str
    """The name of the primary score."""
    labels: list[str] = []
    """The closed set the metrics were built with; empty if there is none."""
    definition: dict[str, Any] = {}
    """The task as its YAML says it, defaults filled in, a secret split's key hidden."""


class DataInfo(Record):
    """Which samples were asked."""

    fingerprint: str
    """The source's digest of its records and settings."""
    content: str
    """SHA-256 over the ids, pictures, inputs and references of the samples asked, as they are without any control."""
    samples: int
    """How many samples the complete data has."""
    limit: int | None = None
    """How many were asked at most (`--limit`); null for all."""
    seed: int = 0
    """Decides which samples a limit keeps; also the seed of the intervals."""


class WorkedExamples(Record):
    """The worked examples that stand before each question (`--shots`)."""

    count: int
    """How many."""
    split: str
    """The split of the task's data that they were drawn from."""
    fingerprint: str
    """The source's digest of that split."""


class Resampling(Record):
    """How the intervals were made."""

    method: str = "cluster bootstrap, percentile"
    """The resampling scheme."""
    level: float = 0.95
    """The coverage."""
    replicates: int = 1000
    """How many replicates were drawn."""
    seed: int = 0
    """The seed of the draws."""


class Timing(Record):
    """How long things took, in seconds; differs from run to run."""

    wall: float = 0.0
    """Of the command that wrote this file, start to end."""
    phases: dict[str, float] = {}
    """Of that command, by phase: open, plan, answer (loading the model included), score."""
    asked: int = 0
    """How many samples that command put to the model."""
    reused: int = 0
    """How many answers it found in the journal or in an earlier result."""
    answering: float = 0.0
    """Time spent on all answers of this run, over every command that worked on it."""
    samples_per_second: float | None = None
    """Answers per second of `answering`; null if there was none."""
    pieces: list[tuple[int, float]] = []
    """Samples and seconds of up to 100 runs of consecutive batches, in the order in which they were asked, by the
    command that wrote this file and by those that it went on from."""
    process_memory: int | None = None
    """The most memory that the process held while it asked, in bytes; null where nothing was asked, or nobody knows."""
    device_memory: int | None = None
    """The same of a GPU, what the model allocated there; null where there is none."""


class Provenance(Record):
    """Where the numbers come from; differs from run to run."""

    created: str = ""
    """When the file was written, UTC, ISO 8601."""
    command: list[str] = []
    """The command line, secrets and the keys of secret splits removed."""
    versions: dict[str, str] = {}
    """Installed packages that matter, and Python itself."""
    platform: str = ""
    """Operating system and processor type."""
    commit: str | None = None
    """The git commit of velm-bench where it runs from a work tree."""
    dirty: bool | None = None
    """Whether that work tree had changes to tracked files."""
    data_revision: str = ""
    """The commit of the data set's repository, where the source knows it."""
    device: str = ""
    """Where the model ran."""
    dtype: str = ""
    """The precision it computed in."""
    batch_size: int | None = None
    """How many samples were asked at once at first."""
    smallest_batch: int | None = None
    """The size after memory had run out; the same where it never did."""
    seed: int = 0
    """The `--seed` of the command."""


class Result(Record):
    """One model on one task."""

    schema_version: int = SCHEMA_VERSION
    """The version of this schema."""
    run_id: str
    """Identity of the run: task, data, model, their names, control, limit, seed, examples; also its folder's name."""
    model: ModelInfo
    """Who answered."""
    task: TaskInfo
    """What was asked."""
    data: DataInfo
    """Which samples were asked."""
    control: str = ""
    """What was done to what the model is shown: a control ("blank", "shuffled", "absent") or a perturbation with its
    strength ("noise:3"); empty for an ordinary run."""
    shots: WorkedExamples | None = None
    """The worked examples before each question; null where there are none."""
    n: int
    """How many samples were asked, failed ones included."""
    n_errors: int
    """How many of them failed and count as wrong."""
    parse_failures: int = 0
    """How many pieces of answers could not be parsed; they count as wrong, not as errors."""
    imported: str = ""
    """The harness that ran it, where the scores are another's and only taken over: "lm-eval 0.4.13"."""
    primary: str
    """The name of the primary score."""
    scores: dict[str, Score]
    """By output name, in the order of the task's metrics."""
    skipped: dict[str, str] = {}
    """Metrics that could not be computed, each with a sentence that says why."""
    slices: dict[str, dict[str, SliceResult]] = {}
    """By slice name and value."""
    resampling: Resampling = Field(default_factory=Resampling)
    """How the intervals were made."""
    samples_digest: str = ""
    """SHA-256 of samples.parquet, so that the two files cannot be mixed up."""
    timing: Timing = Field(default_factory=Timing)
    """How long it took."""
    provenance: Provenance = Field(default_factory=Provenance)
    """Where it comes from."""

    @field_validator("scores")
    @classmethod
    def _with_primary(cls, scores: dict[str, Score], info: ValidationInfo) -> dict[str, Score]:
        if info.data.get("primary", None) not in (None, *scores):
            raise ValueError(f"the primary score '{info.data['primary']}' is not among them")
        return scores

    @property
    def title(self) -> str:
        """The task with what makes this run of it another one; see `titled`."""
        return titled(self.task.name, self.control, self.shots.count if self.shots else 0)

    @property
    def remarks(self) -> str:
        """What makes this run of its task another one: "blank, 2 shots"; empty where nothing does."""
        return remarked(self.control, self.shots.count if self.shots else 0)

    @property
    def score(self) -> Score:
        """The primary score."""
        return self.scores[self.primary]

    @property
    def main_scores(self) -> dict[str, Score]:
        """The first output of each metric, the primary one first: an NER report alone has dozens."""
        chosen = {self.primary: self.scores[self.primary]}
        seen = {chosen[self.primary].metric}
        for name, score in self.scores.items():
            if not score.metric or score.metric not in seen:
                chosen[name] = score
                seen.add(score.metric)
        return chosen

    def stable(self) -> Mapping[str, Any]:
        """All that is the same whenever the same thing is run: everything but timing and provenance."""
        return self.model_dump(mode="json", exclude=set(VOLATILE))


def titled(task: str, control: str, shots: int) -> str:
    """A task with what was done to what the model is shown and the examples before it: "vqa (blank, 2 shots)"."""
    remarks = remarked(control, shots)
    return f"{task} ({remarks})" if remarks else task


def remarked(control: str, shots: int) -> str:
    """What was done to what the model is shown, and the examples before it: "blank, 2 shots"."""
    worked = f"{shots} shot{'s' if shots > 1 else ''}" if shots else ""
    return ", ".join(filter(None, [control, worked]))


def result_json_schema() -> dict[str, Any]:
    """The JSON schema of result.json."""
    return Result.model_json_schema()
