"""How a baseline file looks: what people review on lines of its own, what only programs read packed below it.

Blocks end with a comma wherever they stand, because a last entry follows that is always the same: so a block that is
added or replaced touches no line of its neighbours, and git merges two branches that accepted two tasks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from velm_bench.gate.baselines.schema import BASELINE_VERSION

ABOUT = "Written by `velm-bench baseline`: merge or choose whole tasks, and edit nothing inside one."
LAST = "end of the tasks"
"""Stands at the end of all tasks under the empty name, which no task has."""
OPENED = frozenset({"scores", "log", "slices", "statistics", "columns", "data"})
"""What is spread over lines, an entry to each."""


def encode_baseline(blocks: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The bytes of a baseline file: tasks by name, the same for the same blocks."""
    return ("\n".join(_lines(blocks)) + "\n").encode("utf-8")


def _lines(blocks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "{"
    yield f'  "baseline_version": {BASELINE_VERSION},'
    yield f'  "about": {_text(ABOUT)},'
    yield '  "tasks": {'
    for title in sorted(blocks):
        yield ""
        yield from _spread(f"    {_text(title)}: ", blocks[title], "    ", ",")
        yield ""
    yield f'    "": {_text(LAST)}'
    yield "  }"
    yield "}"


def _spread(head: str, value: Any, indent: str, tail: str) -> Iterator[str]:
    """A value over lines, its parts each on one or spread themselves."""
    if not value or not isinstance(value, dict | list):
        yield f"{head}{_inline(value)}{tail}"
        return
    begin, end = "{}" if isinstance(value, dict) else "[]"
    yield head + begin
    margin = "" if head.endswith('"data": ') else f"{indent}  "  # a sixth of a file would be white space
    parts = value.items() if isinstance(value, dict) else ((None, part) for part in value)
    for place, (key, part) in enumerate(parts, 1):
        comma = "," if place < len(value) else ""
        name = "" if key is None else f"{_text(key)}: "
        if _is_opened(key, part) or _is_spread(part):
            yield from _spread(f"{indent}  {name}", part, f"{indent}  ", comma)
        else:
            yield f"{margin}{name}{_inline(part)}{comma}"
    yield f"{indent}{end}{tail}"


def _is_spread(value: Any) -> bool:
    """Whether something in it is."""
    if isinstance(value, dict):
        return any(_is_opened(key, part) or _is_spread(part) for key, part in value.items())
    return isinstance(value, list) and any(map(_is_spread, value))


def _is_opened(key: str | None, value: Any) -> bool:
    """Whether a part is spread for its own sake; packed data of one line stands on the line of its form."""
    return key in OPENED and not (key == "data" and isinstance(value, list) and len(value) < 2)


def _inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_inline(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _text(text: str) -> str:
    """A text as JSON: as people write it, unless a letter of it cannot be seen."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
