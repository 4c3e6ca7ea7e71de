"""For the Hugging Face hub: a folder per model with `.eval_results/*.yaml` and the model-index of its README.md.

Both are made by huggingface_hub's own functions. `.eval_results` names a benchmark, a data set of the hub: tasks
without one are in the model-index alone. Nothing of the cards stands outside the metadata, where it is plain text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from velm_bench.board.export.snapshot import Cells, Row, Snapshot, plain_rows
from velm_bench.board.listings.listing import ListedTask
from velm_bench.errors import UnavailableError
from velm_bench.inert import inert
from velm_bench.results.store import safe_name

PIPELINES = {
    "captioning": "image-to-text",
    "vqa": "visual-question-answering",
    "multiple_choice": "visual-question-answering",
    "classification": "image-classification",
    "ner": "token-classification",
}
"""What the hub calls a kind of task; others keep their own name."""
DEFAULT_TASK = "default"
"""The task of a benchmark that has but one."""
SHA = re.compile(r"[0-9a-f]{40}")
Report = Callable[[str], None]


@dataclass(frozen=True)
class Benchmark:
    """Where the hub keeps what a task asks."""

    id: str
    task: str = DEFAULT_TASK
    split: str = ""
    revision: str = ""


def files(snapshot: Snapshot, datasets: Mapping[str, str], report: Report) -> dict[str, bytes]:
    """Every file by its path: the ordinary runs of each submission that counts.

    `datasets` names the benchmark of a task as "ORG/NAME" or "ORG/NAME:TASK". UnavailableError where huggingface_hub is
    not installed or too old.
    """
    _require_library()
    known = {name: _benchmark(task, datasets.get(name, "")) for name, task in snapshot.listing.tasks.items()}
    for name in (name for name, found in known.items() if found is None):
        report(f"The task {name} has no benchmark on the hub, so that it is in model-index alone: --dataset names one.")
    scores: dict[str, list[Cells]] = {}
    for score in plain_rows(snapshot.listing.scores[snapshot.listing.scores["slice"] == ""]):
        scores.setdefault(score["run"], []).append(score)
    rows = [row for row in snapshot.rows if row.counts and not row.control]
    found: dict[str, bytes] = {}
    for row, folder in zip(rows, _folders(rows), strict=True):
        found[f"{folder}/README.md"] = _readme(row, snapshot, known, scores)
        for task, run in row.runs.items():
            benchmark = known[task]
            if benchmark is not None and run["score"] is not None:
                found[f"{folder}/.eval_results/{safe_name(task)}.yaml"] = _entry(row, run, benchmark, snapshot)
    return found


def _require_library() -> None:
    try:
        from huggingface_hub import EvalResultEntry  # noqa: F401 (there since 1.4)
    except ImportError as error:
        raise UnavailableError(
            "Writing for the hub needs a current huggingface_hub: run `pip install -U huggingface_hub`."
        ) from error


def _folders(rows: Sequence[Row]) -> list[str]:
    """A folder per submission, called after its model where no other has that name."""
    names = [safe_name(str(row.facts["model"])) for row in rows]
    count = Counter(name.lower() for name in names)
    return [
        name if count[name.lower()] == 1 else f"{name}~{row.submission[:12]}"
        for name, row in zip(names, rows, strict=True)
    ]


def _benchmark(task: ListedTask, given: str) -> Benchmark | None:
    """The one that was named, or else the data set that the task reads; None where it reads none of the hub's."""
    if given:
        name, _, part = given.partition(":")
        return Benchmark(name, part or DEFAULT_TASK)
    source = task.definition.get("source") or {}
    if source.get("type") != "hub" or not source.get("id"):
        return None
    config, revision = source.get("config"), str(source.get("revision") or "")
    return Benchmark(
        str(source["id"]),
        config if isinstance(config, str) and config else DEFAULT_TASK,
        str(task.split or source.get("split") or ""),
        revision if SHA.fullmatch(revision) else "",
    )


def _entry(row: Row, run: Cells, benchmark: Benchmark, snapshot: Snapshot) -> bytes:
    """A file of `.eval_results`: the primary score on one task."""
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entry = EvalResultEntry(
        dataset_id=benchmark.id,
        task_id=benchmark.task,
        value=run["score"],
        dataset_revision=benchmark.revision or None,
        date=run["submitted"] or None,
        notes=_note(row, run, snapshot),
    )
    text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True, width=1000)
    return str(text).encode("utf-8")


def _note(row: Row, run: Cells, snapshot: Snapshot) -> str:
    interval = "" if run["low"] is None else f", 95 % interval {run['low']:.4f} to {run['high']:.4f}"
    said = f"velm-bench {run['metric']} on {run['task']}, n {run['n']}{interval}; {row.facts['level']}"
    return inert(f"{said}; snapshot {snapshot.short}, submission {row.submission[:12]}", 500)


def _readme(
    row: Row, snapshot: Snapshot, known: Mapping[str, Benchmark | None], scores: Mapping[str, Sequence[Cells]]
) -> bytes:
    """README.md with nothing but metadata and a sentence of our own."""
    from huggingface_hub import ModelCardData

    results = [
        _result(snapshot.listing.tasks[task], known[task], score)
        for task, run in row.runs.items()
        for score in scores.get(run["run"], ())
        if score["score"] is not None
    ]
    name = inert(str(row.facts["model"]))
    data = ModelCardData(model_name=name, eval_results=results) if results else ModelCardData(model_name=name)
    said = f"Evaluation results of velm-bench, snapshot {snapshot.short}, submission {row.submission[:12]}."
    return f"---\n{data.to_yaml(line_break=chr(10))}\n---\n\n{said}\n".encode()


def _result(task: ListedTask, benchmark: Benchmark | None, score: Cells) -> Any:
    from huggingface_hub import EvalResult

    told = {"signature": score["signature"], "n": score["n"], "low": score["low"], "high": score["high"]}
    return EvalResult(
        task_type=PIPELINES.get(task.kind, inert(task.kind)),
        task_name=inert(task.name),
        dataset_type=benchmark.id if benchmark else inert(task.name),
        dataset_name=inert(task.name),
        dataset_config=benchmark.task if benchmark and benchmark.task != DEFAULT_TASK else None,
        dataset_split=(benchmark.split if benchmark else task.split) or None,
        dataset_revision=(benchmark.revision or None) if benchmark else None,
        metric_type=inert(score["metric"]),
        metric_name=inert(score["metric"]),
        metric_value=score["score"],
        metric_args={name: value for name, value in told.items() if value is not None},
    )
