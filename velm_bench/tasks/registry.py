"""Which tasks there are, and what the words after `--tasks` mean."""

from __future__ import annotations

import re
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

    @property
    def words(self) -> str:
        """What one writes to name it: "pope:train" of a shipped task, "my.yaml:train" of another."""
        _, colon, split = self.task.name.partition(":")
        own = self.path.is_relative_to(shipped("tasks"))
        return self.task.name if own else f"{self.path}{colon}{split}"


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


def embedded() -> list[Definition]:
    """The tasks whose data comes with velm-bench."""
    return [one for one in definitions().values() if one.task.source["type"] == "scenes"]


def resolve(words: str) -> list[Definition]:
    """The tasks that a comma-separated list names, in order and each once.

    A word is a task's name, a kind (its embedded task), a glob over "kind/name", or a YAML path, each optionally
    followed by ``:split``. A path may hold commas and colons if its file exists. UsageError with the nearest name for a
    word that means nothing, and for two tasks of one name.
    """
    chosen: dict[str, Definition] = {}
    for word in split_words(words):
        for definition in _resolve_word(word):
            _require_same(chosen.setdefault(definition.task.name, definition), definition)
    if not chosen:
        raise UsageError("No task is named after --tasks: `velm-bench tasks list` shows them.")
    return list(chosen.values())


def _require_same(first: Definition, second: Definition) -> None:
    """UsageError unless the two are one: the same file on the same split."""
    if first.path.resolve() != second.path.resolve() or first.task != second.task:
        raise UsageError(f"Two tasks are called '{first.task.name}' ({first.path}, {second.path}): rename one.")


def split_words(words: str) -> list[str]:
    """The words of a comma-separated list; the longest run of them that is a YAML file's path stays together."""
    parts = words.split(",")
    found: list[str] = []
    start = 0
    while start < len(parts):
        ends = range(len(parts), start, -1)
        end = next((end for end in ends if _is_whole(",".join(parts[start:end]).strip())), start + 1)
        found.append(",".join(parts[start:end]).strip())
        start = end
    return [word for word in found if word]


def _is_whole(word: str) -> bool:
    """Whether this is one word: a file's path, with at most a split after it."""
    path, _, split = _split_path(word)
    return path is not None and _is_file(path) and "," not in split


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _split_path(word: str) -> tuple[Path | None, str, str]:
    """The YAML path, colon and split of a word; no path where it names no YAML file.

    Of several places where the path may end, the first at which there is a file; without one, before the first colon.
    """
    ends = [match.end() for match in _YAML_END.finditer(word)]
    there = (end for end in ends if _is_file(Path(word[:end])))
    end = next(there, next((end for end in ends if ":" not in word[:end]), None))
    return (None, "", "") if end is None else (Path(word[:end]), word[end : end + 1], word[end + 1 :])


_YAML_END = re.compile(r"\.ya?ml(?=:|$)")


def _resolve_word(word: str) -> list[Definition]:
    path, colon, split = _split_path(word)
    if path is None:
        name, colon, split = word.partition(":")
    found = _named(name) if path is None else [Definition(load_task(path), path)]
    if not colon:
        return found
    if not split:
        raise UsageError(f"In --tasks, '{word}' names no split after the colon: write '{word}SPLIT'.")
    return [Definition(one.task.on_split(split), one.path) for one in found]


def _named(name: str) -> list[Definition]:
    tasks = definitions()
    if name in tasks:
        return [tasks[name]]
    if f"scenes_{name}" in tasks and name in KINDS:
        return [tasks[f"scenes_{name}"]]
    if any(mark in name for mark in "*?["):
        matching = [one for one in tasks.values() if fnmatchcase(one.address, name) or fnmatchcase(one.task.name, name)]
        if matching:
            return matching
    if name in KINDS:
        raise UsageError(f"The kind '{name}' has no embedded task: name one of its tasks, or write '{name}/*' for all.")
    raise UsageError(f"Unknown task '{name}': {suggestion(name, [*tasks, *KINDS])}")
