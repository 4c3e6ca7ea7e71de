"""Data-parallel training in several processes of one thread each.

On a shared CPU this is far faster than one process of several threads: those wait for each other in every operation, so
that one core taken by somebody else slows all of them; processes wait for each other once per step.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import FileStore

_PATIENCE = timedelta(hours=2)


class Group:
    """The processes of a training; alone, it does nothing."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this process judges, logs and saves."""
        return self.rank == 0

    def average(self, gradients: Sequence[Tensor]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def agree(self, *numbers: float) -> tuple[float, ...]:
        """The leader's numbers."""
        if self.size == 1:
            return numbers
        held = torch.tensor(numbers, dtype=torch.float64)
        distributed.broadcast(held, 0)
        return tuple(held.tolist())


@contextmanager
def joined(rank: int, size: int, meeting: Path) -> Iterator[Group]:
    """This process as member `rank` of a group that meets at a file."""
    if size == 1:
        yield Group()
        return
    store = FileStore(str(meeting), size)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    try:
        yield Group(rank, size)
    finally:
        distributed.destroy_process_group()


@contextmanager
def led(size: int, follow: Callable[..., None], *arguments: Any) -> Iterator[Group]:
    """A group of `size` led by this process; the others run `follow(rank, size, meeting, *arguments)`."""
    with tempfile.TemporaryDirectory(prefix="velm-train-") as folder:
        meeting = Path(folder) / "meeting"
        context = multiprocessing.get_context("spawn")
        others = [context.Process(target=follow, args=(rank, size, meeting, *arguments)) for rank in range(1, size)]
        for other in others:
            other.start()
        try:
            with joined(0, size, meeting) as group:
                yield group
            for other in others:
                other.join()
        finally:
            for other in others:
                other.terminate()
