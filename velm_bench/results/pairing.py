"""Two runs side by side: the same samples, the same metric, one difference with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.metrics import build
from velm_bench.metrics.base import Array, Metric
from velm_bench.results.schema import Result
from velm_bench.results.store import SLICE, read_result, read_samples, statistics_of
from velm_bench.samples import Form
from velm_bench.statistics.paired import NOISE, Difference, paired_difference

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ReadRun:
    """A run with its samples in memory, for any number of questions."""

    folder: Path
    result: Result
    table: pa.Table

    def sample_scores(self, output: str) -> Array | None:
        """The value of an output for each sample on its own, shape (samples,); NaN where a sample has none.

        Of tags, a sentence without an entity in which none was found has 1, where a whole without any would have 0.

        None where the output means nothing for one sample (a calibration error, an average over classes). UsageError
        where the run has no such score.
        """
        metric = self.metric(output)
        if not metric.additive:
            return None
        found = metric.per_sample(statistics_of(self.table, self._metric_name(output)))
        scores = np.asarray(found[:, metric.outputs.index(output)], dtype=np.float64)
        if metric.form is Form.TAGS and metric.higher(output):
            scores[self._exact & (scores == 0.0)] = 1.0  # no entity, and none found: of a whole that would be 0/0
        return scores

    @property
    def _exact(self) -> NDArray[np.bool_]:
        """Which predictions are the references themselves."""
        said, right = (self.table.column(name).to_pylist() for name in ("prediction", "references"))
        return np.asarray([one == other for one, other in zip(said, right, strict=True)], dtype=np.bool_) & ~self.failed

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which samples have no answer, shape (samples,)."""
        return np.asarray([bool(error) for error in self.table.column("error").to_pylist()], dtype=np.bool_)

    def metric(self, output: str) -> Metric:
        """The metric that gave an output; UsageError where the run has no such score."""
        return build(self._metric_name(output), self.result.task.labels)

    def _metric_name(self, output: str) -> str:
        if output not in self.result.scores:
            raise UsageError(f"The run {self.result.run_id} has no score '{output}'.")
        return self.result.scores[output].metric


class Tally(NamedTuple):
    """How often the candidate did better than the baseline, worse, and as well, sample by sample."""

    wins: int
    losses: int
    ties: int

    @property
    def n(self) -> int:
        """How many samples both have a score of their own for."""
        return self.wins + self.losses + self.ties


@dataclass(frozen=True)
class Pair:
    """Two runs that answered the same samples, read once for any number of comparisons."""

    baseline: Result
    candidate: Result
    table: pa.Table
    """The baseline's samples."""
    other: pa.Table
    """The candidate's samples, in the same order."""

    def difference(
        self, output: str, where: Mapping[str, str] | None = None, replicates: int = 1000, seed: int = 0
    ) -> Difference:
        """By how much the candidate scores above the baseline in one output, on the samples of these slices.

        UsageError where the two were not scored by the same metric.
        """
        names = self._metric_names(output)
        differences = paired_difference(
            build(names[0], self.baseline.task.labels),
            statistics_of(self.table, names[0]),
            statistics_of(self.other, names[1]),
            self.table.column("group").to_numpy(zero_copy_only=False),
            mask=selection(self.table, where or {}),
            replicates=replicates,
            seed=seed,
        )
        return differences[output]

    def tally(self, output: str, where: Mapping[str, str] | None = None) -> Tally | None:
        """On how many samples of these slices the candidate is better than the baseline, worse, and as good.

        None where the output means nothing for one sample; samples without a score of their own are left out.
        UsageError where the two were not scored by the same metric.
        """
        self._metric_names(output)
        scores = [
            ReadRun(Path(), result, table).sample_scores(output)
            for result, table in ((self.baseline, self.table), (self.candidate, self.other))
        ]
        if scores[0] is None or scores[1] is None:
            return None
        better = (scores[1] - scores[0])[selection(self.table, where or {})]
        if not self.baseline.scores[output].higher_is_better:
            better = -better
        counts = better > NOISE, better < -NOISE, np.abs(better) <= NOISE
        return Tally(*(int(np.count_nonzero(count)) for count in counts))

    def groups(self, where: Mapping[str, str] | None = None) -> int:
        """How many groups (images) the samples of these slices are of."""
        names = self.table.column("group").to_numpy(zero_copy_only=False)
        return len(set(names[selection(self.table, where or {})].tolist()))

    def slices(self) -> Mapping[str, list[str]]:
        """The slices' names, and the values of each, sorted."""
        names = [name.removeprefix(SLICE) for name in self.table.column_names if name.startswith(SLICE)]
        values = {name: set(self.table.column(f"{SLICE}{name}").to_pylist()) - {None} for name in names}
        return {name: sorted(found) for name, found in values.items()}

    def _metric_names(self, output: str) -> tuple[str, str]:
        """What the metric that gave the output is called in each run (a checkpoint may lie in another folder)."""
        first, second = self.baseline, self.candidate
        missing = [run.run_id for run in (first, second) if output not in run.scores]
        if missing:
            raise UsageError(f"The run {missing[0]} has no score '{output}'.")
        if first.scores[output].signature != second.scores[output].signature:
            raise UsageError(f"The two runs cannot be compared: the signature of '{output}' differs.")
        return first.scores[output].metric, second.scores[output].metric


def read_run(folder: Path) -> ReadRun:
    """A run with its samples; UsageError where either file is absent or damaged."""
    return ReadRun(folder, read_result(folder), read_samples(folder))


def open_pair(baseline: Path, candidate: Path) -> Pair:
    """Two runs to be compared; UsageError where they did not answer the same samples of the same task."""
    require_same_questions(read_result(baseline), read_result(candidate))
    return pair_up(read_run(baseline), read_run(candidate))


def pair_up(baseline: ReadRun, candidate: ReadRun) -> Pair:
    """Two runs that are read already; UsageError where they did not answer the same samples of the same task."""
    require_same_questions(baseline.result, candidate.result)
    if baseline.table.column("id") != candidate.table.column("id"):
        raise UsageError(
            f"The runs {baseline.folder} and {candidate.folder} hold different samples: run both with the same --limit."
        )
    return Pair(baseline.result, candidate.result, baseline.table, candidate.table)


def require_same_questions(first: Result, second: Result) -> None:
    """UsageError where two results are not about the same task, data and samples."""
    for what, mine, other in (
        ("task", first.task.digest, second.task.digest),
        ("data set", first.data.fingerprint, second.data.fingerprint),
        ("content of the samples", first.data.content, second.data.content),
    ):
        if mine != other:
            raise UsageError(f"The two runs cannot be compared: the {what} differs.")


def paired(
    baseline: Path, candidate: Path, output: str, where: Mapping[str, str] | None = None, replicates: int = 1000
) -> Difference:
    """By how much `candidate` scores above `baseline` in one output, under shared cluster-bootstrap weights.

    `where` restricts both to samples of these slices, such as {"needs_image": "yes"}. UsageError where the two runs did
    not answer the same samples of the same task, or were not scored by the same metric.
    """
    return open_pair(baseline, candidate).difference(output, where, replicates)


def selection(table: pa.Table, where: Mapping[str, str]) -> NDArray[np.bool_]:
    """Which samples of a run are in all of these slices; UsageError for a slice that it has not."""
    mask = np.ones(len(table), dtype=np.bool_)
    for name, value in where.items():
        column = f"{SLICE}{name}"
        if column not in table.column_names:
            raise UsageError(f"The runs have no slice '{name}'.")
        mask &= table.column(column).to_numpy(zero_copy_only=False) == value
    return mask
