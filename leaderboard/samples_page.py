"""The page Samples: what the models saw, what they said, and the samples where they differ."""

from __future__ import annotations

import base64

import addressed
import common
import pandas as pd
import parts
import sample_view
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.details import SampleDetail, sample_detail
from velm_bench.board.pages.entrants import best_two, entrants
from velm_bench.board.pages.gallery import (
    EVERYTHING,
    Rows,
    filtered,
    filters_of,
    sample_rows,
    slice_values,
)
from velm_bench.board.pages.pictures import questions, thumbnail
from velm_bench.errors import SampleError, UsageError
from velm_bench.inert import inert

PER_PAGE = 12
ROW_HEIGHT = 74  # three lines; beyond 64 the text of a cell is wrapped
SIGNS = {True: "✓", False: "✗"}


def show(listing: Listing) -> None:
    """Draw the page."""
    common.heading("Samples")
    if listing.runs.empty:
        st.info("There are no samples to look at yet.")
        return
    task, keys = chosen(listing)
    if not keys:
        st.info("Choose one to four models.")
        return
    rows = rows_of(common.moment(), task, tuple(keys))
    for note in rows.notes:
        common.plain(note, quiet=True)
    if not rows.models:
        return
    found = narrowed(rows)
    sample = selected(rows, found)
    left, right = st.columns(2, gap="large")
    with left:
        looked_at(listing, task, keys, rows, found, sample)
    with right:
        overview(listing, task, rows, found, sample)


def chosen(listing: Listing) -> tuple[str, list[str]]:
    """The task and the models that the address or the boxes name."""
    left, right = st.columns([1, 2])
    with left:
        task = addressed.choice("Task", list(listing.tasks), "task")
    known = {key: one for key, one in entrants(listing).items() if task in one.runs}
    first = [key for key in best_two(listing, task) if key in known] or list(known)[:1]
    with right:
        names = {key: one.label for key, one in known.items()}
        keys = addressed.choices("Models", list(known), "models", 4, default=first, names=names)
    return task, keys


def narrowed(rows: Rows) -> pd.DataFrame:
    """The samples that the filters leave."""
    one, two, three = st.columns(3)
    with one:
        verdict = addressed.choice("Show", filters_of(rows), "filter", EVERYTHING)
    with two:
        part = addressed.choice("Slice", ["", *slice_values(rows)], "slice", names=lambda name: name or "all")
    with three:
        text = addressed.words("Search", "text", placeholder="question, answer, reference or id")
    found = filtered(rows, verdict, part, text)
    begin_anew((rows.metric, rows.letters, len(rows.frame), verdict, part, text), found)
    return found


def begin_anew(asked: tuple[object, ...], found: pd.DataFrame) -> None:
    """Begin with the first page where somebody changed a filter, and leave a sample that is not there any more."""
    before = st.session_state.get("_asked")
    st.session_state["_asked"] = asked
    if before not in (None, asked):
        st.query_params.pop("page", None)
        if st.query_params.get("sample") not in set(found["id"]):
            st.query_params.pop("sample", None)


def selected(rows: Rows, found: pd.DataFrame) -> str:
    """The sample in the address, or else the first that is left; empty where there is none."""
    asked = st.query_params.get("sample", "")
    if asked and asked in set(rows.frame["id"]):
        return asked
    return "" if found.empty else str(found["id"].iloc[0])


def looked_at(listing: Listing, task: str, keys: list[str], rows: Rows, found: pd.DataFrame, sample: str) -> None:
    """The selected sample, large."""
    step(found, sample)
    if not sample:
        st.info("No sample is left: change the filters.")
        return
    kind = listing.tasks[task].kind
    detail = detail_of(common.moment(), task, sample, tuple(keys))
    if isinstance(detail, str):
        common.plain(detail)
        return
    common.heading(sample, 3)
    sample_view.pictures(detail)
    sample_view.question(detail, kind)
    sample_view.answers(detail, kind)
    if len(keys) > 1:
        parts.link("compare", "Compare these models", task=task, models=keys)


def step(found: pd.DataFrame, sample: str) -> None:
    """Buttons to the previous and the next of the samples that are left."""
    ids = list(found["id"])
    place = ids.index(sample) if sample in ids else -1
    before = ids[place - 1] if place > 0 else ""
    after = ids[place + 1] if place + 1 < len(ids) else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("← Previous", on_click=look, args=[before], disabled=not before, shortcut="P", key="previous")
        st.button("Next →", on_click=look, args=[after], disabled=not after, shortcut="N", key="next")
        where = f"{place + 1:,} of {len(ids):,}" if place >= 0 else f"not among the {len(ids):,} shown"
        common.plain(where if sample else "", quiet=True)


def look(sample: str) -> None:
    """Select a sample, and let the list follow it."""
    st.query_params["sample"] = sample
    st.query_params.pop("page", None)


