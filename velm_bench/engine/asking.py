"""Puts batches to a model: halves them when memory runs out, and finds by bisection the sample that breaks them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from velm_bench.engine.outcomes import Outcome, check, encode, reason
from velm_bench.engine.prefetch import Ready
from velm_bench.errors import RunError
from velm_bench.models.base import Model


class Failure(NamedTuple):
    """Why a batch brought no answers. The exception itself is let go: its trace would keep the batch in memory."""

    reason: str
    out_of_memory: bool


class Asker:
    """Answers batches; `size` is how many samples are asked at once, and shrinks when memory runs out."""

    def __init__(self, model: Model, size: int) -> None:
        self.model = model
        self.size = size

    def answer(self, batch: Sequence[Ready]) -> list[Outcome]:
        """An outcome for every row of a batch, in its order; no Exception escapes, nor does a SystemExit."""
        found = {ready.row.id: _failed(ready, ready.error) for ready in batch if ready.error}
        found |= {outcome.id: outcome for outcome in self._ask([ready for ready in batch if not ready.error])}
        return [found[ready.row.id] for ready in batch]

    def _ask(self, batch: list[Ready]) -> Iterator[Outcome]:
        size_before = self.size
        pieces = [batch]
        while pieces:
            piece = pieces.pop()
            if len(piece) > self.size:
                pieces += [piece[self.size :], piece[: self.size]]
                continue
            given = self._attempt(piece) if piece else []
            if not isinstance(given, Failure):
                yield from (_judged(ready, answer) for ready, answer in zip(piece, given, strict=True))
            elif len(piece) == 1:
                yield _failed(piece[0], given.reason)
                if given.out_of_memory:  # too large on its own: that says nothing about the others
                    self.size = size_before
            else:
                half = (len(piece) + 1) // 2
                if given.out_of_memory:
                    self.size = min(self.size, half)
                pieces += [piece[half:], piece[:half]]

    def _attempt(self, piece: Sequence[Ready]) -> Sequence[Any] | Failure:
        request = piece[0].row.request
        assert request is not None
        try:
            answers = list(type(request).ask(self.model, [ready.prepared for ready in piece]))
            if len(answers) != len(piece):
                raise RunError(f"The model gave {len(answers)} answers to {len(piece)} requests.")
        except (Exception, SystemExit) as error:  # whatever a model does wrong becomes error rows, never a lost run
            return Failure(reason(error), self.model.out_of_memory(error))
        return answers


def _judged(ready: Ready, answer: Any) -> Outcome:
    assert ready.row.request is not None
    try:
        return Outcome(ready.row.id, ready.row.key, encode(check(ready.row.request, answer)))
    except Exception as error:  # an answer can be malformed in more ways than can be named
        return _failed(ready, reason(error))


def _failed(ready: Ready, why: str) -> Outcome:
    return Outcome(ready.row.id, ready.row.key, error=why)
