"""Rows of a table: which column is which field, filters, and rows that belong together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from velm_bench.errors import SampleError, UsageError
from velm_bench.registry import suggestion
from velm_bench.sources.files import FileSettings
from velm_bench.sources.templates import Column, template


def _sound(column: Column) -> Column:
    columns_of(column)
    return column


Cell = Annotated[Column, AfterValidator(_sound)]
"""Where a field comes from: a column, or a template over columns such as "{image_id}.jpg"."""


class Fields(BaseModel):
    """Which column each field of a sample comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    references: Cell = Field(
        validation_alias=AliasChoices("references", "caption", "captions", "answer", "answers", "label", "tags")
    )
    """What is right: caption(s), answer(s), label(s) or tags; any of these names will do."""
    id: Cell | None = None
    """The unique id; the row's position, counted from 0, if left out (with `group_by`, the common key)."""
    image: Cell | None = None
    """A path below `images`, or (Parquet) encoded bytes, plain or as {bytes, path}."""
    question: Cell | None = None
    """The question."""
    tokens: Cell | None = None
    """A list of tokens, or a text that white space separates."""
    options: Cell | None = None
    """A list of options of this row's own."""
    group: Cell | None = None
    """The statistical cluster; the image's path if left out."""
    slices: list[Cell] | dict[str, Cell] = Field(default_factory=list)
    """Columns that name subsets: a list, or slice names to columns."""
    facts: dict[str, Cell] = Field(default_factory=dict)
    """What single metrics ask for beyond the references (docs/metrics.md), never shown to a model: names to columns."""

    def named_slices(self) -> Mapping[str, Column]:
        """Slice names to columns."""
        return self.slices if isinstance(self.slices, dict) else {str(column): column for column in self.slices}

    def inputs(self) -> Mapping[str, Column]:
        """The inputs that a model sees, to columns."""
        found = {"question": self.question, "tokens": self.tokens, "options": self.options}
        return {name: column for name, column in found.items() if column is not None}

    def cells(self) -> list[Column]:
        """Every column or template in use."""
        named = (*self.inputs().values(), *self.named_slices().values(), *self.facts.values())
        return [column for column in (self.references, self.id, self.image, self.group, *named) if column is not None]


Plain = str | int | float | bool


class TableSettings(FileSettings):
    """Settings that all tables share."""

    path: str | list[str]
    """The file, or several that are read one after the other."""
    fields: Fields
    """Which column is which field."""
    images: str = ""
    """The folder of the pictures; the first file's own folder if left out."""
    where: dict[Column, Plain | list[Plain]] = Field(default_factory=dict)
    """Only rows whose columns have these values (or one of these values)."""
    group_by: Cell | None = None
    """Merge rows of equal value into one sample with several references (captions, answers)."""
    names: list[str] = Field(default_factory=list)
    """Names of the classes, or of the tags, that the data gives as numbers."""


def columns_of(cell: Column) -> tuple[Column, ...]:
    """The columns behind a column or template; ValueError for a malformed template."""
    return template(cell).fields if isinstance(cell, str) and "{" in cell else (cell,)


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

    def cell(self, cell: Column | None) -> Any:
        """The value of a column or template; None where it is missing."""
        if isinstance(cell, str) and "{" in cell:
            return template(cell).fill(self.values)
        return None if cell is None else self.values.get(cell)

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


def used_columns(settings: TableSettings) -> list[Column]:
    """Every column that the settings name."""
    cells = [*settings.fields.cells(), *settings.where]
    cells += [] if settings.group_by is None else [settings.group_by]
    return [column for cell in cells for column in columns_of(cell)]


def require_columns(settings: TableSettings, known: Collection[Column], path: Path) -> None:
    """UsageError naming the nearest column if one in use is not among the known."""
    for column in used_columns(settings):
        if column not in known:
            hint = suggestion(str(column), [str(name) for name in known])
            raise UsageError(f"The file {path} has no column '{column}': {hint}")


def matching(rows: Sequence[Row], where: Mapping[Column, Plain | list[Plain]]) -> list[Row]:
    """The rows that `where` keeps; UsageError if there are none."""
    wanted = {column: value if isinstance(value, list) else [value] for column, value in where.items()}
    kept = [row for row in rows if all(_matches(row.values.get(column), wanted[column]) for column in wanted)]
    if not kept:
        condition = ", ".join(f"{column}: {value}" for column, value in where.items())
        raise UsageError(f"The file {rows[0].path} has no rows with '{condition}': correct 'where'.")
    return kept


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


def identity(rows: Sequence[Row], settings: TableSettings) -> str:
    """The id of a sample."""
    first = rows[0]
    if settings.fields.id is not None:
        return first.required_key(settings.fields.id, "id")
    return str(first.index) if settings.group_by is None else first.required_key(settings.group_by, "group_by")
