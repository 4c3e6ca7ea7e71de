"""METEOR's `-norm`: a caption's words, in lower case, with punctuation apart.

Found out by asking the jar for the words of half a million generated lines, which these rules reproduce.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LETTER = "a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017e\u0400-\u0527\u1d00-\u1d7f\ua640-\ua66e\ua67e-\ua697"
ALNUM = LETTER + "0-9"

PLAIN = re.compile("[a-z0-9 ]*")
"""Captions whose words are what stands between spaces: nearly all."""
CHARACTERS = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": " - "})
SPACES = re.compile("[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")
HAS_LETTER = re.compile(f"[{LETTER}]")
DOTS = re.compile(r"\.\.+")

SEPARATIONS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"([^{ALNUM} \t.'`,\-])", r" \1 "),
        (r"(\.\.+)", r" \1 "),
        (r"([^0-9]),([^0-9])", r"\1 , \2"),
        (r"([0-9]),([^0-9])", r"\1 , \2"),
        (r"([^0-9]),([0-9])", r"\1 , \2"),
        ("--", "-"),
        (rf"([{ALNUM}.])-([{ALNUM}])", r"\1 \2"),
        ("`", "'"),
        ("''", ' " '),
        (rf"([^{LETTER}])'([^{LETTER}])", r"\1 ' \2"),
        (rf"([^{ALNUM}])'([{LETTER}])", r"\1 ' \2"),
        (rf"([{LETTER}])'([^{LETTER}])", r"\1 ' \2"),
        (rf"([{LETTER}])'([{LETTER}])", r"\1 '\2"),
        ("([0-9])'(s)", r"\1 '\2"),
    )
)
"""In this order. A match takes its neighbours, so that of two commas with a letter between only the first is set apart:
that is the jar's way."""


@dataclass(frozen=True)
class Normaliser:
    """Splits captions into words."""

    abbreviations: frozenset[str]
    """Keep their period."""
    numeric: frozenset[str]
    """Keep their period before a number."""

    def words(self, caption: str) -> list[str]:
        """The caption's words."""
        if PLAIN.fullmatch(caption):
            return caption.split()
        text = f" {caption} ".translate(CHARACTERS)
        for pattern, replacement in SEPARATIONS:
            text = pattern.sub(replacement, text)
        words = [word for word in text.split(" ") if word]
        words = [self.period(word, after) for word, after in zip(words, [*words[1:], ""], strict=True)]
        return [word for word in SPACES.sub(" ", " ".join(words).lower()).split(" ") if word]

    def period(self, word: str, after: str) -> str:
        """The word with its last period set apart, unless it is an abbreviation's; `after` is the next word.

        An abbreviation of several letters ("e.g.") loses its periods; a sentence goes on before a small letter.
        """
        stem = word[:-1]
        if not word.endswith(".") or not stem or DOTS.fullmatch(word):
            return word
        if "." in stem and HAS_LETTER.search(stem):
            return word.replace(".", "")
        if stem in self.abbreviations or "a" <= after[:1] <= "z":
            return word
        if stem in self.numeric and "0" <= after[:1] <= "9":
            return word
        return f"{stem} ."
