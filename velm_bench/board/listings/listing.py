"""What pages and exports read: one moment of a board, or of a folder of runs, as two frames of plain text and numbers.

A board and a results folder give the same Listing, so that whatever shows the one shows the other; what a results
folder cannot know (cards, verification, floors) is empty there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

RUN_COLUMNS: Mapping[str, str] = {
    "submission": "string",  # a board: the submission's id; a results folder: an id made of the model and its digest
    "run": "string",  # the run's folder under Listing.root, with slashes; unlike any other's
    "model": "string",  # the card's name
    "revision": "string",
    "organisation": "string",
    "parameters": "Int64",
    "licence": "string",
    "training_data": "string",
    "released": "string",  # ISO date, or empty
    "parent": "string",
    "task": "string",
    "kind": "string",
    "ran": "string",  # what was run, whatever the card calls it: "ref:blind", "hf:org/name"
    "asked": "string",  # what tells runs of a task apart that must not be compared: see `speaking.comparable`
    "control": "string",  # Result.remarks: "blank", "2 shots"; empty for an ordinary run
    "metric": "string",  # the primary output
    "score": "Float64",  # the primary score, recomputed where `level` says so
    "low": "Float64",
    "high": "Float64",
    "higher_is_better": "boolean",
    "corrected": "Float64",  # the score corrected for chance: 0 is the task's floor, 1 its ceiling; null without both
    "corrected_low": "Float64",
    "corrected_high": "Float64",
    "claimed": "Float64",  # what the submission said of the primary score
    "n": "Int64",
    "samples": "Int64",  # how many the task has
    "errors": "Int64",
    "unparsed": "Int64",
    "level": "string",  # schema.Level, or "imported" or "own run" in a results folder
    "status": "string",  # schema.Status
    "reason": "string",  # why flagged, rejected, ...
    "submitted": "string",  # ISO date
    "attempts": "Int64",  # how many submissions of this model's name there are, whatever became of them
    "samples_per_second": "Float64",  # as reported
    "device": "string",  # as reported
}
"""The columns of `Listing.runs`, a row per run, and their types."""

SCORE_COLUMNS: Mapping[str, str] = {
    "run": "string",
    "metric": "string",  # the output's name
    "slice": "string",  # "question_type=count"; empty for the whole
    "score": "Float64",
    "low": "Float64",
    "high": "Float64",
    "n": "Int64",
    "errors": "Int64",
    "higher_is_better": "boolean",
    "signature": "string",
}
"""The columns of `Listing.scores`: a row per run and metric (the main output of each), and for the primary metric one
per slice value too."""


@dataclass(frozen=True)
class ListedTask:
    """A task as it is shown."""

    name: str
    kind: str
    primary: str
    higher_is_better: bool
    samples: int
    """How many are asked."""
    definition: Mapping[str, Any]
    """The task's public definition: description, source, prompt, generation, metrics, licence, citation, homepage."""
    floor: float | None = None
    floor_by: str = ""
    ceiling: float | None = None
    ceiling_by: str = ""
    file: Path | None = None
    """The task's YAML on this machine, from which its samples can be read; None where it is not here."""
    split: str = ""
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Listing:
    """A board or a results folder at one moment."""

    identity: str
    """The snapshot's id: what caches key on, never the frames."""
    title: str
    root: Path
    """Where the runs' folders lie: `root / run` holds result.json and samples.parquet (if they are here)."""
    is_board: bool
    """Whether it is a board: with cards, verification and pinned tasks."""
    tasks: Mapping[str, ListedTask]
    """By name, in the order in which they are shown."""
    runs: pd.DataFrame
    """RUN_COLUMNS."""
    scores: pd.DataFrame
    """SCORE_COLUMNS."""
    notes: tuple[str, ...] = field(default=())
    """Sentences about what could not be read."""
