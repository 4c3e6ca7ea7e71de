"""Rows of a table: their settings, filters, and rows that belong together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from velm_bench.errors import SampleError, UsageError
from velm_bench.registry import suggestion
from velm_bench.sources.fields import Cell, Fields, columns_of, heads_of, listed
from velm_bench.sources.files import FileSettings
from velm_bench.sources.nested import literal, reach
from velm_bench.sources.parquet import Reading
from velm_bench.sources.templates import Column, template

Plain = str | int | float | bool


class RowSettings(FileSettings):
    """Settings that everything with rows shares, wherever the rows lie."""

    fields: Fields
    """Which column is which field."""
    images: str = ""
    """The folder of the pictures; the first file's own folder if left out."""
    where: dict[Column, Plain | list[Plain]] = Field(default_factory=dict)
    """Only rows whose columns have these values (or one of these values)."""
    require: list[Column] = Field(default_factory=list)
    """Only rows in which these columns are there and not empty, pictures among them."""
    missing: list[str] = Field(default_factory=list)
    """Texts that say that a cell is empty, such as "nan"."""
    parse: list[Column] = Field(default_factory=list)
    """Columns whose text spells a list or a mapping in JSON or Python, and is read as one; other text stays text."""
    group_by: Cell | None = None
    """Merge rows of equal value into one sample with several references (captions, answers)."""
    names: list[str] = Field(default_factory=list)
    """Names of the classes, or of the tags, that the data gives as numbers."""
    spaced: bool = False
    """Whether underscores in the names of classes are spaces: "apple_pie" is "apple pie"."""

    def readable(self, label: str) -> str:
        """What a class is called where people and models read it."""
        return label.replace("_", " ") if self.spaced else label


class TableSettings(RowSettings):
    """Settings that all tables in files share."""

    path: str | list[str]
    """The file, or several that are read one after the other."""

    def paths(self) -> list[str]:
        """The file's name, or those of several."""
        return [self.path] if isinstance(self.path, str) else self.path


@dataclass(frozen=True)
class Row:
    """One row and where it stands."""

    values: Mapping[Column, Any]
    index: int
    """Its position in the data set, counted from 0."""
    path: Path
    spot: str
    """Where in the file: "line 3"."""

    @property
    def place(self) -> str:
        """For an error that stops the command: the whole path."""
        return f"{self.path}, {self.spot}"

    @property
    def label(self) -> str:
        """For the error of one sample: the same on every machine."""
        return f"{self.path.name}, {self.spot}"

    def get(self, column: Column) -> Any:
        """The value of a column or path; None where it is missing."""
        return reach(self.values, column)

    def cell(self, cell: Column | None) -> Any:
        """The value of a column, path or template; None where it is missing."""
        if isinstance(cell, str) and "{" in cell:
            return template(cell).fill(self)
        return None if cell is None else self.get(cell)

    def all(self, cells: Column | list[Column]) -> Any:
        """The value of one cell; of several, a list of those that are there, lists among them laid end to end."""
        if not isinstance(cells, list):
            return self.cell(cells)
        there = [value for value in map(self.cell, cells) if value is not None and value != ""]
        return [entry for value in there for entry in (value if isinstance(value, list) else [value])]

    def first(self, cells: Column | list[Column]) -> Any:
        """The first cell that is there and not empty; the last as it is where none is."""
        values = [self.cell(cell) for cell in listed(cells)]
        return next((value for value in values if value is not None and value != ""), values[-1])

    def key(self, cell: Column, field: str) -> str:
        """A value that identifies; SampleError if it is missing or neither text nor a whole number."""
        value = self.cell(cell)
        if value == "" or isinstance(value, bool) or not isinstance(value, str | int):
            raise SampleError(f"'{field}' ({cell}) must be a number or text, not {value!r:.40}.")
        return str(value)

    def required_key(self, cell: Column, field: str) -> str:
        """The same for what the whole data set needs: UsageError naming the place."""
        try:
            return self.key(cell, field)
        except SampleError as error:
            raise UsageError(f"{self.place}: {error}") from error


def cleaner(settings: RowSettings) -> Callable[[Mapping[Column, Any]], Mapping[Column, Any]]:
    """What `missing` and `parse` make of the values of a row."""
    parsed, gone = frozenset(settings.parse), frozenset(settings.missing)

    def clean(values: Mapping[Column, Any]) -> Mapping[Column, Any]:
        read = {column: literal(value) if column in parsed else value for column, value in values.items()}
        return {column: None if isinstance(value, str) and value in gone else value for column, value in read.items()}

    return clean if parsed or gone else lambda values: values


def used_cells(settings: RowSettings) -> list[Column]:
    """Every column, path or template that the settings name."""
    cells = [*settings.fields.cells(), *settings.where, *settings.require, *settings.parse]
    return cells if settings.group_by is None else [*cells, settings.group_by]


def used_columns(settings: RowSettings, known: Collection[Column]) -> list[Column]:
    """The known columns that the settings use, each once."""
    heads = [head for cell in used_cells(settings) for head in sorted(heads_of(cell), key=str)]
    return [column for column in dict.fromkeys(heads) if column in known]


def reading(settings: RowSettings, known: Collection[Column]) -> Reading:
    """What of a Parquet file with these columns the settings use."""
    fields = settings.fields
    counted = [*settings.require, *(fields.image if isinstance(fields.image, list) else ())]
    return Reading(used_columns(settings, known), fields.image_cells(), counted)


def require_columns(settings: RowSettings, known: Collection[Column], path: Path) -> None:
    """UsageError naming the nearest column if one in use is not among the known."""
    for column in (column for cell in used_cells(settings) for column in columns_of(cell)):
        if not any(head in known for head in heads_of(column)):
            hint = suggestion(str(column).partition(".")[0], [str(name) for name in known])
            raise UsageError(f"The file {path} has no column '{column}': {hint}")


def matching(rows: Sequence[Row], settings: RowSettings) -> list[Row]:
    """The rows that `where` and `require` keep; UsageError if there are none."""
    where = settings.where
    wanted = {column: value if isinstance(value, list) else [value] for column, value in where.items()}
    kept = [row for row in rows if all(_matches(row.get(column), wanted[column]) for column in wanted)]
    if not kept:
        condition = ", ".join(f"{column}: {value}" for column, value in where.items())
        raise UsageError(f"The file {rows[0].path} has no rows with '{condition}': correct 'where'.")
    there = [row for row in kept if all(row.get(column) not in (None, "", []) for column in settings.require)]
    if not there:
        raise UsageError(f"The file {rows[0].path} has no rows with all of {settings.require}: correct 'require'.")
    return there


def _matches(value: Any, wanted: Sequence[Plain]) -> bool:
    """Equal, or equal as text where a file knows only text. True and 1 are not the same."""
    return any(
        (type(value) is type(one) and value == one) or (isinstance(value, str) and value == str(one)) for one in wanted
    )


def merged(rows: Sequence[Row], group_by: Column | None) -> list[list[Row]]:
    """Rows of equal key together, in the order of their first; every row alone if there is no key."""
    if group_by is None:
        return [[row] for row in rows]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.required_key(group_by, "group_by"), []).append(row)
    return list(groups.values())


def identity(rows: Sequence[Row], settings: RowSettings) -> str:
    """The id of a sample."""
    first = rows[0]
    if settings.fields.id is not None:
        return first.required_key(settings.fields.id, "id")
    return str(first.index) if settings.group_by is None else first.required_key(settings.group_by, "group_by")
