"""The board as a folder: what is pinned, the submissions, and the events about them.

    board.toml                      what is measured
    tasks/<name>.yaml               the pinned tasks
    submissions/<id>/               a bundle: manifest.json, and the files that it names
    events/<id>.submitted.json      the moment from which a submission is there
    events/<id>.<time>.<kind>.<digest>.json
    derived/                        made again at any time: the index, the recomputed runs

Everything but `derived` only ever grows, under names that hold the content's digest: writers cannot get into each
other's way, and two copies of a board are merged by taking all files of both, as git does. The one name that holds no
digest is that of the event which submits, so that a submission is submitted once; where two copies did so on their
own, git keeps both lines in the one file (`merge=union`), and the earlier one counts.
"""

from __future__ import annotations

import gc
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from velm_bench.board.encoding import SUBMITTED, decode, decode_event, encode, encode_event, event_name, versioned
from velm_bench.board.moments import NAMED, horizon, in_name, is_ahead
from velm_bench.board.schema import BoardFile, Event, EventKind, FileEntry, Manifest, PinnedTask
from velm_bench.board.stores import LocalStore, Store, open_store, why
from velm_bench.cache import cache_root
from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import RunError, UsageError
from velm_bench.schema import parse

__all__ = ["BOARD", "MANIFEST", "Board", "Bundle", "encode", "event_name"]

R = TypeVar("R")

BOARD = "board.toml"
MANIFEST = "manifest.json"
SUBMISSIONS, EVENTS, TASKS, DERIVED = "submissions", "events", "tasks", "derived"
IDENTITY = re.compile(r"[0-9a-f]{64}")
UNCHANGED = b"* -text\n"  # git would turn the ends of lines on some systems, and every digest with them
LEFT_OUT = b".*.part\n.lock\n"
GIT = {
    f"{SUBMISSIONS}/.gitattributes": UNCHANGED,
    f"{SUBMISSIONS}/.gitignore": LEFT_OUT,
    f"{EVENTS}/.gitattributes": UNCHANGED + b"*.submitted.json merge=union\n",
    f"{EVENTS}/.gitignore": LEFT_OUT,
}
"""What git has to know of a board in a folder."""


@dataclass(frozen=True)
class Bundle:
    """A submission before it is published: its manifest, and the bytes of every file that this names."""

    manifest: Manifest
    files: Mapping[str, bytes]

    @cached_property
    def encoded(self) -> bytes:
        """The bytes of manifest.json."""
        return encode(self.manifest)

    @property
    def id(self) -> str:
        """The submission's identity: the SHA-256 of its manifest, which holds those of all files."""
        return digest_bytes(self.encoded)

    def require_whole(self) -> None:
        """UsageError naming a file that the manifest does not name, that is absent, or that was changed."""
        named = {entry.path: entry for entry in self.manifest.files}
        for path in sorted(named.keys() ^ self.files.keys()):
            raise UsageError(
                f"The file {path} of the bundle is {'absent' if path in named else 'not in its manifest'}."
            )
        for path, entry in named.items():
            if len(self.files[path]) != entry.size or digest_bytes(self.files[path]) != entry.sha256:
                raise UsageError(f"The file {path} of the bundle was changed: its digest is not the manifest's.")


