"""The rows of a plain table, whatever it is written in: CSV, TSV or JSONL, each with where it stands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import HEAD, head_of, read_lines

LINES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = LINES | {".csv", ".tsv"}
SEPARATORS = ",\t;"
"""What may stand between cells; the one that the header has most of."""
MAX_BYTES = 2**30
"""How large a table may be."""


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    where: str
    """"FILE line 3"."""
    cells: Mapping[str, Any]
    """By column: texts of CSV, any values of JSONL."""


def read_rows(path: Path) -> list[Row]:
    """All rows of a table, columns named without the space around them; UsageError where there are none."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UsageError(f"The table {path} cannot be read: {error.strerror or error}.") from error
    if size > MAX_BYTES:
        raise UsageError(f"The table {path} has {size:,} bytes, more than {MAX_BYTES:,}: leave out what is no score.")
    rows = [Row(where, cells) for where, cells in (read_lines(path) if _is_lines(path) else _read_csv(path))]
    if not rows:
        raise UsageError(f"The table {path} has no rows.")
    return rows


def is_rows(path: Path, wanted: Callable[[Sequence[str]], bool]) -> bool:
    """Whether a file begins as a table with such columns; UsageError where it cannot be read."""
    start = head_of(path)
    try:
        text = start.decode("utf-8-sig", "ignore" if len(start) == HEAD else "strict")
        first = next((line for line in text.split("\n") if line.strip()), "")
        if first.lstrip().startswith("{"):
            found = json.loads(first)
            return isinstance(found, dict) and wanted(list(found))
        return wanted(_header(next(csv.reader([first], delimiter=_separator(first)), [])))
    except (ValueError, RecursionError, csv.Error):
        return False


def _is_lines(path: Path) -> bool:
    return path.suffix.lower() in LINES or head_of(path).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _read_csv(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The table {path} cannot be read ({error}): save it as UTF-8.") from error
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=_separator(text.lstrip().partition("\n")[0]), strict=True
    )
    csv.field_size_limit(2**31 - 1)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            where, line = f"{path} line {line}", reader.line_num + 1
            if not any(map(str.strip, cells)):
                continue
            if header is None:
                header = _unique(_header(cells), where)
                continue
            if len(cells) != len(header):
                raise UsageError(
                    f"In {where}: it has {len(cells)} cells and the header {len(header)}: is the file complete?"
                )
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"In {path} line {line}: it is no valid row ({error}): is the file complete?") from error


def _header(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _unique(names: list[str], where: str) -> list[str]:
    double = next((name for name in names if name and names.count(name) > 1), None)
    if double is not None:
        raise UsageError(f"In {where}: the column '{double:.40}' stands there twice: leave one out.")
    return names


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)
