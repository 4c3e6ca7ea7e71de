"""The page Board: who is better than whom, as far as that is known."""

from __future__ import annotations

from dataclasses import replace

import board_filters
import board_table
import charts
import common
import pandas as pd
import streamlit as st

from velm_bench.board import meaning
from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages import frames, plots
from velm_bench.board.pages.facets import Facets, facets
from velm_bench.board.pages.frames import TASK, View, asked_tasks, board_frame, question
from velm_bench.board.spreadsheets import guarded
from velm_bench.inert import inert

CHARTS = {"scores": "Scores", "time": "Over time", "size": "Size and quality", "kinds": "By kind"}
MOST = 40
"""How many rows a chart of scores holds."""
PROFILED = 6
"""How many models a profile holds."""

ABOUT_RANKS = f"""
**95 % interval.** {meaning.INTERVAL}

**Rank range.** {meaning.RANKS}

**Ties.** {meaning.TIES} A group has a letter, and a tint.

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
    held = _facets(common.moment())
    common.heading(title, below=_summary(listing, held))
    common.notes(listing.notes)
    view = board_filters.filters(listing, held)
    frame = _frame(listing, view)
    if frame.empty:
        st.info("No run fits these filters: choose fewer of them.")
    else:
        _table(listing, view, frame)
        _charts(listing, held, view, frame)


@st.cache_resource(max_entries=4, show_spinner=False)
def _facets(moment: str) -> Facets:
    return facets(common.listing_at(moment))


def _frame(listing: Listing, view: View) -> pd.DataFrame:
    return board_frame(listing, view, common.ranks(**question(listing, view)))


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
    down = "" if frames.rising(listing, view) else "Of this metric, less is better. "
    st.caption(down + _caption(listing, view, frame))
    with st.expander("What these numbers mean", key="meaning"):
        whole = len(asked_tasks(listing, view)) > 1
        score = f"**Score.** {meaning.AGGREGATE if whole else meaning.OWN}\n"
        st.markdown(score + ABOUT_RANKS + ABOUT_LEVELS * listing.is_board)
        if listing.is_board and whole:
            _anchors(listing, view)


def _caption(listing: Listing, view: View, frame: pd.DataFrame) -> str:
    """One or two sentences of our own words."""
    if frame["rank_low"].notna().any():
        return (
            "A shared letter means a tie: these samples cannot tell the models from the first of them. The rank range "
            "holds the true rank with 95 % confidence."
        )
    if frame["rank"].notna().any():
        return (
            "No order is established: without the samples of the recomputed runs, which are not on this machine, there "
            "are no intervals. " + "`velm-bench board verify DIR` computes them anew." * listing.is_board
        )
    if len(asked_tasks(listing, view)) > 1 and not listing.is_board:
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
    title, rising = plots.score_name(listing, view), frames.rising(listing, view)
    if which == "scores":
        rows = plots.score_by_row(frame, MOST)
        bounds = " with 95 % intervals" if rows["low"].notna().any() else ""
        _draw(rows, "No score is known.", f"{title} of {len(rows)} rows{bounds}", charts.dots, title)
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
    rows = plots.per_kind_profile(listing, plots.profiled(frame, chosen, PROFILED), view)
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
