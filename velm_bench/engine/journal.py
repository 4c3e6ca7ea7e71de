"""The journal: answers as they come, one line per batch, safe against a kill at any moment.

A line is handed to the system in one write before the next batch is asked, which is all that surviving SIGKILL takes;
every few seconds it is also forced to the disk, against a loss of power. A line cut off at the end is removed before
anything is appended; a damaged line elsewhere is passed over, and its samples are asked again.

A line may also say that the run began anew there: nothing before it counts, nor does an earlier result. It is added
where `--fresh` is asked for, so that the earlier files can stay until others take their place.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from velm_bench.digests import canonical_json
from velm_bench.engine.outcomes import Outcome, decode
from velm_bench.errors import RunError, UsageError
from velm_bench.results.atomic import write_bytes

JOURNAL = "journal.jsonl"
NOTE = "plan.json"
"""What is asked, for who looks at a journal from outside; see `noting`."""
ANEW = b'{"anew":true}\n'
"""The line that forgets what came before it."""
SYNC_SECONDS = 5.0
"""How much work a loss of power may cost."""
LONGEST = 1e9
"""More seconds than this no batch took."""


@dataclass(frozen=True)
class Line:
    """One batch."""

    outcomes: tuple[Outcome, ...]
    seconds: float
    """How long the model took over it."""
    asked_size: int
    """The batch size that the run started with."""
    size: int
    """The batch size after it; smaller where memory had run out."""


class Journal:
    """An open journal: the lines that count, and room for more. Nobody else can open it meanwhile."""

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        self.path = folder / JOURNAL
        self.found = self.path.exists()
        """Whether a run was stopped before its files were complete; then only `discard` removes the file."""
        self._stream = _open_locked(self.path)
        self._synced = time.monotonic()
        self.anew = False
        """Whether an earlier result is to be ignored as well."""
        self.lines = self._recover(note)
        self._note: bytes | None = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stream.closed:
            self._close(remove=not self.found and os.fstat(self._stream.fileno()).st_size == 0)

    def describe(self, note: bytes) -> None:
        """Put this note beside the journal as soon as there is a line to add, until `discard`."""
        self._note = note

    def append(self, line: Line) -> None:
        """Add a batch; RunError where the disk is full."""
        self._write(_encode(line))

    def begin_anew(self) -> None:
        """Forget every line and the earlier result, in one step; RunError where the disk is full."""
        self._write(ANEW)
        self.anew, self.lines = True, []

    def _write(self, data: bytes) -> None:
        try:
            if self._note is not None:
                write_bytes(self.path.with_name(NOTE), self._note)
                self._note = None
            _write_all(self._stream.fileno(), data)
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                os.fsync(self._stream.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise RunError(
                f"The journal {self.path} cannot be written ({error.strerror or error}): make room there and run the "
                "same command again; it goes on where it stopped."
            ) from error

    def keep(self) -> None:
        """Leave the file, even an empty one, until `discard`: the final files are about to be replaced one by one."""
        self.found = True

    def discard(self) -> None:
        """Remove the file: what it held is in the final files."""
        self.path.with_name(NOTE).unlink(missing_ok=True)
        self._close(remove=True)

    def _close(self, remove: bool) -> None:
        if remove:
            self.path.unlink(missing_ok=True)
        self._stream.close()

    def _recover(self, note: Callable[[str], None]) -> list[Line]:
        """The lines of an earlier run that count, the file cut back to its last whole one."""
        self._stream.seek(0)
        data = self._stream.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._stream.truncate(whole)
        kept = _read(data[:whole])
        for number in kept.damaged:
            note(f"Line {number} of {self.path} is damaged: its samples are asked again.")
        self.anew = kept.anew
        return kept.lines


@dataclass(frozen=True)
class Kept:
    """What a journal holds."""

    lines: list[Line]
    """Those that count."""
    anew: bool
    """Whether the run began anew, so that an earlier result has no part in it."""
    damaged: list[int]
    """The numbers of lines that were passed over."""


def look(folder: Path) -> Kept:
    """What the journal in a folder holds by now, without locking or changing it; a line cut off at the end is none.

    UsageError where there is no journal.
    """
    path = folder / JOURNAL
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The journal {path} cannot be read ({error.strerror or error}): name the folder of a run that goes on."
        ) from error
    return _read(data[: data.rfind(b"\n") + 1])


def _read(data: bytes) -> Kept:
    """Whole lines."""
    anew = False
    lines: list[Line] = []
    damaged: list[int] = []
    for number, text in enumerate(data.split(b"\n")[:-1], start=1):
        if text == ANEW.rstrip():
            anew, lines = True, []
            continue
        try:
            lines.append(_decode(text))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            damaged.append(number)
    return Kept(lines, anew, damaged)


def _encode(line: Line) -> bytes:
    rows = [[outcome.id, outcome.key, outcome.answer, outcome.error] for outcome in line.outcomes]
    record = {"rows": rows, "seconds": line.seconds, "asked_size": line.asked_size, "size": line.size}
    return f"{canonical_json(record)}\n".encode("ascii")


def _decode(text: bytes) -> Line:
    record = json.loads(text)
    outcomes = tuple(_outcome(*row) for row in record["rows"])
    line = Line(outcomes, float(record["seconds"]), int(record["asked_size"]), int(record["size"]))
    if not (0.0 <= line.seconds <= LONGEST and 1 <= line.size <= line.asked_size):
        raise ValueError("no batch takes such a time or has such a size")
    return line


def _outcome(sample_id: Any, key: Any, answer: Any, error: Any) -> Outcome:
    if not all(isinstance(text, str) for text in (sample_id, key, error)):
        raise ValueError("id, key and error are texts")
    if not error:
        decode(answer)
    return Outcome(sample_id, key, answer, error)


def _write_all(handle: int, data: bytes) -> None:
    """One write, or more where the system takes only a part of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _open_locked(path: Path) -> Any:
    """The file, opened for reading and appending, made if absent; UsageError if another process has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            stream = path.open("a+b", buffering=0)
            _lock(stream.fileno(), path)
            if _is_same(stream.fileno(), path):
                return stream
            stream.close()  # another run finished and removed it between our opening and locking it
    except OSError as error:
        raise UsageError(
            f"The journal {path} cannot be written ({error.strerror or error}): give another folder with --output."
        ) from error


def _is_same(handle: int, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(handle), path.stat())


def _lock(handle: int, path: Path) -> None:
    """Hold the file until it is closed; without effect on systems and file systems that have no locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise UsageError(
                f"Another process is working on this run (it holds {path}): wait for it, or give another --output."
            ) from error


def starting_size(lines: Sequence[Line], asked_size: int) -> int:
    """The batch size to go on with: what memory allowed the interrupted run, if it had the same setting."""
    return next((line.size for line in reversed(lines) if line.asked_size == asked_size), asked_size)
