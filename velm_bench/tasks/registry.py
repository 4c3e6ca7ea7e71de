"""Which tasks there are, and what the words after `--tasks` mean."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.shipped import shipped
from velm_bench.tasks.definition import Task, load_task
from velm_bench.tasks.kinds import KINDS


@dataclass(frozen=True)
class Definition:
    """A task and the file it stands in."""

    task: Task
    path: Path

    @property
    def address(self) -> str:
        """What globs match: "vqa/scenes_vqa"."""
        return f"{self.task.kind}/{self.task.name}"


@cache
def definitions() -> dict[str, Definition]:
    """All shipped tasks by name, read once; UsageError for a name that two files claim."""
    found: dict[str, Definition] = {}
    for path in sorted(shipped("tasks").glob("*/*.yaml")):
        task = load_task(path)
        if task.name in found:
            raise UsageError(f"The task '{task.name}' stands in {found[task.name].path} and {path}: rename one.")
        found[task.name] = Definition(task, path)
    return found


def resolve(words: str) -> list[Definition]:
    """The tasks that a comma-separated list names, in order and each once.

    A word is a task's name, a kind (its embedded task), a glob over "kind/name", or a YAML path, each optionally
    followed by ``:split``. UsageError with the nearest name for a word that means nothing.
    """
    chosen: dict[str, Definition] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        for definition in _resolve_word(word):
            chosen.setdefault(definition.task.name, definition)
    if not chosen:
        raise UsageError("No task is named after --tasks: `velm-bench tasks list` shows them.")
    return list(chosen.values())


def _resolve_word(word: str) -> list[Definition]:
    name, colon, split = word.partition(":")
    found = _named(name)
    if not colon:
        return found
    if not split:
        raise UsageError(f"In --tasks, '{word}' names no split after the colon: write '{name}:SPLIT'.")
    return [Definition(one.task.on_split(split), one.path) for one in found]


def _named(name: str) -> list[Definition]:
    if name.endswith((".yaml", ".yml")):
        return [Definition(load_task(Path(name)), Path(name))]
    tasks = definitions()
    if name in tasks:
        return [tasks[name]]
    if f"scenes_{name}" in tasks and name in KINDS:
        return [tasks[f"scenes_{name}"]]
    if any(mark in name for mark in "*?["):
        matching = [one for one in tasks.values() if fnmatchcase(one.address, name) or fnmatchcase(one.task.name, name)]
        if matching:
            return matching
    raise UsageError(f"Unknown task '{name}': {suggestion(name, [*tasks, *KINDS])}")
