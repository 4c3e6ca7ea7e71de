"""Values inside values: paths into nested cells, and lists that a data set holds as text."""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Mapping
from typing import Any

from velm_bench.sources.templates import Column

LONGEST = 1_000_000
"""A text of more characters is not read as a literal."""


def reach(values: Mapping[Any, Any], column: Column) -> Any:
    """The value of a column, or of a path into one; None where it is missing.

    A column whose whole name has dots comes first. A path goes through mappings by key, through lists by position
    ("choices.0") or, with any other word, through each of their entries: "answers.answer" of
    [{"answer": "a"}, {"answer": "b"}] is ["a", "b"].
    """
    if column in values or not isinstance(column, str) or "." not in column:
        return values.get(column)
    for head in reversed(heads(column)):
        if head in values:
            return _walk(values[head], str(column)[len(str(head)) + 1 :].split("."))
    return None


def heads(column: Column) -> list[Column]:
    """The columns that a path may start at, shortest first: "a", "a.b" and "a.b.c" of "a.b.c"."""
    if not isinstance(column, str):
        return [column]
    words = column.split(".")
    return [".".join(words[: end + 1]) for end in range(len(words))]


def _walk(value: Any, path: list[str]) -> Any:
    """The value at the end of a path; data is of plain dicts and lists, which are told fastest."""
    for place, word in enumerate(path):
        if isinstance(value, dict):
            value = value.get(word)
        elif isinstance(value, list) and word.isdecimal() and word.isascii():
            value = value[int(word)] if int(word) < len(value) else None
        elif isinstance(value, list):
            return [_walk(entry, path[place:]) for entry in value]
        else:
            return None
    return value


def literal(value: Any) -> Any:
    """The list or mapping that a text spells in JSON or Python; every other value as it is.

    Nothing is executed: names and calls are no literals. What JSON has no word for, such as a set, which has no order,
    is none either; keys are texts, and tuples lists.
    """
    if not isinstance(value, str) or len(value) > LONGEST:
        return value
    text = value.strip()
    if text[:1] + text[-1:] not in ("[]", "{}", "()"):
        return value
    for read in (json.loads, _python):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(found, list | dict):
            return found
    return value


def _python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formulas: "\\d" is no escape, and stays what it is
        return json.loads(json.dumps(ast.literal_eval(text)))
