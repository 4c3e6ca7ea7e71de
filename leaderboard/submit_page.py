"""The page Submit."""

from __future__ import annotations

import streamlit as st

from velm_bench.board.listing import Listing


def show(listing: Listing) -> None:
    """Draw the page."""
    st.title("Submit", anchor=False)
