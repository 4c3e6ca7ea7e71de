"""Bundles of real runs, and ways to change them that leave every digest right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from velm_bench.board.bundles.answers import read_answers, write_answers
from velm_bench.board.bundles.packing import file_entries, run_files
from velm_bench.board.folder import Bundle
from velm_bench.board.schema import AnswerLine


def runs_of(results: Path, model: str) -> list[Path]:
    """The ordinary and the control runs of a model in a results folder, by its folder's name."""
    return sorted(path.parent for path in results.glob(f"{model}/*/*/result.json"))


def copied_run(results: Path, folder: Path, model: str, task: str) -> Path:
    """A copy of an ordinary run that may be changed."""
    found = [run for run in runs_of(results, model) if run.parent.name == task]
    run = next(run for run in found if json.loads((run / "result.json").read_text())["control"] == "")
    target = folder / "copied" / model / task / run.name
    shutil.copytree(run, target)
    return target


def repacked(bundle: Bundle, files: Mapping[str, bytes], **changed: Any) -> Bundle:
    """The bundle with other files, and a manifest whose digests are those of the files."""
    manifest = bundle.manifest.model_copy(update={"files": file_entries(files), **changed})
    return Bundle(manifest, files)


def with_claims(bundle: Bundle, run: str, change: Callable[[dict[str, Any]], None]) -> Bundle:
    """The bundle with something else claimed for a run."""
    path = run_files(run)[0]
    value = json.loads(bundle.files[path])
    change(value)
    return repacked(bundle, {**bundle.files, path: json.dumps(value).encode()})


def with_lines(bundle: Bundle, run: str, change: Callable[[list[AnswerLine]], list[AnswerLine]]) -> Bundle:
    """The bundle with other answers for a run."""
    path = run_files(run)[1]
    return repacked(bundle, {**bundle.files, path: write_answers(change(read_answers(bundle.files[path], path)))})


def changed_line(place: int, **changed: Any) -> Callable[[list[AnswerLine]], list[AnswerLine]]:
    """A change of one line."""

    def change(lines: list[AnswerLine]) -> list[AnswerLine]:
        lines[place] = lines[place].model_copy(update=changed)
        return lines

    return change
