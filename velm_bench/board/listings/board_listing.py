"""A board as a Listing: what was recomputed of every submission, whatever became of it."""

from __future__ import annotations

from velm_bench.board.folder import Board
from velm_bench.board.listings.index import read_index
from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.listings.speaking import odd_ones
from velm_bench.board.pinned import task_definition, task_file
from velm_bench.board.schema import PinnedTask
from velm_bench.digests import digest_json
from velm_bench.errors import UsageError


def list_board(board: Board) -> Listing:
    """The board at this moment, from its index; UsageError where board.toml cannot be read.

    A submission or a task's file that cannot be read is left out and said so.
    """
    identity = board.identity()  # before anything is read, so that a cache never takes newer content for older
    index = read_index(board)
    notes = list(index.notes)
    return Listing(
        identity=digest_json([identity, index.damaged]) if index.damaged else identity,
        title=board.file.title,
        root=board.runs,
        is_board=True,
        tasks={name: _listed(board, task, notes) for name, task in board.tasks.items()},
        runs=index.runs,
        scores=index.scores,
        notes=(*notes, *odd_ones(index.runs, is_board=True)),
    )


def _listed(board: Board, task: PinnedTask, notes: list[str]) -> ListedTask:
    try:
        definition = task_definition(board, task).task.public_definition()
        file = task_file(board, task)
    except UsageError as error:
        definition, file = {}, None
        notes.append(str(error))
    return ListedTask(
        name=task.name,
        kind=task.kind,
        primary=task.primary,
        higher_is_better=task.higher_is_better,
        samples=task.samples,
        definition=definition,
        floor=task.floor,
        floor_by=task.floor_by,
        ceiling=task.ceiling,
        ceiling_by=task.ceiling_by,
        file=file,
        split=task.split,
        limit=task.limit,
        seed=task.seed,
    )
