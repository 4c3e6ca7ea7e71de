"""The leaderboard's page: what `velm_bench.board` says about a folder of runs. Views only, no mathematics."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st
import views

from velm_bench.board.frames import Board, read_board, snapshot
from velm_bench.board.place import RESULTS_VARIABLE

ICON = Path(__file__).parent / "icon.svg"  # a file of our own: Streamlit fetches its named icons from a foreign server


@st.cache_data(max_entries=4, show_spinner=False)
def board_of(root: str, identity: str) -> Board:
    """The board of a results folder; cached by the identity of its contents, never by a frame."""
    return read_board(Path(root))


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="velm-bench", page_icon=str(ICON), layout="wide")
    root = os.environ.get(RESULTS_VARIABLE, "results")
    views.style()
    st.title("velm-bench", anchor=False)
    board = board_of(root, snapshot(Path(root)))
    if board.runs.empty:
        st.info("This results folder holds no runs yet: `velm-bench run` writes some.")
        return
    runs = views.filters(board.runs)
    views.runs_table(runs)
    views.metrics(board.scores, runs)
    views.damaged(board.damaged)


main()
