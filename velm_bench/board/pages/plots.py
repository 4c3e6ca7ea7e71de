"""The frames behind the charts of the Board page, from the rows that its table shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.frames import View, asked_tasks, rising, shown_runs
from velm_bench.board.schema import COUNTING
from velm_bench.inert import inert

SCORED = ["submission", "control", "label", "model", "score", "low", "high"]
DRAWN = 1000
"""How many dots a chart has at most: those of records and of the front, then the best of the others."""
NAMED = 12
"""How many dots of a chart carry their names."""


def score_name(listing: Listing, view: View) -> str:
    """What the score is, and which way it is better where that is down; inert."""
    tasks = asked_tasks(listing, view)
    if len(tasks) != 1:
        return "score corrected for chance"
    said = [tasks[0], view.metric or listing.tasks[tasks[0]].primary, view.part]
    name = inert(" · ".join(filter(None, said)))
    return name if rising(listing, view) else f"{name} (lower is better)"


def labelled(frame: pd.DataFrame) -> pd.Series[str]:
    """A name for each row of a board frame that no other row has: the model and its control, then its revision or its
    id where it must be."""
    name = frame["model"].mask(frame["control"] != "", frame["model"] + " (" + frame["control"] + ")")
    twice = name.duplicated(keep=False) & (frame["revision"] != "")
    name = name.mask(twice, name + " @ " + frame["revision"])
    return name.mask(name.duplicated(keep=False), name + " · " + frame["submission"].str.slice(0, 12))


def score_by_row(frame: pd.DataFrame, most: int = 40) -> pd.DataFrame:
    """The first `most` rows that have a score: SCORED, with n, group, and whether there is a control."""
    shown = frame.assign(label=labelled(frame))[frame["score"].notna()].head(most)
    made = shown[[*SCORED, "n", "group"]].assign(kind=_kind(shown))
    return made.reset_index(drop=True)


def score_over_time(frame: pd.DataFrame, rising: bool = True) -> pd.DataFrame:
    """The scores of ordinary rows by date, the oldest first: SCORED, `date`, `best` (the best score so far), `record`
    (whether it was the best when it came) and `named`.

    The date is that of the model's release where the card says one, else that of the submission. `rising` says whether
    a larger score is the better one. A row that does not count makes no record.
    """
    rows = _ordinary(frame)
    date = rows["released"].mask(rows["released"] == "", rows["submitted"]).str.slice(0, 10)
    made = rows[SCORED].assign(date=pd.to_datetime(date, format="%Y-%m-%d", errors="coerce"))
    made = made[made["date"].notna()].sort_values(["date", "score"], ascending=[True, not rising], kind="stable")
    made = made.reset_index(drop=True)
    score = made["score"].astype("float64")
    best = score.cummax() if rising else score.cummin()
    record = (score == best) & (best != best.shift())
    return _drawn(made.assign(best=best, record=record, named=_best(made["score"], record, rising)), "record", rising)


def size_against_quality(frame: pd.DataFrame, rising: bool = True) -> pd.DataFrame:
    """The ordinary rows whose size is known, the smallest first: SCORED, `parameters`, `front` and `named`.

    On the Pareto front is what no other row beats in one of size and score without losing in the other.
    """
    rows = _ordinary(frame)
    made = rows[[*SCORED, "parameters"]][rows["parameters"].notna() & (rows["parameters"] > 0)]
    made = made.assign(parameters=made["parameters"].astype("float64"), score=made["score"].astype("float64"))
    made = made.sort_values(["parameters", "score"], ascending=[True, not rising], kind="stable")
    front = pareto(made["parameters"], made["score"] * (1 if rising else -1))
    return _drawn(made.assign(front=front, named=_best(made["score"], front, rising)), "front", rising)


def _drawn(frame: pd.DataFrame, always: str, rising: bool) -> pd.DataFrame:
    """The DRAWN best rows in their order, those that are marked before all others."""
    if len(frame) > DRAWN:
        order = frame.sort_values([always, "score"], ascending=[False, not rising], kind="stable")
        frame = order.head(DRAWN).sort_index()
    return frame.reset_index(drop=True)


def _best(score: pd.Series[float], among: pd.Series[bool], rising: bool) -> pd.Series[bool]:
    """Which of some rows are the best NAMED of them."""
    place = score.astype("float64").where(among).rank(ascending=not rising, method="first")
    return place <= NAMED


def pareto(cost: pd.Series[float], worth: pd.Series[float]) -> pd.Series[bool]:
    """Which of them nothing beats: no other costs at most as much and is worth at least as much, one of both strictly.

    Equals are on the front together.
    """
    order = np.lexsort((-worth.to_numpy(), cost.to_numpy()))
    c, w = cost.to_numpy()[order], worth.to_numpy()[order]
    first = np.r_[True, c[1:] != c[:-1]]  # of each cost; the most worth comes first
    dearest = np.maximum.reduceat(w, np.flatnonzero(first)) if len(w) else w  # per cost
    before = np.r_[-np.inf, np.maximum.accumulate(dearest)[:-1]] if len(w) else w
    which = np.cumsum(first) - 1
    front = np.empty(len(w), dtype=bool)
    front[order] = (w == dearest[which]) & (w > before[which]) if len(w) else False
    return pd.Series(front, index=cost.index, dtype=bool)


def profiled(frame: pd.DataFrame, chosen: Sequence[str], most: int, otherwise: int = 4) -> list[str]:
    """The submissions of a board frame whose ids begin so, at most so many; the first ordinary rows where none does."""
    ids = [one for start in chosen for one in frame["submission"].unique() if one.startswith(start)]
    return ids[:most] or list(frame.loc[frame["control"] == "", "submission"].head(otherwise))


def per_kind_profile(listing: Listing, submissions: Sequence[str], view: View | None = None) -> pd.DataFrame:
    """The mean score of each kind's tasks for some submissions: submission, model, kind, score, tasks, corrected.

    Corrected for chance where every task allows it (0 is what can be had without looking); else the tasks' own primary
    scores, and `corrected` says that they are not. A kind of which a submission lacks a task is left out for it.
    """
    asked = View(kind=view.kind, task=view.task) if view else View()
    tasks = asked_tasks(listing, asked)
    runs = shown_runs(listing, View(statuses=tuple(listing.runs["status"].unique()), controls=False), tasks)
    runs = runs[runs["submission"].isin(list(submissions))]
    corrected = bool(len(runs)) and bool(runs["corrected"].notna().all())
    valued = runs.assign(value=runs["corrected" if corrected else "score"].astype("float64"))
    mean = valued.groupby(["submission", "kind"], sort=False).agg(
        model=("model", "first"), score=("value", "mean"), tasks=("value", "count")
    )
    mean = mean.reset_index()
    needed = Counter(listing.tasks[name].kind for name in tasks)
    whole = mean[mean["tasks"] == mean["kind"].map(dict(needed))]
    order = {submission: place for place, submission in enumerate(submissions)}
    made: pd.DataFrame = whole.assign(model=whole["model"].map(inert), corrected=corrected)
    return made.sort_values("submission", key=lambda ids: ids.map(order), kind="stable").reset_index(drop=True)


def _ordinary(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without a control that count and have a score, each with a label."""
    labels = frame.assign(label=labelled(frame))
    return labels[(labels["control"] == "") & labels["score"].notna() & labels["status"].isin(list(COUNTING))]


def _kind(frame: pd.DataFrame) -> pd.Series[str]:
    """What a row is in a chart: a model, a control, or one that does not count."""
    kind = pd.Series("model", index=frame.index, dtype="string").mask(frame["control"] != "", "control")
    return kind.mask(~frame["status"].isin(list(COUNTING)), "not counted")
