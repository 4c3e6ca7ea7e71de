"""JSON: the whole snapshot as one document with a schema, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from velm_bench.board.export.snapshot import Row, Snapshot, plain_rows
from velm_bench.board.listings.listing import ListedTask
from velm_bench.results.schema import Record

EXPORT_VERSION = 1
"""Raised whenever a reader of the previous version would misread a document."""


class SnapshotInfo(Record):
    """What was exported."""

    id: str
    """The identity of the board's (or the results folder's) contents: equal for equal contents."""
    title: str
    """What the board is called."""
    newest: str
    """ISO date of the newest event; empty where nothing has happened yet."""
    board: bool
    """Whether it is a board; false for a folder of runs, which has no cards, floors and verification."""


class TaskEntry(Record):
    """What is measured."""

    name: str
    """The task's name, with ":split" where one was chosen."""
    kind: str
    """captioning, vqa, multiple_choice, classification, ner, ..."""
    primary: str
    """The metric that ranks models."""
    higher_is_better: bool
    """Whether a larger primary score is the better one."""
    samples: int
    """How many samples are asked."""
    floor: float | None
    """What can be had without looking; null where unknown."""
    floor_by: str
    """Whose score that is."""
    ceiling: float | None
    """The score that counts as 1 once corrected for chance; null where unknown."""
    ceiling_by: str
    """Where that comes from."""
    definition: dict[str, Any]
    """The task as its YAML says it: source, prompt, generation, metrics, licence, citation."""


class ScoreEntry(Record):
    """One number."""

    metric: str
    """The output's name."""
    slice: str
    """"question_type=count"; empty for the whole."""
    score: float | None
    """Over all samples, failed ones counted as wrong; null where it is undefined."""
    low: float | None
    """Lower bound of the 95 % interval."""
    high: float | None
    """Upper bound."""
    n: int | None
    """How many things it stands for."""
    errors: int | None
    """How many samples failed."""
    higher_is_better: bool | None
    """Whether a larger number is the better one."""
    signature: str
    """Every choice of the metric that changes the number."""


class Standing(Record):
    """Where a row stands, over all tasks or in one."""

    score: float | None = None
    """Over all tasks: the aggregate. In one task, or where there is but one: its primary score. Null where unknown."""
    low: float | None = None
    """Lower bound of the 95 % interval."""
    high: float | None = None
    """Upper bound."""
    rank: int | None = None
    """1 is the best; null for controls, what is incomplete and what does not count."""
    rank_low: int | None = None
    """The best rank of the 95 % interval."""
    rank_high: int | None = None
    """The worst rank of the 95 % interval."""
    group: int | None = None
    """What cannot be told from the best of a group belongs to it; null where that is not known."""
    done: int | None = None
    """How many tasks were done ..."""
    of: int | None = None
    """... of how many."""
    complete: bool | None = None
    """Whether that is all."""


class RunEntry(Record):
    """One model on one task."""

    run: str
    """The run's folder, unlike any other's."""
    task: str
    """The task's name."""
    control: str
    """What was done to what the model was shown; empty for an ordinary run."""
    metric: str
    """The primary metric."""
    score: float | None
    """Its score, recomputed where the submission's level says so."""
    low: float | None
    """Lower bound of the 95 % interval."""
    high: float | None
    """Upper bound."""
    higher_is_better: bool | None
    """Whether a larger score is the better one."""
    corrected: float | None
    """The score corrected for chance: 0 is the task's floor, 1 its ceiling; null without both."""
    corrected_low: float | None
    """Lower bound of its interval."""
    corrected_high: float | None
    """Upper bound."""
    claimed: float | None
    """What the submission said of it: for the record, never the truth."""
    n: int | None
    """How many samples were asked, failed ones included."""
    samples: int | None
    """How many the task has."""
    errors: int | None
    """How many failed and count as wrong."""
    unparsed: int | None
    """How many pieces of answers could not be parsed."""
    samples_per_second: float | None
    """As reported."""
    device: str
    """As reported."""
    scores: list[ScoreEntry]
    """The main output of each metric, and the primary metric on each slice."""


