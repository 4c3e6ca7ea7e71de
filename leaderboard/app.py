"""The leaderboard's pages: what `velm_bench.board` says of a board or a folder of runs. Views only, no mathematics."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import common
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.place import ANYBODY, LOGGED_IN, UPLOADS_VARIABLE

ICON = Path(__file__).parent / "icon.svg"  # a file of our own: Streamlit fetches its named icons from a foreign server
PAGES = {
    "": ("Board", "board_page"),
    "compare": ("Compare", "compare_page"),
    "samples": ("Samples", "samples_page"),
    "model": ("Model", "model_page"),
    "task": ("Task", "task_page"),
    "submit": ("Submit", "submit_page"),
}
"""By the last part of its address: a page's title and the module whose `show` draws it."""


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(page_title="velm-bench", page_icon=str(ICON), layout="wide")
    common.style()
    listing = common.listing()
    known = (
        PAGES
        if listing.is_board and os.environ.get(UPLOADS_VARIABLE) in (ANYBODY, LOGGED_IN)
        else _without(PAGES, "submit")
    )
    pages = {
        path: st.Page(_page(partial(_show, module, listing), path), title=title, url_path=path, default=not path)
        for path, (title, module) in known.items()
    }
    common.keep_pages(pages)
    st.navigation(list(pages.values()), position="top").run()


def _show(module: str, listing: Listing) -> None:
    """One page, imported when it is looked at."""
    import_module(module).show(listing)


def _page(draw: Callable[[], None], name: str) -> Callable[[], None]:
    """A function with the name that Streamlit asks of a page's."""

    def page() -> None:
        draw()

    page.__name__ = name or "board"
    return page


def _without(pages: dict[str, tuple[str, str]], left_out: str) -> dict[str, tuple[str, str]]:
    return {path: page for path, page in pages.items() if path != left_out}


main()
