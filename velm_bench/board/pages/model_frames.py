"""The scores of one submission, as its page shows them."""

from __future__ import annotations

import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.inert import inert

SCORE_COLUMNS = (
    "task", "control", "metric", "score", "low", "high", "floor", "ceiling", "corrected", "corrected_low",
    "corrected_high", "claimed", "n", "errors", "unparsed", "device", "run",
)  # fmt: skip


def scores_of(listing: Listing, submission: str) -> pd.DataFrame:
    """A row per run of a submission, in the order of the board's tasks, ordinary runs first: SCORE_COLUMNS.

    `score` is what stands on the board; `claimed` is what the submission said of it.
    """
    places = {task: place for place, task in enumerate(listing.tasks)}
    rows = listing.runs[listing.runs["submission"] == submission]
    rows = rows.assign(
        place=rows["task"].map(places),
        floor=rows["task"].map({name: task.floor for name, task in listing.tasks.items()}),
        ceiling=rows["task"].map({name: task.ceiling for name, task in listing.tasks.items()}),
    ).sort_values(["place", "control", "run"], ignore_index=True)
    texts = {name: [inert(str(text)) for text in rows[name]] for name in ("task", "control", "metric", "device")}
    typed = {name: rows[name].astype("Float64") for name in ("floor", "ceiling")}
    return rows.assign(**texts, **typed)[list(SCORE_COLUMNS)]


def metrics_of(listing: Listing, submission: str) -> pd.DataFrame:
    """Every metric of every run of a submission: task, control, metric, score, low, high, n, errors, signature."""
    runs = listing.runs.loc[listing.runs["submission"] == submission, ["run", "task", "control"]]
    whole = listing.scores[listing.scores["slice"] == ""]
    rows = runs.merge(whole, on="run")
    texts = {
        name: [inert(str(text), 400) for text in rows[name]] for name in ("task", "control", "metric", "signature")
    }
    columns = ["task", "control", "metric", "score", "low", "high", "n", "errors", "signature"]
    return rows.assign(**texts)[columns]
