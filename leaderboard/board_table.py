"""The Board page's table: its columns, its look, and which of its rows are selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import common
import pandas as pd
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.entrants import entrant_key
from velm_bench.board.pages.frames import TASK
from velm_bench.board.schema import COUNTING
from velm_bench.board.spreadsheets import guarded, spreadsheet
from velm_bench.inert import inert

SELECTED = "selected"
TABLE = "board"  # the table's key
SHOWN = "_board_rows"  # where a session keeps what its table's rows are
SCORE = "%.3f"
BANDED = 400
"""Up to how many rows tie groups are shown as bands; beyond, colouring each cell would take too long."""
OFFERED = 1000
"""How many rows can be chosen by name."""
BANDS = ("background-color: rgba(15, 157, 143, 0.13)", "background-color: rgba(107, 127, 224, 0.11)")
PALE = "color: #8b939e"
BOUNDED = {"interval": "low", "ranks": "rank_low", "group": "group"}
"""Columns that only say something where the runs' samples are on this machine, and what of the frame they hold."""


def keys_of(frame: pd.DataFrame) -> list[str]:
    """What each row is called in an address."""
    return [entrant_key(*row) for row in zip(frame["submission"], frame["control"], strict=True)]


def table(frame: pd.DataFrame, keys: Sequence[str], listing: Listing) -> None:
    """The rows of a board frame; those that are selected stand in the address."""
    shown = _shown(frame)
    _select(keys)
    common.table(
        _banded(shown, frame) if len(frame) <= BANDED else shown,
        f"{len(frame)} rows of {inert(listing.title)}, best first",
        key=TABLE,
        height="content" if len(frame) <= 20 else 760,
        column_order=_order(shown, frame),
        column_config=_columns(shown, listing),
        on_select=_selected,
        selection_mode="multi-row",
    )


