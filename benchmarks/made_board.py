"""A large board made of nothing, for measuring: files as a board has them, written without any of its safeguards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import tomli_w

from velm_bench.board.encoding import encode
from velm_bench.board.folder import EVENTS, SUBMISSIONS, TASKS, Board
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
from velm_bench.results.schema import DataInfo, ModelInfo, Provenance, Result, Score, TaskInfo
from velm_bench.results.store import write_run
from velm_bench.tasks.definition import load_task

TASK = "name: {name}\nkind: vqa\nsource:\n  type: scenes\n  split: test\nmetrics: [exact_match]\n"
METRICS = ("accuracy", "macro_f1", "ece", "brier")
AT = "2026-01-01T00:00:00.000000Z"
MARK, VALUE = "f" * 64, 0.123456789
"""What stands in the templates for the submission and its scores."""


def make_board(root: Path, submissions: int, tasks: int) -> None:
    """A board on which every model has answered every task, each with 4 metrics and 8 slices."""
    names = [f"task_{number:02d}" for number in range(tasks)]
    for folder in (SUBMISSIONS, EVENTS, TASKS):
        (root / folder).mkdir(parents=True)
    for name in names:
        (root / TASKS / f"{name}.yaml").write_text(TASK.format(name=name), encoding="utf-8")
    board = BoardFile(title="Made for measuring", tasks=tuple(_pinned(root, name) for name in names))
    (root / "board.toml").write_text(tomli_w.dumps(board.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    manifest = encode(_manifest(names)).decode()
    submitted = encode(Event(submission=MARK, kind=EventKind.SUBMITTED, at=AT)).decode()
    runs = {name: _verified() for name in names}
    verified = encode(
        Event(submission=MARK, kind=EventKind.VERIFIED, at=AT, level=Level.RECOMPUTED, runs=runs)
    ).decode()
    chance = np.random.default_rng(0)
    for number in range(submissions):
        data = manifest.replace("model 0", f"model {number}").encode()
        identity = hashlib.sha256(data).hexdigest()
        (root / SUBMISSIONS / identity).mkdir()
        (root / SUBMISSIONS / identity / "manifest.json").write_bytes(data)
        (root / EVENTS / f"{identity}.submitted.json").write_text(
            _one_line(submitted.replace(MARK, identity)), encoding="utf-8"
        )
        event = verified.replace(MARK, identity).replace(str(VALUE), repr(float(chance.random()))).encode()
        digest = hashlib.sha256(event).hexdigest()[:16]
        (root / EVENTS / f"{identity}.20260101T000000.000000Z.verified.{digest}.json").write_bytes(event)


def add_runs(board: Board, submissions: int, tasks: Iterable[str], samples: int = 1000) -> int:
    """Recomputed runs of the first submissions on these tasks, as verifying leaves them; how many runs."""
    chance = np.random.default_rng(1)
    groups = [f"image {sample // 2:04d}" for sample in range(samples)]
    chosen = board.submissions()[:submissions]
    for name in tasks:
        result = _result(name, samples)
        ids = [f"{name} {sample:05d}" for sample in range(samples)]
        for place, submission in enumerate(chosen):
            right = (chance.random(samples) < 0.3 + 0.4 * place / submissions).astype(np.float64)
            statistics = np.column_stack([right, np.ones(samples)]).ravel()
            columns = {"id": ids, "group": groups, "stat.accuracy": pa.FixedSizeListArray.from_arrays(statistics, 2)}
            write_run(board.runs / submission / name, result, pa.table(columns))
    return len(chosen) * len(list(tasks))


def _result(task: str, samples: int) -> Result:
    return Result(
        run_id="0" * 12,
        model=ModelInfo(name="made:0", digest="4" * 64),
        task=TaskInfo(name=task, kind="vqa", digest="1" * 64, primary=METRICS[0]),
        data=DataInfo(fingerprint="1" * 64, content="2" * 64, samples=samples),
        n=samples,
        n_errors=0,
        primary=METRICS[0],
        scores={METRICS[0]: _score(METRICS[0])},
        provenance=Provenance(created=AT),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()) + "\n"


def _pinned(root: Path, name: str) -> PinnedTask:
    task = load_task(root / TASKS / f"{name}.yaml")
    return PinnedTask(
        name=name,
        kind=task.kind,
        file=f"{TASKS}/{name}.yaml",
        digest=task.digest(),
        fingerprint="1" * 64,
        content="2" * 64,
        samples=1000,
        primary=METRICS[0],
        floor=0.1,
        floor_by="baseline:majority",
        ceiling=1.0,
        ceiling_by="the metric's maximum",
    )


def _manifest(names: list[str]) -> Manifest:
    files = [
        FileEntry(path=f"runs/{name}/{file}", sha256="3" * 64, size=1000)
        for name in names
        for file in ("answers.jsonl.gz", "result.json")
    ]
    runs = tuple(RunEntry(name=name, task=name) for name in names)
    return Manifest(model="made:0", model_digest="4" * 64, card=Card(name="model 0"), runs=runs, files=tuple(files))


def _verified() -> VerifiedRun:
    scores = {metric: _score(metric) for metric in METRICS}
    slices = {"type": {f"value {number}": _score(METRICS[0]) for number in range(8)}}
    return VerifiedRun(
        answers="5" * 64,
        n=1000,
        n_errors=0,
        primary=METRICS[0],
        scores=scores,
        claimed=dict.fromkeys(METRICS, VALUE),
        slices=slices,
    )


def _score(metric: str) -> Score:
    return Score(
        value=VALUE, low=0.1, high=0.2, answered=VALUE, n=1000, n_errors=0, signature=f"{metric}|v:1", metric=metric
    )
