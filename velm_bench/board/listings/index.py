"""The index: everything that the pages list, in one Parquet file made from board.toml, manifests and events alone.

A row per run, its scores as a list in the row. It holds no path, no time of making and no order of reading, so that the
same board gives the same bytes wherever it lies. It is made anew whenever something was pinned, submitted or said, and
whenever a submission can be read that could not be, or the other way round.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from velm_bench.board.folder import Board
from velm_bench.board.listings.index_rows import Rows, frames, with_attempts
from velm_bench.board.schema import Manifest
from velm_bench.board.verification.standing import stand
from velm_bench.digests import canonical_json, digest_bytes, digest_json
from velm_bench.errors import RunError, UsageError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import encode_samples, read_table

if TYPE_CHECKING:
    import pyarrow as pa

INDEX = "index.parquet"
VERSION = 2
"""Raised whenever the same board gives other rows than before."""
STAMP, DAMAGED = b"velm_bench.board", b"velm_bench.damaged"
"""File metadata: what the index was made from, and the submissions that could not be read."""
PIECE = 200
"""Submissions held at a time: all scores of a large board at once would take gigabytes."""


Files = Mapping[str, Sequence[str]]
"""The names of the files of events about each submission, by its identity."""


@dataclass(frozen=True)
class Index:
    """What a board lists at one moment."""

    runs: pd.DataFrame
    """RUN_COLUMNS of listing.py, by submission and name of the run."""
    scores: pd.DataFrame
    """SCORE_COLUMNS."""
    notes: tuple[str, ...] = field(default=())
    """Sentences about submissions and events that are left out, because they cannot be read, fit no column or are
    dated ahead of the clock."""
    damaged: tuple[str, ...] = field(default=())
    """The submissions that are left out."""


def read_index(board: Board) -> Index:
    """The index as it is where it still holds, made anew otherwise.

    Where nothing can be written (a board that is only to be read), it is made every time. UsageError where board.toml
    cannot be read.
    """
    files = _files(board)
    stamp = _stamp(board)
    table = _kept(board.derived / INDEX, stamp)
    if table is None or not _holds(board, files, table):
        table = _made(board, files, stamp)
        with suppress(OSError):
            _write(board.derived / INDEX, table)
    notes = [note for submission in _damaged(table) for note in _read(board, {submission: files[submission]}).notes]
    return Index(*frames(table), (*notes, *board.strays()), tuple(_damaged(table)))


def rebuild(board: Board) -> str:
    """Make the index anew; its SHA-256, which is the same for every copy of the board.

    RunError where it cannot be written.
    """
    try:
        return _write(board.derived / INDEX, _made(board, _files(board), _stamp(board)))
    except OSError as error:
        raise RunError(
            f"The index {board.derived / INDEX} cannot be written ({error.strerror or error}): make room or mend its "
            "permissions, and run the same command again."
        ) from error


def _stamp(board: Board) -> str:
    """What the index depends on, without the place of the board: an index moves with its board."""
    return digest_json([VERSION, digest_json(board.file.model_dump(mode="json")), board.event_files()])


def _write(path: Path, table: pa.Table) -> str:
    data = encode_samples(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return digest_bytes(data)


def _kept(path: Path, stamp: str) -> pa.Table | None:
    """The index in a file; None where there is none, or one of another moment."""
    try:
        table = read_table(path)
    except UsageError:
        return None
    return table if (table.schema.metadata or {}).get(STAMP) == stamp.encode() else None


def _damaged(table: pa.Table) -> list[str]:
    """The submissions that could not be read."""
    found: list[str] = json.loads(table.schema.metadata[DAMAGED])
    return found


def _holds(board: Board, files: Files, table: pa.Table) -> bool:
    """Whether the submissions that could not be read still cannot."""
    return all(_read(board, {submission: files[submission]}).notes for submission in _damaged(table))


def _files(board: Board) -> Files:
    """The files of events about each submission, by its identity."""
    found: dict[str, list[str]] = {submission: [] for submission in board.submissions()}
    for name in board.event_files():
        about = found.get(name.partition(".")[0])
        if about is not None:
            about.append(name)
    return found


def _made(board: Board, files: Files, stamp: str) -> pa.Table:
    """Read the whole board, a piece at a time."""
    import pyarrow as pa

    models: dict[str, str] = {}
    present = board.standing()
    tables = [Rows(board.tasks).table()]
    with _without_collection():
        for piece in _pieces(files):
            read = _read(board, piece, present)
            models |= read.models
            tables += read.tables
    damaged = sorted(set(files) - set(models))
    metadata = {STAMP: stamp.encode(), DAMAGED: canonical_json(damaged).encode()}
    table = with_attempts(pa.concat_tables(tables).combine_chunks(), models.values())
    return table.replace_schema_metadata(metadata)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nothing read here holds itself, and searching millions of scores for what does takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _pieces(files: Files) -> Iterator[Files]:
    names = list(files)
    for start in range(0, len(names), PIECE):
        yield {name: files[name] for name in names[start : start + PIECE]}


@dataclass(frozen=True)
class _Read:
    """The rows of some submissions."""

    tables: Sequence[pa.Table] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    """The names of their models, by their identities."""
    notes: Sequence[str] = ()
    """Sentences about those that are left out."""


def _read(board: Board, files: Files, present: Collection[str] = ()) -> _Read:
    """What the manifest and the events of each of these submissions say.

    One damaged event leaves its submission out: it might be the one that rejects it. So does a number that fits into no
    column: nobody else is to suffer from it.
    """
    events, notes = board.log(chosen=[name for names in files.values() for name in names])
    manifests, lost = board.manifests(list(files))
    notes = [*notes, *lost, *filter(None, (_misfit(board, one, manifests[one]) for one in manifests))]
    if not notes:
        standings = stand(events, present)
        rows = Rows(board.tasks)
        try:
            for name in files:
                rows.add(manifests[name], standings[name])
            return _Read([rows.table()], {name: manifests[name].card.name for name in files})
        except (ArithmeticError, TypeError, ValueError) as error:  # Arrow's own are among them
            notes = [f"The submission {name[:12]} is left out: what it says fits no table ({error})." for name in files]
    if len(files) == 1:
        return _Read(notes=notes)
    parts = [_read(board, {name: files[name]}, present) for name in files]
    return _Read(
        [table for part in parts for table in part.tables],
        {name: model for part in parts for name, model in part.models.items()},
        [note for part in parts for note in part.notes],
    )


def _misfit(board: Board, submission: str, manifest: Manifest) -> str:
    """Why a submission cannot be on this board; empty where it can."""
    unknown = [run.task for run in manifest.runs if run.task not in board.tasks]
    if not unknown:
        return ""
    return f"The submission {submission[:12]} is left out: its run of '{unknown[0]}' is of no task of this board."
