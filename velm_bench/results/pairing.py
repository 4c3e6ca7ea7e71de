"""Two runs side by side: the same samples, the same metric, one difference with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError
from velm_bench.metrics import build
from velm_bench.results.schema import Result
from velm_bench.results.store import SLICE, read_result, read_samples, statistics_of
from velm_bench.statistics.paired import Difference, paired_difference

if TYPE_CHECKING:
    import pyarrow as pa


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
            mask=_mask(self.table, where or {}),
            replicates=replicates,
            seed=seed,
        )
        return differences[output]

    def _metric_names(self, output: str) -> tuple[str, str]:
        """What the metric that gave the output is called in each run (a checkpoint may lie in another folder)."""
        first, second = self.baseline, self.candidate
        missing = [run.run_id for run in (first, second) if output not in run.scores]
        if missing:
            raise UsageError(f"The run {missing[0]} has no score '{output}'.")
        if first.scores[output].signature != second.scores[output].signature:
            raise UsageError(f"The two runs cannot be compared: the signature of '{output}' differs.")
        return first.scores[output].metric, second.scores[output].metric


def open_pair(baseline: Path, candidate: Path) -> Pair:
    """Two runs to be compared; UsageError where they did not answer the same samples of the same task."""
    first, second = read_result(baseline), read_result(candidate)
    for what, mine, other in (
        ("task", first.task.digest, second.task.digest),
        ("data set", first.data.fingerprint, second.data.fingerprint),
        ("content of the samples", first.data.content, second.data.content),
    ):
        if mine != other:
            raise UsageError(f"The two runs cannot be compared: the {what} differs.")
    pair = Pair(first, second, read_samples(baseline), read_samples(candidate))
    if pair.table.column("id") != pair.other.column("id"):
        raise UsageError(f"The runs {baseline} and {candidate} hold different samples: run both with the same --limit.")
    return pair


def paired(
    baseline: Path, candidate: Path, output: str, where: Mapping[str, str] | None = None, replicates: int = 1000
) -> Difference:
    """By how much `candidate` scores above `baseline` in one output, under shared cluster-bootstrap weights.

    `where` restricts both to samples of these slices, such as {"needs_image": "yes"}. UsageError where the two runs did
    not answer the same samples of the same task, or were not scored by the same metric.
    """
    return open_pair(baseline, candidate).difference(output, where, replicates)


def _mask(table: pa.Table, where: Mapping[str, str]) -> NDArray[np.bool_]:
    mask = np.ones(len(table), dtype=np.bool_)
    for name, value in where.items():
        column = f"{SLICE}{name}"
        if column not in table.column_names:
            raise UsageError(f"The runs have no slice '{name}'.")
        mask &= table.column(column).to_numpy(zero_copy_only=False) == value
    return mask
