"""What the pages of a model, a task and a submission share: facts, links, what a board says beyond its rows."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.cards import Fact
from velm_bench.board.place import BOARD_VARIABLE, DATA_VARIABLE
from velm_bench.board.schema import Event, Manifest, PinnedTask
from velm_bench.errors import VelmError

if TYPE_CHECKING:
    from velm_bench.board.folder import Board

CSS = """<style>
dl.velm {display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); gap: 0.9rem 1.5rem;
  margin: 0; padding: 0;}
dl.velm > div.wide {grid-column: 1 / -1;}
dl.velm dt {font-size: 0.8rem; font-weight: 400; opacity: 0.66; margin: 0;}
dl.velm dd {margin: 0; overflow-wrap: anywhere; max-width: 48rem;}
div.velm-note {border-left: 3px solid #d97706; background: rgba(217, 119, 6, 0.1); padding: 0.6rem 0.9rem;
  border-radius: 0.25rem; overflow-wrap: anywhere;}
</style>"""
WIDE = 60
"""From how many letters on a fact takes the whole width."""


def facts(lines: Iterable[Fact]) -> None:
    """Names and what they stand for, short ones side by side as there is room, then long ones; plain text only."""
    ordered = sorted(lines, key=lambda fact: len(fact.text) > WIDE)
    shown = "".join(
        f"<div{_wide(fact)}><dt>{html.escape(fact.label)}</dt><dd>{html.escape(fact.text)}</dd></div>"
        for fact in ordered
    )
    if shown:
        st.html(f'{CSS}<dl class="velm">{shown}</dl>')


def _wide(fact: Fact) -> str:
    return ' class="wide"' if len(fact.text) > WIDE else ""


def remark(title: str, text: str) -> None:
    """Something to be noticed; plain text, whatever it says."""
    said = f"<strong>{html.escape(title)}</strong> {html.escape(text)}"
    st.html(f'{CSS}<div class="velm-note" role="note">{said}</div>')


def link(path: str, label: str, **state: str | list[str]) -> None:
    """A link to another page with this state in its address; the label is our own words."""
    said = {key: value if isinstance(value, str) else common.joined(value) for key, value in state.items()}
    st.page_link(st.session_state[common.PAGES][path], label=f"{label} →", query_params=said)


def permalink(path: str) -> None:
    """The address of what is shown, to be copied."""
    st.caption("Permanent address on this server")
    st.code(path, language=None, wrap_lines=True)


@dataclass(frozen=True)
class Dossier:
    """What a board holds about one submission beyond its rows."""

    manifest: Manifest | None = None
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about what cannot be read."""


def dossier(listing: Listing, submission: str) -> Dossier:
    """The manifest and the events of a submission; nothing for a results folder."""
    return _dossier(common.moment(), submission) if listing.is_board else Dossier()


@st.cache_resource(max_entries=64, show_spinner=False)
def _dossier(moment: str, submission: str) -> Dossier:
    """Kept by the moment's key and the submission's."""
    events: list[Event] = []
    notes: list[str] = []
    try:
        events, notes = opened().log(submission)
        return Dossier(opened().manifest(submission), tuple(events), tuple(notes))
    except VelmError as error:
        return Dossier(None, tuple(events), (*notes, str(error)))


def pinned(listing: Listing, task: str) -> PinnedTask | None:
    """A task as the board pins it; None for a results folder."""
    try:
        return opened().tasks.get(task) if listing.is_board else None
    except VelmError:
        return None


def opened() -> Board:
    """The board that is served; UsageError where it is gone."""
    from velm_bench.board.folder import Board

    return Board.open(os.environ.get(BOARD_VARIABLE, ""))


def sketch(chart: Any, name: str) -> None:
    """A chart over the whole width; `name` is what a screen reader calls it."""
    st.altair_chart(chart, width="stretch", alt=name)


def data() -> tuple[Path, ...]:
    """Where to look for the data of tasks that are not embedded; the folders stand as in PATH."""
    return tuple(Path(part) for part in os.environ.get(DATA_VARIABLE, "").split(os.pathsep) if part)
