"""Two runs side by side: the same samples, the same metric, one difference with its interval."""

from __future__ import annotations

from collections.abc import Mapping
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


def paired(
    baseline: Path, candidate: Path, output: str, where: Mapping[str, str] | None = None, replicates: int = 1000
) -> Difference:
    """By how much `candidate` scores above `baseline` in one output, under shared cluster-bootstrap weights.

    `where` restricts both to samples of these slices, such as {"needs_image": "yes"}. UsageError where the two runs did
    not answer the same samples of the same task, or were not scored by the same metric.
    """
    first, second = read_result(baseline), read_result(candidate)
    names = _metric_names(first, second, output)
    table, other = read_samples(baseline), read_samples(candidate)
    if table.column("id") != other.column("id"):
        raise UsageError(f"The runs {baseline} and {candidate} hold different samples: run both with the same --limit.")
    differences = paired_difference(
        build(names[0], first.task.labels),
        statistics_of(table, names[0]),
        statistics_of(other, names[1]),
        table.column("group").to_numpy(zero_copy_only=False),
        mask=_mask(table, where or {}),
        replicates=replicates,
    )
    return differences[output]


def _metric_names(first: Result, second: Result, output: str) -> tuple[str, str]:
    """What the one metric that gave the output is called in each run (a checkpoint may lie in another folder).

    UsageError naming the first thing in which the runs differ.
    """
    for what, mine, other in (
        ("task", first.task.digest, second.task.digest),
        ("data set", first.data.fingerprint, second.data.fingerprint),
        ("content of the samples", first.data.content, second.data.content),
    ):
        if mine != other:
            raise UsageError(f"The two runs cannot be compared: the {what} differs.")
    missing = [run.run_id for run in (first, second) if output not in run.scores]
    if missing:
        raise UsageError(f"The run {missing[0]} has no score '{output}'.")
    if first.scores[output].signature != second.scores[output].signature:
        raise UsageError(f"The two runs cannot be compared: the signature of '{output}' differs.")
    return first.scores[output].metric, second.scores[output].metric


def _mask(table: pa.Table, where: Mapping[str, str]) -> NDArray[np.bool_]:
    mask = np.ones(len(table), dtype=np.bool_)
    for name, value in where.items():
        column = f"{SLICE}{name}"
        if column not in table.column_names:
            raise UsageError(f"The runs have no slice '{name}'.")
        mask &= table.column(column).to_numpy(zero_copy_only=False) == value
    return mask
