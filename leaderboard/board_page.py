"""The parts of the page.

Names of models and tasks may come from strangers: they stand in table cells, chart labels and plain text only, where
nothing of them is interpreted as Markdown or HTML.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
from common import ALL

from velm_bench.board.frames import Board, read_board, snapshot
from velm_bench.board.listing import Listing
from velm_bench.board.place import RESULTS_VARIABLE

SCORE = "%.4f"
TEAL = "#0f9d8f"  # legible on white and on black


def show(listing: Listing) -> None:
    """Draw the page."""
    root = os.environ.get(RESULTS_VARIABLE, "results")
    st.title("velm-bench", anchor=False)
    board = board_of(root, snapshot(Path(root)))
    if board.runs.empty:
        st.info("This results folder holds no runs yet: `velm-bench run` writes some.")
        return
    runs = filters(board.runs)
    runs_table(runs)
    metrics(board.scores, runs)
    damaged(board.damaged)


@st.cache_data(max_entries=4, show_spinner=False)
def board_of(root: str, identity: str) -> Board:
    """The board of a results folder; cached by the identity of its contents, never by a frame."""
    return read_board(Path(root))


def filters(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that the two filters leave; both filters are kept in the address."""
    left, right = st.columns(2)
    with left:
        kind = _choice("Kind", [ALL, *sorted(runs["kind"].unique())], "kind")
    chosen = runs if kind == ALL else runs[runs["kind"] == kind]
    with right:
        task = _choice("Task", [ALL, *sorted(chosen["task"].unique())], "task")
    return chosen if task == ALL else chosen[chosen["task"] == task]


def runs_table(runs: pd.DataFrame) -> None:
    """A row per run with its primary metric."""
    st.subheader("Runs", anchor=False)
    st.dataframe(
        runs,
        hide_index=True,
        height="content" if len(runs) <= 25 else 900,
        column_order=(
            "model", "task", "score", "low", "high", "metric", "control", "n", "samples", "errors", "unparsed", "kind",
            "created",
        ),
        column_config=_columns(),
        **_known(st.dataframe, placeholder="–"),
    )  # fmt: skip
    st.caption(
        "Scores count failed samples as wrong. The 95 % interval is a bootstrap over pictures: where two intervals "
        "overlap widely, the order of two models is not established."
    )


def metrics(scores: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One metric of one task: every run as a dot with its interval, and the numbers below."""
    st.subheader("Metrics", anchor=False)
    left, right = st.columns(2)
    with left:
        task = _choice("Task shown", list(dict.fromkeys(runs["task"])), "shown")
    of_task = scores[(scores["task"] == task) & scores["run"].isin(runs["run"])]
    with right:
        metric = _choice("Metric", list(dict.fromkeys(of_task["metric"])), "metric")
    shown = of_task[of_task["metric"] == metric]
    st.altair_chart(dots(shown), width="stretch")
    st.dataframe(
        shown,
        hide_index=True,
        column_order=("model", "control", "score", "low", "high", "n", "errors", "signature"),
        column_config={**_columns(), "n": _number_of_things()},
        **_known(st.dataframe, placeholder="–"),
    )


def dots(scores: pd.DataFrame) -> alt.LayerChart:
    """A dot per run at its score and a line over its interval, in the order of the frame."""
    scale = alt.Scale(zero=False, nice=True)
    tooltip = [
        alt.Tooltip("label:N", title="model"),
        *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("score", "low", "high")),
        alt.Tooltip("n:Q", title="n"),
    ]
    rows = alt.Y("label:N", title=None, sort=list(scores["label"]), axis=alt.Axis(labelLimit=150, labelFontSize=12))
    base = alt.Chart(scores).encode(y=rows, tooltip=tooltip)
    across = alt.X("low:Q", scale=scale, title="score with 95 % interval", axis=alt.Axis(tickCount=6))
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.55, color=TEAL).encode(x=across, x2="high:Q")
    dot = base.mark_point(filled=True, size=90, opacity=1, color=TEAL).encode(x=alt.X("score:Q", scale=scale))
    return alt.layer(whisker, dot).properties(height=alt.Step(28))


def damaged(sentences: Sequence[str]) -> None:
    """What could not be read, said plainly."""
    if sentences:
        with st.expander(f"{len(sentences)} results could not be read"):
            for sentence in sentences:
                st.text(sentence)


def _choice(label: str, options: Sequence[str], key: str) -> str:
    """A select box whose choice is kept in the address where this Streamlit can do that."""
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]
    return str(st.selectbox(label, options, key=key, **_known(st.selectbox, bind="query-params")))


def _known(widget: Any, **arguments: Any) -> dict[str, Any]:
    """Those arguments that this version of Streamlit has."""
    return {name: value for name, value in arguments.items() if name in signature(widget).parameters}


def _number_of_things() -> Any:
    """The column that counts what a score stands for."""
    return st.column_config.NumberColumn("n", format="localized", width=76, help="Samples, or pairs for pair_accuracy")


def _columns() -> dict[str, Any]:
    """How the columns look; model, task and score fit side by side on a phone."""
    column = st.column_config
    return {
        "model": column.TextColumn("Model", width=118, pinned=True),
        "task": column.TextColumn("Task", width=142),
        "score": column.NumberColumn("Score", format=SCORE, width=72),
        "low": column.NumberColumn("95 % from", format=SCORE, width=82),
        "high": column.NumberColumn("95 % to", format=SCORE, width=72),
        "metric": column.TextColumn("Metric", width=110),
        "control": column.TextColumn("Control", width=72, help="What was done to the pictures, and worked examples"),
        "n": column.NumberColumn("Samples", format="localized", width=76, help="How many were asked"),
        "samples": column.NumberColumn("of", format="localized", width=64, help="How many samples the task has"),
        "errors": column.NumberColumn("Errors", format="localized", width=64),
        "unparsed": column.NumberColumn("Unparsed", format="localized", width=82),
        "kind": column.TextColumn("Kind", width=96),
        "created": column.TextColumn("Date", width=92),
        "signature": column.TextColumn("Signature", width=300),
    }
