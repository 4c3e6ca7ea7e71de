"""The frames that pages show: rows of plain text and numbers over a folder of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.digests import digest_json
from velm_bench.results.schema import Result, Score
from velm_bench.results.store import list_runs, result_files

RUN_COLUMNS = (
    "model", "control", "task", "kind", "metric", "score", "low", "high", "answered", "n", "samples", "errors",
    "unparsed", "created", "run",
)  # fmt: skip
"""The columns of `Board.runs`: a row per run, with its primary metric; `n` of the task's `samples` were asked. `run` is
its folder, unlike any other's."""
SCORE_COLUMNS = (
    "label", "model", "control", "task", "kind", "metric", "score", "low", "high", "n", "errors", "higher_is_better",
    "signature", "run",
)  # fmt: skip
"""The columns of `Board.scores`: a row per run and metric; `label` is the run's name in a chart, unlike those of its
task's other runs."""
Runs = Mapping[str, Result]
"""Results by their folder under the root, with slashes."""
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
    return digest_json([str(root), *sorted(_stamp(root, path) for path in result_files(root))])


def read_board(root: Path) -> Board:
    """Everything the page shows of a results folder; damaged results are left out and said so."""
    damaged: list[str] = []
    runs = {folder.relative_to(root).as_posix(): result for folder, result in list_runs(root, damaged.append)}
    return Board(_runs(runs), _scores(runs), tuple(map(inert, damaged)))


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula and no terminal for a command, otherwise as it was."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def _stamp(root: Path, path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError:  # removed meanwhile
        return [path.relative_to(root).as_posix()]
    return [path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns]


def _runs(runs: Runs) -> pd.DataFrame:
    ordered = sorted(runs, key=lambda run: (runs[run].task.name, *_rank(run, runs[run], runs[run].primary)))
    return pd.DataFrame([_run_row(run, runs[run]) for run in ordered], columns=list(RUN_COLUMNS))


def _rank(run: str, result: Result, metric: str) -> tuple[bool, float, str, str, str]:
    """What sorts a run before the worse ones by a metric; where it is undefined, last."""
    score = result.scores.get(metric)
    who = (result.model.name, result.remarks, run)
    if score is None or score.value is None:
        return True, 0.0, *who
    return False, -score.value if score.higher_is_better else score.value, *who


def _run_row(run: str, result: Result) -> dict[str, Any]:
    return {
        **_who_and_what(run, result),
        "metric": inert(result.primary),
        **_numbers(result.score),
        "answered": result.score.answered,
        "n": result.n,
        "samples": result.data.samples,
        "errors": result.n_errors,
        "unparsed": result.parse_failures,
        "created": inert(result.provenance.created[:10]),
    }


def _scores(runs: Runs) -> pd.DataFrame:
    rows = []
    for task in sorted({result.task.name for result in runs.values()}):
        of_task = {run: result for run, result in runs.items() if result.task.name == task}
        labels = _labels(of_task)
        for name, ranked in _ranked(of_task):
            rows += [{"label": labels[run], **_score_row(run, runs[run], name)} for run in ranked]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _ranked(runs: Runs) -> Iterator[tuple[str, list[str]]]:
    """Each metric of one task's runs, and the runs that have it, best first."""
    for name in dict.fromkeys(name for result in runs.values() for name in result.scores):
        having = [run for run in runs if name in runs[run].scores]
        yield name, sorted(having, key=lambda run: _rank(run, runs[run], name))


def _labels(runs: Runs) -> dict[str, str]:
    """A name for each run of one task: the shortest of three that no other run shares."""
    choices = {run: _names(run, result) for run, result in runs.items()}
    count = Counter(name for names in choices.values() for name in dict.fromkeys(names))
    return {run: next((name for name in names if count[name] == 1), names[-1]) for run, names in choices.items()}


def _names(run: str, result: Result) -> tuple[str, str, str]:
    """The model with its control, its examples and its limit, the same with the run's id, and with the run's folder."""
    limited = f"{result.n} of {result.data.samples}" if result.n != result.data.samples else ""
    remarks = ", ".join(remark for remark in (inert(result.remarks), limited) if remark)
    short = f"{inert(result.model.name)} ({remarks})" if remarks else inert(result.model.name)
    return short, f"{short} {inert(result.run_id)}", f"{short} {inert(run)}"


def _score_row(run: str, result: Result, name: str) -> dict[str, Any]:
    score = result.scores[name]
    return {
        **_who_and_what(run, result),
        "metric": inert(name),
        **_numbers(score),
        "n": score.n,
        "errors": score.n_errors,
        "higher_is_better": score.higher_is_better,
        "signature": inert(score.signature),
    }


def _who_and_what(run: str, result: Result) -> dict[str, str]:
    named = {
        "model": result.model.name,
        "control": result.remarks,
        "task": result.task.name,
        "kind": result.task.kind,
        "run": run,
    }
    return {key: inert(value) for key, value in named.items()}


def _numbers(score: Score) -> dict[str, float | None]:
    return {"score": score.value, "low": score.low, "high": score.high}
