"""`velm-bench board export`: a snapshot of a board, or of a results folder, in the formats of others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from velm_bench.cli.options import Data, absent, assignments, data_folders
from velm_bench.cli.output import note
from velm_bench.errors import RunError, UsageError

if TYPE_CHECKING:
    from velm_bench.board.export.snapshot import Snapshot

FORMATS = "--html, --csv, --json, --parquet, --bibtex, --every-eval-ever or --hub"


def export(
    board: Annotated[
        str, typer.Option("--board", "-b", help="The board: a folder, or an address such as s3://...")
    ] = "",
    results: Annotated[
        Path | None, typer.Option("--results", "-r", help="A folder of runs, instead of a board.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="One page to search, sort and filter; it needs no network.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="A table of runs and metrics in which no cell is a formula.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole snapshot as JSON on standard output.")] = False,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="The table as Parquet.")] = None,
    bibtex: Annotated[
        Path | None, typer.Option("--bibtex", help="How to cite the snapshot and what it measures.")
    ] = None,
    every_eval_ever: Annotated[
        Path | None, typer.Option("--every-eval-ever", help="A folder for Every Eval Ever records (schema 0.3.0).")
    ] = None,
    hub: Annotated[
        Path | None, typer.Option("--hub", help="A folder for .eval_results and model-index of each model.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="TASK=ORG/NAME", help="With --hub: a task's benchmark there; repeatable."),
    ] = None,
    data: Data = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of --json and stop.")] = False,
) -> None:
    """Write a snapshot of a board, or of a folder of runs; the same snapshot gives the same bytes."""
    if schema:
        return _print_schema()
    files = {"--html": html, "--csv": csv, "--parquet": parquet, "--bibtex": bibtex}
    folders = {"--every-eval-ever": every_eval_ever, "--hub": hub}
    if not as_json and not any({**files, **folders}.values()):
        raise UsageError(f"Nothing is to be exported: give {FORMATS}.")
    _require_places(files, folders)
    datasets = _datasets(dataset, hub)
    searched = data_folders(data)
    if data and every_eval_ever is None:
        raise UsageError("--data does nothing without --every-eval-ever: leave it out.")
    snapshot = _snapshot(board, results)
    if datasets:
        _require_tasks(snapshot, datasets)
    for flag, path in files.items():
        if path is not None:
            _write(path, _ENCODERS[flag](snapshot), flag)
    if every_eval_ever is not None:
        _write_every_eval_ever(snapshot, every_eval_ever, searched)
    if hub is not None:
        _write_hub(snapshot, hub, datasets)
    if as_json:
        _print_document(snapshot)
    return None


def _require_places(files: Mapping[str, Path | None], folders: Mapping[str, Path | None]) -> None:
    """UsageError where two formats would be written to one place, a file over a folder or files under a file."""
    places: dict[Path, str] = {}
    for flag, path in {**files, **folders}.items():
        if path is None:
            continue
        if flag in files and path.is_dir():
            raise UsageError(f"The {flag} '{path}' is a folder: give the name of a file.")
        if flag in folders and path.exists() and not path.is_dir():
            raise UsageError(f"The {flag} '{path}' is a file: give the name of a folder.")
        other = places.setdefault(path.resolve(), flag)
        if other != flag:
            raise UsageError(f"{other} and {flag} both name '{path}': give each a place of its own.")


def _datasets(given: list[str] | None, hub: Path | None) -> Mapping[str, str]:
    """The benchmarks of tasks on the hub; UsageError for one that could not be there, or that nothing uses."""
    found = assignments(given, "--dataset")
    if found and hub is None:
        raise UsageError("--dataset does nothing without --hub: leave it out.")
    for task, name in found.items():
        if name.count("/") != 1 or not all(name.split("/")):
            raise UsageError(f"--dataset gives {task} the benchmark '{name:.80}': write {task}=ORG/NAME.")
    return found


def _require_tasks(snapshot: Snapshot, datasets: Mapping[str, str]) -> None:
    from velm_bench.registry import suggestion

    for task in datasets:
        if task not in snapshot.listing.tasks:
            raise UsageError(f"--dataset names the task '{task:.80}': {suggestion(task, list(snapshot.listing.tasks))}")


def _snapshot(board: str, results: Path | None) -> Snapshot:
    """What is exported; UsageError unless exactly one of the two is named and there."""
    from velm_bench.board.export.snapshot import take

    if bool(board) == (results is not None):
        raise UsageError("An export is of a board or of a results folder: give one of --board and --results.")
    if results is not None:
        from velm_bench.board.listings.results_listing import list_results

        if not results.is_dir():
            raise UsageError(f"The results folder '{results}' {absent(results)}: name one with --results.")
        return _noted(take(list_results(results)))
    from velm_bench.board.folder import Board
    from velm_bench.board.listings.board_listing import list_board

    opened = Board.open(board)
    newest = max((event.at for event in opened.events()), default="")
    return _noted(take(list_board(opened), newest))


def _noted(snapshot: Snapshot) -> Snapshot:
    for sentence in snapshot.listing.notes:
        note(f"Left out: {sentence}")
    return snapshot


def _html(snapshot: Snapshot) -> bytes:
    from velm_bench.board.export.page import page

    return page(snapshot)


def _csv(snapshot: Snapshot) -> bytes:
    from velm_bench.board.export.tables import csv

    return csv(snapshot)


def _parquet(snapshot: Snapshot) -> bytes:
    from velm_bench.board.export.tables import parquet

    return parquet(snapshot)


def _bibtex(snapshot: Snapshot) -> bytes:
    from velm_bench.board.export.bibtex import bibtex

    return bibtex(snapshot)


_ENCODERS = {"--html": _html, "--csv": _csv, "--parquet": _parquet, "--bibtex": _bibtex}
"""By flag, what makes the bytes of a file; each imports its format when it is asked for."""


def _write(path: Path, data: bytes, flag: str) -> None:
    from velm_bench.results.atomic import require_writable, write_bytes

    require_writable(path.parent, flag)
    try:
        write_bytes(path, data)
    except OSError as error:
        raise RunError(f"The file {path} cannot be written ({error.strerror or error}): make room there.") from error
    note(f"Wrote {path} ({len(data):,} bytes).")


def _write_every_eval_ever(snapshot: Snapshot, folder: Path, data: tuple[Path, ...]) -> None:
    from velm_bench.board.export.every_eval_ever import records

    count = 0
    for path, content in records(snapshot, data, note):
        _write_quietly(folder / path, content, "--every-eval-ever")
        count += path.endswith(".json")
    note(f"Wrote {count} records of Every Eval Ever under {folder}.")


def _write_hub(snapshot: Snapshot, folder: Path, datasets: Mapping[str, str]) -> None:
    from velm_bench.board.export.hub import files

    found = files(snapshot, datasets, note)
    for path, content in found.items():
        _write_quietly(folder / path, content, "--hub")
    note(f"Wrote {sum(path.endswith('README.md') for path in found)} models under {folder}.")


def _write_quietly(path: Path, data: bytes, flag: str) -> None:
    from velm_bench.results.atomic import write_bytes

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as error:
        raise RunError(
            f"The file {path} cannot be written ({error.strerror or error}): make room there or give another {flag}."
        ) from error


def _print_document(snapshot: Snapshot) -> None:
    from velm_bench.board.export.document import document, encode

    with suppress(BrokenPipeError):
        print(encode(document(snapshot)).decode("ascii"), end="")


def _print_schema() -> None:
    from velm_bench.board.export.document import document_schema
    from velm_bench.cli.output import print_json

    print_json(document_schema())
