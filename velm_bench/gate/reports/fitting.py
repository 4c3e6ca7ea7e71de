"""Tables cut at whole rows, so that a report stays below a number of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RESERVED = 400
"""Bytes kept free for the heading of a section and the line that counts what was left out of it."""


@dataclass(frozen=True)
class Section:
    """A part of a report whose rows may be cut."""

    title: str
    """Its heading; empty for none."""
    head: str
    """The two lines at the top of its table; empty where its rows are lines of a list."""
    rows: Sequence[str]
    """One line each."""
    of: str = "rows"
    """What the rows are, for the count of those left out."""
    folded: bool = False
    """Whether it is shown only when somebody opens it."""
    whole: int = 0
    """How many there are in all, where `rows` are the first of more."""
    share: float = 0.6
    """How much of the room that is left its rows may take."""


def fitted(opening: str, sections: Sequence[Section], limit: int, where: str) -> str:
    """The opening and the sections in order, in at most `limit` bytes of UTF-8; `where` says where all rows are."""
    filled = [section for section in sections if section.rows]
    parts = [opening]
    free = limit - _size(opening) - RESERVED * len(filled)
    for section in filled:
        free -= _size(section.head)
        shown = _beginning(section.rows, free if section is filled[-1] else int(free * section.share))
        free -= sum(map(_size, shown)) + len(shown)
        parts.append(_section(section, shown, where))
    return "\n\n".join(part for part in parts if part) + "\n"


def _beginning(rows: Sequence[str], room: int) -> list[str]:
    """As many of the first rows as there is room for, in bytes."""
    shown: list[str] = []
    for row in rows:
        room -= _size(row) + 1
        if room < 0:
            break
        shown.append(row)
    return shown


def _section(section: Section, shown: Sequence[str], where: str) -> str:
    """A section with the rows that fit; no table at all where there is none."""
    left = len(section.rows) - len(shown)
    table = "\n".join([*([section.head] if section.head else []), *shown]) if shown else ""
    more = f"… and {left:,} more {section.of}: {where}." if left else ""
    inner = "\n\n".join(part for part in (table, more) if part)
    if not section.title:
        return inner
    if section.folded:
        counted = f"{len(section.rows):,}"
        if section.whole > len(section.rows):
            counted += f" of {section.whole:,}"
        summary = f"<details><summary>{section.title} ({counted})</summary>"
        return f"{summary}\n\n{inner}\n\n</details>"
    return f"### {section.title}\n\n{inner}"


def _size(text: str) -> int:
    return len(text.encode("utf-8"))
