"""Text of strangers made harmless: on one line, with nothing in it that hides or turns letters."""

from __future__ import annotations

import unicodedata

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
