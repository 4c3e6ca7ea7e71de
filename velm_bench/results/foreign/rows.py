"""The rows of a plain table, whatever it is written in: CSV, TSV, JSONL or a JSON list, each with where it stands."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import HEAD, as_json, head_of, read_bytes, read_lines

LINES = frozenset({".jsonl", ".ndjson"})
SUFFIXES = LINES | {".csv", ".tsv"}
SEPARATORS = ",\t;"
"""What may stand between cells; the one that the header has most of."""
MAX_BYTES = 2**30
"""How large a table may be."""
BREAK = re.compile(r"\r\n|\r|\n")
"""What ends a line."""
TOLD = re.compile(r"sep=(.)\s*")
"""The line before the header by which Excel is told what stands between cells."""
UTF_8, UTF_16 = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Row:
    """A row of a table."""

    where: str
    """"FILE line 3"."""
    cells: Mapping[str, Any]
    """By column: texts of CSV, any values of JSON."""
    comma: bool = False
    """Whether a comma may be a decimal sign there: semicolons stand between the cells."""


def read_rows(path: Path) -> list[Row]:
    """All rows of a table, columns named without the space around them; UsageError where there are none."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UsageError(f"The table {path} cannot be read: {error.strerror or error}.") from error
    if size > MAX_BYTES:
        raise UsageError(f"The table {path} has {size:,} bytes, more than {MAX_BYTES:,}: leave out what is no score.")
    first = _first(head_of(path))
    if first == b"[":
        rows = list(_read_list(path))
    elif first == b"{" or path.suffix.lower() in LINES:
        rows = [Row(where, cells) for where, cells in read_lines(path)]
    else:
        rows = list(_read_csv(path))
    if not rows:
        raise UsageError(f"The table {path} has no rows.")
    return rows


def is_rows(path: Path, wanted: Callable[[Sequence[str]], bool]) -> bool:
    """Whether a file begins as a table with such columns; UsageError where it cannot be read.

    What stands below the header may be no text: who reads the rows says so.
    """
    return wanted(header_of(path))


def header_of(path: Path) -> list[str]:
    """The columns by which a file begins, without the space around them; none where it is no table."""
    start = head_of(path)
    try:
        text = _decoded(start, "replace")
        if _first(start) == b"[":
            found, _ = json.JSONDecoder().raw_decode(text.lstrip()[1:].lstrip())
            return list(found) if isinstance(found, dict) else []
        lines = (line for line in BREAK.split(text) if line.strip())
        first = next(lines, "")
        if first.lstrip().startswith("{"):
            found = json.loads(first)
            return list(found) if isinstance(found, dict) else []
        if TOLD.fullmatch(first):
            first = next(lines, "")
        return _header(next(csv.reader([first], delimiter=_separator(first)), []))
    except (ValueError, RecursionError, csv.Error):
        return []


def _first(start: bytes) -> bytes:
    return start.removeprefix(UTF_8).lstrip()[:1]


def _decoded(data: bytes, errors: str = "strict") -> str:
    """Text in UTF-8, or in the UTF-16 that Excel's "Unicode text" is, which says so by its first bytes."""
    if data.startswith(UTF_16):
        return data.decode("utf-16", errors)
    return data.decode("utf-8-sig", errors)


def _read_list(path: Path) -> Iterator[Row]:
    found = as_json(read_bytes(path), path)
    for number, cells in enumerate(found if isinstance(found, list) else [], start=1):
        where = f"{path} item {number}"
        if not isinstance(cells, dict):
            raise UsageError(f"In {where}: it must be a JSON object, not {type(cells).__name__}.")
        yield Row(where, cells)


def _read_csv(path: Path) -> Iterator[Row]:
    try:
        text = _decoded(read_bytes(path))
    except UnicodeDecodeError as error:
        raise UsageError(f"The table {path} cannot be read ({error}): save it as UTF-8 (Excel: CSV UTF-8).") from error
    text, skipped = _without_told(text)
    lines = (line for line in BREAK.split(text[:HEAD]) if line.strip())
    separator = _separator(next(lines, ""))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    csv.field_size_limit(2**31 - 1)
    header: list[str] | None = None
    line = 1 + skipped
    try:
        for cells in reader:
            where, line = f"{path} line {line}", reader.line_num + 1 + skipped
            if not any(map(str.strip, cells)):
                continue
            if header is None:
                header = _unique(_header(cells), where)
                continue
            if len(cells) != len(header):
                raise UsageError(f"In {where}: {_count(len(cells), len(header))}")
            yield Row(where, dict(zip(header, cells, strict=True)), separator == ";")
    except csv.Error as error:
        raise UsageError(f"In {path} line {line}: it is no valid row ({error}): is the file complete?") from error


def _without_told(text: str) -> tuple[str, int]:
    """A table without the line that tells Excel its separator, and how many lines that was."""
    first = BREAK.search(text)
    if first is None or not TOLD.fullmatch(text[: first.start()]):
        return text, 0
    return text[first.end() :], 1


def _count(cells: int, header: int) -> str:
    named = ": does the header lack the name of the first column (R's row names: write them with col.names = NA)"
    hint = named if cells == header + 1 else ": is the file complete"
    return f"it has {cells} cells and the header {header}{hint}?"


def _header(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _unique(names: list[str], where: str) -> list[str]:
    double = next((name for name in names if name and names.count(name) > 1), None)
    if double is not None:
        raise UsageError(f"In {where}: the column '{double:.40}' stands there twice: leave one out.")
    return names


def _separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)
