"""Where a board's files lie: a folder of this machine, or anything that fsspec reaches.

A board only ever adds files, each under a name that nobody else gives to another content, so that all a store must
promise is that a file is whole or absent. Whoever publishes something twice must be told: `create` says whether it was
the first.
"""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from velm_bench.errors import RunError
from velm_bench.results.atomic import TEMPORARY, flush_folder


class Store(ABC):
    """Files by their path within the board, with slashes."""

    place: str
    """What to call it in a sentence: the folder, or the address."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError where there is none."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Add a file, whole or not at all; False, and nothing changed, where there is one already."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted, unfinished files left out; nothing where there is no such folder."""


class LocalStore(Store):
    """A folder: files are written aside and linked into place, which succeeds for one of any number of writers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def create(self, path: str, data: bytes) -> bool:
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=TEMPORARY)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(name).chmod(0o644)
                os.link(name, target)
            except FileExistsError:
                return False
            finally:
                with suppress(OSError):
                    Path(name).unlink()
        except OSError as error:
            raise RunError(
                f"The file {path} cannot be added to the board {self.place} ({error.strerror or error}): make room or "
                "mend its permissions, and run the same command again."
            ) from error
        flush_folder(target.parent)
        return True

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.root / folder) if not name.startswith("."))  # noqa: PTH208 (no Path each)
        except (FileNotFoundError, NotADirectoryError):
            return []


def open_store(place: str) -> Store:
    """The store of a folder or an address such as "s3://bucket/board"; UsageError for one that cannot be reached."""
    return LocalStore(Path(place))
