"""From run folders to bundles: one per model, the same whatever the order of the folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.board.bundles.answers import write_answers
from velm_bench.board.bundles.published import published, without_paths
from velm_bench.board.folder import Bundle
from velm_bench.board.schema import AnswerLine, Card, FileEntry, Manifest, RunEntry
from velm_bench.digests import digest_bytes
from velm_bench.engine.journal import JOURNAL
from velm_bench.errors import UsageError
from velm_bench.results.schema import ModelInfo, Result
from velm_bench.results.store import encode_result, read_result, read_samples, safe_name
from velm_bench.schema import parse

if TYPE_CHECKING:
    import pyarrow as pa

CLAIMS, ANSWERS = "result.json", "answers.jsonl.gz"
NEEDED = ("id", "content", "pictures", "answer", "error")
"""The columns of the samples that are taken along."""

Found = tuple[Path, Result]


def run_files(name: str) -> tuple[str, str]:
    """The paths of a run's claims and answers within a bundle."""
    return f"runs/{name}/{CLAIMS}", f"runs/{name}/{ANSWERS}"


def entry_of(result: Result) -> RunEntry:
    """A run as a manifest names it."""
    shots = result.shots.count if result.shots else 0
    return RunEntry(name=safe_name(result.title), task=result.task.name, control=result.control, shots=shots)


def pack(folders: Sequence[Path], card: Mapping[str, Any]) -> list[Bundle]:
    """A bundle per model, by the models' names; UsageError where a run is unfinished, older than bundles, or at odds
    with another, and for a card that is none."""
    models = by_model(folders)
    if not models:
        raise UsageError("There is no run to pack: name the folder of a run, or one that holds runs.")
    if len(models) > 1 and card.get("name"):
        raise UsageError(
            f"The runs are of {len(models)} models ({', '.join(models)}) and the card names one, "
            f"'{card['name']!s:.80}': pack them one by one, or leave the name out."
        )
    return [pack_model(runs, card) for runs in models.values()]


def by_model(folders: Sequence[Path]) -> dict[str, list[Found]]:
    """The results of some folders by the model's name, sorted; each folder once."""
    unique = {folder.resolve(): folder for folder in folders}
    found = sorted(((folder, read_result(folder)) for folder in unique.values()), key=lambda one: one[1].model.name)
    models: dict[str, list[Found]] = {}
    for folder, result in found:
        models.setdefault(result.model.name, []).append((folder, result))
    return models


def pack_model(runs: Sequence[Found], card: Mapping[str, Any], where: str = "the card") -> Bundle:
    """The bundle of one model's runs; UsageError as for `pack`, naming `where` the card stands."""
    _require_one_model(runs)
    named = _named(runs)
    files: dict[str, bytes] = {}
    for name in sorted(named):
        folder, result = named[name]
        _require_finished(folder)
        claims, answers = run_files(name)
        files[claims] = encode_result(published(result))
        files[answers] = write_answers(answer_lines(folder))
    model = named[min(named)][1].model
    said = {
        "model": without_paths(model.name),
        "model_digest": model.digest,
        "card": make_card(model, card, where),
        "runs": [entry_of(named[name][1]) for name in sorted(named)],
        "files": file_entries(files),
    }
    return Bundle(parse(Manifest, said, f"the bundle of '{model.name}'"), files)


def file_entries(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """What a manifest says of files, sorted by path."""
    return tuple(
        FileEntry(path=path, sha256=digest_bytes(data), size=len(data)) for path, data in sorted(files.items())
    )


def make_card(model: ModelInfo, given: Mapping[str, Any], where: str) -> Card:
    """The card: what the runs know of the model, and over it what is given; UsageError for an unknown key."""
    details = model.details
    known = {
        "name": without_paths(model.name),
        "revision": details.get("revision") or details.get("commit"),
        "parameters": model.parameters,
        "licence": details.get("licence"),
        "training_data": details.get("training_data"),
    }
    usable = {key: value for key, value in known.items() if isinstance(value, (str, int)) and value != ""}
    shortened = {key: value[: LONGEST[key]] if isinstance(value, str) else value for key, value in usable.items()}
    return parse(Card, {**shortened, **given}, where)


LONGEST = {"name": 200, "revision": 200, "licence": 200, "training_data": 2000}
"""How many letters of what a run says go into each field."""


def answer_lines(folder: Path) -> list[AnswerLine]:
    """What a run's samples say, in their order; UsageError where they are not those of its result, or too old."""
    table = read_samples(folder)
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise UsageError(
            f"The samples of the run {folder} have no column '{missing[0]}': they are of an earlier velm-bench; the "
            "same run command again writes them anew, without asking the model."
        )
    return [_answer_line(row, folder) for row in _rows(table)]


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(list(NEEDED)).to_pylist()
    return rows


def _answer_line(row: Mapping[str, Any], folder: Path) -> AnswerLine:
    where = f"the samples of the run {folder}, sample {row['id']!r:.200}"
    try:
        pictures = json.loads(row["pictures"])
        answer = json.loads(row["answer"]) if row["answer"] else None
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"In {where}: 'pictures' or 'answer' is damaged: run the same command again.") from error
    line = {**row, "pictures": pictures, "answer": answer, "error": without_paths(row["error"] or "")}
    return parse(AnswerLine, line, where)


def _require_one_model(runs: Sequence[Found]) -> None:
    """UsageError unless all runs are of the same weights and settings."""
    first_folder, first = runs[0]
    for folder, result in runs[1:]:
        if result.model.digest != first.model.digest:
            raise UsageError(
                f"The runs {first_folder} and {folder} are both of '{first.model.name}', but their model digests "
                f"differ ({first.model.digest[:12]}, {result.model.digest[:12]}: other weights, precision, seed or "
                "settings): name the runs of one of them only, or run the others again."
            )


def _named(runs: Sequence[Found]) -> dict[str, Found]:
    """The runs by their names in the bundle; UsageError for two of one task, control and number of examples."""
    named: dict[str, Found] = {}
    for folder, result in runs:
        name = entry_of(result).name
        if name in named:
            raise UsageError(
                f"The runs {named[name][0]} and {folder} are both of '{result.model.name}' on {result.title}"
                f"{_difference(named[name][1], result)}: name one of them only."
            )
        named[name] = (folder, result)
    return named


def _difference(one: Result, other: Result) -> str:
    """Why there are two runs of the same, where that can be said."""
    for field in ("limit", "seed", "fingerprint"):
        mine, theirs = getattr(one.data, field), getattr(other.data, field)
        if mine != theirs:
            return f" ({field} {mine} and {theirs})"
    return ""


def _require_finished(folder: Path) -> None:
    if (folder / JOURNAL).exists():
        raise UsageError(
            f"The run {folder} is not finished, its {JOURNAL} is still there: run the same command again first."
        )
