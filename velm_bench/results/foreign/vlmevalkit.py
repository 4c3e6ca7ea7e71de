"""VLMEvalKit: the tables `MODEL_DATASET_*.xlsx` (or .csv, .tsv) with a row per question and the column `hit` or `score`
that its evaluation adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from velm_bench.errors import UsageError, VelmError
from velm_bench.results.foreign.base import ForeignRun, ForeignSample, files_below, finite, read_table

HARNESS = "VLMEvalKit"
SCORED = ("hit", "score")
"""The columns that say how good an answer is, the better known first."""
SLICES = ("split", "category", "l2-category")
CIRCULAR = 1_000_000
"""The same question with its options rotated has an index that is larger by a multiple of this (MMBench)."""
TRUTH = {"true": 1.0, "false": 0.0}


def find_results(path: Path) -> list[Path]:
    """The tables with scores that a path names: itself, or those in the folder and below, and any not to be read."""
    if path.is_file():
        return [path]
    tables = [one for one in files_below(path, "*") if one.suffix.lower() in (".xlsx", ".tsv", ".csv")]
    return [one for one in tables if is_scored(one)]


def is_scored(path: Path) -> bool:
    """Whether a table has scores, or cannot be read; predictions that were not evaluated have none."""
    try:
        rows = read_table(path)
    except VelmError:  # whoever reads its run is told, and the other tables are read as well
        return True
    return bool(rows) and "index" in rows[0] and any(column in rows[0] for column in SCORED)


def read_runs(path: Path, model: str = "") -> Iterator[ForeignRun]:
    """The run of one table; UsageError where it has no row, no index, or no scores."""
    rows = read_table(path)
    if not rows or "index" not in rows[0]:
        raise UsageError(f"The table {path} is none of VLMEvalKit: it has no rows with the column 'index'.")
    column = next((name for name in SCORED if name in rows[0]), None)
    if column is None:
        raise UsageError(
            f"The table {path} has neither the column 'hit' nor 'score': evaluate it with VLMEvalKit first, and give "
            "the table that this writes."
        )
    named, task = _names(path, model)
    samples = [_sample(row, column, path, line) for line, row in enumerate(rows, start=2)]
    _require_unique(samples, path)
    yield ForeignRun(
        harness=HARNESS,
        model=named,
        task=task,
        settings={},
        samples=tuple(samples),
        total=len(samples),
        reported={},
    )


def _names(path: Path, model: str) -> tuple[str, str]:
    """Model and task: VLMEvalKit calls the folder, or that above it, like the model, and files MODEL_DATASET..."""
    stem = path.stem
    for folder in (model, path.parent.name, path.parent.parent.name):
        if folder and stem.startswith(f"{folder}_"):
            return model or folder, stem.removeprefix(f"{folder}_")
    if model:
        return model, stem
    first, _, rest = stem.partition("_")
    return (first, rest) if rest else (stem, stem)


def _sample(row: Mapping[str, str], column: str, path: Path, line: int) -> ForeignSample:
    text = row[column].strip().lower()
    try:
        score = TRUTH[text] if text in TRUTH else finite(float(text))
    except ValueError:
        score = None
    if score is None:
        raise UsageError(f"The table {path} line {line} has {row[column]!r:.40} in the column '{column}', no number.")
    index = row["index"].strip()
    return ForeignSample(
        id=index,
        answer=row.get("prediction"),
        references=(row.get("answer", ""),),
        scores={column: score},
        content=[row.get("question", ""), row.get("answer", ""), *(row.get(letter, "") for letter in "ABCD")],
        group=str(int(index) % CIRCULAR) if index.isdecimal() and index.isascii() else "",
        slices={name: row[name] for name in SLICES if row.get(name)},
    )


def _require_unique(samples: list[ForeignSample], path: Path) -> None:
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise UsageError(f"The table {path} has the index '{sample.id}' twice.")
        seen.add(sample.id)
