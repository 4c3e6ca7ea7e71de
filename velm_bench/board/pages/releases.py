"""How a model came to be what it is: its releases over time, and how fast and how good it is among the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from velm_bench.board.inert import inert
from velm_bench.board.listings.listing import Listing
from velm_bench.board.schema import COUNTING

RELEASE_COLUMNS = (
    "submission", "model", "revision", "date", "score", "low", "high", "status", "level", "relation", "shown",
)  # fmt: skip
"""`date` is the release's or, where the card has none, the submission's; `shown` says which one the page is about."""
SPEED_COLUMNS = (
    "label", "name", "model", "samples_per_second", "device", "score", "low", "high", "parameters", "shown",
)  # fmt: skip
"""`name` is the label where there is room for it beside the dots of others, else empty."""
ROOM = (0.16, 0.06)
"""The share of a chart's width and height that a name takes."""


def lineage(listing: Listing, name: str) -> dict[str, str]:
    """The names that a model descends from, and those that descend from it, each with what it is to the model.

    A parent is found by its name on the board; circles are walked once.
    """
    pairs = listing.runs[["model", "parent"]].drop_duplicates()
    parents: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    for model, parent in pairs.itertuples(index=False):
        if parent and parent != model:
            parents.setdefault(model, set()).add(parent)
            children.setdefault(parent, set()).add(model)
    known = set(pairs["model"])
    ancestors = _reached(name, parents)
    found = dict.fromkeys(_reached(name, children) & known, "made from it")
    return {**found, **dict.fromkeys(ancestors & known, "what it was made from"), name: "this model"}


def _reached(start: str, steps: dict[str, set[str]]) -> set[str]:
    """Everything that any number of steps lead to."""
    seen: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {found for one in ahead for found in steps.get(one, set())} - seen - {start}
        seen |= ahead
    return seen


def release_frame(listing: Listing, submission: str, scores: pd.DataFrame) -> pd.DataFrame:
    """All releases of a submission's lineage, oldest first: RELEASE_COLUMNS, texts inert; none is left out.

    `scores` holds submission, score, low and high of what is asked: a task's runs (`task_scores`), or the aggregate.
    """
    about = listing.runs.drop_duplicates("submission").set_index("submission")
    relations = lineage(listing, str(about.at[submission, "model"]))
    rows = about[about["model"].isin(list(relations))].reset_index()
    rows = rows.assign(
        relation=rows["model"].map(relations),
        date=rows["released"].where(rows["released"] != "", rows["submitted"]),
        shown=rows["submission"] == submission,
    )
    columns = [name for name in rows.columns if name not in ("score", "low", "high")]
    joined = rows[columns].merge(scores[["submission", "score", "low", "high"]], on="submission", how="left")
    frame = joined.sort_values(["date", "submitted", "submission"], ignore_index=True)[list(RELEASE_COLUMNS)]
    return _inert(frame, ("model", "revision", "date", "status", "level"))


def task_scores(listing: Listing, task: str) -> pd.DataFrame:
    """The ordinary runs of a task, one per submission: submission, score, low, high and the rest of RUN_COLUMNS."""
    runs = listing.runs
    return runs[(runs["task"] == task) & (runs["control"] == "")].drop_duplicates("submission")


def predecessor(listing: Listing, submission: str) -> str:
    """What a submission is best compared with: the release before it, else its parent's latest; empty without any."""
    about = listing.runs.drop_duplicates("submission")
    dated = about.assign(date=about["released"].where(about["released"] != "", about["submitted"]))
    own = dated[dated["submission"] == submission].iloc[0]
    counting = dated[dated["status"].isin(list(COUNTING)) & (dated["submission"] != submission)]
    same = counting[(counting["model"] == own["model"]) & (counting["date"] <= own["date"])]
    parent = counting[(counting["model"] == own["parent"]) & (counting["model"] != own["model"])]
    for candidates in (same, parent):
        if not candidates.empty:
            return str(candidates.sort_values(["date", "submitted", "submission"])["submission"].iloc[-1])
    return ""


def speed_frame(listing: Listing, task: str, submission: str) -> pd.DataFrame:
    """Speed against quality on a task, for those that count and told their speed: SPEED_COLUMNS, texts inert."""
    rows = task_scores(listing, task)
    counts = rows["status"].isin(list(COUNTING)) | (rows["submission"] == submission)
    told = rows[counts & rows["samples_per_second"].gt(0).fillna(False) & rows["score"].notna()]
    shown = told["submission"] == submission
    made = told.assign(label=names(told), shown=shown)
    return _inert(made.assign(name=_with_room(made))[list(SPEED_COLUMNS)], ("label", "model", "device"))


def _with_room(frame: pd.DataFrame) -> list[str]:
    """The label of each dot that no other name covers: that of the page's first, then of the best."""
    if frame.empty:
        return []
    speeds, scores = (frame[name].to_numpy(dtype=np.float64) for name in ("samples_per_second", "score"))
    places = np.stack([_unit(np.log10(speeds)), _unit(scores)])
    free = np.zeros(len(frame), dtype=bool)
    for at in np.lexsort((-places[1], ~frame["shown"].to_numpy(dtype=bool))):
        taken = np.abs(places[:, free] - places[:, [at]]) < np.asarray(ROOM)[:, None]
        free[at] = not bool(taken.all(axis=0).any())
    return [label if there else "" for label, there in zip(frame["label"], free, strict=True)]


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values between 0 and 1, the smallest and the largest of them."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / ((high - low) or 1.0), dtype=np.float64)


def names(rows: pd.DataFrame) -> list[str]:
    """A name for each run of a chart or a table: the model's, with as much more as tells it from the others."""
    choices = [_choices(row) for row in rows.to_dict("records")]
    count = Counter(name for names in choices for name in dict.fromkeys(names))
    return [next((name for name in names if count[name] == 1), names[-1]) for names in choices]


def _choices(row: Mapping[Hashable, Any]) -> list[str]:
    """The names of one run, from the shortest to one that no other run has."""
    model, control = inert(str(row["model"]), 60), inert(str(row["control"]), 40)
    short = f"{model} ({control})" if control else model
    revised = f"{short} {inert(str(row['revision']), 24)}".strip()
    whose = f"{revised} {str(row['submission'])[:6]}"
    return [short, revised, whose, f"{whose} {inert(str(row['run']))}"]


def _inert(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    return frame.assign(**{name: [inert(str(text)) for text in frame[name]] for name in columns}).reset_index(drop=True)
