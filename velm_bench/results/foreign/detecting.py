"""Whose result a file is, by what is in it and not by its name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from velm_bench.errors import UsageError, VelmError
from velm_bench.results.foreign import inspect, lm_eval, tables, vlmevalkit
from velm_bench.results.foreign.base import ForeignRun, is_zip
from velm_bench.results.foreign.rows import is_rows

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
    return list(reader(path))


def read_folder(folder: Path) -> list[tuple[Path, ForeignRun]]:
    """The runs of all result files in a folder and below, each with its file; none where there is no such file.

    Beside results of a harness no plain table is read: many harnesses write some. UsageError where a file is damaged.
    """
    found: dict[Reader, list[Path]] = {}
    for path in _files(folder):
        reader = _reader(path)
        if reader is not None and (reader is not vlmevalkit.read_runs or vlmevalkit.is_scored(path)):
            found.setdefault(reader, []).append(path)
    harnesses = [reader for reader in found if reader is not tables.read_runs] or list(found)
    return [(path, run) for reader in harnesses for path in found[reader] for run in reader(path)]


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder and below, hidden ones and links to folders left out."""
    for place, folders, names in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and deep < DEEPEST)
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


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
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file {path} is no valid JSON ({error}): is it complete?") from error
    return set(found) if isinstance(found, Mapping) else set()


def _is_vlmevalkit(names: Sequence[str]) -> bool:
    return "index" in names and "id" not in names and any(name in names for name in vlmevalkit.SCORED)


def _hint(path: Path) -> str:
    """What else a file seems to be, for the sentence that refuses it."""
    try:
        if is_rows(path, lambda names: "doc_id" in names):
            return " (it holds the samples of lm-eval or lmms-eval: name the result file beside it)"
        if is_rows(path, lambda names: "id" in names or "score" in names):
            return " (a table needs both columns, id and score)"
    except VelmError:
        pass
    return ""
