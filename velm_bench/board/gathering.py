"""What a person means by RUN: a run's folder, a folder above runs, a run's id, or a packed bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from velm_bench.board.bundles.archive import read_zip
from velm_bench.board.folder import Bundle
from velm_bench.errors import UsageError
from velm_bench.results.store import RESULT, result_files

BUNDLE = ".zip"
DEEPEST = 3
"""How many folders may lie between the one that is named and a run: model, task, run."""


@dataclass(frozen=True)
class Gathered:
    """What was named: runs that are to be packed, and bundles that are."""

    folders: tuple[Path, ...]
    bundles: tuple[Path, ...]


def gather(words: Sequence[str], output: Path) -> Gathered:
    """The runs and bundles that some words name; UsageError for a word that names none."""
    bundles = [Path(word) for word in words if word.lower().endswith(BUNDLE) and Path(word).is_file()]
    runs = [folder for word in words if Path(word) not in bundles for folder in _folders(word, output)]
    return Gathered(tuple(dict.fromkeys(runs)), tuple(dict.fromkeys(bundles)))


def read_bundle(path: Path) -> Bundle:
    """The bundle in a file; UsageError where it cannot be read or is not safe."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"The bundle {path} cannot be read: {error.strerror or error}.") from error
    return read_zip(data, path.name)


def _folders(word: str, output: Path) -> list[Path]:
    """The finished runs in a folder, or the one of an id under `output`."""
    try:
        found = _below(Path(word)) if Path(word).is_dir() else None
    except OSError:  # no path can be as long as what somebody may type
        found = None
    if found is None:
        return [_by_id(word, output)]
    if not found:
        raise UsageError(f"The folder '{word}' holds no finished run: `velm-bench run` writes some.")
    return found


def _below(folder: Path) -> list[Path]:
    """The folders with a result, at most as deep as a results folder has them."""
    patterns = ["/".join(["*"] * depth + [RESULT]) for depth in range(DEEPEST + 1)]
    return sorted(path.parent for pattern in patterns for path in folder.glob(pattern))


def _by_id(word: str, output: Path) -> Path:
    paths = [path.parent for path in result_files(output)] if output.is_dir() else []
    matching = sorted(path for path in paths if word and path.name.startswith(word))
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"The id '{word}' fits {len(matching)} runs in '{output}': give more of it, or the folder.")
    raise UsageError(
        f"'{word:.80}' is neither a folder with runs, nor a bundle, nor the id of a run in '{output}': `velm-bench "
        "results list` shows the ids."
    )
