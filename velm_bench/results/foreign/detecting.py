"""Whose result a file is, by what is in it and not by its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.results.foreign import inspect, lm_eval, tables, vlmevalkit
from velm_bench.results.foreign.base import ForeignRun, as_json, head_of, is_zip, read_bytes
from velm_bench.results.foreign.rows import header_of, is_rows

Reader = Callable[[Path], Iterator[ForeignRun]]
"""Reads the runs of one file."""
DEEPEST = 6
"""How many folders below the one that is named are looked through."""
EXPECTED = (
    "a run's folder, a folder that holds runs, a baseline file, a result file of lm-eval, lmms-eval, Inspect or "
    "VLMEvalKit, or a table (CSV, TSV, JSONL) with the columns id and score"
)
"""What may be named, for sentences."""


def read_file(path: Path) -> list[ForeignRun]:
    """The runs of one result file of another harness, or of a table; UsageError where it is none, or is damaged."""
    reader = _reader(path)
    if reader is None:
        raise UsageError(f"The file {path} is none that can be compared{_hint(path)}: give {EXPECTED}.")
    runs = list(reader(path))
    if not runs:
        raise UsageError(f"The file {path} holds no task: nothing can be compared.")
    return runs


def read_folder(folder: Path, note: Callable[[str], None]) -> list[tuple[Path, ForeignRun]]:
    """The runs of all result files in a folder and below, each with its file; none where there is no such file.

    Beside results of a harness no plain table is read: many harnesses write some. A file that may not be read is passed
    over, which goes to `note`; UsageError where one is damaged.
    """
    found: dict[Reader, list[Path]] = {}
    for path in _files(folder):
        try:
            head_of(path)
        except UsageError as error:
            note(f"Left out: {error}")
            continue
        reader = _reader(path)
        if reader is not None and (reader is not vlmevalkit.read_runs or vlmevalkit.is_scored(path)):
            found.setdefault(reader, []).append(path)
    harnesses = [reader for reader in found if reader is not tables.read_runs] or list(found)
    return [(path, run) for reader in harnesses for path in found[reader] for run in reader(path)]


def _files(folder: Path) -> Iterator[Path]:
    """The ordinary files of a folder and below: no pipes, no hidden ones, nothing behind links to folders."""
    for place, folders, names in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and deep < DEEPEST)
        shown = (Path(place) / name for name in sorted(names) if not name.startswith("."))
        yield from (path for path in shown if path.is_file())


def _reader(path: Path) -> Reader | None:
    """What reads a file; None where nothing does."""
    suffix = path.suffix.lower()
    if is_zip(path):
        return vlmevalkit.read_runs if suffix == ".xlsx" else inspect.read_runs if suffix == ".eval" else None
    if inspect.is_log(path):
        return inspect.read_runs
    if is_rows(path, _is_vlmevalkit):
        return vlmevalkit.read_runs
    if tables.is_table(path):
        return tables.read_runs
    return _json_reader(path) if suffix == ".json" else None


def _json_reader(path: Path) -> Reader | None:
    """What reads a JSON file whose beginning does not tell: its keys do, in whatever order."""
    keys = _keys(path)
    if {"results", "configs"} <= keys:
        return lm_eval.read_runs
    return inspect.read_runs if {"version", "eval"} <= keys else None


def _keys(path: Path) -> set[str]:
    found = as_json(read_bytes(path), path)
    return set(found) if isinstance(found, Mapping) else set()


def _is_vlmevalkit(names: Sequence[str]) -> bool:
    return "index" in names and "id" not in names and any(name in names for name in vlmevalkit.SCORED)


def _hint(path: Path) -> str:
    """What else a file seems to be, for the sentence that refuses it."""
    if not head_of(path).strip():
        return ": it is empty"
    names = header_of(path)
    if "doc_id" in names:
        return " (it holds the samples of lm-eval or lmms-eval: name the result file beside it)"
    if any(name.lower() in ("id", "score") for name in names):
        return f" (a table needs both columns, id and score, and this one has {', '.join(names[:8])[:120]})"
    return ""
