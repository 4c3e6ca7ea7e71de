"""The page Submit: a bundle is uploaded, looked at, checked as `velm-bench submit` checks it, and published.

It exists only where the server was started so that it takes uploads (see `velm_bench.board.place.UPLOADS_VARIABLE`).
Nothing is written before a bundle has been found good.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

import common
import parts
import streamlit as st

from velm_bench.board.bundles.archive import MAX_ARCHIVE, read_zip
from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.cards import LONG, SHORT, VERIFIED, Fact
from velm_bench.board.pages.uploads import bundle_facts, bundle_frame, receipt_frame
from velm_bench.board.place import ANYBODY, LOGGED_IN, UPLOADS_VARIABLE
from velm_bench.board.schema import COUNTING
from velm_bench.board.submitting import DuplicateError
from velm_bench.digests import digest_bytes
from velm_bench.errors import VelmError
from velm_bench.inert import inert

if TYPE_CHECKING:
    from velm_bench.board.folder import Bundle
    from velm_bench.board.submitting import Receipt
    from velm_bench.board.verification.recomputing import Recomputer

RECEIPT = "receipt"
"""Where a session keeps what became of its last bundle."""
LOG = logging.getLogger(__name__)
ANEW = ""
COMMAND = "velm-bench submit results/MODEL --card card.yaml --pack bundle.zip"


def show(listing: Listing) -> None:
    """Draw the page."""
    common.heading("Submit")
    uploads = os.environ.get(UPLOADS_VARIABLE)
    if not listing.is_board or uploads not in (ANYBODY, LOGGED_IN):
        st.info("This server takes no uploads: use the command line.")
        return
    if uploads == LOGGED_IN and not st.user.get("is_logged_in", False):
        st.info("Submissions are taken from those who have logged in.")
        st.button("Log in", on_click=st.login)
        return
    st.markdown(
        "Upload a bundle: one model's runs with every answer. Its scores are computed anew from the answers before "
        "anything is published; what it claims ranks nothing. What is published can be withdrawn, and not be deleted."
    )
    with st.expander("How to make a bundle"):
        st.markdown(
            "Run the board's tasks with `velm-bench run`, write a card (`name`, `revision`, `parameters`, `licence`, "
            "`training_data`, `release_date`, `parent`, …), and pack both:"
        )
        st.code(COMMAND, language=None, wrap_lines=True)
    given = st.file_uploader(
        "Bundle (a zip file)", type="zip", key="bundle", max_upload_size=MAX_ARCHIVE // 2**20, on_change=_forget
    )
    if given is None:
        return
    data = given.getvalue()
    try:
        bundle = read_zip(data, f"'{inert(given.name, 80)}'")
    except VelmError as error:
        refuse(str(error))
        return
    found = st.session_state.get(RECEIPT)
    if found is not None and found.id == bundle.id:
        accepted(found)
        return
    held(bundle)
    offer(listing, bundle, digest_bytes(data))


def held(bundle: Bundle) -> None:
    """What is in the bundle, before anything becomes of it."""
    common.heading(bundle.manifest.card.name, 2)
    parts.facts(bundle_facts(bundle))
    common.table(bundle_frame(bundle), "Runs in this bundle", column_config=columns(), height="content")


def offer(listing: Listing, bundle: Bundle, key: str) -> None:
    """The button that publishes, and what went wrong when it was last pressed."""
    left, right = st.columns(2)
    with left:
        by = st.text_input("Submitted by (published with it for good; may be empty)", _name(), max_chars=200, key="by")
    with right:
        old = st.selectbox(
            "Takes the place of", _replaceable(listing, bundle), key=f"old {key}", format_func=lambda one: one or "none"
        )
    if st.button("Check and publish", type="primary", key="publish"):
        publish(bundle, by, old)


def publish(bundle: Bundle, by: str, supersedes: str) -> None:
    """Check, recompute, publish; the page is drawn again with the outcome."""
    from velm_bench.board.submitting import submit

    board = parts.opened()
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    try:
        with st.spinner(f"Computing the scores of {len(bundle.manifest.runs)} runs anew …", show_time=True):
            lock, recomputer = workshop(board.place, digest_bytes(board.store.read("board.toml")))
            with lock:
                receipt = submit(board, bundle, recomputer, at=at, by=by.strip(), supersedes=supersedes)
    except Exception as error:
        LOG.exception("submission %s", bundle.id)
        failed(bundle.id in board.submissions(), error)
        return
    st.session_state[RECEIPT] = receipt
    st.rerun()


@st.cache_resource(max_entries=2, show_spinner=False)
def workshop(place: str, pins: str) -> tuple[Lock, Recomputer]:
    """What recomputes, for one at a time: tasks and their data are read once for what the board pins."""
    from velm_bench.board.verification.recomputing import Recomputer

    return Lock(), Recomputer(parts.opened(), parts.data())


def failed(published: bool, error: Exception) -> None:
    """What went wrong; said so where it was after the bundle had been published."""
    unforeseen = f"something unforeseen happened ({type(error).__name__}), which the server's log tells."
    sentence = str(error) if isinstance(error, VelmError) else unforeseen
    if published and not isinstance(error, DuplicateError):
        parts.remark("Published, but not finished: upload the same bundle again.", inert(sentence, LONG))
    else:
        refuse(sentence)


def refuse(sentence: str) -> None:
    """Why nothing was published, in plain text."""
    parts.remark("Refused, and nothing was published.", inert(sentence, LONG))


def accepted(receipt: Receipt) -> None:
    """What became of it, and where it is found."""
    st.success("Published.")
    common.heading(receipt.card.name, 2)
    attempts = f"{receipt.attempts}"
    parts.facts(
        [
            Fact("Verification", receipt.level),
            Fact("Submissions of this name", attempts),
            Fact("Id", receipt.id[:SHORT]),
        ]
    )
    common.plain(VERIFIED.get(receipt.level, ""), quiet=True)
    for flag in receipt.flags:
        parts.remark("Flagged.", inert(flag, LONG))
    if receipt.runs:
        common.table(receipt_frame(receipt.runs), "Recomputed scores", column_config=columns(), height="content")
    parts.permalink(receipt.permalink)
    parts.link("model", "See its page", submission=receipt.id[:SHORT])


def _replaceable(listing: Listing, bundle: Bundle) -> list[str]:
    """The submissions of the same name that count, by their short ids."""
    runs = listing.runs
    same = runs[(runs["model"] == bundle.manifest.card.name) & runs["status"].isin(list(COUNTING))]
    return [ANEW, *dict.fromkeys(str(one)[:SHORT] for one in same["submission"])]


def _name() -> str:
    """The name of who is logged in, as a proposal; never an address, since what is published stays."""
    name = str(st.user.get("name") or "") if st.user.get("is_logged_in", False) else ""
    return "" if "@" in name else name[:200]


def _forget() -> None:
    """Another file: what became of the last one is over."""
    st.session_state.pop(RECEIPT, None)


def columns() -> dict[str, object]:
    """How the columns of these tables look."""
    column = st.column_config
    share = {"format": "%.4f", "width": 90}
    return {
        "task": column.TextColumn("Task", width=200, pinned=True),
        "run": column.TextColumn("Run", width=200, pinned=True),
        "control": column.TextColumn("Control", width=100),
        "metric": column.TextColumn("Metric", width=140),
        "n": column.NumberColumn("Samples", format="localized", width=90),
        "errors": column.NumberColumn("Errors", format="localized", width=80),
        "score": column.NumberColumn("Recomputed", **share),
        "low": column.NumberColumn("95 % from", **share),
        "high": column.NumberColumn("95 % to", **share),
        "claimed": column.NumberColumn("Claimed", **share),
    }
