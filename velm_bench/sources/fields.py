"""Which column each field of a sample comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, field_validator

from velm_bench.sources.nested import heads
from velm_bench.sources.templates import Column, template

OWN_INPUTS = ("question", "tokens", "options")
"""The inputs that have a field of their own."""


def _sound(column: Column) -> Column:
    columns_of(column)
    return column


Cell = Annotated[Column, AfterValidator(_sound)]
"""Where a field comes from: a column, a path into one such as "answers.answer" or "choices.0" (a list on the way is
gone through entry by entry), or a template over both such as "{image_id}.jpg"."""

Cells = Cell | list[Cell]
"""One place, or several."""


class Fields(BaseModel):
    """Which column each field of a sample comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    references: Cells = Field(
        validation_alias=AliasChoices("references", "caption", "captions", "answer", "answers", "label", "tags")
    )
    """What is right: caption(s), answer(s), label(s) or tags; any of these names will do. Of a list of columns, all
    that are there."""
    answer_is: Literal["text", "index", "letter"] = "text"
    """How the references point into the row's options: by their text, by their position counted from 0, or by a letter
    ("B", "(b)"). A row without options has free answers, which are taken as they are."""
    id: Cell | None = None
    """The unique id; the row's position, counted from 0, if left out (with `group_by`, the common key)."""
    image: Cells | None = None
    """A path below `images`, or (Parquet) encoded bytes, plain or as {bytes, path}; a column that holds a list of them;
    or a list of columns, of which the empty ones are left out."""
    question: Cells | None = None
    """The question; of a list of columns, the first that is there."""
    tokens: Cell | None = None
    """A list of tokens, or a text that white space separates."""
    options: Cells | None = None
    """The options of this row's own: a column with a list, with {"text": [...], "label": [...]} or with a text per
    letter; or a list of columns with one option each, of which the empty ones are left out."""
    inputs: dict[str, Cell] = Field(default_factory=dict)
    """Further fields for the prompt, names to columns; an empty text where a row has none."""
    group: Cell | None = None
    """The statistical cluster; if left out the image's path, or else what a run finds of the same pictures."""
    slices: list[Cell] | dict[str, Cell] = Field(default_factory=list)
    """Columns that name subsets: a list, or slice names to columns."""
    facts: dict[str, Cell] = Field(default_factory=dict)
    """What single metrics ask for beyond the references (docs/metrics.md), never shown to a model: names to columns."""

    @field_validator("references", "image", "question", "options")
    @classmethod
    def _some(cls, cells: Any) -> Any:
        if cells == []:
            raise ValueError("the list of columns is empty")
        return cells

    @field_validator("inputs")
    @classmethod
    def _further(cls, inputs: dict[str, Column]) -> dict[str, Column]:
        for name in inputs:
            if name in OWN_INPUTS or not name.isidentifier():
                why = "has a key of its own under 'fields'" if name in OWN_INPUTS else "is no name for a prompt's field"
                raise ValueError(f"'{name}' {why}")
        return inputs

    def named_slices(self) -> Mapping[str, Column]:
        """Slice names to columns."""
        return self.slices if isinstance(self.slices, dict) else {str(column): column for column in self.slices}

    def own_inputs(self) -> Mapping[str, Column | list[Column]]:
        """The inputs that have a field of their own, to columns."""
        found = {"question": self.question, "tokens": self.tokens, "options": self.options}
        return {name: cells for name, cells in found.items() if cells is not None}

    def image_cells(self) -> list[Column]:
        """The columns of the pictures."""
        return listed(self.image)

    def cells(self) -> list[Column]:
        """Every column or template in use."""
        own = [cell for cells in self.own_inputs().values() for cell in listed(cells)]
        named = (*self.inputs.values(), *self.named_slices().values(), *self.facts.values())
        single = [cell for cell in (self.id, self.group) if cell is not None]
        return [*listed(self.references), *single, *self.image_cells(), *own, *named]


def listed(cells: Column | list[Column] | None) -> list[Column]:
    """One column or several as a list."""
    if cells is None:
        return []
    return cells if isinstance(cells, list) else [cells]


def columns_of(cell: Column) -> tuple[Column, ...]:
    """The columns and paths behind a column, path or template; ValueError for a malformed template."""
    return template(cell).fields if isinstance(cell, str) and "{" in cell else (cell,)


def heads_of(cell: Column) -> set[Column]:
    """Every column that a cell may mean: of the path "a.b" the columns "a" and "a.b"."""
    return {head for column in columns_of(cell) for head in heads(column)}
