"""The board as a folder: what is pinned, the submissions, and the events about them.

    board.toml                      what is measured
    tasks/<name>.yaml               the pinned tasks
    submissions/<id>/               a bundle: manifest.json, and the files that it names
    events/<id>.submitted.json      the moment from which a submission is there
    events/<id>.<time>.<kind>.<digest>.json
    derived/                        made again at any time: the index, the recomputed runs

Everything but `derived` only ever grows, under names that hold the content's digest: writers cannot get into each
other's way, and two copies of a board are merged by taking all files of both, as git does.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from velm_bench.board.schema import BOARD_VERSION, BoardFile, Event, EventKind, Manifest, PinnedTask
from velm_bench.board.stores import LocalStore, Store, open_store
from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import RunError, UsageError
from velm_bench.results.schema import Record
from velm_bench.schema import parse

BOARD = "board.toml"
MANIFEST = "manifest.json"
SUBMISSIONS, EVENTS, TASKS, DERIVED = "submissions", "events", "tasks", "derived"
SUBMITTED = ".submitted.json"
"""How the name of the event ends that makes a submission one."""


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


def encode(record: Record) -> bytes:
    """A record as the bytes of its file; the same record always gives the same bytes."""
    return (json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True, allow_nan=False) + "\n").encode(
        "ascii"
    )


class Board:
    """An open board."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.place = store.place

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
        return parse(BoardFile, _versioned(data, where), where)

    @property
    def tasks(self) -> Mapping[str, PinnedTask]:
        """The pinned tasks by name, in the order in which they are shown."""
        return {task.name: task for task in self.file.tasks}

    @property
    def derived(self) -> Path:
        """The folder of what can be made again, on this machine."""
        if isinstance(self.store, LocalStore):
            return self.store.root / DERIVED
        from velm_bench.cache import cache_root

        return cache_root() / "boards" / digest_bytes(self.place.encode())[:16]

    @property
    def runs(self) -> Path:
        """The folder of the recomputed runs: `<submission>/<run's name>/` with result.json and samples.parquet."""
        return self.derived / "runs"

    def identity(self) -> str:
        """The snapshot: changes whenever something is pinned, submitted or said. What caches key on."""
        return digest_json([self.place, digest_bytes(self.store.read(BOARD)), self.store.names(EVENTS)])

    def submissions(self) -> list[str]:
        """The identities of all submissions, whatever became of them, sorted."""
        return [name.removesuffix(SUBMITTED) for name in self.store.names(EVENTS) if name.endswith(SUBMITTED)]

    def manifest(self, submission: str) -> Manifest:
        """What a submission holds; UsageError where it was tampered with."""
        path = f"{SUBMISSIONS}/{submission}/{MANIFEST}"
        data = self._read(path)
        if digest_bytes(data) != submission:
            raise UsageError(f"The file {path} of the board {self.place} was changed: its digest is not its name.")
        return parse(Manifest, _loaded(data, path), path)

    def read(self, submission: str, path: str) -> bytes:
        """A file of a submission; UsageError where it is absent, was tampered with, or is not in the manifest."""
        expected = {entry.path: entry for entry in self.manifest(submission).files}.get(path)
        whole = f"{SUBMISSIONS}/{submission}/{path}"
        if expected is None:
            raise UsageError(f"The submission {submission[:12]} has no file '{path}'.")
        data = self._read(whole)
        if digest_bytes(data) != expected.sha256:
            raise UsageError(
                f"The file {whole} of the board {self.place} was changed: its digest is not the manifest's."
            )
        return data

    def publish(self, bundle: Bundle, event: Event) -> bool:
        """Add a bundle that has been checked, with the event that says so; False where it is there already.

        Killed at any moment, the board is as it was: only the event, written last, makes files a submission.
        """
        folder = f"{SUBMISSIONS}/{bundle.id}"
        for path, data in {**bundle.files, MANIFEST: bundle.encoded}.items():
            if not self.store.create(f"{folder}/{path}", data) and self.store.read(f"{folder}/{path}") != data:
                raise RunError(f"The file {folder}/{path} of the board {self.place} was changed: remove it first.")
        return self.record(event)

    def record(self, event: Event) -> bool:
        """Add an event; False where it is there already."""
        return self.store.create(f"{EVENTS}/{event_name(event)}", encode(event))

    def events(self) -> list[Event]:
        """Everything that was said, in the order of time; UsageError for a file that is no event."""
        found = [(self._event(name), name) for name in self.store.names(EVENTS) if name.endswith(".json")]
        return [event for event, name in sorted(found, key=lambda pair: (pair[0].at, pair[1]))]

    def _event(self, name: str) -> Event:
        path = f"{EVENTS}/{name}"
        event = parse(Event, _loaded(self._read(path), path), path)
        if event_name(event) != name:
            raise UsageError(f"The file {path} of the board {self.place} was changed: it does not fit its name.")
        return event

    def _read(self, path: str) -> bytes:
        try:
            return self.store.read(path)
        except OSError as error:
            raise UsageError(f"The file {path} of the board {self.place} cannot be read: {error}.") from error


def event_name(event: Event) -> str:
    """The name of an event's file; a submission is submitted once, by whoever creates that file."""
    if event.kind is EventKind.SUBMITTED:
        return f"{event.submission}{SUBMITTED}"
    time = event.at.replace("-", "").replace(":", "")
    return f"{event.submission}.{time}.{event.kind}.{digest_bytes(encode(event))[:16]}.json"


def _loaded(data: bytes, path: str) -> Mapping[str, Any]:
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file {path} is damaged ({error}).") from error
    return _versioned(loaded, path)


def _versioned(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, dict) or "board_version" not in data:
        raise UsageError(f"The file {where} is none of a board: it has no 'board_version'.")
    if data["board_version"] != BOARD_VERSION:
        raise UsageError(
            f"The file {where} has board version {data['board_version']!r:.20} and this velm-bench reads "
            f"{BOARD_VERSION}: use the version that wrote it."
        )
    return data
