"""Widgets whose state stands in the address.

The address is the truth: a widget shows what stands there, and what somebody chooses is written there before the page
is drawn. Streamlit's own `bind` would write the names that options show, where we want short ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from velm_bench.inert import inert


def choice(
    label: str,
    options: Sequence[str],
    key: str,
    default: str = "",
    *,
    names: Mapping[str, str] | Callable[[str], str] | None = None,
    **look: Any,
) -> str:
    """A select box, its choice in the address as `key` unless it is the default (the first option if none is given).

    `names` says what an option is shown as; what stands in the address is the option. One that is no option any more
    is forgotten. Empty without options.
    """
    if not options:
        return ""
    first = default if default in options else options[0]
    held = st.query_params.get(key, first)
    _hold(key, held if held in options else first, first)
    box = st.selectbox(label, options, key=key, format_func=_shown(names), **_write(key, first), **look)
    return str(box)


def switch(
    label: str,
    options: Sequence[str],
    key: str,
    default: str = "",
    *,
    names: Mapping[str, str] | Callable[[str], str] | None = None,
    **look: Any,
) -> str:
    """A row of buttons of which one is pressed; otherwise as `choice`, with options that are our own words."""
    first = default if default in options else options[0]
    held = st.query_params.get(key, first)
    _hold(key, held if held in options else first, first)
    pressed = st.segmented_control(
        label, options, key=key, format_func=_shown(names), required=True, **_write(key, first), **look
    )
    return str(pressed or first)


def choices(
    label: str,
    options: Sequence[str],
    key: str,
    most: int | None = None,
    *,
    default: Sequence[str] = (),
    names: Mapping[str, str] | Callable[[str], str] | None = None,
    **look: Any,
) -> list[str]:
    """A box for several, in the address with commas between; otherwise as `choice`."""
    first = [one for one in default if one in options][:most]
    held = listed(key) if key in st.query_params else first
    known = [one for one in dict.fromkeys(held) if one in options][:most]
    _hold(key, known, first)
    return list(
        st.multiselect(
            label, options, key=key, max_selections=most, format_func=_shown(names), **_write(key, first), **look
        )
    )


def toggle(label: str, key: str, default: bool = False, **look: Any) -> bool:
    """A switch, in the address as 1 or 0."""
    held = {"1": True, "0": False}.get(st.query_params.get(key, ""), default)
    _hold(key, held, default)
    return bool(st.toggle(label, key=key, **_write(key, default), **look))


def words(label: str, key: str, **look: Any) -> str:
    """A line of text, as it stands in the address."""
    _hold(key, st.query_params.get(key, "")[:200], "")
    return str(st.text_input(label, key=key, max_chars=200, **_write(key, ""), **look) or "")


def number(label: str, key: str, default: int, low: int, high: int, **look: Any) -> int:
    """A whole number between two bounds."""
    held = st.query_params.get(key, "")
    value = int(held) if held.isascii() and held.isdigit() and len(held) < 10 else default
    _hold(key, value if low <= value <= high else default, default)
    return int(st.number_input(label, low, high, key=key, step=1, **_write(key, default), **look))


def day(label: str, key: str, first: str, last: str, **look: Any) -> str:
    """A date between two ISO dates, as one; empty for none."""
    low, high = date.fromisoformat(first), date.fromisoformat(last)
    try:
        held = date.fromisoformat(st.query_params.get(key, ""))
    except ValueError:
        held = None
    _hold(key, held if held and low <= held <= high else None, None)
    bounds = {"min_value": low, "max_value": high, "format": "YYYY-MM-DD"}
    chosen = st.date_input(label, value=None, key=key, **bounds, **_write(key, None), **look)
    return chosen.isoformat() if isinstance(chosen, date) else ""


def listed(key: str) -> list[str]:
    """The values of the address's `key`, between commas."""
    text = ",".join(st.query_params.get_all(key))
    return [unquote(part) for part in text.split(",") if part]


def write(key: str, value: Any, default: Any = None) -> None:
    """Put a value into the address; its default is left out."""
    if value == default:
        st.query_params.pop(key, None)
    elif isinstance(value, bool):
        st.query_params[key] = str(int(value))
    elif isinstance(value, str | int | date):
        st.query_params[key] = str(value)
    else:
        st.query_params[key] = joined(value)


def joined(values: Sequence[str]) -> str:
    """Several values as they stand in an address."""
    return ",".join(quote(str(value), safe=" :/@+=()") for value in values)


def _hold(key: str, value: Any, default: Any) -> None:
    """Make a widget show what the address says, and the address say what the widget shows."""
    if st.session_state.get(key) != value or _moved(key):
        st.session_state[key] = value
    if key in st.query_params and value == default:
        del st.query_params[key]


def _moved(key: str) -> bool:
    """Whether the widget of this key is another page's than the last one: Streamlit then draws a new one, which knows
    nothing of the value that the session still has for the old."""
    context = get_script_run_ctx()
    page = context.page_script_hash if context else ""
    drawn = st.session_state.setdefault("_drawn", {})
    before, drawn[key] = drawn.get(key), page
    return bool(before != page)


def _write(key: str, default: Any) -> dict[str, Any]:
    def written() -> None:
        write(key, st.session_state.get(key, default), default)

    return {"on_change": written}


def _shown(names: Mapping[str, str] | Callable[[str], str] | None) -> Callable[[str], str]:
    """What an option is shown as: never with anything that hides or turns letters."""
    if names is None:
        return inert
    said = names if callable(names) else lambda option: names.get(option, option)
    return lambda option: inert(said(option))
