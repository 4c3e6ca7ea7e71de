"""Fetching the data of tasks into a data folder, and making sure that it is what the tasks expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.cli.options import RESULTS
from velm_bench.cli.output import note
from velm_bench.engine.opening import open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError, VelmError
from velm_bench.results.atomic import require_writable
from velm_bench.sources.hub.fetching import fetch
from velm_bench.sources.hub.settings import HubSettings
from velm_bench.tasks.registry import Definition


@dataclass
class Outcome:
    """What came of fetching the data of one task."""

    task: str
    """With the split, if it is not the task's own."""
    files: int = 0
    fetched: int = 0
    """How many of the files were not there."""
    rows: int = 0
    size: int = 0
    """In bytes."""
    samples: int | None = None
    """How many samples the task has on it; None where it could not be opened."""
    commit: str = ""
    """The commits that the data is from."""
    problem: str = ""
    """Why the data is not there; empty where it is."""
    exit_code: int = 0


def destination(given: Path | None, environment: Sequence[Path]) -> Path:
    """The folder to fill, made if absent: --data, or else the first of VELM_DATA; UsageError where there is neither."""
    chosen = given or next(iter(environment), None)
    if chosen is None:
        raise UsageError("There is no folder to fetch into: name one with --data or VELM_DATA.")
    require_writable(chosen, "--data")
    return chosen


def on_splits(definitions: Sequence[Definition], splits: Sequence[str]) -> list[Definition]:
    """The tasks on other splits of their data, or as they are if none is named."""
    if not splits:
        return list(definitions)
    return [Definition(one.task.on_split(split), one.path) for one in definitions for split in splits]


def fetch_all(definitions: Sequence[Definition], root: Path) -> Iterator[Outcome]:
    """Fetch one task after the other; what goes wrong with one does not stop the others."""
    for definition in definitions:
        outcome = Outcome(definition.task.name)
        try:
            _fetch(definition, root, outcome)
        except VelmError as error:
            outcome.problem, outcome.exit_code = str(error), error.exit_code
        yield outcome


def _fetch(definition: Definition, root: Path, outcome: Outcome) -> None:
    _, section = definition.task.source_settings()
    if not isinstance(section, HubSettings):
        raise UsageError(
            f"The data of task '{definition.task.name}' is not from the hub but from the source '{section.type}': "
            "there is nothing to fetch."
        )
    done = [fetch(part, root, note) for part in section.all_parts()]
    outcome.files = sum(len(one.record.files) for one in done)
    outcome.fetched = sum(one.fetched for one in done)
    outcome.rows = sum(one.record.rows for one in done)
    outcome.size = sum(one.size for one in done)
    outcome.commit = ",".join(dict.fromkeys(one.record.commit for one in done))
    outcome.samples = len(open_task(definition, RunSettings(RESULTS, data=(root,))).everything)
