"""Reading baseline files strictly, and replacing them atomically, so that two who do so at once lose nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velm_bench.errors import RunError, UsageError
from velm_bench.gate.baselines.blocks import block_digest, evidence_in, weight
from velm_bench.gate.baselines.layout import ABOUT, LAST, encode_baseline
from velm_bench.gate.baselines.packing import MOST_LETTERS
from velm_bench.gate.baselines.schema import BASELINE_VERSION, MOST_NUMBERS, Block, Event
from velm_bench.gate.evidence import Evidence
from velm_bench.registry import suggestion
from velm_bench.results.atomic import write_bytes
from velm_bench.schema import parse, require_regular
from velm_bench.strict_json import strict_object

LARGEST = 512 * 2**20
"""The most bytes of a baseline file; 200,000 samples take a few million."""
KEY = b'"baseline_version"'
BOM = b"\xef\xbb\xbf"
"""What some editors put before a text."""
MEND = "take it back from git"
"""What helps where a file was changed by anything but these commands."""


@dataclass(frozen=True)
class Kept:
    """A task of a baseline."""

    evidence: Evidence
    log: Sequence[Event]
    block: Mapping[str, Any]
    """The block as it stands in the file."""


@dataclass(frozen=True)
class Baseline:
    """A baseline file in memory."""

    path: Path
    data: bytes | None
    """The bytes it was read from; None where there is no file yet."""
    tasks: Mapping[str, Kept]


def is_baseline(path: Path) -> bool:
    """Whether a path is a baseline file, damaged or not: a file that begins as one."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            head = stream.read(1024).removeprefix(BOM).lstrip()
    except OSError:
        return False
    return head.startswith((b"{", b"<<<<<<<")) and KEY in head


def read_baseline(path: Path) -> list[Evidence]:
    """The evidence of a baseline, one per task, in the order of their titles; UsageError as for `load_baseline`."""
    return [kept.evidence for kept in load_baseline(path).tasks.values()]


def load_baseline(path: Path) -> Baseline:
    """A baseline with its log.

    UsageError in one sentence where the file is absent, of another version, damaged, or was changed by anything but
    the commands that write it. The digests guard against accidents: whoever can compute one can also forge it.
    """
    where = f"the baseline {path}"
    data = _bytes(path, where)
    held = _versioned(data, path, where)
    _require_keys(held, where)
    tasks: dict[str, Kept] = {}
    for title, block in held["tasks"].items():
        if title:
            tasks[title] = _kept(title, block, str(path), f"{where}, task {title}")
            _require_light(tasks, where)
    if not tasks:
        raise UsageError(f"The baseline {path} holds no task: {MEND}, or make another with `velm-bench baseline set`.")
    return Baseline(path, data, dict(sorted(tasks.items())))


def open_or_begin(path: Path) -> Baseline:
    """The baseline of that name, or an empty one where there is no such file; UsageError as for `load_baseline`."""
    with suppress(OSError):
        if not os.path.lexists(path):
            return Baseline(path, None, {})
    return load_baseline(path)


def replace_blocks(baseline: Baseline, blocks: Mapping[str, Mapping[str, Any]]) -> None:
    """Put these blocks in the place of those of the same tasks, or beside them, and write the file.

    UsageError where the file is no more the one that was read, or its folder is absent; RunError where it cannot be
    written. The old file stays until the new one is whole.
    """
    kept = {title: task.block for title, task in baseline.tasks.items()}
    path = Path(os.path.realpath(baseline.path))
    data = encode_baseline({**kept, **blocks})
    if len(data) > LARGEST:
        raise UsageError(f"The baseline {baseline.path} would be larger than {LARGEST} bytes: use one per task.")
    try:
        with _alone(path.parent):
            if _now(path) != baseline.data:
                raise UsageError(
                    f"The baseline {baseline.path} was changed meanwhile by somebody else: run the same command again."
                )
            write_bytes(path, data)
    except OSError as error:
        why = error.strerror or str(error)
        if not path.parent.is_dir():
            raise UsageError(
                f"The baseline {baseline.path} cannot be written ({why}): make its folder first."
            ) from error
        old = "" if baseline.data is None else ": the old one is as it was"
        raise RunError(f"The baseline {baseline.path} cannot be written ({why}){old}.") from error


