"""Tables: JSON lines (or a JSON array), CSV and Parquet, with a mapping from fields to columns."""

from __future__ import annotations

import csv
import io
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import Field

from velm_bench.digests import digest_file
from velm_bench.errors import UsageError
from velm_bench.samples import Sample
from velm_bench.sources.base import Place
from velm_bench.sources.cells import CLOSED, NEEDED, REFERENCES, SINGLE, Gallery, known_names, sample_of
from velm_bench.sources.fields import listed
from velm_bench.sources.files import FileSource, JsonError, from_json, picture_in, read_json, read_text, require_unique
from velm_bench.sources.packed import LocalShard
from velm_bench.sources.parquet import class_names, columns_in, rows_of
from velm_bench.sources.rows import (
    Row,
    RowSettings,
    TableSettings,
    cleaner,
    identity,
    matching,
    merged,
    reading,
    require_columns,
)
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


R = TypeVar("R", bound=RowSettings)


class RowSource(FileSource[R]):
    """A sample per row, or per group of rows with the same `group_by`, wherever the rows lie."""

    kinds: ClassVar[frozenset[str]] = frozenset(REFERENCES)
    gallery: Gallery
    """Finds pictures by what stands in the cells."""

    @classmethod
    def open(cls, settings: Any, place: Place, kind: str) -> Self:
        for name in NEEDED.get(kind, ()):
            if name not in settings.fields.own_inputs():
                raise UsageError(f"The kind '{kind}' needs '{name}': add it under 'source.fields'.")
        if kind in SINGLE and settings.group_by is not None:
            raise UsageError(f"'source.group_by' merges references, but the kind '{kind}' has one: remove it.")
        return super().open(settings, place, kind)

    def load(self) -> None:
        self._require_distinct_names()
        clean = cleaner(self.settings)
        rows = [Row(clean(values), index, path, spot) for index, (path, spot, values) in enumerate(self.found())]
        if not rows:
            raise UsageError(f"{self.whole()} has no rows: give data with at least one.")
        require_columns(self.settings, {column for row in rows for column in row.values}, rows[0].path)
        self.groups = merged(matching(rows, self.settings), self.settings.group_by)
        self.ids = [identity(group, self.settings) for group in self.groups]
        require_unique(((one, group[0].place) for one, group in zip(self.ids, self.groups, strict=True)), "id")

    def _require_distinct_names(self) -> None:
        """UsageError for two classes of one name: an answer would be right for either."""
        names = [self.settings.readable(name) for name in self.settings.names] if self.kind in CLOSED else []
        repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if repeated is not None:
            raise UsageError(
                f"Two classes of {self.whole()} are called '{repeated}': give others under 'source.names'."
            )

    @abstractmethod
    def found(self) -> Iterator[tuple[Path, str, Values]]:
        """Every row with its file and where it stands there."""

    @abstractmethod
    def whole(self) -> str:
        """What to call the data in an error: "The file x.csv"."""

    def samples(self) -> Iterator[Sample]:
        for one, rows in zip(self.ids, self.groups, strict=True):
            yield sample_of(one, rows, self.settings, self.kind, self.gallery)

    def options(self) -> tuple[str, ...]:
        """The classes, or the entity types: those of `names`, or else those that occur."""
        return self._options

    @cached_property
    def _options(self) -> tuple[str, ...]:
        if self.kind not in CLOSED or self.settings.fields.options is not None:
            return ()
        known = self.settings.names or sorted(known_names(self.groups, self.settings, self.kind))
        return types_of(known) if self.kind == "ner" else tuple(map(self.settings.readable, known))


class TableSource(RowSource[TableSettings]):
    """Rows of one file or of several."""

    def load(self) -> None:
        if not self.settings.paths():
            raise UsageError("'source.path' is an empty list: name a file.")
        self.paths = [self.place.find(name) for name in self.settings.paths()]
        self.folder = self.folder_of(self.settings.images, self.paths[0])
        self.gallery = partial(picture_in, self.folder)
        super().load()

    def found(self) -> Iterator[tuple[Path, str, Values]]:
        return ((path, spot, values) for path in self.paths for spot, values in self.read(path))

    @abstractmethod
    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        """The rows of a file and where each stands; UsageError for a row that is none."""

    def content(self) -> list[str]:
        return [digest_file(path) for path in self.paths]

    def whole(self) -> str:
        return f"The file {self.paths[0]}"


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
    """Parquet; pictures may be bytes in the file, which are read only when they are looked at.

    Classes and tags are named by the file where it says how, and `names` does not.
    """

    Settings = ParquetSettings

    def load(self) -> None:
        if not self.settings.names:
            self.settings = self.settings.model_copy(update={"names": self._stated_names()})
        super().load()

    def _stated_names(self) -> list[str]:
        if self.kind not in CLOSED or not self.settings.paths():
            return []
        first = self.place.find(self.settings.paths()[0])
        return class_names(LocalShard(first), listed(self.settings.fields.references))

    def read(self, path: Path) -> Iterator[tuple[str, Values]]:
        shard = LocalShard(path)
        known = columns_in(shard)
        require_columns(self.settings, known, path)
        return rows_of(shard, reading(self.settings, known), self.folder)
