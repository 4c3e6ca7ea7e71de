"""Batches made ahead in other processes, always the same ones in the same order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from threading import Thread
from types import TracebackType
from typing import Any

from tokenizers import Tokenizer

from velm_bench.reference.data.base import Batch, Textbook
from velm_bench.reference.parallel import Group

_AHEAD = 6


class Feeder:
    """Batch after batch of `size` rows from `step` on; number n holds this process's share of the n-th lot of rows."""

    def __init__(self, tokenizer: Tokenizer, book: Textbook, size: int, group: Group, step: int, workers: int) -> None:
        self.tokenizer, self.book, self.size, self.group = tokenizer, book, size, group
        self.step = self.asked = step
        self.waiting: deque[tuple[bool, Future[Batch]]] = deque()
        self.pool = _pool(workers, tokenizer.to_str(), book) if workers else None

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def next(self, texts: bool) -> Batch:
        """The next batch, with its texts or as pictures alone."""
        if self.pool is None:
            self.step += 1
            return self.book.batch(self.tokenizer, self._rows(self.step - 1), texts)
        if self.waiting and self.waiting[0][0] != texts:
            self._forget()
        while len(self.waiting) < _AHEAD:
            self.waiting.append((texts, self.pool.submit(_work, self._rows(self.asked), texts)))
            self.asked += 1
        self.step += 1
        return self.waiting.popleft()[1].result()

    def _rows(self, step: int) -> list[int]:
        return list(range(step * self.size + self.group.rank, (step + 1) * self.size, self.group.size))

    def _forget(self) -> None:
        """Drop what was made ahead: from now on batches are of the other sort."""
        for _, future in self.waiting:
            future.cancel()
        self.waiting.clear()
        self.asked = self.step


def _pool(workers: int, serialized: str, book: Textbook) -> ProcessPoolExecutor:
    """Worker processes that hold the tokenizer (which travels as its JSON) and the textbook."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _equip, (serialized, book))


_HELD: dict[str, Any] = {}
"""What this worker process holds."""


def _equip(serialized: str, book: Textbook) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    _HELD["tokenizer"], _HELD["book"] = Tokenizer.from_str(serialized), book
    _HELD["tokenizer"].encode_special_tokens = True  # as `load_tokenizer` does; the JSON does not say


def _end_with_parent() -> None:
    """A worker of a training that was killed would wait for work for ever: its siblings hold the queue open."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(numbers: Sequence[int], texts: bool) -> Batch:
    batch: Batch = _HELD["book"].batch(_HELD["tokenizer"], numbers, texts)
    return batch
