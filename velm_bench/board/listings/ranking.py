"""Who is ahead of whom on a listing, and whether that can be told: scores, rank intervals and groups of ties.

A question names tasks, a metric, or a slice; without any it is the default aggregate (`aggregates`). Only those who
have answered all tasks of the question have a number; the others stand below, by how many they have done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from velm_bench.board.listings.aggregates import task_weights
from velm_bench.board.listings.kept_ranks import kept
from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.listings.replicates import Measure, model_replicates
from velm_bench.board.listings.speaking import KEY, comparable, speaking
from velm_bench.board.schema import COUNTING
from velm_bench.statistics.ranking import rank_intervals
from velm_bench.statistics.resampling import percentiles

Array = NDArray[np.float64]

RANK_COLUMNS: Mapping[str, str] = {
    "submission": "string",
    "control": "string",  # as in RUN_COLUMNS: empty for an ordinary run
    "score": "Float64",  # null unless complete
    "low": "Float64",
    "high": "Float64",
    "rank": "Int64",  # from 1; null for controls and what does not count
    "rank_low": "Int64",  # the best rank that its interval holds; null where the runs are not on this machine
    "rank_high": "Int64",
    "group": "Int64",  # of ties, from 1; null like rank_low
    "done": "Int64",  # how many of the question's tasks have a score
    "of": "Int64",  # how many tasks the question has
    "complete": "boolean",
}
"""The columns of `rank_frame` and their types."""
LEVEL = 0.95
SELDOM = 0.05
"""Whose score is undefined in a larger share of the replicates gets no interval; replicates in which it is undefined
for anybody else are left out for all, so that differences stay paired."""
FEWEST = 40
"""Fewer replicates make no interval: the tails of 2.5 % would be empty."""


def rank_frame(listing: Listing, tasks: Sequence[str] = (), metric: str = "", part: str = "") -> pd.DataFrame:
    """A row per submission and control, best first: RANK_COLUMNS.

    No task, metric or part given is the default aggregate over all tasks; several tasks alone are the same aggregate
    over these. One task, or a metric, is the score itself: the mean over the tasks that have it. `part` is a slice,
    "question_type=count". Tasks that are not listed ask nothing.
    """
    return kept(
        listing,
        [sorted(set(tasks)), metric, part],
        listing.runs.loc[listing.runs["task"].isin(list(tasks or listing.tasks)), "run"].tolist(),
        lambda: _made(listing, _question(listing, tasks, metric, part)),
        dict(RANK_COLUMNS),
    )


@dataclass(frozen=True)
class Question:
    """What is asked, and what was found."""

    tasks: tuple[str, ...]
    """Those that one has to have done."""
    measures: tuple[Measure, ...]
    """What the number is the sum of; empty where there is none."""
    higher_is_better: bool
    found: pd.DataFrame
    """submission, control, task, run, score, low, high: one row each at most."""


def _question(listing: Listing, tasks: Sequence[str], metric: str, part: str) -> Question:
    """The question; a run that must not be compared with most of its task's is not found."""
    chosen = [task for name, task in listing.tasks.items() if not tasks or name in tasks]
    if not metric and not part and (not tasks or len(chosen) > 1):
        return _aggregate(listing, chosen)
    scores = _scores(listing, _runs(listing, chosen), metric, part)
    having = [task for task in chosen if task.name in set(scores["task"])]
    outputs = {task.name: metric or task.primary for task in having}
    share = 1.0 / max(1, len(having))
    higher = bool(scores["higher_is_better"].fillna(True).all())
    measures = tuple(Measure(task, outputs[task.name], part, 0.0, share) for task in having)
    return Question(tuple(outputs), measures, higher, scores)


def _aggregate(listing: Listing, chosen: Sequence[ListedTask]) -> Question:
    names = tuple(task.name for task in chosen)
    weights = task_weights(chosen)
    measures = [_corrected(task, weights[task.name]) for task in chosen if task.name in weights]
    runs = _runs(listing, chosen)
    return Question(names, tuple(measures), True, runs[runs["score"].notna()])


def _corrected(task: ListedTask, weight: float) -> Measure:
    """weight * (score - floor) / (ceiling - floor)."""
    assert task.floor is not None  # it has a weight
    assert task.ceiling is not None
    scale = weight / (task.ceiling - task.floor)
    return Measure(task, task.primary, "", -scale * task.floor, scale)


def _runs(listing: Listing, chosen: Sequence[ListedTask]) -> pd.DataFrame:
    """The runs of these tasks that speak for their models and can be compared with each other."""
    runs = listing.runs[listing.runs["task"].isin([task.name for task in chosen])]
    spoken = speaking(runs)
    return spoken[comparable(runs).loc[spoken.index]]


def _scores(listing: Listing, runs: pd.DataFrame, metric: str, part: str) -> pd.DataFrame:
    """The scores of these runs in one metric (in the primary one of each task, if it is empty) and slice."""
    who = runs[[*KEY, "task", "run", "metric"]].rename(columns={"metric": "primary"})
    asked = listing.scores[listing.scores["slice"] == part]
    if metric:
        asked = asked[asked["metric"] == metric]
    asked = asked[asked["score"].notna()].drop_duplicates(["run", "metric"])
    joined = who.merge(asked, on="run")
    return joined if metric else joined[joined["metric"] == joined["primary"]]


