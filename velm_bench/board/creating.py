"""A new board: its tasks are pinned, with everything that must agree, and with what their scores are measured by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from velm_bench.board.folder import BOARD, TASKS, Board
from velm_bench.board.schema import BoardFile, PinnedTask
from velm_bench.board.stores import open_store
from velm_bench.board.yardsticks import ceiling, floor, primary_metric
from velm_bench.engine.opening import open_task
from velm_bench.engine.plan import UNREADABLE, Row, data_digest, picture_digest, survey
from velm_bench.engine.scoring import build_metrics
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.results.store import safe_name
from velm_bench.schema import parse
from velm_bench.tasks.definition import Task, load_task
from velm_bench.tasks.registry import Definition


def create_board(
    place: str,
    title: str,
    definitions: Sequence[Definition],
    limit: int | None = None,
    seed: int = 0,
    data: tuple[Path, ...] = (),
    replicates: int = 1000,
) -> Board:
    """A board of these tasks, in a folder or at an address where there is none yet.

    The tasks' data is read, and the blind baselines are run over it. UsageError, and no board, where there is one
    already, where data is missing, and for a secret split.
    """
    board = Board(open_store(place))
    _require_none(board)
    for definition in definitions:
        _require_public(definition.task)
    pinned = [pin(definition, limit, seed, data) for definition in definitions]
    content = {"title": title or "Leaderboard", "replicates": replicates, "tasks": [dict(one) for one in pinned]}
    file = parse(BoardFile, content, "the board to be made")
    for definition, task in zip(definitions, pinned, strict=True):
        _add(board, task.file, definition.path.read_bytes())
    if not board.store.create(BOARD, _toml(file)):
        _require_none(board)
    return Board.open(place)


def pin(definition: Definition, limit: int | None, seed: int, data: tuple[Path, ...]) -> PinnedTask:
    """A task as a board is to ask it; UsageError where its data cannot be read."""
    task = definition.task
    settings = RunSettings(Path(), data, limit=limit, seed=seed)
    opened = open_task(definition, settings)
    rows = survey(opened, settings.workers)
    _require_pictures(task, rows)
    metrics = build_metrics(opened.kind)
    metric = primary_metric(opened, metrics)
    if metric is None:
        raise UsageError(f"The primary metric of task '{task.name}' cannot be had: {metrics.skipped[task.metrics[0]]}")
    lowest, whose = floor(opened, rows, metrics, seed)
    highest, source = ceiling(opened, rows, metrics)
    higher = metric.higher(metrics.primary)
    if lowest is not None and highest is not None and (highest <= lowest if higher else highest >= lowest):
        highest, source = None, ""  # there is nothing between the two to measure
    name = load_task(definition.path).name
    return PinnedTask(
        name=task.name,
        kind=task.kind,
        file=f"{TASKS}/{safe_name(name)}.yaml",
        split=task.name.removeprefix(name).removeprefix(":"),
        limit=limit if limit is not None and limit < len(opened.everything) else None,
        seed=seed,
        digest=task.digest(),
        fingerprint=opened.fingerprint,
        content=data_digest(rows),
        samples=len(rows),
        primary=metrics.primary,
        higher_is_better=higher,
        floor=lowest,
        floor_by=whose,
        ceiling=highest,
        ceiling_by=source,
    )


def _require_none(board: Board) -> None:
    try:
        board.store.read(BOARD)
    except FileNotFoundError:
        return
    raise UsageError(f"There is a board at {board.place} already: a board's tasks never change, so name another place.")


def _require_public(task: Task) -> None:
    split = task.source.get("split")
    public = task.source_class().public_split(split) if isinstance(split, str) else split
    if public != split:
        raise UsageError(
            f"The task '{task.name}' is on a secret split, and a board shows what it asks: name a public split."
        )


def _require_pictures(task: Task, rows: Sequence[Row]) -> None:
    """UsageError naming the first sample with a picture that cannot be read: no whole copy of the data would fit."""
    for row in rows:
        if any(picture_digest(picture) == UNREADABLE for picture in row.sample.images):
            raise UsageError(
                f"A picture of the sample '{row.id}' of task '{task.name}' cannot be read: a board pins the data, so "
                "restore it first."
            )


def _add(board: Board, path: str, data: bytes) -> None:
    """Add a file that nobody may have in another form."""
    if not board.store.create(path, data) and board.store.read(path) != data:
        raise UsageError(f"There is another {path} at {board.place} already: name an empty place.")


def _toml(file: BoardFile) -> bytes:
    import tomli_w

    return tomli_w.dumps(file.model_dump(mode="json", exclude_none=True)).encode("utf-8")
