"""What stands behind a word on the command line: run folders, baselines, and the results of other harnesses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.reading import from_foreign, pass_over, read_native, unfinished
from velm_bench.results.foreign.detecting import EXPECTED, read_file, read_folder
from velm_bench.results.schema import Result
from velm_bench.results.store import RESULT, list_runs, read_result, safe_name

DEEPEST = 3
"""A results folder holds models, these tasks, and these runs."""
SHOWN = 5
"""How many of the runs that are left out a note names."""


CLOSE = 0.75
"""How much alike, of 1, a name is to what was written that is offered in its place."""


@dataclass(frozen=True)
class _Native:
    """A run folder that was found, with what its result file says."""

    folder: Path
    result: Result


def open_side(words: Sequence[str], root: Path, note: Callable[[str], None]) -> list[Evidence]:
    """The evidence behind the words of one side, one per task, in the order of their titles.

    A word is a run's folder, a folder that holds runs, a run's id or the beginning of one under `root`, a model's name
    under `root`, a baseline file, a result file (or folder) of lm-eval, lmms-eval or Inspect, or a table (CSV, JSONL)
    of `id, score[, group]`. Where a folder or a model stands for several runs, those under a control or a perturbation
    are left out, which goes to `note`, as does what else should be known of a file. UsageError in one sentence where a
    word is none of these, is damaged, is a run that was not finished, or where two runs of one task are left.
    """
    if not words:
        raise UsageError("Nothing is named to compare: give a run's folder or a baseline file.")
    found: dict[str, Evidence] = {}
    for evidence in (one for word in words for one in _opened(word, root, note)):
        known = found.setdefault(evidence.title, evidence)
        if known is not evidence and not _same(known, evidence):
            raise UsageError(
                f"There are two runs of {evidence.title} on one side, {known.source} and {evidence.source}: name the "
                "one that is meant."
            )
    if not found:
        raise UsageError(f"There is no run in {_several(words)}: nothing can be compared.")
    return [found[title] for title in sorted(found)]


def _same(first: Evidence, second: Evidence) -> bool:
    """Whether a run was named twice, by itself and by a folder above it, say."""
    return Path(first.source).resolve() == Path(second.source).resolve() and first.run_id == second.run_id


def _opened(word: str, root: Path, note: Callable[[str], None]) -> list[Evidence]:
    """What one word stands for; a file or folder of that name goes before a model or a run of it."""
    path = Path(word)
    if word and _is(Path.is_dir, path):
        return _of_folder(path, note)
    return _of_file(path, note) if _is(Path.is_file, path) else _of_name(word, root, note)


def _is(what: Callable[[Path], bool], path: Path) -> bool:
    """Whether a path is that; no name is too long or too odd to be asked for."""
    with suppress(OSError, ValueError):
        return what(path)
    return False


def _of_file(path: Path, note: Callable[[str], None]) -> list[Evidence]:
    from velm_bench.gate.baselines import is_baseline, read_baseline

    if is_baseline(path):
        return read_baseline(path)
    if path.name == RESULT:
        return [read_native(path.parent, note)]
    return [from_foreign(path, run, note) for run in read_file(path)]


def _of_folder(folder: Path, note: Callable[[str], None]) -> list[Evidence]:
    if (folder / RESULT).is_file():
        return [read_native(folder, note)]
    depths = range(1, DEEPEST + 1)
    paths = sorted(path for depth in depths for path in folder.glob("*/" * depth + RESULT) if path.is_file())
    begun = list(unfinished(folder, DEEPEST))
    if paths:
        runs = [_Native(one.parent, read_result(one.parent)) for one in paths]
        return _ordinary(runs, begun, str(folder), note)
    if begun:
        raise UsageError(f"The folder {folder} holds no finished run, only {begun[0]}: run it to its end.")
    found = read_folder(folder, note)
    if not found:
        raise UsageError(f"The folder {folder} holds nothing that can be compared: give {EXPECTED}.")
    return [from_foreign(path, run, note) for path, run in found]


def _of_name(word: str, root: Path, note: Callable[[str], None]) -> list[Evidence]:
    """The runs of a model, or the one whose id begins so, in the results folder."""
    if not word:
        raise UsageError(f"An empty name stands for no run (is a variable not set?): give {EXPECTED}.")
    if not root.is_dir():
        raise UsageError(
            f"'{word:.80}' is no file or folder, and there is no results folder '{root}': "
            + (_near(word, ()) or f"give {EXPECTED}.")
        )
    if (root / safe_name(word)).is_dir():
        return _of_folder(root / safe_name(word), note)
    runs = list_runs(root, lambda sentence: note(f"Left out: {sentence}"))
    found = [folder for folder, result in runs if result.run_id.startswith(word)]
    if len(found) > 1:
        raise UsageError(f"The id '{word}' fits {len(found)} runs in '{root}': give more of it, or the folder.")
    if not found:
        hint = _near(word, {result.model.name for _, result in runs}) or f"give {EXPECTED}."
        raise UsageError(f"'{word:.80}' is no file or folder, and no model or run in '{root}': {hint}")
    return [read_native(found[0], note)]


def _near(word: str, models: Iterable[str]) -> str:
    """Which model, or which file beside the one that was named, may have been meant; empty for none."""
    known = list(models)
    with suppress(OSError, ValueError):
        known += [str(path) for path in Path(word).parent.iterdir() if path.is_file() or path.is_dir()]
    found = get_close_matches(word, known, n=1, cutoff=CLOSE)
    return f"did you mean '{found[0]}'?" if found else ""


def _ordinary(runs: Sequence[_Native], begun: Sequence[Path], what: str, note: Callable[[str], None]) -> list[Evidence]:
    """The ordinary runs of several; UsageError where there is none, two of one task, or a later one is unfinished."""
    ordinary = [one for one in runs if not one.result.control]
    others = [one.result.title for one in runs if one.result.control]
    if not ordinary:
        raise UsageError(
            f"{what} stands for no ordinary run, only for {_several(others)}: name the run's own folder to compare it."
        )
    if others:
        note(f"Left out of {what}, as these are runs under a control or a perturbation: {_several(others)}.")
    _require_single(ordinary, what)
    for one in begun:
        pass_over(one, {run.result.title: run.folder for run in ordinary}, note)
    return [read_native(one.folder, note) for one in ordinary]


def _require_single(runs: Sequence[_Native], what: str) -> None:
    """UsageError where two runs are of one task, before the samples of all are read."""
    known: dict[str, _Native] = {}
    for one in runs:
        other = known.setdefault(one.result.title, one)
        if other is not one:
            raise UsageError(
                f"{what} stands for two runs of {one.result.title}, {other.folder} and {one.folder} "
                f"({_difference(other.result, one.result)}): name the one that is meant."
            )


def _difference(first: Result, second: Result) -> str:
    """By what two runs of one task differ, for the sentence that refuses them."""
    for what, mine, other in (
        ("of the models", first.model.name, second.model.name),
        ("with --limit", first.data.limit or "none", second.data.limit or "none"),
        ("with --seed", first.data.seed, second.data.seed),
    ):
        if mine != other:
            return f"{what} {mine} and {other}"
    return "with other settings, data or weights"


def _several(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
