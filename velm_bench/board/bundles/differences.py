"""What differs between two tasks that should be one, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from velm_bench.board.folder import Board
from velm_bench.board.pinned import task_definition
from velm_bench.board.schema import PinnedTask
from velm_bench.errors import UsageError
from velm_bench.results.schema import Result

ASKED = ("kind", "source", "prompt", "system", "chat_template", "templates", "generation", "labels")
"""The parts of a definition that decide what is asked."""
ABSENT = "nothing"
Definitions = Mapping[str, Mapping[str, Any]]
"""The public definitions of a board's tasks by name, for sentences that say what differs."""


def definitions(board: Board) -> Definitions:
    """Those of a board's pinned tasks, as far as they can be read."""
    found: dict[str, Mapping[str, Any]] = {}
    for pinned in board.file.tasks:
        with suppress(OSError, UsageError):  # who verifies says what is wrong with a task; here it only explains
            found[pinned.name] = task_definition(board, pinned).task.public_definition()
    return found


def why_other_task(result: Result, pinned: PinnedTask, definition: Mapping[str, Any]) -> str:
    """Why the digest of a run's task is not the board's, as far as the definitions of both tell."""
    start = f"'task.digest' is {result.task.digest:.12} and the board's task '{pinned.name}' has {pinned.digest[:12]}"
    claimed = result.task.definition
    found = [] if not claimed or not definition else list(_different(claimed, definition))
    if not found:
        return f"{start}: its source, prompt, generation settings or labels differ; run the board's own task."
    said = "; ".join(
        f"'{field}' is {_shown(mine)} and on the board {_shown(theirs)}" for field, mine, theirs in found[:3]
    )
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{start}: {said}{more}; run the board's own task."


def _different(claimed: Mapping[str, Any], pinned: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for part in ASKED:
        yield from _parts(part, claimed.get(part), pinned.get(part))


def _parts(field: str, mine: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """The fields that differ: of two mappings each key, of anything else the whole."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted({*mine, *theirs}):
            yield from _parts(f"{field}.{key!s:.40}", mine.get(key), theirs.get(key))
    elif mine != theirs and not _both_empty(mine, theirs):
        yield field, mine, theirs


def _both_empty(mine: Any, theirs: Any) -> bool:
    """Nothing, an empty text and an empty list say the same."""
    return not any((mine, theirs)) and mine not in (0, False) and theirs not in (0, False)


def _shown(value: Any) -> str:
    return ABSENT if value in (None, "", [], ()) else f"{value!a:.80}"
