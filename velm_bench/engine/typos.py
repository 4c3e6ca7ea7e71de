"""Words as people mistype them: letters swapped, left out, doubled, or taken from the neighbouring key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from velm_bench.engine.treatment import Shown, Treat, Treatment
from velm_bench.samples import Sample

VERSION = 1
"""Raised whenever the same words would be mistyped in another way."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
"""The share of words that are mistyped, by strength."""
SPARED = frozenset({"options"})
"""Inputs that are never touched: what may be chosen from must stay what it is."""
WORD = re.compile(r"[^\W\d_]{3,}")
"""What can be mistyped: three letters or more; numbers and short words carry too much."""
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""The letters of a keyboard; neighbours are those left and right in a row."""


@dataclass(frozen=True)
class Typos(Treatment):
    """A share of the words that a sample brings along are mistyped, one at least; the first letter stays.

    The question and every other text of a sample's inputs, and its tokens, of which there are as many as before; not
    the options, and not the task's own words around them. Which words and how is decided by the run's seed, the
    sample's id and the strength.
    """

    strength: int

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"typos:{self.strength}"

    def begin(self, everything: Sequence[Sample], seed: int) -> Treat:
        def treat(sample: Sample) -> Shown:
            return Shown(replace(sample, inputs=self.inputs(sample.inputs, f"{seed}:{sample.id}")))

        return treat

    def inputs(self, inputs: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The inputs of a sample, mistyped."""
        return {
            name: value if name in SPARED else self._input(value, f"{name}:{key}") for name, value in inputs.items()
        }

    def idle(self, task: str) -> str:
        return (
            f"The samples asked of task '{task}' bring no words along (the prompt is the same for all), so that typos "
            "would change nothing: run it without."
        )

    def _input(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return self._mistype([value], key)[0]
        if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
            return tuple(self._mistype(value, key))
        return value

    def _mistype(self, texts: Sequence[str], key: str) -> list[str]:
        """The texts with their share of words mistyped."""
        spots = [
            (place, match.start(), match.end()) for place, text in enumerate(texts) for match in WORD.finditer(text)
        ]
        count = max(1, round(SHARES[self.strength - 1] * len(spots)))
        drawn = sorted((_number("which", VERSION, self.strength, key, *spot), spot) for spot in spots)[:count]
        found = list(texts)
        for place, start, end in sorted((spot for _, spot in drawn), reverse=True):  # from the end: places stay right
            text = found[place]
            word = mistyped(text[start:end], _number("how", VERSION, self.strength, key, place, start))
            found[place] = text[:start] + word + text[end:]
        return found


def mistyped(word: str, dice: int) -> str:
    """A word with one letter behind its first wrong; always another word, and never an empty one."""
    place = 1 + dice % (len(word) - 1)
    way = dice // len(word) % len(EDITS)
    tries = (edit(word, place) for edit in (*EDITS[way:], *EDITS[:way]))
    return next(other for other in tries if other != word)


def _swapped(word: str, place: int) -> str:
    """Two letters in each other's place; the pair before where the letter is the last."""
    at = min(place, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _dropped(word: str, place: int) -> str:
    return word[:place] + word[place + 1 :]


def _doubled(word: str, place: int) -> str:
    return word[:place] + word[place] + word[place:]


def _beside(word: str, place: int) -> str:
    """A letter's neighbour on the keyboard, the left one for the last in its row; others than a to z stay."""
    letter = word[place]
    row = next((row for row in ROWS if letter.lower() in row), "")
    if not row or not letter.isascii():
        return word
    at = row.index(letter.lower())
    other = row[at + 1] if at + 1 < len(row) else row[at - 1]
    return word[:place] + (other.upper() if letter.isupper() else other) + word[place + 1 :]


EDITS: tuple[Callable[[str, int], str], ...] = (_swapped, _dropped, _doubled, _beside)


def _number(*key: Any) -> int:
    text = ":".join(map(str, key)).encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(text).digest()[:8], "little")
