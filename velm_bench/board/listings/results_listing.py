"""A folder of runs as a Listing: what one's own runs say before anything is submitted anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS, ListedTask, Listing
from velm_bench.board.listings.speaking import comparable, odd_ones
from velm_bench.digests import digest_json
from velm_bench.results.schema import Result, Score
from velm_bench.results.store import list_runs, result_files
from velm_bench.tasks.registry import definitions

OWN = "own run"
"""The verification of a run that lies in a results folder: nobody looked at it."""
IMPORTED = "imported"
"""The verification of a run of another harness: its scores are taken over."""


def results_identity(root: Path) -> str:
    """The identity of what a results folder holds now: names, sizes and times of its results, wherever it lies."""
    return digest_json([*sorted(_stamp(root, path) for path in result_files(root))])


def list_results(root: Path) -> Listing:
    """Everything that a results folder holds; damaged results are left out and said so."""
    notes: list[str] = []
    identity = results_identity(root)  # before anything is read
    runs = {folder.relative_to(root).as_posix(): result for folder, result in list_runs(root, notes.append)}
    rows = framed([_run_row(run, result) for run, result in runs.items()], RUN_COLUMNS)
    usual = set(rows.loc[comparable(rows), "run"])
    return Listing(
        identity=identity,
        title=root.name,
        root=root,
        is_board=False,
        tasks=_tasks([result for run, result in runs.items() if run in usual]),
        runs=rows,
        scores=framed([row for run, result in runs.items() for row in score_rows(run, result)], SCORE_COLUMNS),
        notes=(*notes, *odd_ones(rows, is_board=False)),
    )


def framed(rows: list[dict[str, Any]], columns: Any) -> pd.DataFrame:
    """Rows as a frame with these columns and types; what a row lacks is null, or empty where it is text."""
    frame = pd.DataFrame(rows, columns=list(columns)).astype(dict(columns))
    texts = [name for name, kind in columns.items() if kind == "string"]
    return frame.fillna(dict.fromkeys(texts, ""))


def score_rows(run: str, result: Result) -> list[dict[str, Any]]:
    """The main output of each metric, and the primary score of every slice."""
    rows = [_score_row(run, name, "", score) for name, score in result.main_scores.items()]
    for name, values in result.slices.items():
        for value, part in values.items():
            if result.primary in part.scores:
                rows.append(_score_row(run, result.primary, f"{name}={value}", part.scores[result.primary]))
    return rows


def _score_row(run: str, metric: str, part: str, score: Score) -> dict[str, Any]:
    return {
        "run": run,
        "metric": metric,
        "slice": part,
        "score": score.value,
        "low": score.low,
        "high": score.high,
        "n": score.n,
        "errors": score.n_errors,
        "higher_is_better": score.higher_is_better,
        "signature": score.signature,
    }


def _run_row(run: str, result: Result) -> dict[str, Any]:
    licence = result.model.details.get("licence", "")
    return {
        "submission": digest_json([result.model.name, result.model.digest]),
        "run": run,
        "model": result.model.name,
        "parameters": result.model.parameters,
        "licence": licence if isinstance(licence, str) else "",
        "task": result.task.name,
        "kind": result.task.kind,
        "ran": result.model.name,
        "asked": _asked(result),
        "control": result.remarks,
        "metric": result.primary,
        "score": result.score.value,
        "low": result.score.low,
        "high": result.score.high,
        "higher_is_better": result.score.higher_is_better,
        "claimed": result.score.value,
        "n": result.n,
        "samples": result.data.samples,
        "errors": result.n_errors,
        "unparsed": result.parse_failures,
        "level": IMPORTED if result.imported else OWN,
        "status": "listed",
        "submitted": result.provenance.created[:10],
        "attempts": 1,
        "samples_per_second": result.timing.samples_per_second,
        "device": result.provenance.device,
    }


def _asked(result: Result) -> str:
    """Two runs compare only where task, data, samples and the metric's signature agree."""
    data = result.data
    return digest_json([result.task.digest, data.fingerprint, data.content, result.score.signature])[:16]


def _tasks(results: list[Result]) -> dict[str, ListedTask]:
    found: dict[str, ListedTask] = {}
    for result in sorted(results, key=lambda one: (one.task.kind, one.task.name)):
        found.setdefault(result.task.name, _listed(result))
    return found


def _listed(result: Result) -> ListedTask:
    base, _, split = result.task.name.partition(":")
    shipped = definitions().get(base)
    return ListedTask(
        name=result.task.name,
        kind=result.task.kind,
        primary=result.primary,
        higher_is_better=result.score.higher_is_better,
        samples=result.n,
        definition=result.task.definition,
        file=shipped.path if shipped else None,
        split=split,
        limit=result.data.limit,
        seed=result.data.seed,
    )


def _stamp(root: Path, path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError:  # removed meanwhile
        return [path.relative_to(root).as_posix()]
    return [path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns]