def _made(listing: Listing, question: Question) -> pd.DataFrame:
    frame = _entrants(listing, question)
    numbered = frame[frame["score"].notna() & frame["counts"]]
    places, drawn = model_replicates(listing.root, question.measures, _folders(question, numbered))
    who = numbered.index[places]
    scores = frame.loc[who, "score"].to_numpy(np.float64)
    known = np.flatnonzero(np.isnan(drawn).mean(axis=0) <= SELDOM)
    who, scores, drawn = who[known], scores[known], drawn[:, known]
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    if len(drawn) < FEWEST:
        who, scores, drawn = who[:0], scores[:0], drawn[:, :0]
    if len(question.measures) > 1 and len(who):
        low, high = percentiles(drawn, LEVEL)
        frame.loc[who, "low"], frame.loc[who, "high"] = np.minimum(low, scores), np.maximum(high, scores)
    _add_ranks(frame, who, drawn, 1.0 if question.higher_is_better else -1.0)
    return _ordered(frame, question.higher_is_better)


def _entrants(listing: Listing, question: Question) -> pd.DataFrame:
    """RANK_COLUMNS and "counts", a row per submission and control, with scores and without ranks."""
    who = listing.runs[[*KEY, "status"]].drop_duplicates(KEY).set_index(KEY)
    values = _by_task(question, "score", who.index)
    done = (~np.isnan(values)).sum(axis=1)
    complete = (done == len(question.tasks)) & (len(question.tasks) > 0)
    found = {"score": np.where(complete, _total(question, values), np.nan)}
    if len(question.measures) == 1:
        bounds = np.sort([_total(question, _by_task(question, name, who.index)) for name in ("low", "high")], axis=0)
        found |= {name: np.where(complete, bound, np.nan) for name, bound in zip(("low", "high"), bounds, strict=True)}
    frame = pd.DataFrame(found, index=who.index, columns=[name for name in RANK_COLUMNS if name not in KEY])
    frame["done"], frame["of"], frame["complete"] = done, len(question.tasks), complete
    frame["counts"] = who["status"].isin([status.value for status in COUNTING])
    for name in ("score", "low", "high"):
        frame[name] = pd.array(frame[name].to_numpy(np.float64), dtype="Float64")
    return frame.reset_index().astype(dict(RANK_COLUMNS))


def _by_task(question: Question, column: str, who: pd.Index) -> Array:
    """A column by entrant and task of the question, NaN where there is none."""
    wide = question.found.pivot(index=KEY, columns="task", values=column)
    wide = wide.reindex(index=who, columns=list(question.tasks))
    return np.asarray(wide.to_numpy(dtype=np.float64, na_value=np.nan))


def _total(question: Question, values: Array) -> Array:
    """The number that the question asks for, shape (entrants,), of what each has in each task.

    Added up row by row in the order of the tasks: nobody's number depends on who else is there.
    """
    if not question.measures:
        return np.full(len(values), np.nan)
    columns = {task: values[:, place] for place, task in enumerate(question.tasks)}
    total = np.zeros(len(values))
    for measure in question.measures:
        total += measure.shift + measure.scale * columns[measure.task.name]
    return total


def _folders(question: Question, numbered: pd.DataFrame) -> list[list[str]]:
    """The run of each measure, by entrant."""
    if not len(numbered):
        return []
    who = pd.MultiIndex.from_frame(numbered[KEY])
    runs = question.found.pivot(index=KEY, columns="task", values="run").reindex(who)
    return runs[[measure.task.name for measure in question.measures]].to_numpy().tolist()


def _add_ranks(frame: pd.DataFrame, who: pd.Index, drawn: Array, sign: float) -> None:
    """Ranks among ordinary entrants that count; intervals and groups among those with replicates.

    Who has none cannot be told from anybody, so that the worst rank of the others leaves room for all of them.
    """
    ranked = frame.index[frame["score"].notna() & frame["counts"] & (frame["control"] == "")]
    scores = sign * frame["score"].to_numpy(np.float64, na_value=np.nan)
    ordered = np.sort(scores[ranked])
    frame.loc[ranked, "rank"] = 1 + len(ranked) - np.searchsorted(ordered, scores[ranked], side="right")
    among = np.isin(who, ranked)
    if not among.any():
        return
    told = who[among]
    found = rank_intervals(scores[told], sign * drawn[:, among], LEVEL)
    frame.loc[told, "rank_low"], frame.loc[told, "group"] = found.low, found.group
    frame.loc[told, "rank_high"] = found.high + (len(ranked) - len(told))


def _ordered(frame: pd.DataFrame, higher_is_better: bool) -> pd.DataFrame:
    """Best first, the incomplete ones below all others by what they have done."""
    sign = -1.0 if higher_is_better else 1.0
    keys = pd.DataFrame(
        {"score": sign * frame["score"].to_numpy(np.float64, na_value=np.nan), "done": -frame["done"].to_numpy()}
    ).assign(submission=frame["submission"], control=frame["control"])
    order = keys.sort_values(["score", "done", "submission", "control"], na_position="last").index
    return frame.loc[order, list(RANK_COLUMNS)].reset_index(drop=True)
