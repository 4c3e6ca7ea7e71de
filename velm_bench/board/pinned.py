"""The pinned tasks with their data: what every submission is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.board.folder import BOARD, Board
from velm_bench.board.schema import PinnedTask
from velm_bench.board.stores import LocalStore
from velm_bench.engine.opening import Opened, open_task
from velm_bench.engine.plan import Row, data_digest, survey
from velm_bench.engine.scoring import Metrics, build_metrics
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UnavailableError, UsageError, VelmError
from velm_bench.results.atomic import write_bytes
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition


@dataclass(frozen=True)
class Ground:
    """A pinned task with its data."""

    pinned: PinnedTask
    opened: Opened
    rows: Sequence[Row]
    """The samples asked, in source order, with their content's digests and their groups."""
    metrics: Metrics


def task_file(board: Board, pinned: PinnedTask) -> Path:
    """The pinned YAML as a file of this machine; UsageError where the board lacks it."""
    if isinstance(board.store, LocalStore):
        return board.store.root / pinned.file
    path = board.derived / pinned.file
    try:
        data = board.store.read(pinned.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            write_bytes(path, data)
    except OSError as error:
        raise UsageError(f"The file {pinned.file} of the board {board.place} cannot be read: {error}.") from error
    return path


def task_definition(board: Board, pinned: PinnedTask) -> Definition:
    """The pinned task as its YAML has it; UsageError where this is not the one that was pinned."""
    path = task_file(board, pinned)
    task = load_task(path)
    if pinned.split:
        task = task.on_split(pinned.split)
    if task.digest() != pinned.digest or (task.name, task.kind) != (pinned.name, pinned.kind):
        raise UsageError(
            f"The file {pinned.file} of the board {board.place} is not the one that {BOARD} pins for task "
            f"'{pinned.name}': restore it."
        )
    return Definition(task, path)


def open_pinned(board: Board, pinned: PinnedTask, data: tuple[Path, ...]) -> Ground:
    """A pinned task with its data.

    UnavailableError where the data is not on this machine, or not the data that was pinned; UsageError where the
    board's own file was changed.
    """
    definition = task_definition(board, pinned)
    settings = RunSettings(Path(), data, limit=pinned.limit, seed=pinned.seed)
    try:
        opened = open_task(definition, settings)
    except VelmError as error:
        raise UnavailableError(f"The data of the board's task '{pinned.name}' cannot be had here: {error}") from error
    rows = survey(opened, settings.workers)
    if (opened.fingerprint, data_digest(rows)) != (pinned.fingerprint, pinned.content):
        raise UnavailableError(
            f"The data of the board's task '{pinned.name}' is here in another version than the one that was pinned: "
            "give the folder of that one with --data or VELM_DATA."
        )
    return Ground(pinned, opened, rows, build_metrics(opened.kind))
