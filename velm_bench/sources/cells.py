"""Cells into samples: how every kind reads its inputs and references from a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from velm_bench.errors import SampleError
from velm_bench.samples import Picture, Sample
from velm_bench.sources.files import Defects, picture_in, texts
from velm_bench.sources.rows import Fields, Row, TableSettings
from velm_bench.sources.tags import read_tags
from velm_bench.sources.templates import Column


def sample_of(one: str, rows: Sequence[Row], settings: TableSettings, kind: str, folder: Path) -> Sample:
    """The sample of a row, or of rows that were merged; its defects become its `problem`."""
    first, fields = rows[0], settings.fields
    defects = Defects(first.label)
    image = defects.catch(lambda: first.cell(fields.image), None)
    images: tuple[Picture, ...] = ()
    if fields.image is not None and not defects.found:
        images = defects.catch(lambda: (_picture(folder, image),), ())
    inputs = {name: _input(first, name, cell, defects) for name, cell in fields.inputs().items()}
    references = defects.catch(lambda: _references(rows, settings, kind), ())
    group = defects.catch(lambda: _group(first, fields.group, image), "")
    slices = {name: _subset(first, cell, defects) for name, cell in fields.named_slices().items()}
    facts = {name: _fact(first, cell, defects) for name, cell in fields.facts.items()}
    if not defects.found:
        defects.catch(lambda: _require_agreement(rows, fields, kind, inputs, references), None)
    named = {name: value for name, value in slices.items() if value}
    known = {name: value for name, value in facts.items() if value is not None}
    return Sample(one, images, inputs, references, group, named, known, problem=str(defects))


def _picture(folder: Path, value: Any) -> Picture:
    return value if isinstance(value, Picture) else picture_in(folder, value)


def _input(row: Row, name: str, cell: Column, defects: Defects) -> Any:
    return defects.catch(lambda: INPUTS[name](row.cell(cell)), ())


def _group(row: Row, cell: Column | None, image: Any) -> str:
    if cell is not None:
        return row.key(cell, "group")
    return image if isinstance(image, str) else ""


def _subset(row: Row, cell: Column, defects: Defects) -> str:
    value = defects.catch(lambda: row.cell(cell), None)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _fact(row: Row, cell: Column, defects: Defects) -> Any:
    """The value as it stands in the cell; None where that is empty, as CSV knows no other way to leave a fact out."""
    value = defects.catch(lambda: row.cell(cell), None)
    return None if value == "" else value


def _require_agreement(
    rows: Sequence[Row], fields: Fields, kind: str, inputs: Mapping[str, Any], references: Sequence[Any]
) -> None:
    """SampleError for merged rows with different questions, pictures or facts, and for tokens that lack tags."""
    facts = {f"facts.{name}": cell for name, cell in fields.facts.items()}
    for name, cell in {"image": fields.image, **fields.inputs(), **facts}.items():
        if any(row.cell(cell) != rows[0].cell(cell) for row in rows[1:]):
            raise SampleError(f"The rows merged by 'group_by' differ in '{name}'.")
    if kind == "ner" and len(inputs["tokens"]) != len(references):
        raise SampleError(f"There are {len(inputs['tokens'])} tokens and {len(references)} tags.")


def _references(rows: Sequence[Row], settings: TableSettings, kind: str) -> tuple[str, ...]:
    return tuple(reference for row in rows for reference in REFERENCES[kind](row, settings))


def _texts(row: Row, settings: TableSettings) -> tuple[str, ...]:
    return texts(row.cell(settings.fields.references))


def _labels(row: Row, settings: TableSettings) -> tuple[str, ...]:
    """The label, or those of a list, each once: all of them are right, or of an empty list none."""
    value = row.cell(settings.fields.references)
    if value is None or value == "":
        raise SampleError("The label is missing: the reference list is empty.")
    options = [] if settings.fields.options is None else list(_listed(row.cell(settings.fields.options)))
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(_name(entry, options or settings.names) for entry in entries))


def _tags(row: Row, settings: TableSettings) -> tuple[str, ...]:
    value = row.cell(settings.fields.references)
    entries = value.split() if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise SampleError(f"The tags {value!r:.40} are not a list: the reference list is empty.")
    return read_tags([_name(entry, settings.names) for entry in entries])


def _name(value: Any, names: Sequence[str]) -> str:
    """A name that is one, or the one at that position; SampleError if `names` knows neither."""
    if value == "" or isinstance(value, bool) or not isinstance(value, str | int):
        raise SampleError(f"The label {value!r:.40} is neither a name nor a number.")
    if not names or value in names:
        return str(value)
    position = int(value) if isinstance(value, int) or (value.isascii() and value.isdecimal()) else -1
    if not 0 <= position < len(names):
        raise SampleError(f"The label {value!r:.40} is not among the {len(names)} names.")
    return names[position]


def _question(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SampleError(f"The question {value!r:.40} is not text.")
    return value


def _listed(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
        raise SampleError(f"The value {value!r:.40} is not a list of texts.")
    return tuple(value)


def _tokens(value: Any) -> tuple[str, ...]:
    return _listed(value.split() if isinstance(value, str) else value)


INPUTS: Mapping[str, Callable[[Any], Any]] = {"question": _question, "tokens": _tokens, "options": _listed}
"""How each input is read from its cell."""

REFERENCES: Mapping[str, Callable[[Row, TableSettings], tuple[str, ...]]] = {
    "captioning": _texts,
    "vqa": _texts,
    "classification": _labels,
    "ner": _tags,
}
"""How each kind reads its references from a row."""

NEEDED: Mapping[str, tuple[str, ...]] = {"vqa": ("question",), "ner": ("tokens",)}
"""The inputs without which a kind asks nothing."""

SINGLE = frozenset({"classification", "ner"})
"""Kinds whose references cannot be merged over rows."""


def known_names(groups: Iterable[Sequence[Row]], settings: TableSettings, kind: str) -> set[str]:
    """Every label or tag that occurs."""
    found: set[str] = set()
    for rows in groups:
        try:
            found.update(_references(rows, settings, kind))
        except SampleError:  # which the sample itself reports
            continue
    return found
