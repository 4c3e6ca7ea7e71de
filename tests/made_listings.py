"""Listings made up for the tests of frames and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS, ListedTask, Listing
from velm_bench.board.listings.results_listing import framed
from velm_bench.digests import digest_json


def row(model: str, task: str, kind: str, score: float, *, better: bool = True, **more: Any) -> pd.DataFrame:
    """One run as a row of a listing."""
    control = more.get("control", "")
    usual = {
        "submission": digest_json(model),
        "run": f"{digest_json(model)[:6]}/{task}/{control}",
        "model": model,
        "task": task,
        "kind": kind,
        "metric": "accuracy",
        "score": score,
        "low": score - 0.02,
        "high": score + 0.02,
        "higher_is_better": better,
        "n": 100,
        "samples": 100,
        "errors": 0,
        "level": "recomputed",
        "status": "listed",
        "submitted": "2026-02-02",
        "attempts": 1,
    }
    return framed([{**usual, **more}], RUN_COLUMNS)


def many(runs: pd.DataFrame, root: Path = Path("nowhere"), **more: Any) -> Listing:
    """A listing of these runs, whose primary scores are all that is known of them."""
    runs = runs.reset_index(drop=True)
    asked = runs.drop_duplicates("task")
    tasks = {
        one.task: ListedTask(
            one.task, one.kind, one.metric, bool(one.higher_is_better), 100, {}, floor=0.0, ceiling=1.0
        )
        for one in asked.itertuples()
    }
    scores = runs.assign(slice="", signature="accuracy|v:1")[list(SCORE_COLUMNS)].astype(dict(SCORE_COLUMNS))
    usual = {"identity": digest_json(runs.to_json()), "title": "made", "root": root, "is_board": True}
    return Listing(**{**usual, "tasks": tasks, "runs": runs, "scores": scores, **more})


def small(root: Path) -> Listing:
    """Three tasks of two kinds: two models with all of them, one with the best score of one, one that was withdrawn."""
    good = {"parameters": 3_000_000, "submitted": "2026-01-01"}
    fair = {"parameters": 1_000_000, "licence": "mit"}
    rows = [
        *(row("good", task, kind, 0.8, **good) for task, kind in TASKS),
        *(row("fair", task, kind, 0.5, **fair) for task, kind in TASKS),
        row("star", "vqa_a", "vqa", 0.95, level="complete", submitted="2026-03-03"),
        row("good", "vqa_a", "vqa", 0.6, control="blank", **good),
        row("gone", "ner_a", "ner", 0.99, status="withdrawn", reason="a mistake"),
    ]
    return many(pd.concat(rows), root)


TASKS = (("vqa_a", "vqa"), ("vqa_b", "vqa"), ("ner_a", "ner"))
"""The tasks of `small`, with their kinds."""
