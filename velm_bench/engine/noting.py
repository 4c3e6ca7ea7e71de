"""A note beside the journal of a running task: what is asked, so that somebody else can look at its answers.

A journal knows the answers and not the questions. The note is written before the journal's first line, and removed
before the journal is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from velm_bench.engine.journal import NOTE
from velm_bench.engine.opening import Opened, open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.results.schema import Record, titled
from velm_bench.schema import parse
from velm_bench.tasks.definition import Task
from velm_bench.tasks.registry import Definition

NOTE_VERSION = 1


class Noted(Record):
    """What a running task asks."""

    note_version: int = NOTE_VERSION
    """The version of this schema."""
    task: dict[str, Any]
    """The task as its YAML says it, what has its default left out, a secret split's key hidden."""
    path: str
    """The task's file, beside which its data is looked for."""
    data: list[str]
    """The folders in which data is looked for first."""
    limit: int | None
    """How many samples are asked at most."""
    seed: int
    """Which samples a limit keeps."""
    control: str
    """What is done to what the model is shown."""
    shots: int
    """How many worked examples stand before each question."""
    digest: str
    """The task's."""
    fingerprint: str
    """The data set's."""

    @property
    def title(self) -> str:
        """The task as the run will be titled."""
        return titled(str(self.task.get("name", "")), self.control, self.shots)


def encode_note(definition: Definition, opened: Opened, settings: RunSettings) -> bytes:
    """The bytes of a run's note."""
    task = opened.task
    noted = Noted(
        task={**task.model_dump(mode="json", exclude_defaults=True), "source": task.public_definition()["source"]},
        path=str(definition.path.resolve()),
        data=[str(folder.resolve()) for folder in settings.data],
        limit=settings.limit,
        seed=settings.seed,
        control=settings.control,
        shots=settings.shots,
        digest=task.digest(),
        fingerprint=opened.fingerprint,
    )
    return (json.dumps(noted.model_dump(mode="json"), indent=2) + "\n").encode("ascii")


def read_note(folder: Path) -> Noted:
    """The note in a run's folder; UsageError where it is absent, damaged, or of a version unknown here."""
    path = folder / NOTE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"The note {path} of what is asked cannot be read ({error.strerror or error}): name the folder of a run "
            "that is under way."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The note {path} is damaged: the run's next session writes it anew.") from error
    if not isinstance(data, dict) or data.get("note_version") != NOTE_VERSION:
        raise UsageError(f"The note {path} is of another version: use the velm-bench that makes the run.")
    return parse(Noted, data, f"the note {path}")


def reopen(noted: Noted, folder: Path) -> tuple[Opened, RunSettings]:
    """The task of a note with its data; UsageError where either is not what the run asks (any more)."""
    settings = RunSettings(
        folder, tuple(map(Path, noted.data)), limit=noted.limit, seed=noted.seed, control=noted.control
    )
    task = parse(Task, noted.task, f"the note {folder / NOTE}, 'task'")
    if task.digest() != noted.digest:
        raise UsageError(
            f"The task '{task.name}' of the run {folder} cannot be opened from its note: its split is a secret, or the "
            "note was changed; wait for the run to end."
        )
    opened = open_task(Definition(task, Path(noted.path)), settings)
    if opened.fingerprint != noted.fingerprint:
        raise UsageError(f"The data of task '{task.name}' is not what the run {folder} began with: run it again.")
    return opened, settings