class Board:
    """An open board."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.place = store.place
        self.heard: dict[str, Any] = {}
        """What is kept of events that were read, by the names of their files, which are never changed."""

    @classmethod
    def open(cls, place: str) -> Board:
        """The board in a folder or at an address; UsageError where there is none, or none that can be read."""
        board = cls(open_store(place))
        _ = board.file
        return board

    @cached_property
    def file(self) -> BoardFile:
        """What is pinned; UsageError where board.toml is absent or damaged."""
        where = f"{self.place}/{BOARD}"
        try:
            data = tomllib.loads(self.store.read(BOARD).decode("utf-8"))
        except FileNotFoundError as error:
            raise UsageError(
                f"There is no board at {self.place}: `velm-bench board create {self.place} --tasks ...` makes one."
            ) from error
        except (OSError, ValueError) as error:
            raise UsageError(f"The file {where} cannot be read ({error}): restore it.") from error
        return parse(BoardFile, versioned(data, where), where)

    @property
    def tasks(self) -> Mapping[str, PinnedTask]:
        """The pinned tasks by name, in the order in which they are shown."""
        return {task.name: task for task in self.file.tasks}

    @property
    def derived(self) -> Path:
        """The folder of what can be made again, on this machine; made here, out of git's sight.

        In the cache for a board at an address, and for one in a folder where none can be made.
        """
        if isinstance(self.store, LocalStore) and _made(self.store.root / DERIVED):
            return self.store.root / DERIVED
        place = str(self.store.root.resolve()) if isinstance(self.store, LocalStore) else self.place
        folder = cache_root() / "boards" / digest_bytes(place.encode())[:16]
        _made(folder)
        return folder

    @property
    def runs(self) -> Path:
        """The folder of the recomputed runs: `<submission>/<run's name>/` with result.json and samples.parquet."""
        return self.derived / "runs"

    def identity(self) -> str:
        """The snapshot: changes whenever something is pinned, submitted or said; every copy of the board has the same.
        What caches key on."""
        return digest_json([digest_bytes(self._read(BOARD)), self.event_files()])

    def event_files(self) -> list[str]:
        """The names of the files of events that count by their dates, sorted."""
        limit = in_name(horizon())
        return [name for name in self.store.names(EVENTS) if NAMED.fullmatch(name) and not is_ahead(name, limit)]

    def strays(self, submission: str = "") -> list[str]:
        """A sentence for each file in events/, about one submission or all, that does not count: dated ahead of the
        clock, or not called as an event is."""
        counting = set(self.event_files())
        names = [name for name in self.store.names(EVENTS) if name.startswith(submission) and name not in counting]
        return [self._too_early(f"{EVENTS}/{one}") if NAMED.fullmatch(one) else self._foreign(one) for one in names]

    def standing(self) -> set[str]:
        """The submissions that were neither rejected nor withdrawn, by the names of their events alone."""
        gone: dict[str, str] = {}  # by submission, the last that was said of the kind
        for name in sorted(self.event_files()):  # by submission, then in the order of time
            found = NAMED.fullmatch(name)
            if found is None:
                continue
            submission, _, kind = found.groups()
            withdrawn = gone.get(submission) == EventKind.WITHDRAWN
            if kind in (EventKind.REJECTED, EventKind.WITHDRAWN) and not withdrawn:
                gone[submission] = kind
            elif kind == EventKind.CLEARED and not withdrawn:
                gone.pop(submission, None)
        return set(self.submissions()) - gone.keys()

    def submissions(self) -> list[str]:
        """The identities of all submissions, whatever became of them, sorted."""
        found = [name.removesuffix(SUBMITTED) for name in self.store.names(EVENTS) if name.endswith(SUBMITTED)]
        return [name for name in found if IDENTITY.fullmatch(name)]

    def manifest(self, submission: str) -> Manifest:
        """What a submission holds; UsageError where there is none, or it was tampered with."""
        path = _manifest_path(submission)
        return self._manifest(submission, path, self._read(path))

    def manifests(self, chosen: Sequence[str] | None = None) -> tuple[dict[str, Manifest], list[str]]:
        """What every submission (of the chosen ones) holds, and a sentence for each whose manifest is absent or was
        tampered with."""
        submissions = self.submissions() if chosen is None else chosen
        paths = {_manifest_path(submission): submission for submission in submissions}
        return self._each(paths, lambda path, data: self._manifest(paths[path], path, data))

    def read(self, submission: str, path: str) -> bytes:
        """A file of a submission; UsageError where it is absent, was tampered with, or is not in the manifest."""
        entry = next((one for one in self.manifest(submission).files if one.path == path), None)
        if entry is None:
            raise UsageError(f"The submission {submission[:12]} has no file '{path}'.")
        return self._file(submission, entry)

    def bundle(self, submission: str) -> Bundle:
        """A submission with all its files; UsageError naming the one that is absent or was tampered with."""
        manifest = self.manifest(submission)
        return Bundle(manifest, {entry.path: self._file(submission, entry) for entry in manifest.files})

    def publish(self, bundle: Bundle, event: Event) -> bool:
        """Add a bundle that has been checked, with the event that says so; False where it is there already.

        Killed at any moment, the board is as it was: only the event, written last, makes files a submission.
        UsageError for a bundle or an event that does not fit.
        """
        bundle.require_whole()
        if event.kind is not EventKind.SUBMITTED or event.submission != bundle.id:
            raise UsageError(f"The event '{event.kind}' does not submit {bundle.id[:12]}.")
        folder = f"{SUBMISSIONS}/{bundle.id}"
        for path, data in (*bundle.files.items(), (MANIFEST, bundle.encoded)):
            self._keep(f"{folder}/{path}", data)
        return self.record(event)

    def record(self, event: Event) -> bool:
        """Add an event; False where it is there already."""
        if isinstance(self.store, LocalStore):
            for name, data in GIT.items():
                self.store.create(name, data)
        return self.store.create(f"{EVENTS}/{event_name(event)}", encode_event(event))

    def events(self, submission: str = "") -> list[Event]:
        """What was said, in the order of time, about one submission or all; `log` says which files it leaves out."""
        return self.log(submission)[0]

    def log(self, submission: str = "", chosen: Sequence[str] | None = None) -> tuple[list[Event], list[str]]:
        """What was said, in the order of time, about one submission or all, and a sentence for each file that is no
        event or was changed. `chosen` names files of events/ which alone are read.

        What is dated ahead of the clock was not said yet: see `strays`.
        """
        listed = self.event_files() if chosen is None else chosen
        about = [name for name in listed if name.startswith(submission)]
        names = {f"{EVENTS}/{name}": name for name in about}
        limit = horizon()
        found, notes = self._each(names, lambda path, data: self._event(names[path], data, path, limit))
        ordered = sorted(found.items(), key=lambda pair: (pair[1].at, pair[0]))
        return [event for _, event in ordered], notes

    def _event(self, name: str, data: bytes, path: str, limit: str) -> Event:
        event = decode_event(name, data, path)
        if event.at > limit:  # the one that submits, whose time is not in its name
            raise UsageError(self._too_early(path))
        return event

    def _manifest(self, submission: str, path: str, data: bytes) -> Manifest:
        if digest_bytes(data) != submission:
            raise self._changed(path, "its digest is not its name")
        return decode(Manifest, data, path)

    def _file(self, submission: str, entry: FileEntry) -> bytes:
        path = f"{SUBMISSIONS}/{submission}/{entry.path}"
        data = self._read(path)
        if digest_bytes(data) != entry.sha256:
            raise self._changed(path, "its digest is not the manifest's")
        return data

    def _keep(self, path: str, data: bytes) -> None:
        """Add a file whose content its name decides; one that is there already must have that content."""
        if not self.store.create(path, data) and self._read(path) != data:
            raise RunError(f"The file {path} of the board {self.place} was changed: remove it first.")

    def _each(self, paths: Mapping[str, str], use: Callable[[str, bytes], R]) -> tuple[dict[str, R], list[str]]:
        """By the names given to paths, what each file holds; and a sentence for each that cannot be used."""
        found: dict[str, R] = {}
        notes: list[str] = []
        with _uncollected():
            for path, data in self.store.read_all(list(paths)).items():
                try:
                    if isinstance(data, OSError):
                        raise self._unreadable(path, data)
                    found[paths[path]] = use(path, data)
                except UsageError as error:
                    notes.append(str(error))
        return found, notes

    def _read(self, path: str) -> bytes:
        try:
            return self.store.read(path)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _unreadable(self, path: str, error: OSError) -> UsageError:
        return UsageError(f"The file {path} of the board {self.place} cannot be read ({why(error)}): restore it.")

    def _too_early(self, path: str) -> str:
        return (
            f"The file {path} of the board {self.place} is dated ahead of this machine's clock and does not count: "
            "remove it, or set the clock."
        )

    def _foreign(self, name: str) -> str:
        return f"The file {EVENTS}/{name[:200]} of the board {self.place} is none of a board: remove it."

    def _changed(self, path: str, how: str) -> UsageError:
        return UsageError(f"The file {path} of the board {self.place} was changed: {how}.")


def _manifest_path(submission: str) -> str:
    if not IDENTITY.fullmatch(submission):
        raise UsageError(f"{submission!r:.80} is no submission: one has 64 hexadecimal digits.")
    return f"{SUBMISSIONS}/{submission}/{MANIFEST}"


def _made(folder: Path) -> bool:
    """Whether a folder that git does not see is there now."""
    hidden = folder / ".gitignore"
    if not hidden.exists():
        with suppress(OSError):  # what can only be read may still hold what somebody else made
            folder.mkdir(parents=True, exist_ok=True)
            hidden.write_bytes(b"*\n")
    return folder.is_dir()


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for unreachable objects meanwhile: half a million new ones take twice as long with it."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
