"""Data-parallel training in several processes of one thread each.

On a shared CPU this is far faster than one process of several threads: those wait for each other in every operation, so
that one core taken by somebody else slows all of them; processes wait for each other once per step.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import FileStore

from velm_bench.errors import RunError, VelmError

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

    def all(self, holds: bool) -> bool:
        """Whether it holds in every process."""
        if self.size == 1:
            return holds
        flag = torch.tensor(float(holds))
        distributed.all_reduce(flag, distributed.ReduceOp.MIN)
        return bool(flag.item())

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
    if rank:
        _sign(meeting, rank).touch()
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
            _await(others, meeting)
            with joined(0, size, meeting) as group:
                try:
                    yield group
                except BaseException as error:
                    _explain(others, error)
                    _end(others)  # before the group is torn down, which they would complain about
                    raise
            for other in others:
                other.join()
        finally:
            _end(others)


def quietly(follow: Callable[[], None]) -> None:
    """Run a follower's part; what the leader tells the person, or the person asked for, prints no trace here."""
    try:
        follow()
    except VelmError as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _sign(meeting: Path, rank: int) -> Path:
    """The file by which a follower says that it has come up."""
    return meeting.with_name(f"{rank}.here")


def _await(others: Sequence[BaseProcess], meeting: Path) -> None:
    """Wait until every follower has come up; RunError where one ends before."""
    for rank, other in enumerate(others, 1):
        while not _sign(meeting, rank).exists():
            if not other.is_alive():
                raise _ended(rank, other)
            time.sleep(0.05)


def _explain(others: Sequence[BaseProcess], error: BaseException) -> None:
    """RunError where a broken connection is a follower's end."""
    if not isinstance(error, RuntimeError):
        return
    for rank, other in enumerate(others, 1):
        other.join(2)
        if other.exitcode:
            _end(others)
            raise _ended(rank, other) from error


def _ended(rank: int, other: BaseProcess) -> RunError:
    return RunError(
        f"Training process {rank} ended unexpectedly (exit code {other.exitcode}; a negative one is a signal, and -9 "
        "often means that memory ran out): try fewer --processes. What was saved before is kept."
    )


def _end(others: Sequence[BaseProcess]) -> None:
    for other in others:
        other.terminate()
    for other in others:
        other.join()
