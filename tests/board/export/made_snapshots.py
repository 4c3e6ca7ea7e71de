"""Snapshots that tests export: a small board with hostile names, and ranks that are plain to see."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.board.export.snapshot import Snapshot, arrange
from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS, ListedTask, Listing
from velm_bench.board.listings.results_listing import framed

HOSTILE = {
    "tag": "<img src=x onerror=alert(1)>",
    "end": "</script><script>alert(2)</script>",
    "picture": "![x](http://example.invalid/x.png)",
    "formula": '=HYPERLINK("http://example.invalid","x")',
    "bidi": "safe\u202egnp.exe",
    "quote": "\"'`&amp;\\{}$%_^~#",
}
"""Names that would do something if anything interpreted them."""
CITATION = "Someone et al. (2024), 100% of $x_1$ & {more}"


def task(name: str, kind: str, **changes: Any) -> ListedTask:
    """A task with a floor of 0.2 and a ceiling of 1."""
    said = {"description": "A task.", "source": {"type": "scenes", "split": "test"}, "citation": CITATION}
    facts = {"floor": 0.2, "floor_by": "baseline:majority", "ceiling": 1.0, "ceiling_by": "the metric's maximum"}
    given = {"primary": "accuracy", "higher_is_better": True, "samples": 100, "definition": said, **facts, **changes}
    return ListedTask(name=name, kind=kind, **given)


def run(submission: str, model: str, task: str, kind: str, score: float | None, **changes: Any) -> dict[str, Any]:
    """A row of `Listing.runs`."""
    found = {
        "submission": submission * 64 if len(submission) == 1 else submission,
        "model": model,
        "task": task,
        "kind": kind,
        "metric": "accuracy",
        "score": score,
        "low": None if score is None else score - 0.05,
        "high": None if score is None else score + 0.05,
        "higher_is_better": True,
        "corrected": None if score is None else (score - 0.2) / 0.8,
        "claimed": score,
        "n": 100,
        "samples": 100,
        "errors": 0,
        "unparsed": 0,
        "level": "recomputed",
        "status": "listed",
        "submitted": "2026-03-04",
        "attempts": 1,
        **changes,
    }
    return {"run": f"{found['submission']}/{task} {found.get('control', '')}".strip(), **found}


def listing(runs: list[dict[str, Any]], tasks: Mapping[str, ListedTask], root: Path = Path()) -> Listing:
    """A board of these runs, each with its primary score and another metric."""
    scores = [{**row, "slice": "", "signature": "accuracy|v:1"} for row in runs]
    scores += [{**row, "metric": "ece", "score": 0.5, "higher_is_better": False, "slice": ""} for row in runs]
    scores += [{**row, "slice": "size=small"} for row in runs]
    return Listing("ab" * 32, "A board", root, True, tasks, framed(runs, RUN_COLUMNS), framed(scores, SCORE_COLUMNS))


def ranks(found: Listing, task: str = "") -> pd.DataFrame:
    """What counts, by the mean of its scores; the complete ones before the others, and no rank for a control."""
    runs = found.runs[found.runs["status"].isin(["listed", "flagged"])]
    runs = runs[runs["task"] == task] if task else runs
    frame = runs.groupby(["submission", "control"], sort=False)["score"].agg(["mean", "count"]).reset_index()
    frame["of"] = 1 if task else len(found.tasks)
    frame["complete"] = frame["count"] == frame["of"]
    frame = frame.sort_values(["complete", "mean"], ascending=False, ignore_index=True)
    ranked = frame["complete"] & (frame["control"] == "")
    places = ranked.cumsum().astype("Int64").where(ranked)
    score = frame["mean"].where(frame["complete"]).astype("Float64")
    bounds = {"low": score - 0.1, "high": score + 0.1, "rank_low": places, "rank_high": places + 1}
    named = {"score": score, "rank": places, "group": places, "done": frame["count"], **bounds}
    return frame[["submission", "control", "of", "complete"]].assign(**named)


def snapshot(found: Listing, newest: str = "") -> Snapshot:
    """The listing with its ranks."""
    return arrange(found, {name: ranks(found, name) for name in ("", *found.tasks)}, newest)


def small_board() -> Snapshot:
    """Six hostile names on two tasks, an incomplete submission above all of them in its one task, a control between
    the first two, and one that was withdrawn."""
    tasks = {"seen": task("seen", "vqa"), "<b>words</b>": task("<b>words</b>", "ner")}
    runs = [
        run(letter, name, one, tasks[one].kind, 0.9 - 0.1 * place, organisation=name, licence=name, reason=name)
        for place, (letter, name) in enumerate(zip("abcdef", HOSTILE.values(), strict=True))
        for one in tasks
    ]
    runs.append(run("1", "Incomplete", "seen", "vqa", 0.99, level="valid", parameters=7_000_000))
    runs += [run("a", HOSTILE["tag"], one, tasks[one].kind, 0.85, control="blank") for one in tasks]
    runs.append(run("2", "Gone", "seen", "vqa", 0.95, status="withdrawn", reason="a mistake"))
    return snapshot(listing(runs, tasks), "2026-05-06")
