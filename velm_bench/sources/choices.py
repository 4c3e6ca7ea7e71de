"""The options of a row, and the answers that point into them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from velm_bench.errors import SampleError

_LETTER = re.compile(r"\s*[(\[]?\s*([A-Za-z])\s*[)\].:]?\s*")
_MARKS = " \t\n()[].:"
POSITION = re.compile(r"[0-9]{1,9}")
"""A position as text; Python reads no numbers of thousands of digits."""


@dataclass(frozen=True)
class Choices:
    """What there is to choose from, gaps included: the fourth option is D although the third is missing."""

    slots: tuple[str | None, ...] = ()
    labels: tuple[str, ...] = ()
    """What the data itself calls the options, where it does: "A", "B" or "1", "2"."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The options that are there."""
        return tuple(slot for slot in self.slots if slot is not None)

    def at(self, answer: Any) -> str:
        """The option at a position counted from 0; SampleError for anything but a position that has one."""
        if isinstance(answer, float) and answer.is_integer():
            answer = int(answer)
        digits = isinstance(answer, str) and POSITION.fullmatch(answer.strip())
        if isinstance(answer, bool) or not (isinstance(answer, int) or digits):
            raise SampleError(f"The answer {answer!r:.40} is not a position among the options.")
        return self._slot(int(answer), answer)

    def lettered(self, answer: Any) -> str:
        """The option that a letter, or else a label of the data's own, names; SampleError if there is none."""
        names = [label.strip(_MARKS).casefold() for label in self.labels]
        said = str(answer).strip(_MARKS).casefold()
        if said in names:
            return self._slot(names.index(said), answer)
        match = _LETTER.fullmatch(answer) if isinstance(answer, str) and not names else None
        if match is None:
            raise SampleError(f"The answer {answer!r:.40} is not the letter of an option.")
        return self._slot(ord(match[1].upper()) - ord("A"), answer)

    def named(self, answer: Any) -> str:
        """The option of that text, white space around it aside; SampleError if there is none."""
        for exact in (lambda text: text, str.strip):
            for text in self.texts:
                if exact(text) == exact(str(answer)):
                    return text
        raise SampleError(f"The answer {answer!r:.40} is not among the options.")

    def _slot(self, position: int, answer: Any) -> str:
        found = self.slots[position] if 0 <= position < len(self.slots) else None
        if found is None:
            raise SampleError(f"The answer {answer!r:.40} leads to no option: there are {len(self.texts)}.")
        return found


def of_columns(values: Sequence[Any]) -> Choices:
    """One option per value; None and empty texts are gaps."""
    return Choices(tuple(None if value in (None, "") else _text(value) for value in values))


def of_cell(value: Any) -> Choices:
    """The options in one cell: a list, {"text": [...], "label": [...]}, or a text per letter; none where it is empty.

    SampleError for anything else.
    """
    if value is None or value == "":
        return Choices()
    if isinstance(value, list):
        return Choices(tuple(_text(entry) for entry in value))
    if not isinstance(value, Mapping):
        raise SampleError(f"The value {value!r:.40} is not a list of texts.")
    if isinstance(value.get("text"), list):
        labels = value.get("label") or value.get("labels") or []
        texts = tuple(_text(entry) for entry in value["text"])
        if labels and len(labels) != len(texts):
            raise SampleError(f"There are {len(texts)} options and {len(labels)} labels for them.")
        return Choices(texts, tuple(str(label) for label in labels))
    slots = tuple(None if entry in (None, "") else _text(entry) for entry in value.values())
    return Choices(slots, tuple(str(key) for key in value))


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SampleError(f"The option {value!r:.40} is not a text: the options are not a list of texts.")
    return str(value)
