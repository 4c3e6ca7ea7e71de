"""Listings made up for tests, row by row, without any file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS, ListedTask, Listing
from velm_bench.board.listings.results_listing import framed

ABOUT: dict[str, Any] = {
    "task": "seen", "kind": "vqa", "metric": "accuracy", "higher_is_better": True, "n": 100, "samples": 100,
    "errors": 0, "unparsed": 0, "level": "recomputed", "status": "listed", "submitted": "2026-05-01", "attempts": 1,
}  # fmt: skip


def submission_id(number: int) -> str:
    """The id of a made submission."""
    return f"{number:064x}"


def run_row(number: int, model: str, score: float | None = 0.5, **said: Any) -> dict[str, Any]:
    """A row of `Listing.runs` of submission `number`; an interval of 0.04 stands around its score."""
    bounds = {} if score is None else {"low": score - 0.02, "high": score + 0.02}
    row = {"submission": submission_id(number), "model": model, "score": score, **bounds, **ABOUT, **said}
    return {"run": f"{row['submission']}/{row['task']} {row.get('control', '')}".strip(), **row}


def score_row(run: str, metric: str, score: float, part: str = "", **said: Any) -> dict[str, Any]:
    """A row of `Listing.scores`."""
    bounds = {"low": score - 0.02, "high": score + 0.02, "n": 50, "errors": 0, "higher_is_better": True}
    return {"run": run, "metric": metric, "slice": part, "score": score, "signature": f"{metric}|v:1", **bounds, **said}


def listed_task(name: str = "seen", **said: Any) -> ListedTask:
    """A task of a made listing."""
    about = {"kind": "vqa", "primary": "accuracy", "higher_is_better": True, "samples": 100, "definition": {}, **said}
    return ListedTask(name=name, **about)


def made_listing(rows: list[dict[str, Any]], scores: list[dict[str, Any]] | None = None, *tasks: ListedTask) -> Listing:
    """A board's listing of these rows; of one task "seen" if none is given."""
    return Listing(
        identity="snapshot",
        title="Made",
        root=Path("nowhere"),
        is_board=True,
        tasks={task.name: task for task in tasks or (listed_task(),)},
        runs=framed(rows, RUN_COLUMNS),
        scores=framed(scores or [], SCORE_COLUMNS),
    )
