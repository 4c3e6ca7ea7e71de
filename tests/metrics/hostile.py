"""Texts that no text metric may stumble over, as predictions or as references."""

from __future__ import annotations

LONG = "a dog " * 16_666 + "runs"
"""100,000 characters, many words."""
HOSTILE = [
    "",
    " ",
    "\n",
    "\x00",
    "\x00a\x1eb",
    "a dog\x00",
    "\ud800",
    "a \udfff dog \ud83d",
    "🙂",
    "\u2028",
    "..",
    "a\x85b\r\nc",
    "||| x",
    "\x7f",
    "a" * 100_000,
    "." * 100_000,
    "1,0" * 33_333,
    LONG,
]
