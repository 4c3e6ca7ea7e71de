"""What the readers of foreign formats give: a run in plain data, before it becomes one of ours."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from velm_bench.errors import UsageError

ABSENT = "the log has no such sample"
"""How the error of a sample begins that a run which was cut off did not come to."""


@dataclass(frozen=True)
class ForeignSample:
    """One sample of another harness."""

    id: str
    answer: str | None
    """What the model said, or the option it chose; None where there is nothing."""
    references: tuple[str, ...]
    """What is right, as far as the file says."""
    scores: Mapping[str, float]
    """What the harness gave it, by the name of the score."""
    content: Sequence[Any] | None = ()
    """Whatever tells this sample from others: digests of document and prompt; None where only the id is known."""
    group: str = ""
    """Samples of one group are about the same thing; empty for none."""
    slices: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    """Why there is no answer; such a sample counts as wrong, whatever it was given."""
    absent: bool = False
    """Whether a run that was cut off did not come to it: all that is known is that it was to be asked."""


@dataclass(frozen=True)
class ForeignRun:
    """One model on one task of another harness."""

    harness: str
    """Name and version: "lm-eval 0.4.13"."""
    model: str
    task: str
    settings: Mapping[str, Any]
    """All that is known to decide the answers: prompt, examples, generation; runs compare only where it agrees."""
    samples: tuple[ForeignSample, ...]
    total: int
    """How many samples the complete task has."""
    reported: Mapping[str, float]
    """The scores that the harness itself reports."""
    lower_is_better: frozenset[str] = frozenset()
    """Those of the scores of which less is better."""
    model_settings: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the model besides its name."""
    names: Sequence[str] = ()
    """The scores, the main one first, as far as that is known without looking at what the samples were given."""
    data: Sequence[Any] | None = None
    """What tells the data from other data; the contents of the samples that are here if None."""
    notes: Sequence[str] = ()
    """What a reader should know besides, a sentence each."""


MAX_BYTES = 2**32
"""How large a file may be that is read as a whole."""


def read_bytes(path: Path) -> bytes:
    """All of a file; UsageError where it cannot be read, is no ordinary file, or has more than `MAX_BYTES`."""
    try:
        if not path.is_file() and path.exists():  # a pipe would wait for ever
            raise UsageError(f"The file {path} cannot be read: it is no ordinary file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                f"The file {path} has {size:,} bytes, more than {MAX_BYTES:,}: leave out what is no score."
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def as_json(data: bytes, path: Path) -> Any:
    """What a JSON file holds; UsageError naming the file where it is none."""
    try:
        return json.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file {path} is no valid JSON ({error}): is it complete?") from error


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON file that holds one object; UsageError naming it where it does not."""
    data = as_json(read_bytes(path), path)
    if not isinstance(data, dict):
        raise UsageError(f"The file {path} must hold one JSON object, not {type(data).__name__}.")
    return data


def files_below(folder: Path, *patterns: str) -> list[Path]:
    """The ordinary files of a folder and below whose names fit, sorted."""
    return sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})


def read_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object of a JSONL file with where it stands ("FILE line 3"); UsageError for a line that holds none."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"The file {path} cannot be read ({error}): save it as UTF-8.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"In {where}: it is no valid JSON ({error}): is the file complete?") from error
        if not isinstance(record, dict):
            raise UsageError(f"In {where}: it must be a JSON object, not {type(record).__name__}.")
        yield where, record


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a .csv, .tsv or .xlsx table with a header, every cell as text; UsageError for anything else."""
    if path.suffix.lower() == ".xlsx":
        return _read_workbook(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            csv.field_size_limit(2**31 - 1)  # tables of this field carry pictures as text
            rows = list(csv.DictReader(stream, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"The table {path} cannot be read ({error}).") from error
    return [{str(key): str(value or "") for key, value in row.items() if key is not None} for row in rows]


def _read_workbook(path: Path) -> list[dict[str, str]]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        from velm_bench.errors import UnavailableError

        raise UnavailableError(f"The table {path} needs openpyxl: run `pip install 'velm-bench[tables]'`.") from error
    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except Exception as error:  # openpyxl raises what its parts raise: KeyError, BadZipFile, ParseError, ...
        raise UsageError(f"The table {path} cannot be read ({type(error).__name__}: {error}).") from error
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]] if rows else []


HEAD = 65536
"""How much of a file is looked at to see what it is, in bytes."""


def head_of(path: Path) -> bytes:
    """The beginning of a file; UsageError where it cannot be read."""
    try:
        if path.is_fifo():
            raise UsageError(f"The file {path} cannot be read: it is no ordinary file.")
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip archives do; UsageError where it cannot be read."""
    return head_of(path)[:4] in (b"PK\x03\x04", b"PK\x05\x06")


SLICES = ("slice.", "slice:")
"""How the name of a column begins that says which slice a sample belongs to; the slice's name follows."""


def slice_columns(names: Iterable[str]) -> dict[str, str]:
    """The columns that are slices, with the names of these."""
    return {name: name[len(SLICES[0]) :] for name in names if name.startswith(SLICES) and len(name) > len(SLICES[0])}


def slice_values(told: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The slices that a sample belongs to, by their names; what is empty is none."""
    found = {name: told.get(key) for key, name in columns.items()}
    return {name: as_text(value) for name, value in found.items() if value is not None and value != ""}


def as_text(value: Any) -> str:
    """A text as it is, "true" and "false" as JSON writes them, all else as Python does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def finite(value: Any) -> float | None:
    """A number as a float, a truth value as 0 or 1; None for what is neither, or not finite."""
    if isinstance(value, int | float) and abs(value) <= sys.float_info.max:  # a whole number may be larger
        return float(value)
    return None


def plain(value: Any) -> Any:
    """A value as JSON can hold it, so that it can be digested."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
