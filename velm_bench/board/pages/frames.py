"""The frame of the Board page: a row per submission and control, best first, of plain text and numbers.

What counts as better comes from `ranking.rank_frame`; here rows are chosen, put into columns and into order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.speaking import KEY, speaking
from velm_bench.board.schema import COUNTING
from velm_bench.inert import inert

TASK = "task."
"""What the names of the tasks' columns begin with, so that no task can take another column's place."""
BEFORE = (
    "rank", "rank_low", "rank_high", "group", "model", "revision", "organisation", "control", "score", "low", "high",
    "done", "of",
)  # fmt: skip
"""The columns before those of the tasks; rank and group are null where a row is not ranked."""
AFTER = (
    "n", "errors", "parameters", "licence", "level", "status", "reason", "attempts", "released", "submitted",
    "submission",
)  # fmt: skip
"""The columns after them."""
RANKED = ("rank", "rank_low", "rank_high", "group", "done", "of", "complete")
ABOUT = (
    "model", "revision", "organisation", "parameters", "licence", "level", "status", "reason", "attempts", "released",
    "submitted",
)  # fmt: skip
"""What a row says of its submission, the same in all its runs."""
SEARCHED = ("model", "revision", "organisation", "licence", "submission")


@dataclass(frozen=True)
class View:
    """What the Board page shows of a listing: everything that can be chosen there."""

    kind: str = ""
    """Tasks of this kind only; empty for all."""
    task: str = ""
    """This task only; empty for all."""
    metric: str = ""
    """This output of each metric's main ones; empty for each task's primary one."""
    part: str = ""
    """The slice, "question_type=count"; empty for the whole."""
    smallest: int | None = None
    """At least so many parameters; those of unknown size are left out."""
    largest: int | None = None
    """At most so many."""
    licences: tuple[str, ...] = ()
    """These licences only; none for all."""
    levels: tuple[str, ...] = ()
    """These levels of verification only; none for all."""
    statuses: tuple[str, ...] = tuple(status.value for status in COUNTING)
    """Submissions of these statuses."""
    since: str = ""
    """Submitted on this ISO date or later."""
    until: str = ""
    """Submitted on this ISO date or before."""
    controls: bool = True
    """Whether runs with a control are shown."""
    search: str = ""
    """Text that occurs in the model's name, revision, organisation, licence or id, in whatever case."""


def asked_tasks(listing: Listing, view: View) -> list[str]:
    """The names of the tasks that a view asks for, in the listing's order."""
    return [
        name
        for name, task in listing.tasks.items()
        if (not view.kind or task.kind == view.kind) and (not view.task or name == view.task)
    ]


def question(listing: Listing, view: View) -> dict[str, Any]:
    """The view's arguments for `ranking.rank_frame`: what models are ranked by does not depend on who is shown."""
    asked = asked_tasks(listing, view)
    chosen = tuple(asked) if view.kind or view.task or len(asked) == 1 else ()
    return {"tasks": chosen, "metric": view.metric, "part": view.part}


def rising(listing: Listing, view: View) -> bool:
    """Whether a larger score of the view's question is the better one."""
    asked = asked_tasks(listing, view)
    if view.metric:
        runs = listing.runs.loc[listing.runs["task"].isin(asked), "run"]
        rows = listing.scores[(listing.scores["metric"] == view.metric) & (listing.scores["slice"] == view.part)]
        return bool(rows.loc[rows["run"].isin(runs), "higher_is_better"].fillna(True).all())
    return not (view.part or len(asked) == 1) or all(listing.tasks[name].higher_is_better for name in asked)


def board_frame(listing: Listing, view: View, ranks: pd.DataFrame) -> pd.DataFrame:
    """A row per submission and control that the view leaves: BEFORE, a column per task, AFTER.

    `ranks` is `rank_frame` of the view's `question`. Rows that are not ranked (controls, statuses that do not count)
    stand where their score puts them; whatever lacks a task stands below everything that lacks none.
    """
    tasks = asked_tasks(listing, view)
    runs = shown_runs(listing, view, tasks)
    rows = runs.drop_duplicates(KEY)[[*KEY, *ABOUT]].reset_index(drop=True)
    place = pd.MultiIndex.from_frame(rows[KEY]).get_indexer(pd.MultiIndex.from_frame(runs[KEY]))
    frame = rows.merge(ranks[[*KEY, *RANKED, "score", "low", "high"]], on=KEY, how="left", validate="one_to_one")
    frame = frame.astype({"score": "Float64", "low": "Float64", "high": "Float64"})
    for name in ("n", "errors"):
        frame[name] = np.bincount(place, runs[name].fillna(0).to_numpy(np.float64), len(rows)).astype(np.int64)
    matrix = _matrix(runs, place, len(rows), tasks)
    columns = pd.DataFrame(matrix, columns=[TASK + name for name in tasks])
    frame = _counted(pd.concat([frame, columns], axis=1), matrix)
    if len(tasks) == 1:
        frame = _with_own_scores(frame, runs, place)
    rises = rising(listing, view)
    first_rises = rises if view.metric or not tasks else listing.tasks[tasks[0]].higher_is_better
    ordered = _ordered(frame, matrix, rises, first_rises)
    shown = [TASK + name for name in tasks if not ordered[TASK + name].isna().all()]
    return _readable(ordered[[*BEFORE, *shown, *AFTER]])


