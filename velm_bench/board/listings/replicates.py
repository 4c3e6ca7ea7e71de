"""The bootstrap replicates of listed models' scores, from the statistics in their runs' samples.

Only the columns that are needed are read, and so many models at a time as fit into memory; models of different pieces
share their draws all the same, since these depend on the tasks alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from velm_bench.board.listings.listing import ListedTask
from velm_bench.errors import UsageError, VelmError
from velm_bench.metrics import build
from velm_bench.results.store import SAMPLES, SLICE, STATISTICS, read_result, statistics_of
from velm_bench.statistics.joint import Asked, joint_replicates
from velm_bench.statistics.resampling import Metric

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[np.float64]

PIECE = 32_000_000
"""Numbers of statistics held at a time (256 MB)."""


@dataclass(frozen=True)
class Measure:
    """One score of one task as it enters a number: `shift + scale * score`."""

    task: ListedTask
    output: str
    part: str = ""
    """Of this slice alone: "question_type=count"; empty for the whole."""
    shift: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class _Ground:
    """What all models answered of one measure, as one of them has it."""

    measure: Measure
    metric: Metric
    name: str
    """The metric's name in the columns."""
    ids: pa.ChunkedArray
    groups: NDArray[np.str_]
    mask: NDArray[np.bool_]
    replicates: int
    seed: int


def model_replicates(
    root: Path, measures: Sequence[Measure], models: Sequence[Sequence[str]]
) -> tuple[list[int], Array]:
    """The replicates of each model's sum over the measures: which models they are of, and (replicates, those).

    Left out are models with a run that is not on this machine, damaged, or about other samples than the first's.
    `models` has for each model its runs' folders under `root`, one per measure. A replicate in which the sum is
    undefined is NaN.
    """
    grounds: dict[int, _Ground] = {}
    rows: list[list[Array]] = []
    kept: list[int] = []
    pieces: list[Array] = []
    held = 0
    for place, runs in enumerate(models):
        found = _statistics(root, measures, runs, grounds)
        if found is None:
            continue
        kept.append(place)
        rows.append(found)
        held += sum(part.size for part in found)
        if held > PIECE:
            pieces.append(_replicates(grounds, rows))
            rows, held = [], 0
    if rows:
        pieces.append(_replicates(grounds, rows))
    return kept, np.concatenate(pieces, axis=1) if pieces else np.empty((1, 0))


def _replicates(grounds: Mapping[int, _Ground], rows: Sequence[Sequence[Array]]) -> Array:
    """The weighted sums over all measures, shape (replicates, models)."""
    asked = {
        str(place): Asked(
            metric=ground.metric,
            output=ground.measure.output,
            source=str(ground.measure.task.definition.get("source", {}).get("type", "")),
            groups=ground.groups[ground.mask],
            runs=[row[place] for row in rows],
        )
        for place, ground in grounds.items()
    }
    first = next(iter(grounds.values()))
    drawn = joint_replicates(asked, first.replicates, first.seed)
    total = np.zeros((first.replicates, len(rows)))
    for place, ground in grounds.items():
        total += ground.measure.shift + ground.measure.scale * drawn[str(place)]
    return total


def _statistics(
    root: Path, measures: Sequence[Measure], runs: Sequence[str], grounds: dict[int, _Ground]
) -> list[Array] | None:
    """One model's statistics by measure; None where a run cannot be used."""
    found: list[Array] = []
    fresh = dict(grounds)
    for place, (measure, run) in enumerate(zip(measures, runs, strict=True)):
        try:
            if place not in fresh:
                fresh[place] = _ground(root / run, measure)
            found.append(_matching(root / run, fresh[place]))
        except VelmError:
            return None
    grounds.update(fresh)
    return found


def _ground(folder: Path, measure: Measure) -> _Ground:
    result = read_result(folder)
    if measure.output not in result.scores:
        raise UsageError(f"The run {folder} has no score '{measure.output}'.")
    name = result.scores[measure.output].metric
    slice_name, _, value = measure.part.partition("=")
    column = f"{SLICE}{slice_name}"
    table = _columns(folder, ["id", "group", *([column] if measure.part else [])])
    mask = np.ones(len(table), dtype=np.bool_)
    if measure.part:
        mask = np.asarray(table.column(column).to_numpy(zero_copy_only=False) == value, dtype=np.bool_)
    return _Ground(
        measure=measure,
        metric=build(name, result.task.labels),
        name=name,
        ids=table.column("id"),
        groups=np.asarray(table.column("group").to_numpy(zero_copy_only=False), dtype=np.str_),
        mask=mask,
        replicates=result.resampling.replicates,
        seed=result.resampling.seed,
    )


def _matching(folder: Path, ground: _Ground) -> Array:
    """A run's statistics on the samples that are meant; UsageError where it is about others."""
    table = _columns(folder, ["id", f"{STATISTICS}{ground.name}"])
    if not table.column("id").equals(ground.ids):
        raise UsageError(f"The run {folder} is about other samples.")
    return statistics_of(table, ground.name)[ground.mask]


def _columns(folder: Path, names: list[str]) -> pa.Table:
    """These columns of a run's samples; UsageError where there are none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(folder / SAMPLES, memory_map=True) as file:
            absent = [name for name in names if name not in file.schema_arrow.names]
            if absent:
                raise UsageError(f"The samples of the run {folder} have no column '{absent[0]}'.")
            return file.read(columns=names, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"The samples of the run {folder} cannot be read ({error}).") from error
