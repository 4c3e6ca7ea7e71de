"""Data-parallel training: in several processes of one thread each that share a CPU, or as torchrun starts them.

On a shared CPU this is far faster than one process of several threads: those wait for each other in every operation, so
that one core taken by somebody else slows all of them; processes wait for each other once per step.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import FileStore

from velm_bench.errors import RunError, UsageError, VelmError

_MEETING = timedelta(minutes=1)
"""How long processes that have come up wait for each other's connection; one may have been killed meanwhile."""
_PATIENCE = timedelta(hours=2)
"""How long they wait for each other in training: the leader also judges and saves."""


class Group:
    """The processes of a training; alone, it does nothing."""

    def __init__(
        self, rank: int = 0, size: int = 1, device: str = "cpu", held: distributed.ProcessGroup | None = None
    ) -> None:
        self.rank, self.size, self.device, self.held = rank, size, device, held

    @property
    def leads(self) -> bool:
        """Whether this process judges, logs and saves."""
        return self.rank == 0

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Replace every gradient by its sum over the processes."""
        if self.size == 1 or not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat, group=self.held)
        for gradient, total in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))

    def sums(self, *numbers: float) -> tuple[float, ...]:
        """Each number's sum over the processes."""
        if self.size == 1:
            return numbers
        held = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(held, group=self.held)
        return tuple(held.tolist())

    def agree(self, *numbers: float) -> tuple[float, ...]:
        """The leader's numbers."""
        if self.size == 1:
            return numbers
        held = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.broadcast(held, 0, group=self.held)
        return tuple(held.tolist())


@dataclass(frozen=True)
class Seat:
    """Which of several processes this one is, as torchrun says it in the environment."""

    rank: int = 0
    size: int = 1
    local: int = 0
    """Its number among those of this machine, which is that of its GPU."""


def seat() -> Seat:
    """This process's seat; the only one where no launcher has given one. UsageError for one that makes no sense."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    try:
        rank, size, local = (int(os.environ.get(name, fallback)) for name, fallback in zip(names, "010", strict=True))
    except ValueError as error:
        raise UsageError(
            f"{', '.join(names)} in the environment must be whole numbers: start several processes with torchrun."
        ) from error
    return Seat(rank, size, local) if size > 1 else Seat()


@contextmanager
def launched(place: Seat, device: str) -> Iterator[Group]:
    """The group of the processes that torchrun (or accelerate) has started, one of which this is."""
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo", rank=place.rank, world_size=place.size, timeout=_MEETING)
    with _together(place.rank, place.size, device if cuda else "cpu") as group:
        yield group


@contextmanager
def joined(rank: int, size: int, meeting: Path) -> Iterator[Group]:
    """This process as member `rank` of a group that meets at a file."""
    if size == 1:
        yield Group()
        return
    if rank:
        _sign(meeting, rank).touch()
    store = FileStore(str(meeting), size)
    try:
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=_MEETING)
    except BaseException:
        # Groups meet under the number of the attempt, which torch sets back only when it ends a group it has made: the
        # next group of this process would wait where none of its followers, who count from 0, ever comes.
        distributed.distributed_c10d._world.group_count = 0
        raise
    with _together(rank, size, "cpu") as group:
        yield group


@contextmanager
def _together(rank: int, size: int, device: str) -> Iterator[Group]:
    """The processes that have just met, with more patience for each other than they had for meeting."""
    try:
        yield Group(rank, size, device, distributed.new_group(timeout=_PATIENCE))
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
            with _blamed(others):
                _await(others, meeting)
                with joined(0, size, meeting) as group, _blamed(others):
                    yield group
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


@contextmanager
def _blamed(others: Sequence[BaseProcess]) -> Iterator[None]:
    """End the followers on an error, before a group is torn down, which they would complain about.

    RunError where the error is a broken connection (or none that came about) because one of them has ended.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, RuntimeError):
            for rank, other in enumerate(others, 1):
                other.join(2)
                if other.exitcode:
                    _end(others)
                    raise _ended(rank, other) from error
        _end(others)
        raise


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
