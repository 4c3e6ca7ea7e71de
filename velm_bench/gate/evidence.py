"""What a comparison needs of one model on one task: identities, groups, slices and statistics, and no answers.

Run folders, baseline files and other harnesses' results all become this, so that a verdict never depends on where the
numbers lay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.metrics import Array, Metric, build
from velm_bench.results.pairing import ReadRun
from velm_bench.results.schema import Score, Timing
from velm_bench.results.store import SLICE, STATISTICS, statistics_of

Names = NDArray[np.str_]
"""A text per sample, shape (samples,)."""
CONTENT_DIGITS = 16
"""How much of a sample's content digest is kept: enough that two samples of one id are not taken for each other."""


@dataclass(frozen=True)
class Circumstances:
    """Where and how a run was made: speed and memory compare only where these agree."""

    device: str = ""
    """Such as "cpu", "cuda:0 (NVIDIA H100)"."""
    dtype: str = ""
    batch_size: int | None = None
    platform: str = ""
    """Operating system and processor type."""


@dataclass(frozen=True)
class Subject:
    """What a model was asked about; two that were asked about another are not compared."""

    task_digest: str
    fingerprint: str
    """The data set's."""
    labels: tuple[str, ...]
    """What the metrics were built with."""

    def differences(self, other: Subject) -> Iterator[str]:
        """What is another in the other, a sentence's part each."""
        for what, mine, its in (
            ("the task", self.task_digest, other.task_digest),
            ("the data set", self.fingerprint, other.fingerprint),
        ):
            if mine != its:
                yield f"{what} differs ({mine:.12} and {its:.12})"
        if self.labels != other.labels:
            yield f"the labels differ ({len(self.labels)} and {len(other.labels)})"


@dataclass(frozen=True)
class Evidence:
    """One model on one task."""

    source: str
    """The folder or file it was read from, for sentences."""
    model: str
    """The model's name."""
    model_digest: str
    run_id: str
    title: str
    """The task with what makes this run of it another one: "scenes_vqa", "scenes_vqa (blank, 2 shots)"."""
    kind: str
    """captioning, vqa, ..., imported."""
    task_digest: str
    fingerprint: str
    """The data set's."""
    primary: str
    """The name of the primary score."""
    labels: tuple[str, ...]
    """What the metrics were built with."""
    limit: int | None
    """How many samples were asked at most; None for all."""
    imported: str
    """The harness whose scores these are; empty for our own."""
    ids: Names
    groups: Names
    """The image (cluster) of each sample."""
    contents: Names
    """The first digits of each sample's content digest; empty texts where it is not known."""
    failed: NDArray[np.bool_]
    """Which samples have no answer, shape (samples,)."""
    slices: Mapping[str, tuple[str | None, ...]]
    """By slice name the value of each sample; None where it has none."""
    scores: Mapping[str, Score]
    """By output name."""
    statistics: Mapping[str, Array]
    """By the name of the metric (`Score.metric`), shape (samples, k)."""
    timing: Timing = field(default_factory=Timing)
    circumstances: Circumstances = field(default_factory=Circumstances)
    run: ReadRun | None = None
    """The run with its answers, where there is one; a baseline file has none."""

    @property
    def n(self) -> int:
        """How many samples there are."""
        return len(self.ids)

    @property
    def subject(self) -> Subject:
        """What the model was asked about."""
        return Subject(self.task_digest, self.fingerprint, self.labels)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of all scores that can be compared: those whose metric's statistics are here."""
        return tuple(name for name, score in self.scores.items() if score.metric in self.statistics)

    @property
    def main_outputs(self) -> tuple[str, ...]:
        """The first output of each metric, the primary one first."""
        first: dict[str, str] = {}
        for name in sorted(self.outputs, key=lambda name: name != self.primary):
            first.setdefault(self.scores[name].metric, name)
        return tuple(first.values())

    def metric(self, output: str) -> Metric:
        """The metric that gave an output; UsageError where this evidence has no such score, or none with statistics."""
        if output not in self.scores:
            raise UsageError(f"{self.source} has no score '{output}' of {self.title}.")
        score = self.scores[output]
        if score.metric not in self.statistics:
            raise UsageError(f"{self.source} has no statistics of '{output}' of {self.title}, only its value.")
        return build(score.metric, self.labels)

    def statistics_for(self, output: str) -> Array:
        """The statistics behind an output, shape (samples, k); UsageError as for `metric`."""
        if output not in self.outputs:
            self.metric(output)
        return self.statistics[self.scores[output].metric]


def evidence_of(run: ReadRun) -> Evidence:
    """A run folder, or a run of another harness that was read into memory, as evidence."""
    result, table = run.result, run.table
    kept = [name.removeprefix(STATISTICS) for name in table.column_names if name.startswith(STATISTICS)]
    where = result.provenance
    return Evidence(
        source=str(run.folder),
        model=result.model.name,
        model_digest=result.model.digest,
        run_id=result.run_id,
        title=result.title,
        kind=result.task.kind,
        task_digest=result.task.digest,
        fingerprint=result.data.fingerprint,
        primary=result.primary,
        labels=tuple(result.task.labels),
        limit=result.data.limit,
        imported=result.imported,
        ids=_texts(table, "id"),
        groups=_texts(table, "group"),
        contents=np.asarray([text[:CONTENT_DIGITS] for text in _texts(table, "content")], dtype=np.str_),
        failed=run.failed,
        slices={
            name.removeprefix(SLICE): tuple(table.column(name).to_pylist())
            for name in table.column_names
            if name.startswith(SLICE)
        },
        scores=result.scores,
        statistics={name: statistics_of(table, name) for name in kept},
        timing=result.timing,
        circumstances=Circumstances(where.device, where.dtype, where.batch_size, where.platform),
        run=run,
    )


def _texts(table: object, name: str) -> Names:
    """A column of texts; empty ones where an older run has no such column."""
    columns, count = table.column_names, len(table)  # type: ignore[attr-defined,arg-type]
    if name not in columns:
        return np.full(count, "", dtype=np.str_)
    found = table.column(name).to_pylist()  # type: ignore[attr-defined]
    return np.asarray([text or "" for text in found], dtype=np.str_).reshape(count)
