"""Cells into samples: how every kind reads its inputs and references from a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from velm_bench.errors import SampleError
from velm_bench.samples import EncodedPicture, Picture, Sample
from velm_bench.sources.choices import POSITION, Choices, of_cell, of_columns
from velm_bench.sources.fields import Fields, listed
from velm_bench.sources.files import Defects, texts
from velm_bench.sources.rows import Row, RowSettings
from velm_bench.sources.tags import read_tags
from velm_bench.sources.templates import Column

Gallery = Callable[[Any], Picture]
"""Finds the picture of a cell that holds a file name or a key; SampleError where it leads to none."""


def sample_of(one: str, rows: Sequence[Row], settings: RowSettings, kind: str, gallery: Gallery) -> Sample:
    """The sample of a row, or of rows that were merged; its defects become its `problem`."""
    first, fields = rows[0], settings.fields
    defects = Defects(first.label)
    shown = defects.catch(lambda: _image(first, fields), None)
    images: tuple[Picture, ...] = ()
    if fields.image is not None and not defects.found:
        images = defects.catch(lambda: _pictures(shown, first, gallery), ())
    inputs = _inputs(first, fields, kind, defects)
    references = defects.catch(lambda: _references(rows, settings, kind), ())
    group = defects.catch(lambda: _group(first, fields.group, shown), "")
    slices = {name: _subset(first, cell, defects) for name, cell in fields.named_slices().items()}
    facts = {name: _fact(first, cell, defects) for name, cell in fields.facts.items()}
    if not defects.found:
        defects.catch(lambda: _require_agreement(rows, fields, kind, inputs, references), None)
    named = {name: value for name, value in slices.items() if value}
    known = {name: value for name, value in facts.items() if value is not None}
    return Sample(one, images, inputs, references, group, named, known, problem=str(defects))


def _image(row: Row, fields: Fields) -> Any:
    """What the row says of its pictures: one value, or a list of those that are there."""
    return None if fields.image is None else row.all(fields.image)


def _pictures(shown: Any, row: Row, gallery: Gallery) -> tuple[Picture, ...]:
    entries = [entry for entry in shown if entry is not None] if isinstance(shown, list) else [shown]
    return tuple(_picture(entry, row, gallery) for entry in entries)


def _picture(value: Any, row: Row, gallery: Gallery) -> Picture:
    if isinstance(value, Picture):
        return value
    packed = value.get("bytes") if isinstance(value, Mapping) else value
    if isinstance(packed, bytes):
        return EncodedPicture(packed, row.label)
    return gallery(value.get("path") if isinstance(value, Mapping) else value)


def _inputs(row: Row, fields: Fields, kind: str, defects: Defects) -> dict[str, Any]:
    """What a model sees besides the pictures; a row without options has an open question, but cannot be classified.

    A defect of an input leaves an empty one.
    """
    found = {name: defects.catch(partial(READ[name], row, fields), ()) for name in fields.own_inputs()}
    if found.get("options") == () and not defects.found:
        if kind != "classification":
            del found["options"]
        else:
            defects.found.append("The row has no options: the value is not a list of texts.")
    return {**found, **{name: _further(row, cell, defects) for name, cell in fields.inputs.items()}}


def _further(row: Row, cell: Column, defects: Defects) -> str:
    value = defects.catch(lambda: row.cell(cell), None)
    return "" if value is None else str(value)


def _group(row: Row, cell: Column | None, shown: Any) -> str:
    if cell is not None:
        return row.key(cell, "group")
    paths = shown if isinstance(shown, list) else [shown]
    return "|".join(paths) if all(isinstance(path, str) for path in paths) else ""


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
    """SampleError for merged rows with different questions, pictures or facts, and for tokens that lack tags.

    Pictures that stand in the rows themselves are not looked at: the first row's is shown.
    """
    facts = {f"facts.{name}": cell for name, cell in fields.facts.items()}
    alike = {"image": fields.image_cells(), **fields.own_inputs(), **fields.inputs, **facts}
    for name, cells in alike.items() if len(rows) > 1 else ():
        first, *others = ([_comparable(row.cell(cell)) for cell in listed(cells)] for row in rows)
        if any(other != first for other in others):
            raise SampleError(f"The rows merged by 'group_by' differ in '{name}'.")
    if kind == "ner" and len(inputs["tokens"]) != len(references):
        raise SampleError(f"There are {len(inputs['tokens'])} tokens and {len(references)} tags.")


def _comparable(value: Any) -> Any:
    entries = value if isinstance(value, list) else [value]
    return "a picture" if any(isinstance(entry, Picture) for entry in entries) else value


def _references(rows: Sequence[Row], settings: RowSettings, kind: str) -> tuple[str, ...]:
    return tuple(reference for row in rows for reference in REFERENCES[kind](row, settings))


def choices_of(row: Row, fields: Fields) -> Choices:
    """The options of a row; none where the table has none. SampleError if they are no options."""
    if fields.options is None:
        return Choices()
    if isinstance(fields.options, list):
        return of_columns([row.cell(cell) for cell in fields.options])
    return of_cell(row.cell(fields.options))


def _captions(row: Row, settings: RowSettings) -> tuple[str, ...]:
    return texts(row.all(settings.fields.references))


def _answers(row: Row, settings: RowSettings) -> tuple[str, ...]:
    """Free answers; or, where they point into the row's options, the texts of those."""
    value, choices = row.all(settings.fields.references), choices_of(row, settings.fields)
    if settings.fields.answer_is == "text" or not choices.texts:
        return texts(value)
    return _pointed(value, choices, settings.fields.answer_is)