def shown_runs(listing: Listing, view: View, tasks: list[str]) -> pd.DataFrame:
    """The runs that the view leaves, one per submission, control and task, with the score that it asks for.

    Where a task was run several times, the run that speaks for the model counts, as in the ranks.
    """
    runs = speaking(listing.runs)
    return _scored(runs[_kept(runs, view, tasks)], listing.scores, view).reset_index(drop=True)


def _kept(runs: pd.DataFrame, view: View, tasks: list[str]) -> pd.Series[bool]:
    """Which runs the filters leave."""
    keep = runs["status"].isin(view.statuses) & runs["task"].isin(tasks)
    if not view.controls:
        keep &= runs["control"] == ""
    for column, wanted in (("licence", view.licences), ("level", view.levels)):
        if wanted:
            keep &= runs[column].isin(wanted)
    if view.smallest is not None:
        keep &= (runs["parameters"] >= view.smallest).fillna(False)
    if view.largest is not None:
        keep &= (runs["parameters"] <= view.largest).fillna(False)
    if view.since:
        keep &= runs["submitted"] >= view.since
    if view.until:
        keep &= runs["submitted"].str.slice(0, len(view.until)) <= view.until
    if view.search:
        keep &= _found(runs, view.search.strip().casefold())
    return keep.astype(bool)


def _found(runs: pd.DataFrame, text: str) -> pd.Series[bool]:
    """Which runs are of a submission that the text occurs in; each submission is looked at once."""
    codes, _ = pd.factorize(runs["submission"])
    first = runs[~pd.Series(codes).duplicated().to_numpy()]
    hit = pd.Series(False, index=first.index)
    for column in SEARCHED:
        hit |= first[column].str.casefold().str.contains(text, regex=False).fillna(False).astype(bool)
    return pd.Series(hit.to_numpy()[codes], index=runs.index)


def _scored(runs: pd.DataFrame, scores: pd.DataFrame, view: View) -> pd.DataFrame:
    """The runs with the metric and the slice that are asked for; those without it are left out."""
    if not view.metric and not view.part:
        return runs
    wanted = scores["slice"] == view.part
    if view.metric:
        wanted &= scores["metric"] == view.metric
    asked = ["score", "low", "high", "n", "errors", "higher_is_better"]
    found = scores.loc[wanted, ["run", *asked]].drop_duplicates("run").set_index("run")
    return runs.drop(columns=asked).join(found, on="run", how="inner")


def _matrix(runs: pd.DataFrame, place: Any, rows: int, tasks: list[str]) -> Any:
    """The scores, shape (rows, tasks), NaN where there is none."""
    matrix = np.full((rows, len(tasks)), np.nan)
    matrix[place, pd.Index(tasks).get_indexer(pd.Index(runs["task"]))] = runs["score"].to_numpy(
        np.float64, na_value=np.nan
    )
    return matrix


def _counted(frame: pd.DataFrame, matrix: Any) -> pd.DataFrame:
    """With how many of the tasks a row has, where the ranks do not say so."""
    have, width = (~np.isnan(matrix)).sum(axis=1), matrix.shape[1]
    done = frame["done"].astype("Int64").fillna(pd.Series(have, index=frame.index).astype("Int64"))
    of = frame["of"].astype("Int64").fillna(width)
    complete = frame["complete"].astype("boolean").fillna((done >= of).astype("boolean"))
    return frame.assign(done=done, of=of, complete=complete)


def _with_own_scores(frame: pd.DataFrame, runs: pd.DataFrame, place: Any) -> pd.DataFrame:
    """Of one task, rows that are not ranked have its score all the same."""
    own = runs[["score", "low", "high"]].set_index(frame.index[place])
    missing = frame["score"].isna()
    return frame.assign(**{name: frame[name].mask(missing, own[name]) for name in own.columns})


def _ordered(frame: pd.DataFrame, matrix: Any, score_rises: bool, first_rises: bool) -> pd.DataFrame:
    """Best first: the complete before the others, then by score, by tasks done, by the first task, by name."""
    first = matrix[:, 0] * (-1 if first_rises else 1) if matrix.shape[1] else np.zeros(len(frame))
    keys = pd.DataFrame(
        {
            "incomplete": ~frame["complete"].to_numpy(bool),
            "score": frame["score"].to_numpy(np.float64, na_value=np.nan) * (-1 if score_rises else 1),
            "rank": frame["rank"].to_numpy(np.float64, na_value=np.inf),
            "undone": -frame["done"].to_numpy(np.int64),
            "first": np.nan_to_num(first, nan=np.inf),
            "model": frame["model"].to_numpy(object),
            "control": frame["control"].to_numpy(object),
            "submission": frame["submission"].to_numpy(object),
        }
    )
    return frame.iloc[keys.sort_values(list(keys.columns), kind="stable").index].reset_index(drop=True)


def _readable(frame: pd.DataFrame) -> pd.DataFrame:
    """With every text that strangers wrote made inert, each but once."""
    texts = ("model", "revision", "organisation", "control", "licence", "reason")
    made = {}
    for name in texts:
        codes, unique = pd.factorize(frame[name])
        said = pd.array([inert(text) for text in unique.tolist()], dtype="string")
        made[name] = pd.Series(said.take(codes), index=frame.index)
    return frame.assign(**made)
