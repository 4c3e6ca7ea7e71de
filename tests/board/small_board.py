"""A small valid board, made through the Board itself from claims that nobody has checked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from velm_bench.board.folder import BOARD, TASKS, Board, Bundle
from velm_bench.board.schema import (
    BoardFile,
    Card,
    Event,
    EventKind,
    FileEntry,
    Level,
    Manifest,
    PinnedTask,
    RunEntry,
    VerifiedRun,
)  # fmt: skip
from velm_bench.digests import digest_bytes
from velm_bench.results.schema import Result, Score
from velm_bench.tasks.registry import definitions

KINDS = {"scenes_vqa": "vqa_accuracy", "scenes_ner": "entity_f1", "scenes_classification": "accuracy"}


def at(second: int) -> str:
    return f"2024-01-02T03:04:{second:02d}.000000Z"


def pinned(name: str, primary: str, **more: Any) -> PinnedTask:
    """A shipped task on the small split, as a board pins it."""
    task = definitions()[name.partition(":")[0]].task
    split = name.partition(":")[2]
    said = {
        "name": name, "kind": task.kind, "file": f"{TASKS}/{task.name}.yaml", "split": split, "primary": primary,
        "digest": (task.on_split(split) if split else task).digest(), "fingerprint": "f", "content": "c" * 64,
        "samples": 200, "floor": 0.2, "floor_by": "baseline:majority", "ceiling": 1.0, "ceiling_by": "the maximum",
    }  # fmt: skip
    return PinnedTask.model_validate(said | more)


def create(root: Path, tasks: list[PinnedTask]) -> Board:
    (root / TASKS).mkdir(parents=True)
    for task in tasks:
        shutil.copy(definitions()[task.name.partition(":")[0]].path, root / task.file)
    file = BoardFile(title="Small", tasks=tuple(tasks))
    (root / BOARD).write_text(tomli_w.dumps(file.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    return Board.open(str(root))


def score(value: float, metric: str, **more: Any) -> Score:
    said = {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 200, "n_errors": 1, "metric": metric}
    return Score.model_validate(said | {"signature": f"{metric}|v:1"} | more)


def found(value: float, primary: str) -> VerifiedRun:
    scores = {primary: score(value, primary), "another": score(0.9, "another", higher_is_better=False)}
    slices = {"type": {"count": score(value - 0.1, primary, n=20)}}
    return VerifiedRun(
        answers=digest_bytes(repr(value).encode()), n=200, n_errors=1, parse_failures=2, primary=primary,
        scores=scores, slices=slices, claimed={primary: value + 0.01}, samples_per_second=7.5, device="cpu",
    )  # fmt: skip


def submit(board: Board, model: str, runs: Mapping[RunEntry, VerifiedRun | None], second: int = 0, **card: Any) -> str:
    """Publish a submission and, unless no run has anything, what was found out about it; its identity."""
    files = {f"runs/{entry.name}/{name}": b"{}" for entry in runs for name in ("answers.jsonl.gz", "result.json")}
    manifest = Manifest(
        model=f"made:{model}",
        model_digest=digest_bytes(model.encode()),
        card=Card(name=model, **card),
        runs=tuple(sorted(runs, key=lambda entry: entry.name)),
        files=tuple(
            FileEntry(path=path, sha256=digest_bytes(data), size=len(data)) for path, data in sorted(files.items())
        ),
    )
    bundle = Bundle(manifest, files)
    assert board.publish(bundle, Event(submission=bundle.id, kind=EventKind.SUBMITTED, at=at(second)))
    known = {entry.name: run for entry, run in runs.items() if run is not None}
    if known:
        say(board, bundle.id, EventKind.VERIFIED, second, level=Level.RECOMPUTED, runs=known)
    return bundle.id


def say(board: Board, submission: str, kind: EventKind, second: int, **more: Any) -> None:
    assert board.record(Event(submission=submission, kind=kind, at=at(second), **more))


def from_result(result: Result) -> VerifiedRun:
    """What recomputing would give for a run that tells the truth."""
    slices = {
        name: {value: part.scores[result.primary] for value, part in values.items()}
        for name, values in result.slices.items()
    }
    return VerifiedRun(
        answers="a" * 64, n=result.n, n_errors=result.n_errors, parse_failures=result.parse_failures,
        primary=result.primary, scores=result.main_scores, slices=slices,
    )  # fmt: skip
