"""The page Samples."""

from __future__ import annotations

import streamlit as st

from velm_bench.board.listing import Listing


def show(listing: Listing) -> None:
    """Draw the page."""
    st.title("Samples", anchor=False)
