"""The frames that pages show: rows of plain text and numbers over a folder of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.digests import digest_json
from velm_bench.results.schema import Result, Score
from velm_bench.results.store import RESULT, list_runs

RUN_COLUMNS = (
    "model", "control", "task", "kind", "metric", "score", "low", "high", "answered", "n", "errors", "unparsed",
    "created", "run",
)  # fmt: skip
"""The columns of `runs_frame`: a row per run, with its primary metric."""
SCORE_COLUMNS = (
    "label", "model", "control", "task", "kind", "metric", "score", "low", "high", "n", "errors", "higher_is_better",
    "signature", "run",
)  # fmt: skip
"""The columns of `scores_frame`: a row per run and metric; `label` is the run's name in a chart, unlike any other's."""
FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True)
class Board:
    """The runs of a results folder at one moment."""

    runs: pd.DataFrame
    """A row per run: RUN_COLUMNS, best first within each task."""
    scores: pd.DataFrame
    """A row per run and metric: SCORE_COLUMNS, metrics in their task's order, best first within each."""
    damaged: tuple[str, ...] = ()
    """A sentence about each result file that cannot be read."""


def snapshot(root: Path) -> str:
    """The identity of what a results folder holds now: names, sizes and times of its results. What caches key on."""
    return digest_json([str(root), *sorted(_stamp(root, path) for path in root.glob(f"*/*/*/{RESULT}"))])


def read_board(root: Path) -> Board:
    """Everything the page shows of a results folder; damaged results are left out and said so."""
    damaged: list[str] = []
    results = [result for _, result in list_runs(root, damaged.append)]
    return Board(_runs(results), _scores(results), tuple(map(inert, damaged)))


def runs_frame(root: Path) -> pd.DataFrame:
    """A row per run with its primary metric, best first within each task."""
    return read_board(root).runs


def scores_frame(root: Path) -> pd.DataFrame:
    """A row per run and metric, in the order of each task's metrics."""
    return read_board(root).scores


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula and no terminal for a command, otherwise as it was."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def _stamp(root: Path, path: Path) -> list[Any]:
    status = path.stat()
    return [path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns]


def _runs(results: list[Result]) -> pd.DataFrame:
    ordered = sorted(results, key=lambda result: (result.task.name, *_rank(result, result.primary)))
    return pd.DataFrame([_run_row(result) for result in ordered], columns=list(RUN_COLUMNS))


def _rank(result: Result, metric: str) -> tuple[bool, float, str, str]:
    """What sorts a run before the worse ones by a metric; where it is undefined, last."""
    score = result.scores.get(metric)
    who = (result.model.name, result.control)
    if score is None or score.value is None:
        return True, 0.0, *who
    return False, -score.value if score.higher_is_better else score.value, *who


def _run_row(result: Result) -> dict[str, Any]:
    score = result.scores.get(result.primary)
    return {
        **_who_and_what(result),
        "metric": inert(result.primary),
        **_numbers(score),
        "answered": score.answered if score else None,
        "n": result.n,
        "errors": result.n_errors,
        "unparsed": result.parse_failures,
        "created": inert(result.provenance.created[:10]),
        "run": inert(result.run_id),
    }


def _scores(results: list[Result]) -> pd.DataFrame:
    labels = _labels(results)
    rows = [
        {"label": labels[result.run_id], **_score_row(result, name)}
        for task in sorted({result.task.name for result in results})
        for name, ranked in _ranked([result for result in results if result.task.name == task])
        for result in ranked
    ]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _ranked(results: list[Result]) -> Iterator[tuple[str, list[Result]]]:
    """Each metric of one task's runs, and the runs that have it, best first."""
    for name in dict.fromkeys(name for result in results for name in result.scores):
        having = [result for result in results if name in result.scores]
        yield name, sorted(having, key=lambda result: _rank(result, name))


def _labels(results: list[Result]) -> dict[str, str]:
    """A name per run id: the model and its control, with the run's id where several of a task share them."""
    names = {result.run_id: _name(result) for result in results}
    count = Counter((result.task.name, names[result.run_id]) for result in results)
    return {
        result.run_id: names[result.run_id]
        if count[result.task.name, names[result.run_id]] == 1
        else f"{names[result.run_id]} {inert(result.run_id)}"
        for result in results
    }


def _name(result: Result) -> str:
    model = inert(result.model.name)
    return f"{model} ({inert(result.control)})" if result.control else model


def _score_row(result: Result, name: str) -> dict[str, Any]:
    score = result.scores[name]
    return {
        **_who_and_what(result),
        "metric": inert(name),
        **_numbers(score),
        "n": score.n,
        "errors": score.n_errors,
        "higher_is_better": score.higher_is_better,
        "signature": inert(score.signature),
        "run": inert(result.run_id),
    }


def _who_and_what(result: Result) -> dict[str, str]:
    named = {"model": result.model.name, "control": result.control, "task": result.task.name, "kind": result.task.kind}
    return {key: inert(value) for key, value in named.items()}


def _numbers(score: Score | None) -> dict[str, float | None]:
    if score is None:
        return {"score": None, "low": None, "high": None}
    return {"score": score.value, "low": score.low, "high": score.high}