def _bytes(path: Path, where: str) -> bytes:
    try:
        require_regular(path)
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"The baseline {path} cannot be read ({why}): name a file of `velm-bench baseline set`."
        ) from error
    if len(data) > LARGEST:
        raise UsageError(f"In {where}: it is larger than {LARGEST} bytes, which no baseline is.")
    if not data.strip():
        raise UsageError(f"The baseline {path} is empty: {MEND}, or remove it and use `velm-bench baseline set`.")
    return data


def _versioned(data: bytes, path: Path, where: str) -> Mapping[str, Any]:
    """The file's object, of the version that is read here."""
    for number, line in enumerate(data.splitlines(), 1):
        if line.startswith((b"<<<<<<<", b">>>>>>>")):
            raise UsageError(
                f"The baseline {path} holds conflict markers of git (line {number}): keep one side of each "
                f"task whole, or take one side's file (git checkout --ours {path}) and accept the other's runs again."
            )
    if data.startswith(BOM):
        raise UsageError(f"In {where}: it begins with a byte order mark, so that an editor changed it: {MEND}.")
    held = strict_object(data, where)
    if "baseline_version" not in held:
        raise UsageError(f"The file {path} is no baseline: it has no 'baseline_version'.")
    version = held["baseline_version"]
    if type(version) is not int or version != BASELINE_VERSION:
        raise UsageError(
            f"The baseline {path} is of version {version!r:.40} and this velm-bench reads {BASELINE_VERSION}: use the "
            "velm-bench that wrote it, or set it again."
        )
    if not data.endswith(b"\n"):
        raise UsageError(f"In {where}: its last line has no end, so that it was cut off: {MEND}.")
    return held


def _require_keys(held: Mapping[str, Any], where: str) -> None:
    """UsageError unless the outermost keys are a baseline's, and the last entry says that all tasks are there."""
    known = ["baseline_version", "about", "tasks"]
    for key in held:
        if key not in known:
            raise UsageError(f"In {where}: unknown key {key!a:.80}: {suggestion(key, known)}")
    tasks = held.get("tasks")
    if held.get("about") != ABOUT:
        raise UsageError(f"In {where}: 'about' is not what this velm-bench writes: {MEND}.")
    if not isinstance(tasks, dict):
        raise UsageError(f"In {where}: 'tasks' is absent or no object: {MEND}.")
    if list(tasks.items())[-1:] != [("", LAST)]:
        raise UsageError(f"In {where}: the last entry of 'tasks' is not the one that ends them: {MEND}.")


def _kept(title: str, data: Any, source: str, where: str) -> Kept:
    if not isinstance(data, dict):
        raise UsageError(f"In {where}: it is no object: {MEND}.")
    block = parse(Block, data, where)
    if block_digest(title, data) != block.digest:
        raise UsageError(
            f"In {where}: its content is not what its digest says, so that it was changed by hand or merged line by "
            f"line: {MEND}, and use `velm-bench baseline accept`."
        )
    return Kept(evidence_in(title, block, source, where), block.log, data)


def _require_light(tasks: Mapping[str, Kept], where: str) -> None:
    """UsageError where the tasks together unpack to more than memory: a small file can say that it is anything."""
    weights = [weight(kept.evidence) for kept in tasks.values()]
    letters, numbers = (sum(parts) for parts in zip(*weights, strict=True))
    if letters > MOST_LETTERS or numbers > MOST_NUMBERS:
        raise UsageError(
            f"In {where}: its tasks hold {letters} letters and {numbers} statistics, more than {MOST_LETTERS} and "
            f"{MOST_NUMBERS}: use a baseline per task."
        )


def _now(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The only writer of this kind in a folder; without effect on systems and file systems that have no locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
