"""How a model came to be what it is: its releases over time, and how fast and how good it is among the others."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.speaking import speaking
from velm_bench.board.schema import COUNTING
from velm_bench.inert import SHOWN, inert

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
    return speaking(runs[(runs["task"] == task) & (runs["control"] == "")])


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


def speed_frame(listing: Listing, task: str, submission: str, most: int = 500) -> pd.DataFrame:
    """Speed against quality on a task, for the `most` best that count and told their speed, and the submission itself:
    SPEED_COLUMNS, texts inert."""
    rows = task_scores(listing, task)
    counts = rows["status"].isin(list(COUNTING)) | (rows["submission"] == submission)
    told = rows[counts & rows["samples_per_second"].gt(0).fillna(False) & rows["score"].notna()]
    sign = -1 if listing.tasks[task].higher_is_better else 1
    told = told.assign(shown=told["submission"] == submission, order=sign * told["score"].astype(float))
    best = told.sort_values(["shown", "order", "run"], ascending=[False, True, True]).head(most).sort_index()
    made = best.assign(label=names(best))
    return _inert(made.assign(name=_with_room(made, -sign))[list(SPEED_COLUMNS)], ("label", "model", "device"))


def _with_room(frame: pd.DataFrame, sign: int) -> list[str]:
    """The label of each dot that no other name covers: that of the page's first, then of the best."""
    if frame.empty:
        return []
    speeds, scores = (frame[name].to_numpy(dtype=np.float64) for name in ("samples_per_second", "score"))
    places = np.stack([_unit(np.log10(speeds)), _unit(scores)])
    free = np.zeros(len(frame), dtype=bool)
    for at in np.lexsort((-sign * places[1], ~frame["shown"].to_numpy(dtype=bool))):
        taken = np.abs(places[:, free] - places[:, [at]]) < np.asarray(ROOM)[:, None]
        free[at] = not bool(taken.all(axis=0).any())
    return [label if there else "" for label, there in zip(frame["label"], free, strict=True)]


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values between 0 and 1, the smallest and the largest of them."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / ((high - low) or 1.0), dtype=np.float64)


def names(rows: pd.DataFrame) -> list[str]:
    """A name for each run of a chart or a table: the model's, with as much more as tells it from the others."""
    choices = _choices(rows)
    longer = [column[column != shorter] for shorter, column in pairwise(choices)]
    count = pd.concat([choices[0], *longer]).value_counts()  # each row's different names once
    found = choices[-1]
    for column in reversed(choices[:-1]):
        found = found.mask(column.map(count) == 1, column)
    return found.tolist()


def _choices(rows: pd.DataFrame) -> list[pd.Series[str]]:
    """The names of each run, from the shortest to one that no other run has."""
    model, control, revision, run = (
        _each(rows[name], most) for name, most in (("model", 60), ("control", 40), ("revision", 24), ("run", SHOWN))
    )
    short = model.mask(control != "", model + " (" + control + ")")
    revised = (short + " " + revision).str.strip()
    whose = revised + " " + rows["submission"].str.slice(0, 6)
    return [short, revised, whose, whose + " " + run]


def _each(texts: pd.Series[str], most: int = SHOWN) -> pd.Series[str]:
    """The texts made inert, each but once."""
    codes, unique = pd.factorize(texts, use_na_sentinel=False)
    said = pd.array([inert(str(text), most) for text in unique.tolist()], dtype="string")
    return pd.Series(said.take(codes), index=texts.index)


def _inert(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    return frame.assign(**{name: _each(frame[name]) for name in columns}).reset_index(drop=True)
