"""Prepares samples ahead of the model, on threads, never more than a window of them at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from velm_bench.engine.batching import Batch
from velm_bench.engine.outcomes import reason
from velm_bench.engine.plan import Row
from velm_bench.engine.throttle import Throttle
from velm_bench.samples import Request


@dataclass(frozen=True)
class Ready:
    """A row made ready to be asked, or the error that came of it."""

    row: Row
    prepared: Any = None
    error: str = ""


Prepare = Callable[[Request], Any]
Pieces = list[Future[list[Ready]]]


def prepared_batches(prepare: Prepare, batches: Sequence[Batch], workers: int, window: int) -> Iterator[list[Ready]]:
    """The batches in order, each prepared; at most `window` samples, or one batch, wait beyond the one in use."""
    waiting: deque[tuple[int, Pieces]] = deque()
    todo = deque(batches)
    throttle = Throttle(workers)

    def submit(batch: Batch) -> Pieces:
        """The batch in as many pieces as there are threads."""
        size = -(-len(batch) // workers)
        pieces = [batch[start : start + size] for start in range(0, len(batch), size)]
        return [pool.submit(throttle.work, partial(_prepare_one, prepare), piece) for piece in pieces]

    def refill() -> None:
        while todo and (not waiting or sum(count for count, _ in waiting) + len(todo[0]) <= window):
            batch = todo.popleft()
            waiting.append((len(batch), submit(batch)))

    with ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool:
        try:
            refill()
            while waiting:
                _, pieces = waiting.popleft()
                refill()
                if not all(piece.done() for piece in pieces):
                    throttle.starved()
                yield [ready for piece in pieces for ready in piece.result()]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _prepare_one(prepare: Prepare, row: Row) -> Ready:
    assert row.request is not None
    try:
        for picture in row.hidden:
            picture.decode()
        return Ready(row, prepare(row.request))
    except (Exception, SystemExit) as error:  # one sample must not take the run with it
        return Ready(row, error=reason(error))
