"""Texts of which a command writes a part: what stands between two marks is replaced, all else stays as it is."""

from __future__ import annotations

import re

from velm_bench.errors import UsageError

Marks = tuple[str, str]
"""The line before a part and the line after it; Markdown shows neither."""


def marks(name: str) -> Marks:
    """Those of a part of the page."""
    return f"<!-- zoo: {name} -->", f"<!-- end of {name} -->"


def replaced(text: str, around: Marks, part: str, where: str) -> str:
    """The text with another part between these marks; UsageError, naming `where`, if they are not there once each."""
    first, last = around
    if (text.count(first), text.count(last)) != (1, 1) or text.index(first) > text.index(last):
        raise UsageError(f"{where} needs the lines '{first}' and '{last}' once each: put them where the part belongs.")
    before, rest = text.split(first)
    return f"{before}{first}\n{part.strip()}\n{last}{rest.split(last)[1]}"


def parts(text: str) -> list[str]:
    """The names of the parts that a page asks for."""
    return re.findall(r"<!-- zoo: (.+?) -->", text)
