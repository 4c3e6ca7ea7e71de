"""The page Compare: two to four models on the same samples, and which of their differences are more than chance."""

from __future__ import annotations

from collections.abc import Sequence

import addressed
import common
import compare_charts as charts
import pandas as pd
import parts
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.comparing import (
    compare_frame,
    compare_tasks,
    metrics_of,
    p_text,
    replicates_for,
    sentence,
    slices_of,
)
from velm_bench.board.pages.entrants import LETTERS, best_two, entrants

VERDICTS = {"better": "▲ better", "worse": "▼ worse", "even": "≈ not separable", "reference": "reference", "": "–"}
SCORE, SIGNED = "%.4f", "%+.4f"


def show(listing: Listing) -> None:
    """Draw the page."""
    common.heading("Compare")
    if listing.runs.empty:
        st.info("There is nothing to compare yet.")
        return
    keys, task, metric = chosen(listing)
    if len(keys) < 2:
        st.info("Choose two to four models. The first is the one that the others are compared with.")
        return
    frame = named(compared(common.moment(), tuple(keys), task, metric, ""))
    names = list(frame["name"])
    verdicts(listing, frame, task)
    if frame["score"].isna().all():
        return
    parts.link("samples", "Look at their samples", task=task, models=keys)
    plots(frame, names)
    table(frame, "Scores and differences")
    footnote(listing, frame, task)
    slices(listing, keys, task, metric)
    tasks(listing, keys)


def chosen(listing: Listing) -> tuple[list[str], str, str]:
    """The models, the task and the metric that the address or the boxes name."""
    known = entrants(listing)
    names = {key: one.label for key, one in known.items()}
    asked = st.query_params.get("task", "")
    best = best_two(listing, asked) if asked in listing.tasks else best_two(listing)
    keys = addressed.choices("Models, the first is compared with", list(known), "models", 4, default=best, names=names)
    left, right = st.columns(2)
    with left:
        task = addressed.choice("Task", list(listing.tasks), "task")
    with right:
        metric = addressed.choice("Metric", metrics_of(listing, keys, task) or [listing.tasks[task].primary], "metric")
    return keys, task, metric


@st.cache_data(max_entries=64, show_spinner="Drawing samples …")
def compared(moment: str, keys: tuple[str, ...], task: str, metric: str, by: str) -> pd.DataFrame:
    """A comparison, kept by the moment's key."""
    return compare_frame(common.listing_at(moment), keys, task, metric, by=by)


@st.cache_data(max_entries=16, show_spinner="Drawing samples …")
def over_tasks(moment: str, keys: tuple[str, ...]) -> pd.DataFrame:
    """A comparison over all tasks, kept by the moment's key."""
    return compare_tasks(common.listing_at(moment), keys)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """With each model's letter before its name, and p and verdict in words."""
    letters = dict(zip(dict.fromkeys(frame["key"]), LETTERS, strict=False))
    names = [f"{letters[key]}  {model}" for key, model in zip(frame["key"], frame["model"], strict=True)]
    words = [VERDICTS[verdict] for verdict in frame["verdict"]]
    p = ["" if pd.isna(value) else p_text(value).removeprefix("p ").removeprefix("= ") for value in frame["p_holm"]]
    return frame.assign(name=names, said=words, p_text=p)


def verdicts(listing: Listing, frame: pd.DataFrame, task: str) -> None:
    """A sentence for each model and the first."""
    reference = frame["model"].iloc[0]
    with st.container(gap="xsmall"):
        sentences(listing, frame, task, reference)


def sentences(listing: Listing, frame: pd.DataFrame, task: str, reference: str) -> None:
    """The sentences themselves."""
    if frame["note"].iloc[0]:
        common.plain(frame["note"].iloc[0])
    for _, row in frame.iloc[1:].iterrows():
        mark = VERDICTS[row["verdict"]].partition(" ")[0].removeprefix("–")
        common.plain(f"{mark} {sentence(row, reference, listing.tasks[task].kind)}".strip())