def selection(keys: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The rows that are selected, in a box of their own: for keyboards, and for what was scrolled away."""
    offered = list(dict.fromkeys([*keys[:OFFERED], *(key for key in common.listed(SELECTED) if key in set(keys))]))
    names = dict(zip(keys, labels, strict=True))
    return common.choices(
        "Selected", offered, SELECTED, names=names, placeholder="Select rows above, or models here", width="stretch"
    )


def _select(keys: Sequence[str]) -> None:
    """Make the table select what the address says."""
    st.session_state[SHOWN] = list(keys)
    place = {key: row for row, key in enumerate(keys)}
    wanted = [place[key] for key in common.listed(SELECTED) if key in place]
    held = st.session_state.get(TABLE)
    if sorted(held["selection"]["rows"] if held else []) != sorted(wanted):
        st.session_state[TABLE] = {"selection": {"rows": wanted}}


def _selected() -> None:
    """Put what was selected in the table into the address; what is not in the table now stays selected."""
    keys = st.session_state[SHOWN]
    rows = [keys[row] for row in st.session_state[TABLE]["selection"]["rows"] if row < len(keys)]
    held = [key for key in common.listed(SELECTED) if key in rows]
    common.write(SELECTED, [*held, *(key for key in rows if key not in held)], [])


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it is read: intervals in one cell, a control beside the model's name."""
    named = frame["model"].mask(frame["control"] != "", frame["model"] + " · " + frame["control"])
    return guarded(
        frame.assign(
            model=named,
            interval=_between(frame["low"], frame["high"], "{:.3f}"),
            ranks=_between(frame["rank_low"], frame["rank_high"], "{:d}"),
            group=frame["group"].map(_letters, na_action="ignore").astype("string").fillna(""),
            tasks=frame["done"].astype("string") + " of " + frame["of"].astype("string"),
        ).drop(columns=["low", "high", "rank_low", "rank_high", "done", "of", "control"])
    )


def _between(low: pd.Series, high: pd.Series, form: str) -> pd.Series:
    """Two bounds in one cell: "0.610 – 0.650", "1 – 3", or "2" where both are the same whole number."""
    known = low.notna() & high.notna()
    texts = pd.Series("", index=low.index, dtype="string")
    texts[known] = [
        form.format(a) if form == "{:d}" and a == b else f"{form.format(a)} – {form.format(b)}"
        for a, b in zip(low[known], high[known], strict=True)
    ]
    return texts.str.replace("-", "−", regex=False)  # the sign of a formula is a hyphen


def _letters(group: Any) -> str:
    """A tie group as letters: A, B, ..., Z, AA; groups that already are text stay so."""
    if isinstance(group, str):
        return group
    number, text = int(group), ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _banded(shown: pd.DataFrame, frame: pd.DataFrame) -> Any:
    """Each group of several models on a tinted ground, and what is not ranked in a paler colour."""
    tied = frame["group"].notna() & frame["group"].duplicated(keep=False)
    turn = pd.Series(pd.factorize(frame["group"].where(tied))[0], index=frame.index) % len(BANDS)
    pale = (frame["control"] != "") | ~frame["status"].isin(list(COUNTING))
    look = turn.map(dict(enumerate(BANDS))).where(tied, "").mask(pale, PALE)
    styles = pd.DataFrame(dict.fromkeys(shown.columns, look))
    ink = "color: #ffffff" if st.context.theme.type == "dark" else "color: #000000"  # Streamlit fades what is pinned
    styles[["rank", "model"]] = pd.concat([look.mask(~pale, look + "; " + ink)] * 2, axis=1).to_numpy()
    return shown.style.apply(lambda _: styles, axis=None)


def _order(shown: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """The columns that say something here: one that is empty, or the same everywhere, is left out."""
    tasks = [name for name in shown.columns if name.startswith(TASK)]
    ranked = frame["rank"].notna().any()
    scored = frame["score"].notna().any()
    known = [name for name, bound in BOUNDED.items() if frame[bound].notna().any()]
    first = [*(["rank"] if ranked else []), "model", *(["score"] if scored else []), *known]
    several = (frame["done"] < frame["of"]).any() or len(tasks) > 1
    detail = [*(["tasks"] if several else []), "n"]
    detail += [name for name in ("errors",) if (frame[name] > 0).any()]
    detail += [name for name in ("parameters",) if frame[name].notna().any()]
    detail += [
        name for name in ("revision", "organisation", "licence", "level", "status", "reason") if _says(frame[name])
    ]
    detail += [name for name in ("attempts",) if (frame[name] > 1).any()]
    detail += [name for name in ("released", "submitted") if (frame[name] != "").any()]
    return [*first, *(tasks if len(tasks) > 1 or not scored else []), *detail]


def _says(column: pd.Series) -> bool:
    """Whether a column holds more than one text that everybody shares and that is usual."""
    return not set(column.unique()) <= {"", "listed", "own run"}


def _columns(shown: pd.DataFrame, listing: Listing) -> dict[str, Any]:
    """How the columns look; rank, model and score fit side by side on a phone."""
    column = st.column_config
    fixed = {
        "rank": column.NumberColumn("#", width=44, pinned=True, help="Place by score; see the range beside it"),
        "model": column.TextColumn("Model", width=168, pinned=True),
        "score": column.NumberColumn("Score", format=SCORE, width=72),
        "interval": column.TextColumn("95 % interval", width=122, help="Bootstrap over pictures"),
        "ranks": column.TextColumn("Rank range", width=88, help="Holds the true rank with 95 % confidence"),
        "group": column.TextColumn(
            "Tie", width=52, help="Who shares a letter, and a tint, cannot be told from the first of them"
        ),
        "tasks": column.TextColumn("Tasks", width=66, help="How many of the tasks it has"),
        "n": column.NumberColumn("n", format="localized", width=72, help="Samples asked, failed ones included"),
        "errors": column.NumberColumn("Errors", format="localized", width=68, help="Count as wrong"),
        "parameters": column.NumberColumn("Size", format="compact", width=72, help="Parameters"),
        "revision": column.TextColumn("Revision", width=96),
        "organisation": column.TextColumn("By", width=120),
        "licence": column.TextColumn("Licence", width=104),
        "level": column.TextColumn("Verified", width=104, help="How far the submission was verified"),
        "status": column.TextColumn("Status", width=92),
        "reason": column.TextColumn("Reason", width=180),
        "attempts": column.NumberColumn(
            "Attempts", width=78, help="Submissions under this name, whatever became of them"
        ),
        "released": column.TextColumn("Released", width=92),
        "submitted": column.TextColumn("Submitted", width=92),
    }
    return {**fixed, **_task_columns(shown, listing)}


def _task_columns(shown: pd.DataFrame, listing: Listing) -> dict[str, Any]:
    """The columns of the tasks, which follow one another kind by kind."""
    made = {}
    for name, task in listing.tasks.items():
        if TASK + name in shown.columns:
            said = f"{task.kind} · {task.primary}"
            label = spreadsheet(name, 60)
            width = min(max(84, 8 * len(label) + 24), 190)
            made[TASK + name] = st.column_config.NumberColumn(label, format=SCORE, width=width, help=_words(said))
    return made


def _words(text: str) -> str:
    """Text for a help bubble, which would take Markdown: letters, digits and a few harmless signs are left."""
    return "".join(letter if letter.isalnum() or letter in " ·-" else " " for letter in inert(text, 100))
