"""Text of strangers made harmless: what a page shows as it is, and what a spreadsheet takes for text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; some read the wide forms as the plain ones."""
SHOWN = 300
"""How many letters of a text are shown where nothing else is said."""
_SPACES = frozenset({"Zl", "Zp", "Zs"})
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(0xFE00 + n) for n in range(16)}
"""Letters and marks that leave nothing to see."""
_MARKS = 4
"""How many combining marks may stand on one letter before they climb over the lines above."""


def inert(text: str, most: int = SHOWN) -> str:
    """The text on one line, of at most `most` letters, with everything made visible that would hide or turn letters.

    Line breaks and odd spaces become spaces; a control, a mark of direction, a zero-width or unassigned letter becomes
    its number, as "⟨202E⟩". A text without any of these is given back as it is.
    """
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    shown = "".join(_letters(text[: most + 1]))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def spreadsheet(text: str, most: int = 32_000) -> str:
    """An inert text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front."""
    shown = inert(text, most)
    return f"'{shown}" if shown.lstrip(" '\"").startswith(FORMULA) or text.startswith(FORMULA) else shown


def _letters(text: str) -> list[str]:
    """Each letter as it is shown."""
    shown: list[str] = []
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if letter in "\n\r\t" or category in _SPACES:
            shown.append(" ")
        elif category in _HIDDEN or letter in _INVISIBLE:
            shown.append(f"⟨{ord(letter):04X}⟩")
        elif marks <= _MARKS:
            shown.append(letter)
    return shown


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text of it as `spreadsheet` gives it, the names of its columns included.

    What a page shows in a table leaves it by the clipboard and by the table's own export.
    """
    import pandas as pd

    columns = {
        name: frame[name].map(spreadsheet, na_action="ignore").astype(frame[name].dtype)
        for name in frame.columns
        if pd.api.types.is_string_dtype(frame[name].dtype)
    }
    return frame.assign(**columns).rename(columns=spreadsheet)
