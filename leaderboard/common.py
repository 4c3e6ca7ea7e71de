"""What all pages share: the listing, widgets whose state is in the address, and text that stays text.

Names of models and tasks come from strangers: they stand in table cells, chart labels, `st.text` and the options of
widgets, where nothing of them is interpreted as Markdown or HTML.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from velm_bench.board.listing import Listing
from velm_bench.board.place import RESULTS_VARIABLE
from velm_bench.board.results_listing import list_results, results_identity

ALL = "All"
CSS = """
<style>
.block-container {max-width: 80rem; padding-top: 4rem;}
h1 {font-size: 1.9rem !important;}
h3 {font-size: 1.25rem !important;}
@media (max-width: 640px) {.block-container {padding: 4rem 0.75rem 1rem;}}
</style>
"""


def style() -> None:
    """Quiet margins, narrow ones on a phone."""
    st.html(CSS)


def listing() -> Listing:
    """What the pages show, read once per snapshot."""
    root = os.environ.get(RESULTS_VARIABLE, "results")
    return _results_listing(root, results_identity(Path(root)))


@st.cache_resource(max_entries=2, show_spinner=False)
def _results_listing(root: str, identity: str) -> Listing:
    """Cached by the snapshot's identity, never by a frame."""
    return list_results(Path(root))


def choice(label: str, options: Sequence[str], key: str, default: str = "") -> str:
    """A select box whose choice stands in the address as `key`; one that is no option any more is forgotten."""
    if st.session_state.get(key) not in (None, *options):
        del st.session_state[key]
    place = options.index(default) if default in options else 0
    return str(st.selectbox(label, options, index=place, key=key, bind="query-params"))


def choices(label: str, options: Sequence[str], key: str, most: int | None = None) -> list[str]:
    """A box for several, likewise."""
    held = st.session_state.get(key)
    if held is not None and not set(held) <= set(options):
        st.session_state[key] = [one for one in held if one in options]
    return list(st.multiselect(label, options, key=key, max_selections=most, bind="query-params"))