def plots(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Scores and differences as dots on their intervals, and who is better how often."""
    left, right = st.columns(2, gap="large")
    with left:
        common.heading("Score", 3)
        parts.sketch(charts.scores(frame, names), "Scores with 95 % intervals; the numbers are in the table below")
    if frame["difference"].isna().all():
        return
    with right:
        common.heading("Difference to the first", 3)
        parts.sketch(charts.differences(frame, names), "Differences with 95 % intervals; the numbers are in the table")
    common.heading("Sample by sample", 3)
    if frame["wins"].isna().all():
        common.plain(f"{frame['metric'].iloc[0]} is no score of a single sample: there are no wins and losses.", True)
        return
    parts.sketch(charts.outcomes(frame, names), "Wins, ties and losses; the numbers are in the table below")


def table(frame: pd.DataFrame, name: str, leading: Sequence[str] = ()) -> None:
    """The numbers; nothing stands in the plots that does not stand here."""
    order = [
        *leading, "name", "score", "low", "high", "difference", "diff_low", "diff_high", "p_text", "said", "wins",
        "losses", "ties", "n", "errors",
    ]  # fmt: skip
    common.table(frame[order], name, column_config=_columns())


def footnote(listing: Listing, frame: pd.DataFrame, task: str) -> None:
    """How the numbers were made."""
    drawn = replicates_for(listing.tasks[task].samples)
    several = "p values are adjusted for the comparisons shown (Holm)." if len(frame) > 2 else ""
    common.plain(
        f"Paired bootstrap over pictures, {drawn:,} replicates, the same pictures drawn for both models; "
        f"95 % intervals. {several} Separable: p < 0.05. Failed samples count as wrong.",
        quiet=True,
    )
    common.notes(list(dict.fromkeys(note for note in frame["note"] if note)))


def slices(listing: Listing, keys: Sequence[str], task: str, metric: str) -> None:
    """The same by slice."""
    known = slices_of(listing, keys, task)
    if not known:
        return
    common.heading("By slice", 2)
    by = addressed.choice("Slice", known, "slice", width=320)
    frame = named(compared(common.moment(), tuple(keys), task, metric, by))
    frame = frame.assign(value=frame["slice"].str.partition("=")[2])
    if frame["score"].isna().all():
        common.plain("These slices have no scores.", quiet=True)
        return
    values = list(dict.fromkeys(frame["value"]))
    names = list(dict.fromkeys(frame["name"]))
    drawn = charts.slice_scores(frame[frame["score"].notna()], names, values)
    parts.sketch(drawn, f"Scores by {by} with 95 % intervals; the numbers are in the table below")
    table(frame, f"Scores and differences by {by}", leading=["value"])
    common.plain("p values are adjusted for all rows of this table (Holm).", quiet=True)


def tasks(listing: Listing, keys: Sequence[str]) -> None:
    """The primary score of every task, side by side."""
    if len(listing.tasks) < 2 or not addressed.toggle("All tasks", "tasks"):
        return
    frame = named(over_tasks(common.moment(), tuple(keys)))
    table(frame, "Scores and differences on all tasks", leading=["task"])
    common.plain(
        "The primary metric of each task; p values are adjusted for all rows of this table (Holm).", quiet=True
    )


def _columns() -> dict[str, object]:
    column = st.column_config
    return {
        "task": column.TextColumn("Task", width=150, pinned=True),
        "value": column.TextColumn("Slice", width=90, pinned=True),
        "name": column.TextColumn("Model", width=150, pinned=True),
        "score": column.NumberColumn("Score", format=SCORE, width=72),
        "low": column.NumberColumn("95 % from", format=SCORE, width=82),
        "high": column.NumberColumn("to", format=SCORE, width=72),
        "difference": column.NumberColumn("Difference", format=SIGNED, width=88),
        "diff_low": column.NumberColumn("95 % from", format=SIGNED, width=88),
        "diff_high": column.NumberColumn("to", format=SIGNED, width=80),
        "p_text": column.TextColumn("p", width=72, help="Two-sided, adjusted by Holm"),
        "said": column.TextColumn("Verdict", width=120),
        "wins": column.NumberColumn("Wins", format="localized", width=64, help="Samples on which it beats the first"),
        "losses": column.NumberColumn("Losses", format="localized", width=68),
        "ties": column.NumberColumn("Ties", format="localized", width=64),
        "n": column.NumberColumn("n", format="localized", width=64, help="Samples, or what the metric counts"),
        "errors": column.NumberColumn("Errors", format="localized", width=64),
    }
