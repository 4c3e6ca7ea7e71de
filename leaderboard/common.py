"""What all pages share: the listing, widgets whose state is in the address, links, and text that stays text.

Names of models and tasks come from strangers: they stand in table cells, chart labels, the options of widgets and in
`plain` text, where nothing of them is interpreted as Markdown or HTML.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from addressed import choice, choices, day, joined, listed, number, switch, toggle, words, write

from velm_bench.board.inert import guarded, inert
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import list_results, results_identity
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE
from velm_bench.errors import VelmError

__all__ = [
    "ALL", "SHORT", "choice", "choices", "day", "go", "heading", "joined", "keep_pages", "listed", "listing",
    "listing_at", "notes", "number", "plain", "style", "switch", "table", "toggle", "words", "write",
]  # fmt: skip

ALL = "All"
SHORT = 12
"""How many digits of a submission's id stand in an address."""
FRESH = 20
"""For how many seconds a board at a remote address is taken to be unchanged."""
PAGES = "_pages"  # where a session keeps its pages
STYLE = Path(__file__).parent / "style.css"


def style() -> None:
    """Quiet margins, narrow ones on a phone."""
    st.html(STYLE)


# --- the listing -----------------------------------------------------------------------------------------------------


def listing() -> Listing:
    """What the pages show, read once per snapshot; a sentence instead of the page where it cannot be read."""
    try:
        return listing_at(identity())
    except VelmError as error:
        st.error("There is nothing to show:")
        plain(str(error))
        st.stop()


def identity() -> str:
    """The snapshot's id at this moment."""
    board = os.environ.get(BOARD_VARIABLE, "")
    if not board:
        return results_identity(Path(_results()))
    return _remote_identity(board) if "://" in board else _board(board).identity()


def listing_at(identity: str) -> Listing:
    """What was listed under a snapshot's id; for cached functions, which take the id and never a frame."""
    board = os.environ.get(BOARD_VARIABLE, "")
    return _board_listing(board, identity) if board else _results_listing(_results(), identity)


def _results() -> str:
    return os.environ.get(RESULTS_VARIABLE, "results")


@st.cache_resource(max_entries=2, show_spinner=False)
def _results_listing(root: str, identity: str) -> Listing:
    return list_results(Path(root))


@st.cache_resource(max_entries=2, show_spinner="Reading the board …")
def _board_listing(place: str, identity: str) -> Listing:
    from velm_bench.board.listings.board_listing import list_board

    return list_board(_board(place))


@st.cache_data(ttl=FRESH, max_entries=2, show_spinner=False)
def _remote_identity(place: str) -> str:
    return _board(place).identity()


def _board(place: str) -> Any:
    from velm_bench.board.folder import Board

    return Board.open(place)


# --- links -----------------------------------------------------------------------------------------------------------


def keep_pages(pages: Mapping[str, Any]) -> None:
    """Remember the pages by the last part of their addresses, for `go`."""
    st.session_state[PAGES] = pages


def go(path: str, **state: Any) -> None:
    """Change to another page ("model") with this state in its address: texts, or lists of texts."""
    said = {key: value if isinstance(value, str) else joined(value) for key, value in state.items()}
    st.switch_page(st.session_state[PAGES][path], query_params=said)


# --- text and tables -------------------------------------------------------------------------------------------------


def heading(text: str, level: int = 1, below: str = "") -> None:
    """A heading of any text, and a quiet line below it."""
    line = f'<p class="velm quiet">{html.escape(inert(below, 1000))}</p>' if below else ""
    st.html(f'<h{level} class="velm">{html.escape(inert(text))}</h{level}>{line}')


def plain(text: str, quiet: bool = False) -> None:
    """A paragraph of any text, as it is; `quiet` for what stands below or beside."""
    st.html(f'<p class="velm{" quiet" if quiet else ""}">{html.escape(inert(text, 4000))}</p>')


def table(frame: pd.DataFrame | Any, name: str, **look: Any) -> Any:
    """A frame as a table whose cells no spreadsheet calculates; `name` is what a screen reader calls it.

    A pandas Styler is taken as well, of a frame that is `guarded` already.
    """
    shown = guarded(frame) if isinstance(frame, pd.DataFrame) else frame
    return st.dataframe(shown, hide_index=True, placeholder="–", alt=name, **look)


def notes(sentences: Sequence[str]) -> None:
    """What could not be read, said plainly."""
    if not sentences:
        return
    with st.expander(f"{len(sentences)} {'thing' if len(sentences) == 1 else 'things'} could not be read"):
        for sentence in sentences[:200]:
            st.text(inert(sentence, 2000))
