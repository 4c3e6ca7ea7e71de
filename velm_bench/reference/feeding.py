"""Batches made ahead in other processes, always the same ones in the same order."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType

from tokenizers import Tokenizer

from velm_bench.reference.data import Batch, Mix, train_batch, work
from velm_bench.reference.parallel import Group
from velm_bench.reference.recipe import Recipe

_AHEAD = 6


class Feeder:
    """Batch after batch from `step` on; number n holds this process's share of the n-th lot of training scenes."""

    def __init__(self, tokenizer: Tokenizer, recipe: Recipe, mix: Mix, group: Group, step: int, workers: int) -> None:
        self.tokenizer, self.mix, self.size, self.group = tokenizer, mix, recipe.batch, group
        self.serialized = tokenizer.to_str()
        self.step = self.asked = step
        self.waiting: deque[tuple[bool, Future[Batch]]] = deque()
        self.pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) if workers else None

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
            return train_batch(self.tokenizer, self.mix, self._scenes(self.step - 1), texts)
        if self.waiting and self.waiting[0][0] != texts:
            self._forget()
        while len(self.waiting) < _AHEAD:
            future = self.pool.submit(work, self.serialized, self.mix, self._scenes(self.asked), texts)
            self.waiting.append((texts, future))
            self.asked += 1
        self.step += 1
        return self.waiting.popleft()[1].result()

    def _scenes(self, step: int) -> list[int]:
        return list(range(step * self.size + self.group.rank, (step + 1) * self.size, self.group.size))

    def _forget(self) -> None:
        """Drop what was made ahead: from now on batches are of the other sort."""
        for _, future in self.waiting:
            future.cancel()
        self.waiting.clear()
        self.asked = self.step
