"""What all pages share: the listing, widgets whose state is in the address, links, and text that stays text.

Names of models and tasks come from strangers: they stand in table cells, chart labels, the options of widgets and in
`plain` text, where nothing of them is interpreted as Markdown or HTML.
"""

from __future__ import annotations

import html
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from addressed import choice, choices, day, joined, listed, number, switch, toggle, words, write

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.ranking import rank_frame
from velm_bench.board.listings.results_listing import list_results, results_identity
from velm_bench.board.pages.cards import SHORT
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE
from velm_bench.board.spreadsheets import guarded
from velm_bench.digests import digest_json
from velm_bench.errors import VelmError
from velm_bench.inert import inert

__all__ = [
    "ALL", "SHORT", "choice", "choices", "day", "go", "heading", "joined", "keep_pages", "listed", "listing",
    "listing_at", "moment", "notes", "number", "plain", "ranks", "style", "switch", "table", "toggle", "words", "write",
]  # fmt: skip

ALL = "All"
FRESH = 20
"""For how many seconds a board at a remote address, and what could not be read, is taken to be unchanged."""
PAGES = "_pages"  # where a session keeps its pages
HELD = "_listing"  # where it keeps what its pages show, and that moment's key
STYLE = Path(__file__).parent / "style.css"


def style() -> None:
    """Quiet margins, narrow ones on a phone."""
    st.html(STYLE)


# --- the listing -----------------------------------------------------------------------------------------------------


def listing() -> Listing:
    """What the pages show, read once per snapshot; a sentence instead of the page where it cannot be read."""
    try:
        found = _listed()
    except VelmError as error:
        st.error("There is nothing to show:")
        plain(str(error))
        st.stop()
    st.session_state[HELD] = _moment(found), found
    return found


def moment() -> str:
    """What caches key on, never a frame: it changes with the snapshot, with what of it can be read, and with the runs
    that are on this machine."""
    return str(st.session_state[HELD][0])


def listing_at(moment: str) -> Listing:
    """What is listed at this moment; for cached functions, which take the moment's key and never a frame."""
    held, found = st.session_state[HELD]
    assert held == moment
    return found


def ranks(tasks: tuple[str, ...] = (), metric: str = "", part: str = "") -> pd.DataFrame:
    """`rank_frame` of what is listed; nobody changes what it gives."""
    return _ranks(moment(), tasks, metric, part)


@st.cache_resource(max_entries=64, show_spinner="Ranking …")
def _ranks(moment: str, tasks: tuple[str, ...], metric: str, part: str) -> pd.DataFrame:
    return rank_frame(listing_at(moment), tasks, metric, part)


def _moment(found: Listing) -> str:
    return digest_json([str(found.root), found.identity, list(found.notes), _here(found.root)])


def _here(root: Path) -> list[tuple[str, int]]:
    """The folders of runs on this machine, each with the time at which one was last put there."""
    try:
        with os.scandir(root) as folders:
            return sorted((folder.name, folder.stat().st_mtime_ns) for folder in folders)
    except OSError:  # there is none, or one was removed meanwhile
        return []


def _listed() -> Listing:
    """The board, or the results; what could not be read may be mended, which no snapshot's id tells."""
    place = os.environ.get(BOARD_VARIABLE, "")
    if not place:
        root = os.environ.get(RESULTS_VARIABLE, "results")
        return _results_listing(root, results_identity(Path(root)))
    identity = _remote_identity(place) if "://" in place else _board(place).identity()
    found = _board_listing(place, identity, 0)
    return _board_listing(place, identity, int(time.time() // FRESH)) if found.notes else found


@st.cache_resource(max_entries=2, show_spinner=False)
def _results_listing(root: str, identity: str) -> Listing:
    return list_results(Path(root))


@st.cache_resource(max_entries=4, show_spinner="Reading the board …")
def _board_listing(place: str, identity: str, turn: int) -> Listing:
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
    """A heading of any text, and a quiet line below it; the first of a page is the browser's title too."""
    if level == 1:
        st.set_page_config(page_title=f"{inert(text, 100)} · velm-bench")
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
    """What is left out or not ranked, and why."""
    if not sentences:
        return
    with st.expander(f":orange[**⚠ Not everything here is shown or ranked ({len(sentences)})**]"):
        for sentence in sentences[:200]:
            st.text(inert(sentence, 2000))
