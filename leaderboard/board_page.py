"""The page Board: who is better than whom, as far as that is known."""

from __future__ import annotations

from dataclasses import replace

import board_filters
import board_table
import charts
import common
import pandas as pd
import streamlit as st

from velm_bench.board.inert import guarded, inert
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.ranking import rank_frame
from velm_bench.board.pages import plots
from velm_bench.board.pages.facets import Facets, facets
from velm_bench.board.pages.frames import TASK, View, asked_tasks, board_frame, question

CHARTS = {"scores": "Scores", "time": "Over time", "size": "Size and quality", "kinds": "By kind"}
MOST = 40
"""How many rows a chart of scores holds."""
PROFILED = 6
"""How many models a profile holds."""

ABOUT_AGGREGATE = """
**Score.** Each task's primary score is corrected for chance: 0 is the best that can be had without looking at the
picture (the *floor*), 1 is the *ceiling*. The scores of one kind of task are averaged, then the kinds. Nobody else's
result enters it, so that a new model never changes the order of the others. Only a model that has every task has one.
"""
ABOUT_TASK = """
**Score.** The task's own metric over all samples; a sample that failed counts as wrong.
"""
ABOUT_RANKS = """
**95 % interval.** How far the score would move if other pictures had been drawn: a bootstrap over pictures, since
questions about one picture are not independent.

**Rank range and ties.** The same draws rank all models again and again; the range holds 95 % of a model's ranks. Models
that share a letter, and a tint, cannot be told apart by these samples: their order is not established.

**Not ranked.** Rows in grey: runs whose pictures were blanked, shuffled or left out, and submissions that do not count.
"""
ABOUT_LEVELS = """
**Verified.** *valid*: the files are in order; *complete*: exactly the board's samples are answered; *recomputed*: the
scores shown were computed here from the answers; *reproduced*: somebody ran the model again and got the same.
**Attempts** are all submissions under a name, since the best of many tries is better by luck alone.
"""


def show(listing: Listing) -> None:
    """Draw the page."""
    title = listing.title if listing.is_board else f"Runs in {listing.title}"
    if listing.runs.empty:
        common.heading(title)
        _nothing(listing)
        return
    held = _facets(listing.identity)
    common.heading(title, below=_summary(listing, held))
    view = board_filters.filters(listing, held)
    frame = _frame(listing, view)
    if frame.empty:
        st.info("No run fits these filters: choose fewer of them.")
    else:
        _table(listing, view, frame)
        _charts(listing, held, view, frame)
    common.notes(listing.notes)


@st.cache_resource(max_entries=4, show_spinner=False)
def _facets(identity: str) -> Facets:
    return facets(common.listing_at(identity))


@st.cache_resource(max_entries=64, show_spinner="Ranking …")
def _ranks(identity: str, tasks: tuple[str, ...], metric: str, part: str) -> pd.DataFrame:
    """Keyed by the snapshot and what is asked, never by a frame; nobody changes what it gives."""
    return rank_frame(common.listing_at(identity), tasks, metric, part)


def _frame(listing: Listing, view: View) -> pd.DataFrame:
    return board_frame(listing, view, _ranks(listing.identity, **question(listing, view)))


def _nothing(listing: Listing) -> None:
    if listing.is_board:
        st.info("Nothing was submitted to this board yet: `velm-bench submit RUN... --board DIR` does.")
    else:
        st.info("This results folder holds no runs yet: `velm-bench run` writes some.")
    common.notes(listing.notes)


def _summary(listing: Listing, held: Facets) -> str:
    """What there is, in a line."""
    what = "submission" if listing.is_board else "model"
    parts = [_some(len(held.models), what), _some(len(listing.tasks), "task"), _some(len(listing.runs), "run")]
    if held.last:
        parts.append(f"latest {held.last}")
    return " · ".join([*parts, f"snapshot {listing.identity[: common.SHORT]}"])


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _table(listing: Listing, view: View, frame: pd.DataFrame) -> None:
    """The table, what can be done with its rows, and what it means."""
    keys, labels = board_table.keys_of(frame), list(plots.labelled(frame))
    board_table.table(frame, keys, listing)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="actions"):
        chosen = board_table.selection(keys, labels)
        _actions(view, chosen)
        st.download_button(
            "CSV",
            lambda: guarded(frame).to_csv(index=False),  # made when it is asked for
            "board.csv",
            "text/csv",
            on_click="ignore",
            help="These rows",
        )
    _meaning(listing, view, frame)


def _actions(view: View, chosen: list[str]) -> None:
    """Where one can go from the selected rows."""
    task = {"task": view.task} if view.task else {}
    if st.button("Open", disabled=len(chosen) != 1, help="The model's page; select one row"):
        common.go("model", submission=chosen[0].partition(":")[0])
    if st.button("Compare", disabled=not 2 <= len(chosen) <= 4, help="Paired differences; select two to four rows"):
        common.go("compare", models=chosen, **task)
    if st.button("Samples", disabled=not 1 <= len(chosen) <= 4, help="Pictures and answers; select one to four rows"):
        common.go("samples", models=chosen, **task)