def overview(listing: Listing, task: str, rows: Rows, found: pd.DataFrame, sample: str) -> None:
    """The samples that are left, a page at a time; a click on one selects it."""
    if found.empty:
        return
    pages = -(-len(found) // PER_PAGE)
    page = turned(found, sample, pages)
    shown = found.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]
    key = f"list-{page}-{pages}-{task}"
    common.table(
        listed(listing, task, rows, shown, sample),
        f"Samples {(page - 1) * PER_PAGE + 1} to {(page - 1) * PER_PAGE + len(shown)} of {len(found)}",
        row_height=ROW_HEIGHT,
        height="content",
        key=key,
        on_select=lambda: pick(key, list(shown["id"])),
        selection_mode="single-cell",
        column_config=_columns(rows),
    )
    if pages > 1:
        pager(page, pages)
    said = ". ".join(f"{letter}: {one.label}" for letter, one in zip(rows.letters, rows.models, strict=True))
    common.plain(f"{said}. {len(found):,} of {len(rows.frame):,} samples; click on one to see it.", quiet=True)


def pager(page: int, pages: int) -> None:
    """Numbers to turn the page with. It is another widget wherever something else turned the page, and stays the same,
    with the keyboard's focus, where it did so itself."""
    turns = st.session_state.get("_turns", 0)
    if st.session_state.get(f"pager-{turns}", page) != page:
        turns = st.session_state["_turns"] = turns + 1
    key = f"pager-{turns}"
    st.pagination(pages, default=page, key=key, on_change=lambda: addressed.write("page", st.session_state[key]))


def turned(found: pd.DataFrame, sample: str, pages: int) -> int:
    """The page in the address, or else that of the selected sample."""
    held = st.query_params.get("page", "")
    ids = list(found["id"])
    own = ids.index(sample) // PER_PAGE + 1 if sample in ids else 1
    page = int(held) if held.isascii() and held.isdigit() and len(held) < 9 else own
    return page if 1 <= page <= pages else own


def pick(key: str, ids: list[str]) -> None:
    """Select the sample whose row was clicked."""
    cells = st.session_state[key]["selection"]["cells"]
    if cells and cells[0][0] < len(ids):
        st.query_params["sample"] = ids[cells[0][0]]


def listed(listing: Listing, task: str, rows: Rows, shown: pd.DataFrame, sample: str) -> pd.DataFrame:
    """The list's rows: the picture, the question, what is right, what each model said."""
    question, reference, answer = _widths(rows)
    asked = [said or one for said, one in zip(shown["question"], shown["id"], strict=True)]
    columns = {
        "here": ["▶" if one == sample else "" for one in shown["id"]],
        "picture": [picture_of(common.moment(), task, one) for one in shown["id"]],
        "question": [_fitted(text, question) for text in asked],
        "reference": [_fitted(text, reference) for text in shown["reference"]],
    }
    for letter in rows.letters:
        own = zip(*(shown[f"{name}_{letter}"] for name in ("answer", "score", "right", "error")), strict=True)
        columns[letter] = [_fitted(_cell(*one), answer) for one in own]
    return pd.DataFrame(columns)


def _widths(rows: Rows) -> tuple[int, int, int]:
    """How wide question, reference and answers are: where nothing is asked, answers have more to say."""
    return (136, 84, 100) if rows.frame["question"].any() else (86, 112, 124)


def _fitted(text: str, width: int) -> str:
    """As much of a text as three lines of a column hold."""
    return inert(text, max(12, int(3 * (width - 17) / 7.6)))


def _cell(answer: str, score: float, right: bool, error: bool) -> str:
    """An answer with its sign, or its score where it is neither right nor wrong."""
    if error:
        return f"⚠ {answer}"
    if not pd.isna(right):
        return f"{SIGNS[bool(right)]} {answer}"
    return answer if pd.isna(score) else f"{score:.2f}  {answer}"


@st.cache_resource(max_entries=8, show_spinner="Reading samples …")
def rows_of(moment: str, task: str, keys: tuple[str, ...]) -> Rows:
    """The samples of a task, kept by the moment's key; nobody changes them."""
    return sample_rows(common.listing_at(moment), task, keys, data=parts.data())


@st.cache_resource(max_entries=64, show_spinner=False)
def detail_of(moment: str, task: str, sample: str, keys: tuple[str, ...]) -> SampleDetail | str:
    """One sample, kept by the moment's key; a sentence where there is none."""
    try:
        return sample_detail(common.listing_at(moment), task, sample, keys, data=parts.data())
    except UsageError as error:
        return str(error)


@st.cache_data(max_entries=5000, show_spinner=False)
def picture_of(moment: str, task: str, sample: str) -> str | None:
    """A sample's first picture as an address that holds it whole; None where it is not here."""
    found = questions(common.listing_at(moment).tasks[task], parts.data(), moment).samples.get(sample)
    if found is None or not found.images:
        return None
    try:
        return "data:image/png;base64," + base64.b64encode(thumbnail(found.images[0])).decode("ascii")
    except SampleError:
        return None


def _columns(rows: Rows) -> dict[str, object]:
    column = st.column_config
    question, reference, answer = _widths(rows)
    asked = "Question" if rows.frame["question"].any() else "Sample"
    answers = {letter: column.TextColumn(letter, width=answer) for letter in rows.letters}  # a help text is Markdown
    return {
        "here": column.TextColumn("", width=30),
        "picture": column.ImageColumn("", width=76),
        "question": column.TextColumn(asked, width=question),
        "reference": column.TextColumn("Right", width=reference),
        **answers,
    }
