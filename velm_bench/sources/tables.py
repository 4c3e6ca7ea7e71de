"""Tables: JSON lines (or a JSON array), CSV and Parquet, with a mapping from fields to columns."""

from __future__ import annotations

import csv
import io
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from velm_bench.digests import digest_file
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import EncodedPicture, Picture, Pixels, Sample
from velm_bench.sources.base import Place
from velm_bench.sources.cells import NEEDED, REFERENCES, SINGLE, known_names, sample_of
from velm_bench.sources.files import FileSource, JsonError, from_json, picture_in, read_json, read_text, require_unique
from velm_bench.sources.rows import Row, TableSettings, identity, matching, merged, require_columns, used_columns
from velm_bench.sources.tags import types_of
from velm_bench.sources.templates import Column

Values = Mapping[Column, Any]


class JsonlSettings(TableSettings):
    """Settings of the `jsonl` source."""


class CsvSettings(TableSettings):
    """Settings of the `csv` source."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """The character between columns; "\\t" for TSV."""


class ParquetSettings(TableSettings):
    """Settings of the `parquet` source."""


class TableSource(FileSource[TableSettings]):
    """A sample per row, or per group of rows with the same `group_by`."""

    kinds: ClassVar[frozenset[str]] = frozenset(REFERENCES)

    @classmethod
    def open(cls, settings: Any, place: Place, kind: str) -> Self:
        for name in NEEDED.get(kind, ()):
            if name not in settings.fields.inputs():
                raise UsageError(f"The kind '{kind}' needs '{name}': add it under 'source.fields'.")
        if kind in SINGLE and settings.group_by is not None:
            raise UsageError(f"'source.group_by' merges references, but the kind '{kind}' has one: remove it.")
        return super().open(settings, place, kind)

    def load(self) -> None:
        names = [self.settings.path] if isinstance(self.settings.path, str) else self.settings.path
        if not names:
            raise UsageError("'source.path' is an empty list: name a file.")
        self.paths = [self.place.find(name) for name in names]
        self.folder = self.folder_of(self.settings.images, self.paths[0])
        found = [(path, spot, values) for path in self.paths for spot, values in self.read(path)]
        rows = [Row(values, index, path, spot) for index, (path, spot, values) in enumerate(found)]
        if not rows:
            raise UsageError(f"The file {self.paths[0]} has no rows: give a file with at least one.")
        require_columns(self.settings, {column for row in rows for column in row.values}, self.paths[0])
        self.groups = merged(matching(rows, self.settings.where), self.settings.group_by)
        self.ids = [identity(group, self.settings) for group in self.groups]
        require_unique(((one, group[0].place) for one, group in zip(self.ids, self.groups, strict=True)), "id")

    @abstractmethod
    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        """The rows of a file and where each stands; UsageError for a row that is none."""

    def content(self) -> list[str]:
        return [digest_file(path) for path in self.paths]

    def samples(self) -> Iterator[Sample]:
        for one, rows in zip(self.ids, self.groups, strict=True):
            yield sample_of(one, rows, self.settings, self.kind, self.folder)

    def options(self) -> tuple[str, ...]:
        """The classes, or the entity types: those of `names`, or else those that occur."""
        return self._options

    @cached_property
    def _options(self) -> tuple[str, ...]:
        if self.kind not in SINGLE or self.settings.fields.options is not None:
            return ()
        known = self.settings.names or sorted(known_names(self.groups, self.settings, self.kind))
        return types_of(known) if self.kind == "ner" else tuple(known)


class JsonlSource(TableSource):
    """JSON lines, an object or an array per line; or one array of them in a `.json` file."""

    Settings = JsonlSettings

    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        if path.suffix == ".json" and (rows := _json_array(path)) is not None:
            yield from ((f"row {number}", _json_row(path, f"row {number}", row)) for number, row in rows)
            return
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            if line.strip():
                spot = f"line {number}"
                yield spot, _json_row(path, spot, _json_line(path, spot, line))


def _json_array(path: Path) -> list[tuple[int, Any]] | None:
    """The numbered rows of a file that is one array of rows, None if it is something else."""
    text = read_text(path).lstrip()
    if not text.startswith("["):
        return None
    try:
        first, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        first, end = read_json(path), len(text)  # which raises, with the line
    return None if text[end:].strip() else list(enumerate(first, start=1))


def _json_line(path: Path, spot: str, line: str) -> Any:
    try:
        return from_json(line)
    except JsonError as error:
        raise UsageError(
            f"The file {path}, {spot}, is not valid JSON ({error.reason}): write one object per line, "
            "or one array in a .json file."
        ) from error


def _json_row(path: Path, spot: str, row: Any) -> Values:
    if isinstance(row, list):
        return dict(enumerate(row))
    if not isinstance(row, dict):
        raise UsageError(f"The file {path}, {spot}, is {row!r:.40}: every row must be an object or an array.")
    return row


class CsvSource(TableSource):
    """CSV with a header line."""

    Settings = CsvSettings

    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        assert isinstance(self.settings, CsvSettings)
        reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=self.settings.delimiter, strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) != len(header):
                raise UsageError(f"The file {path}, line 1, names a column twice: rename one.")
            start = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield f"line {start}", _csv_row(path, start, header, cells)
                start = reader.line_num + 1
        except csv.Error as error:
            raise UsageError(f"The file {path}, line {reader.line_num}, is not valid CSV: {error}.") from error


def _csv_row(path: Path, line: int, header: list[str], cells: list[str]) -> Values:
    if len(cells) != len(header):
        raise UsageError(
            f"The file {path}, line {line}, has {len(cells)} columns but the header {len(header)}: "
            "quote values that hold the delimiter."
        )
    return dict(zip(header, cells, strict=True))


class ParquetSource(TableSource):
    """Parquet; pictures may be bytes in the file, which are read only when they are looked at."""

    Settings = ParquetSettings

    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(path)
            lazy = self._picture_column(file.schema_arrow)
            require_columns(self.settings, file.schema_arrow.names, path)
            names = [name for name in dict.fromkeys(used_columns(self.settings)) if name != lazy]
            number = 0
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                rows = file.read_row_group(group, columns=names).to_pylist() if names else [{}] * count
                for position, values in enumerate(rows):
                    number += 1
                    picture = PackedPicture(path, group, position, lazy, self.folder, number)
                    yield f"row {number}", values | ({lazy: picture} if lazy else {})
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"The file {path} is not readable Parquet: {error}.") from error

    def _picture_column(self, schema: Any) -> str:
        """The image column if it holds pictures and not paths, else ""."""
        import pyarrow.types as types

        name = self.settings.fields.image
        if not isinstance(name, str) or name not in schema.names:
            return ""
        held = schema.field(name).type
        packed = types.is_struct(held) or types.is_binary(held) or types.is_large_binary(held)
        return name if packed else ""


@dataclass(frozen=True)
class PackedPicture(Picture):
    """A picture in a cell of a Parquet file: bytes, or {bytes, path} as Hugging Face data sets have."""

    file: Path
    group: int
    """The row group."""
    position: int
    """The row within its group."""
    column: str
    folder: Path
    """Where the cell's path leads if it has no bytes."""
    number: int
    """The row within the file, counted from 1."""

    @cached_property
    def digest(self) -> str:
        return self._encoded().digest

    def decode(self) -> Pixels:
        return self._encoded().decode()

    def _encoded(self) -> EncodedPicture:
        import pyarrow as pa

        place = f"{self.file.name}, row {self.number}"
        try:
            modified = self.file.stat().st_mtime_ns
            cell = _cells(self.file, modified, self.group, self.column)[self.position].as_py()
        except (pa.ArrowException, OSError) as error:
            raise SampleError(f"The image of {place} cannot be read: {error}.") from error
        data = cell.get("bytes") if isinstance(cell, dict) else cell
        if data:
            return EncodedPicture(data, place)
        return picture_in(self.folder, cell.get("path") if isinstance(cell, dict) else None)


@lru_cache(maxsize=4)
def _cells(file: Path, modified: int, group: int, column: str) -> Any:
    """One column of one row group, kept while its pictures are looked at one after the other."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(file).read_row_group(group, columns=[column]).column(0)