class RowEntry(Record):
    """A submission under one control; every text is as it was given: show it as plain text only."""

    submission: str
    """The submission's id."""
    control: str
    """What was done to what the model was shown; empty for ordinary runs."""
    model: str
    """What the model is called."""
    revision: str
    """Its version, release or commit."""
    organisation: str
    """Who made it."""
    parameters: int | None
    """How many weights it has."""
    licence: str
    """Under which its weights may be used."""
    training_data: str
    """What it was trained on."""
    released: str
    """ISO date, or empty."""
    parent: str
    """What it was made from."""
    level: str
    """How far it was verified: valid, complete, recomputed, reproduced; "own run" in a results folder."""
    status: str
    """listed, flagged, rejected, withdrawn, superseded."""
    reason: str
    """Why."""
    submitted: str
    """ISO date."""
    attempts: int | None
    """How many submissions of this model's name there are."""
    standing: Standing
    """Over all tasks."""
    by_task: dict[str, Standing]
    """In each task alone."""
    runs: list[RunEntry]
    """Its runs; of several on one task the one that speaks for it first."""


class Document(Record):
    """What `velm-bench board export --json` prints."""

    export_version: Literal[1] = 1
    """The version of this schema."""
    snapshot: SnapshotInfo
    """Of what, and of when."""
    definition: str
    """What the score and the places by it mean."""
    tasks: list[TaskEntry]
    """In the order in which they are shown."""
    rows: list[RowEntry]
    """The best first, controls where their scores put them; then what is incomplete; then what does not count."""
    notes: list[str]
    """Sentences about what could not be read."""


def document(snapshot: Snapshot) -> Document:
    """The snapshot as a document."""
    listing = snapshot.listing
    scores: dict[str, list[ScoreEntry]] = {}
    for row in plain_rows(listing.scores):
        scores.setdefault(row.pop("run"), []).append(ScoreEntry(**row))
    runs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in plain_rows(listing.runs):
        runs.setdefault((run["submission"], run["control"]), []).append(run)
    return Document(
        snapshot=SnapshotInfo(id=listing.identity, title=listing.title, newest=snapshot.newest, board=listing.is_board),
        definition=snapshot.definition,
        tasks=[_task(task) for task in listing.tasks.values()],
        rows=[_row(row, runs[row.submission, row.control], scores) for row in snapshot.rows],
        notes=list(listing.notes),
    )


def encode(found: Document) -> bytes:
    """The bytes of a document, on one line; the same document always gives the same."""
    return (json.dumps(found.model_dump(), allow_nan=False) + "\n").encode("ascii")


def document_schema() -> dict[str, Any]:
    """The JSON schema of a document."""
    return Document.model_json_schema()


def _task(task: ListedTask) -> TaskEntry:
    fields = {name: getattr(task, name) for name in TaskEntry.model_fields if name != "definition"}
    return TaskEntry(**fields, definition=dict(task.definition))


def _row(row: Row, runs: list[Mapping[str, Any]], scores: Mapping[str, list[ScoreEntry]]) -> RowEntry:
    speaking = {run["run"] for run in row.runs.values()}
    ordered = sorted(runs, key=lambda run: (run["run"] not in speaking, run["run"]))
    return RowEntry(
        submission=row.submission,
        control=row.control,
        **row.facts,
        standing=Standing(**row.standing),
        by_task={task: Standing(**standing) for task, standing in row.by_task.items()},
        runs=[_run(run, scores.get(run["run"], [])) for run in ordered],
    )


def _run(run: Mapping[str, Any], scores: list[ScoreEntry]) -> RunEntry:
    return RunEntry(**{name: run[name] for name in RunEntry.model_fields if name != "scores"}, scores=scores)
