"""Plain tables, CSV, TSV or JSONL: a row per sample with `id` and `score`, and what else is known of it.

Nothing in such a table depends on what its file is called, so that `a.csv` and `b.csv` are about the same: the task is
the column `task`, or "table".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import (
    ForeignRun,
    ForeignSample,
    as_text,
    files_below,
    finite,
    slice_columns,
    slice_values,
)
from velm_bench.results.foreign.cells import decimal, has_error, score_hint
from velm_bench.results.foreign.rows import SUFFIXES, Row, is_rows, read_rows

HARNESS = "table"
TASK = "table"
"""What the task of a table is called that does not name it."""
SCORE = "score"
LOWER = ":lower"
"""What stands behind the name of a score of which less is better."""
LARGEST = 1e100
"""How far from 0 a score may be: the sums and squares of more are no numbers any longer."""
MOST_VALUES = 1000
"""How many values a slice may have: one with more is no slice, but an id."""
PLAIN = frozenset({"id", SCORE, "group", "task", "answer", "error"})
"""The columns that may be written in capitals, besides those that begin as scores and slices do."""
WHOLE = re.compile(r"-?\d+\.0")
"""A whole number as pandas writes one of a column that had gaps."""


@dataclass(frozen=True)
class _Column:
    """A column of scores."""

    key: str
    """What the file calls it."""
    name: str
    """What the score is called."""
    lower: bool
    """Whether less is better."""


def find_results(path: Path) -> list[Path]:
    """The tables that a path names: itself, or those in the folder and below that have `id` and `score`."""
    if path.is_file():
        return [path]
    return [one for one in files_below(path, "*") if one.suffix.lower() in SUFFIXES and is_table(one)]


def is_table(path: Path) -> bool:
    """Whether a file begins as a table of scores does; UsageError where it cannot be read."""
    return is_rows(path, lambda names: has_scores([*_named(names).values()]))


def has_scores(names: Sequence[str]) -> bool:
    """Whether these are the columns of a table of scores."""
    return "id" in names and any(_is_score(name) for name in names)


def read_runs(path: Path, model: str = "") -> Iterator[ForeignRun]:
    """A run per task of a table; UsageError, with the line, for what cannot be a sample.

    The model is called as told, or as the file is without its suffix.
    """
    rows = _prepared(read_rows(path))
    keys = list(dict.fromkeys(key for row in rows for key in row.cells))
    columns, slices = _columns(path, keys), slice_columns(keys)
    tasks: dict[str, list[ForeignSample]] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        task, sample = _task(row, "task" in keys), _sample(row, columns, slices)
        if (task, sample.id) in seen:
            raise UsageError(f"In {row.where}: the id '{sample.id:.80}' stands there twice: ids must be unique.")
        seen.add((task, sample.id))
        tasks.setdefault(task, []).append(sample)
    for task, samples in tasks.items():
        _require_slices(path, samples)
        yield _run(path, model or path.stem, task, samples, columns)


def _prepared(rows: Sequence[Row]) -> list[Row]:
    """The rows with columns named in small letters, and ids and groups of 1.0, 2.0, ... as the whole numbers they are.

    Whole numbers are told by all of a column: one that holds 1.0 and 1.1 is left as it is.
    """
    names = _named(list(dict.fromkeys(key for row in rows for key in row.cells)))
    made = [{names[key]: value for key, value in row.cells.items()} for row in rows]
    for key in ("id", "group"):
        texts = [str(cells[key]).strip() for cells in made if cells.get(key) not in (None, "")]
        if texts and any(map(WHOLE.fullmatch, texts)) and all(WHOLE.fullmatch(one) or one.isdecimal() for one in texts):
            for cells in made:
                if isinstance(cells.get(key), str | float):
                    cells[key] = str(cells[key]).strip().removesuffix(".0")
    return [Row(row.where, cells, row.comma) for row, cells in zip(rows, made, strict=True)]


def _named(keys: Sequence[str]) -> dict[str, str]:
    """What the columns are called that are known, in whatever letters they are written: "ID", "Score", "Slice.x"."""
    names: dict[str, str] = {}
    for key in keys:
        small = key.lower()
        start = re.match(r"(score|slice)[.:]", small)
        meant = small if small in PLAIN else start[0] + key[start.end() :] if start else key
        if meant.lower().endswith(LOWER):
            meant = meant[: -len(LOWER)] + LOWER
        names[key] = key if meant in keys or meant in names.values() else meant
    return names


def _run(path: Path, model: str, task: str, samples: Sequence[ForeignSample], columns: Sequence[_Column]) -> ForeignRun:
    told = [[one.id, one.group, dict(one.scores), one.answer, bool(one.error)] for one in samples]
    return ForeignRun(
        harness=HARNESS,
        model=model,
        task=task,
        settings={},
        samples=tuple(samples),
        total=len(samples),
        reported={},
        lower_is_better=frozenset(column.name for column in columns if column.lower),
        model_settings={"table": digest_json(told)},  # two files of one name are two runs
        names=[column.name for column in columns],
        data=[],  # which samples there are is a question of the ids, and one that lacks some has them wrong
        notes=list(_chosen(path, columns)),
    )


def _chosen(path: Path, columns: Sequence[_Column]) -> Iterator[str]:
    names = [column.name for column in columns]
    if len(names) > 1 and SCORE not in names:
        yield f"The table {path} has {len(names)} scores, none called 'score': its main one is the first, '{names[0]}'."


def _is_score(key: str) -> bool:
    return key.removesuffix(LOWER) == SCORE or key.startswith((f"{SCORE}.", f"{SCORE}:"))


def _columns(path: Path, keys: Sequence[str]) -> list[_Column]:
    """The columns of scores, that called "score" first; UsageError where `id` or `score` is missing."""
    found = [_column(key) for key in keys if _is_score(key)]
    found.sort(key=lambda column: column.name != SCORE)
    absent = [name for name, there in (("id", "id" in keys), (SCORE, bool(found))) if not there]
    if absent:
        raise UsageError(
            f"The table {path} has no column '{absent[0]}' (it has {', '.join(keys[:8])[:120]}): a table needs `id` "
            "and `score`, and may have group, task, answer, error and slice.NAME."
        )
    names = [column.name for column in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise UsageError(f"The table {path} has the score '{double}' twice: leave one column out.")
    return found


def _column(key: str) -> _Column:
    plain = key.removesuffix(LOWER)
    return _Column(key, plain[len(SCORE) + 1 :] or SCORE, plain != key)


def _task(row: Row, told: bool) -> str:
    if not told:
        return TASK
    task = row.cells.get("task")
    if not isinstance(task, str) or not task.strip():
        raise UsageError(f"In {row.where}: the task is {_shown(task)}: name it in every row, or in none.")
    return task.strip()


def _sample(row: Row, columns: Sequence[_Column], slices: Mapping[str, str]) -> ForeignSample:
    error = _error(row)
    given = {column.name: _score(row, column, bool(error)) for column in columns}
    if given[columns[0].name] is None:
        error = error or "it has no score"
    answer = row.cells.get("answer")
    return ForeignSample(
        id=_name(row, "id"),
        answer=None if answer is None or error else as_text(answer),
        references=(),
        scores={name: value for name, value in given.items() if value is not None},
        content=None,
        group=_name(row, "group") if row.cells.get("group") not in (None, "") else "",
        slices=slice_values(row.cells, slices),
        error=error,
    )


def _error(row: Row) -> str:
    """Why a sample failed; what stands for nothing, or for "no error", is none."""
    error = row.cells.get("error")
    if isinstance(error, dict | list):
        raise UsageError(f"In {row.where}: the error is {_shown(error)}: give a text, or leave it empty.")
    return str(error).strip() if has_error(error) else ""


def _name(row: Row, key: str) -> str:
    value = row.cells.get(key)
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text:
        raise UsageError(f"In {row.where}: the {key} is {_shown(value)}: give a text or a whole number.")
    return text


def _score(row: Row, column: _Column, failed: bool) -> float | None:
    """A score as a number; None where there is none, which a sample that failed need not have."""
    value = row.cells.get(column.key)
    if value is None and column.key not in row.cells and not failed:
        raise UsageError(f"In {row.where}: it has no '{column.key}': give a score, null where the sample failed.")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = finite(decimal(value, row.comma) if isinstance(value, str) else value)
    if number is None or abs(number) > LARGEST:
        raise UsageError(f"In {row.where}: '{column.key}' is {_shown(value)}: {score_hint(value)}.")
    return number


def _shown(value: Any) -> str:
    return "empty" if value in (None, "") else f"{value!r:.40}"


def _require_slices(path: Path, samples: Sequence[ForeignSample]) -> None:
    names = {name for sample in samples for name in sample.slices}
    for name in sorted(names):
        count = len({sample.slices.get(name) for sample in samples})
        if count > MOST_VALUES:
            raise UsageError(
                f"The table {path} has {count:,} values in slice.{name}, more than {MOST_VALUES:,}: leave the column "
                "out, or call it group if it says which samples belong together."
            )
