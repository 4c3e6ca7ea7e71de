"""What stands in a cell of a table that somebody's program wrote: numbers, nothing, and what is neither."""

from __future__ import annotations

import re
from typing import Any

TRUTH = {"true": 1.0, "false": 0.0}
NOTHING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "none", "null", "nil", "-"})
"""How programs write that there is no value; in small letters."""
NO_ERROR = NOTHING | {"false", "0", "0.0", "no"}
"""What a column of errors says of a sample that did not fail."""
COMMA = re.compile(r"[+-]?(0?|\d+),\d+")
"""A number with a decimal comma."""
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
"""What may be a number with commas between its thousands."""


def decimal(text: str, comma: bool = False) -> float | None:
    """The number of a cell, 1 and 0 for true and false; None where it says none.

    With `comma` a comma is a decimal sign, unless what it stands in may be thousands as well ("1,250").
    """
    text = text.strip().lower()
    if text in TRUTH:
        return TRUTH[text]
    if comma and COMMA.fullmatch(text) and not THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def has_error(value: Any) -> bool:
    """Whether a cell of errors says that a sample failed."""
    return value is not None and str(value).strip().lower() not in NO_ERROR


def score_hint(value: Any) -> str:
    """What to write in place of a score that is none."""
    text = str(value).strip().lower()
    if text in NOTHING:
        return "leave the cell empty (null in JSON) where the sample failed"
    if text.endswith("%"):
        return "leave the percent sign out, and write either shares or percentages in both tables"
    if "," in text:
        return "write it with a point and no other signs, such as 0.5"
    return "give a finite number, true or false"