def _meaning(listing: Listing, view: View, frame: pd.DataFrame) -> None:
    """What the numbers are, in a line, and in full where it is asked for."""
    st.caption(_caption(listing, view, frame))
    with st.expander("What these numbers mean", key="meaning"):
        whole = len(asked_tasks(listing, view)) > 1
        st.markdown((ABOUT_AGGREGATE if whole else ABOUT_TASK) + ABOUT_RANKS + (ABOUT_LEVELS * listing.is_board))
        if listing.is_board and whole:
            _anchors(listing, view)


def _caption(listing: Listing, view: View, frame: pd.DataFrame) -> str:
    """One or two sentences of our own words."""
    if frame["rank"].notna().any():
        return (
            "A shared letter means a tie: these samples cannot tell the models apart. The rank range holds 95 % of the "
            "ranks that other pictures would have given."
        )
    if len(asked_tasks(listing, view)) > 1:
        return (
            "Runs of your own have no common score, since nothing says what each task's floor and ceiling are. Choose "
            "a task to rank by it."
        )
    return "The 95 % interval is a bootstrap over pictures. Failed samples count as wrong."


def _anchors(listing: Listing, view: View) -> None:
    """The floor and the ceiling of each task."""
    tasks = [listing.tasks[name] for name in asked_tasks(listing, view)]
    rows = [(one.name, one.kind, one.primary, one.floor, one.floor_by, one.ceiling, one.ceiling_by) for one in tasks]
    names = ["Task", "Kind", "Metric", "Floor", "from", "Ceiling", "from "]
    number = st.column_config.NumberColumn(format="%.3f")
    common.table(
        pd.DataFrame(rows, columns=names).astype({"Floor": "Float64", "Ceiling": "Float64"}),
        "Floors and ceilings of the tasks",
        column_config={"Floor": number, "Ceiling": number},
    )


def _charts(listing: Listing, held: Facets, view: View, frame: pd.DataFrame) -> None:
    """One chart at a time."""
    common.heading("Charts", 2)
    which = common.switch("Chart", list(CHARTS), "chart", names=CHARTS, label_visibility="collapsed")
    if which == "kinds":
        _profile(listing, held, view, frame)
        return
    tasks = [name.removeprefix(TASK) for name in frame.columns if name.startswith(TASK)]
    if frame["score"].isna().all() and tasks:
        task = common.choice("Task of the chart", tasks, "shown", width=260)
        view = replace(view, task=task)
        frame = _frame(listing, view)
    title, rising = _title(listing, view), _rising(listing, view)
    if which == "scores":
        rows = plots.score_by_row(frame, MOST)
        _draw(rows, "No score is known.", f"{title} of {len(rows)} rows with 95 % intervals", charts.dots, title)
        if frame["score"].notna().sum() > MOST:
            st.caption(f"The first {MOST} of {frame['score'].notna().sum():,} rows.")
    elif which == "time":
        rows = plots.score_over_time(frame, rising)
        _draw(rows, "No dates are known.", f"{title} over time; best so far as a line", charts.over_time, title)
    else:
        rows = plots.size_against_quality(frame, rising)
        _draw(rows, "No sizes are known.", f"{title} against parameters", charts.size_against_quality, title)


def _profile(listing: Listing, held: Facets, view: View, frame: pd.DataFrame) -> None:
    """The kinds of the selected models, or of the best few."""
    chosen = [key.partition(":")[0] for key in common.listed(board_table.SELECTED)]
    ids = dict(zip(frame["submission"].str.slice(0, common.SHORT), frame["submission"], strict=True))
    best = list(frame.loc[frame["control"] == "", "submission"].head(4))
    rows = plots.per_kind_profile(listing, [ids[key] for key in chosen if key in ids][:PROFILED] or best, view)
    rows = rows.assign(label=rows["submission"].map(held.models).map(inert))
    corrected = bool(len(rows)) and bool(rows["corrected"].all())
    title = "score corrected for chance" if corrected else "primary score"
    _draw(rows, "These models have no kind in full.", f"{title} by kind of task", charts.profile, title)
    st.caption(f"{'The selected models' if chosen else 'The first four rows'}; up to {PROFILED} can be selected above.")


def _draw(rows: pd.DataFrame, nothing: str, name: str, chart: object, title: str) -> None:
    """A chart of these rows, or a sentence where there are none."""
    if rows.empty:
        st.info(nothing)
    else:
        st.altair_chart(chart(rows, title), width="stretch", alt=inert(name))


def _title(listing: Listing, view: View) -> str:
    """What the score is, on an axis."""
    tasks = asked_tasks(listing, view)
    if len(tasks) != 1:
        return "score corrected for chance"
    return inert(" · ".join(filter(None, [tasks[0], view.metric or listing.tasks[tasks[0]].primary, view.part])))


def _rising(listing: Listing, view: View) -> bool:
    """Whether a larger score is the better one."""
    tasks = asked_tasks(listing, view)
    if len(tasks) != 1:
        return True
    if not view.metric:
        return listing.tasks[tasks[0]].higher_is_better
    falls = listing.scores.loc[listing.scores["metric"] == view.metric, "higher_is_better"]
    return bool(falls.iloc[0]) if len(falls) else True
