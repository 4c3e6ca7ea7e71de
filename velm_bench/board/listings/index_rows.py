"""The rows of the index: what one submission's manifest and standing say, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from velm_bench.board.listings.aggregates import corrected
from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS
from velm_bench.board.schema import Manifest, PinnedTask, RunEntry, VerifiedRun
from velm_bench.board.verification.standing import Standing
from velm_bench.results.schema import Score, remarked

if TYPE_CHECKING:
    import pyarrow as pa

SCORES = "scores"
"""The column that holds a run's rows of SCORE_COLUMNS, without "run"."""
NESTED = tuple(name for name in SCORE_COLUMNS if name != "run")
Columns = dict[str, list[Any]]


class Rows:
    """Columns of runs and of their scores, filled submission by submission."""

    def __init__(self, tasks: Mapping[str, PinnedTask]) -> None:
        self.tasks = tasks
        self.runs: Columns = {name: [] for name in RUN_COLUMNS}
        self.scores: Columns = {name: [] for name in NESTED}
        self.ends = [0]
        """Up to which row of the scores each run's reach."""

    def add(self, manifest: Manifest, standing: Standing) -> None:
        """The runs of one submission, all of tasks of this board."""
        said = {**_said_of_model(manifest), **_said_of_standing(standing)}
        runs = [(entry, standing.runs.get(entry.name)) for entry in manifest.runs]
        rows = [said | _run_row(standing.submission, entry, self.tasks[entry.task], found) for entry, found in runs]
        for name, column in self.runs.items():
            column.extend([row.get(name) for row in rows])
        for _, found in runs:
            self._add_scores(list(_scores(found)))

    def _add_scores(self, found: list[tuple[str, str, Score]]) -> None:
        """The rows of one run's scores; spelled out, for there are a million of them."""
        columns = self.scores
        columns["metric"].extend([metric for metric, _, _ in found])
        columns["slice"].extend([part for _, part, _ in found])
        columns["score"].extend([score.value for _, _, score in found])
        columns["low"].extend([score.low for _, _, score in found])
        columns["high"].extend([score.high for _, _, score in found])
        columns["n"].extend([score.n for _, _, score in found])
        columns["errors"].extend([score.n_errors for _, _, score in found])
        columns["higher_is_better"].extend([score.higher_is_better for _, _, score in found])
        columns["signature"].extend([score.signature for _, _, score in found])
        self.ends.append(len(columns["metric"]))

    def table(self) -> pa.Table:
        """Everything added, in its order."""
        import pyarrow as pa

        plain = {name: pa.array(column, _arrow(RUN_COLUMNS[name])) for name, column in self.runs.items()}
        inner = [pa.array(self.scores[name], _arrow(SCORE_COLUMNS[name])) for name in NESTED]
        scores = pa.ListArray.from_arrays(pa.array(self.ends, pa.int32()), pa.StructArray.from_arrays(inner, NESTED))
        return pa.table({**plain, SCORES: scores})


def with_attempts(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """The table with how many submissions there are of each model's name; `names` has that of every submission."""
    import pyarrow as pa

    count = Counter(names)
    attempts = pa.array([count[name] for name in table.column("model").to_pylist()], pa.int64())
    return table.set_column(table.column_names.index("attempts"), "attempts", attempts)


def frames(table: pa.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table as the frames of a Listing: RUN_COLUMNS and SCORE_COLUMNS."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = table.combine_chunks()
    lists = whole.column(SCORES).combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # of an empty table
        lists = pa.array([], whole.schema.field(SCORES).type)
    runs = pc.take(whole.column("run"), pc.list_parent_indices(lists))
    inner = pc.list_flatten(lists)
    scores = pa.table({"run": runs, **{name: pc.struct_field(inner, name) for name in NESTED}})
    return _frame(whole.drop_columns([SCORES]), RUN_COLUMNS), _frame(scores, SCORE_COLUMNS)


def _frame(table: pa.Table, columns: Mapping[str, str]) -> pd.DataFrame:
    types = {_arrow(kind): pd.api.types.pandas_dtype(kind) for kind in set(columns.values())}
    frame: pd.DataFrame = table.select(list(columns)).to_pandas(types_mapper=types.get)
    return frame


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {"string": pa.string(), "Int64": pa.int64(), "Float64": pa.float64(), "boolean": pa.bool_()}[kind]


def _said_of_model(manifest: Manifest) -> dict[str, Any]:
    card = manifest.card
    return {
        "model": card.name,
        "ran": manifest.model,
        "revision": card.revision,
        "organisation": card.organisation,
        "parameters": card.parameters,
        "licence": card.licence,
        "training_data": card.training_data,
        "released": card.release_date.isoformat() if card.release_date else "",
        "parent": card.parent,
    }


def _said_of_standing(standing: Standing) -> dict[str, Any]:
    return {
        "submission": standing.submission,
        "level": standing.level.value,
        "status": standing.status.value,
        "reason": standing.reason,
        "submitted": standing.submitted[:10],
    }


def _run_row(submission: str, entry: RunEntry, task: PinnedTask, found: VerifiedRun | None) -> dict[str, Any]:
    row = {
        "run": f"{submission}/{entry.name}",
        "task": task.name,
        "kind": task.kind,
        "control": remarked(entry.control, entry.shots),
        "metric": task.primary,
        "higher_is_better": task.higher_is_better,
        "samples": task.samples,
        "device": "",
        "asked": "",
    }
    if found is not None:
        row.update(_found_row(task, found))
    return row


def _found_row(task: PinnedTask, found: VerifiedRun) -> dict[str, Any]:
    """What recomputing gave; a score of another metric than the pinned one is none."""
    score = found.scores.get(task.primary)
    row = {
        "claimed": found.claimed.get(task.primary),
        "n": found.n,
        "errors": found.n_errors,
        "unparsed": found.parse_failures,
        "samples_per_second": found.samples_per_second,
        "device": found.device,
    }
    if score is not None:
        bounds = (corrected(bound, task.floor, task.ceiling) for bound in (score.low, score.high))
        low, high = sorted(bound for bound in bounds if bound is not None) or (None, None)
        row |= {"score": score.value, "low": score.low, "high": score.high, "asked": score.signature}
        row |= {"corrected": corrected(score.value, task.floor, task.ceiling)}
        row |= {"corrected_low": low, "corrected_high": high}
    return row


def _scores(found: VerifiedRun | None) -> Iterator[tuple[str, str, Score]]:
    """Metric, slice and score: first of the whole, then of the parts."""
    if found is None:
        return
    for metric in sorted(found.scores, key=lambda name: (name != found.primary, name)):
        yield metric, "", found.scores[metric]
    for name, values in found.slices.items():
        for value, score in values.items():
            yield found.primary, f"{name}={value}", score
