"""What a model says aloud before it answers, and the answer without it.

Models that reason wrap it in tags of their own (`<think>...</think>`, `[THINK]...[/THINK]`, `◁think▷...◁/think▷`) or
write it on another channel. It stays in the raw answer that a run keeps, and is cut from the one that is scored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

NAMES = "think|thinking|thought|reasoning|reflection|seed:think"
"""The tags, letter case aside, in which models reason."""
_MARKER = re.compile(
    rf"<(?P<angle_close>/)?(?P<angle>(?i:{NAMES}))>"
    r"|\[(?P<square_close>/)?THINK\]"
    r"|◁(?P<wedge_close>/)?think▷"
    r"|<\|(?P<bar>begin|end)_of_thought\|>"
)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<name>\w+)[^<]*<\|message\|>(?P<text>.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
"""A part of an answer in OpenAI's harmony format."""
_BARE_FINAL = "assistantfinal"
"""What is left of the way to the final channel where the special tokens were dropped."""
_WRAPPERS = (
    re.compile(r"<answer>(.*)</answer>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<\|begin_of_box\|>(.*)<\|end_of_box\|>", re.DOTALL),
    re.compile(r"<\|begin_of_solution\|>(.*)<\|end_of_solution\|>", re.DOTALL),
)
"""What an answer that follows reasoning may stand in; in all but the first, which is no token of any model, also one
that follows none, as a server may have cut it off."""


class Spoken(NamedTuple):
    """An answer without the reasoning."""

    text: str
    """To the letter the whole answer where there was none."""
    lost: bool = False
    """Whether there was nothing but reasoning: the limit of tokens cut it off before the answer came."""


def without_reasoning(text: str) -> Spoken:
    """Cut all reasoning from an answer; the word alone, without its markers, is no reasoning.

    A closing marker with nothing open ends what a chat template opened: all before it goes. An opening one that is
    never closed takes the rest with it.
    """
    answer = _final_channel(text)
    if answer is None:
        answer = _outside(text)
    if answer is None:
        boxed = next((found for wrapper in _WRAPPERS[1:] if (found := wrapper.fullmatch(text.strip()))), None)
        return Spoken(text if boxed is None else boxed[1].strip())
    answer = answer.strip()
    for wrapper in _WRAPPERS:
        wrapped = wrapper.fullmatch(answer)
        answer = wrapped[1].strip() if wrapped else answer
    return Spoken(answer, lost=not answer)


def _final_channel(text: str) -> str | None:
    """What stands on the final channel; None for an answer without channels."""
    parts = list(_CHANNEL.finditer(text))
    if parts:
        return "\n".join(part["text"] for part in parts if part["name"] == "final")
    if text.startswith("analysis") and _BARE_FINAL in text:
        return text.rpartition(_BARE_FINAL)[2]
    return None


class _Mark(NamedTuple):
    """A marker in a text."""

    start: int
    end: int
    family: str
    opens: bool


def _marks(text: str) -> list[_Mark]:
    return [_mark(match) for match in _MARKER.finditer(text)]


def _mark(match: re.Match[str]) -> _Mark:
    if match["angle"]:
        family, closes = match["angle"].casefold(), bool(match["angle_close"])
    elif match["bar"]:
        family, closes = "bar", match["bar"] == "end"
    else:
        family, closes = match[0][0], bool(match["square_close"] or match["wedge_close"])
    return _Mark(match.start(), match.end(), family, not closes)


def _outside(text: str) -> str | None:
    """What stands outside all sections; None for a text without markers."""
    marks = _marks(text)
    if not marks:
        return None
    kept: list[str] = []
    start = place = 0
    last = len(text.rstrip())
    while place < len(marks):
        mark = marks[place]
        if mark.opens:
            kept.append(text[start : mark.start])
            closing = _closing(marks, place)
            if closing is None:
                return "".join(kept)
            place = closing
        elif place == 0 or mark.end < last:
            kept.clear()
        else:  # a closing marker too many, behind the answer
            kept.append(text[start : mark.start])
        start = marks[place].end
        place += 1
    return "".join([*kept, text[start:]])


def _closing(marks: Sequence[_Mark], opening: int) -> int | None:
    """Where the section ends that a marker opens.

    At the marker that balances it, or else at the last one of its family that closes: a model may name the tag inside.
    """
    depth, last = 0, None
    for place in range(opening, len(marks)):
        mark = marks[place]
        if mark.family != marks[opening].family:
            continue
        depth += 1 if mark.opens else -1
        last = last if mark.opens else place
        if depth == 0:
            break
    return last
