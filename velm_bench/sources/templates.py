"""Templates over plain fields, such as "COCO_val2014_{image_id:012d}.jpg" and "{2}.png"."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any, Protocol

from velm_bench.errors import SampleError

Column = str | int
"""A column by name, or by index where rows are lists."""


class Values(Protocol):
    """Something that knows values by column: a mapping, or a row."""

    def get(self, column: Any, /) -> Any: ...


@dataclass(frozen=True)
class Template:
    """Text with fields. Unlike `str.format` it reaches no attributes and no elements of a value."""

    text: str
    parts: tuple[tuple[str, Column | None, str], ...]
    """Literal text, then a field (or None at the end) and its format."""

    @property
    def fields(self) -> tuple[Column, ...]:
        """The columns that it uses."""
        return tuple(field for _, field, _ in self.parts if field is not None)

    def fill(self, values: Values) -> str | None:
        """The text for these values, None if one of them is missing; SampleError for a format that does not fit."""
        pieces = []
        for literal, field, form in self.parts:
            pieces.append(literal)
            if field is None:
                continue
            value = values.get(field)
            if value is None:
                return None
            try:
                pieces.append(format(value, form))
            except (ValueError, TypeError) as error:
                raise SampleError(f"The value {value!r:.40} does not fit '{self.text}': {error}.") from error
        return "".join(pieces)


@cache
def template(text: str) -> Template:
    """The template of a text; ValueError if its braces do not match, or a field is more than a plain column."""
    parts: list[tuple[str, Column | None, str]] = []
    for literal, name, form, conversion in Formatter().parse(text):
        if name == "" or conversion or (form and "{" in form):
            raise ValueError(f"'{text}' may only have fields such as {{image_id}} or {{image_id:012d}}")
        field: Column | None = int(name) if name is not None and name.isdecimal() else name
        parts.append((literal, field, form or ""))
    return Template(text, tuple(parts))