def _choice(row: Row, settings: RowSettings) -> tuple[str, ...]:
    """The right option's text, or each of several; the free answers of a row without options."""
    value, choices = row.all(settings.fields.references), choices_of(row, settings.fields)
    return _pointed(value, choices, settings.fields.answer_is) if choices.texts else texts(value)


def _pointed(value: Any, choices: Choices, how: str) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else [value]
    if not entries or entries[0] in (None, ""):
        raise SampleError("The answer is missing: the reference list is empty.")
    find = {"text": choices.named, "index": choices.at, "letter": choices.lettered}[how]
    return tuple(dict.fromkeys(find(entry) for entry in entries))


def _labels(row: Row, settings: RowSettings) -> tuple[str, ...]:
    """The label, or those of a list, each once: all of them are right, or of an empty list none."""
    value = row.all(settings.fields.references)
    if value is None or value == "":
        raise SampleError("The label is missing: the reference list is empty.")
    choices = choices_of(row, settings.fields)
    if choices.texts and settings.fields.answer_is != "text":
        return _pointed(value, choices, settings.fields.answer_is)
    entries = value if isinstance(value, list) else [value]
    if choices.texts:
        return tuple(dict.fromkeys(_name(entry, choices.texts) for entry in entries))
    return tuple(dict.fromkeys(settings.readable(_name(entry, settings.names)) for entry in entries))


def _tags(row: Row, settings: RowSettings) -> tuple[str, ...]:
    value = row.all(settings.fields.references)
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
    position = int(value) if isinstance(value, int) or POSITION.fullmatch(value) else -1
    if not 0 <= position < len(names):
        raise SampleError(f"The label {value!r:.40} is not among the {len(names)} names.")
    return names[position]


def _question(row: Row, fields: Fields) -> str:
    value = None if fields.question is None else row.first(fields.question)
    if not isinstance(value, str) or not value:
        raise SampleError(f"The question {value!r:.40} is not text.")
    return value


def _tokens(row: Row, fields: Fields) -> tuple[str, ...]:
    value = row.cell(fields.tokens)
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise SampleError(f"The value {words!r:.40} is not a list of texts.")
    return tuple(words)


READ: Mapping[str, Callable[[Row, Fields], Any]] = {
    "question": _question,
    "tokens": _tokens,
    "options": lambda row, fields: choices_of(row, fields).texts,
}
"""How each input is read from its row."""

REFERENCES: Mapping[str, Callable[[Row, RowSettings], tuple[str, ...]]] = {
    "captioning": _captions,
    "vqa": _answers,
    "multiple_choice": _choice,
    "classification": _labels,
    "ner": _tags,
}
"""How each kind reads its references from a row."""

NEEDED: Mapping[str, tuple[str, ...]] = {"vqa": ("question",), "multiple_choice": ("question",), "ner": ("tokens",)}
"""The inputs without which a kind asks nothing."""

SINGLE = frozenset({"classification", "multiple_choice", "ner"})
"""Kinds whose references cannot be merged over rows."""
CLOSED = frozenset({"classification", "ner"})
"""Kinds whose labels are one set for all samples, unless each row has options of its own."""


def known_names(groups: Iterable[Sequence[Row]], settings: RowSettings, kind: str) -> set[str]:
    """Every label or tag that occurs."""
    found: set[str] = set()
    for rows in groups:
        try:
            found.update(_references(rows, settings, kind))
        except SampleError:  # which the sample itself reports
            continue
    return found
