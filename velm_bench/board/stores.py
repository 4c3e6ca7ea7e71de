"""Where a board's files lie: a folder of this machine, or anything that fsspec reaches.

A board only ever adds files, each under a name that nobody else gives to another content, so that all a store must
promise is that a file is whole or absent. Whoever publishes something twice must be told: `create` says whether it was
the first.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from velm_bench.cache import ABANDONED
from velm_bench.errors import RunError
from velm_bench.results.atomic import TEMPORARY, flush_folder

NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP, errno.EACCES, errno.EMLINK})
"""What a file system answers that has no hard links."""
NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that lies where a file should be must not hold up whoever reads it."""
LOCK = ".lock"
"""The file that writers lock in turn where there are no hard links."""


class Store(ABC):
    """Files by their path within the board, with slashes."""

    place: str
    """What to call it in a sentence: the folder, or the address."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError where there is none, other OSErrors where it cannot be read."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> bool:
        """Add a file, whole or not at all; False, and nothing changed, where there is one already.

        RunError where it cannot be written.
        """

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted, unfinished files left out; nothing where there is no such folder."""

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes | OSError]:
        """The bytes of many files, or why one cannot be read."""
        return {path: self._bytes_or_reason(path) for path in paths}

    def _bytes_or_reason(self, path: str) -> bytes | OSError:
        try:
            return self.read(path)
        except OSError as error:
            return error


class LocalStore(Store):
    """A folder: files are written aside and linked into place, which succeeds for one of any number of writers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def read(self, path: str) -> bytes:
        handle = os.open(f"{self.root}/{path}", os.O_RDONLY | NO_WAIT)  # ten thousand of them: no Path each
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "it is no plain file")
        with open(handle, "rb") as stream:  # noqa: PTH123
            return stream.read()

    def create(self, path: str, data: bytes) -> bool:
        target = self.root / path
        try:
            if target.exists():
                return False
            _make_folder(target.parent)
            first = _placed(target, data)
        except OSError as error:
            raise unwritten(path, self.place, error) from error
        flush_folder(target.parent)
        return first

    def names(self, folder: str) -> list[str]:
        try:
            found = os.listdir(self.root / folder)  # noqa: PTH208 (no Path each)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unlisted(folder, self.place, error) from error
        _sweep(self.root / folder, [name for name in found if name.startswith(".") and name.endswith(TEMPORARY)])
        return sorted(name for name in found if not name.startswith("."))


def open_store(place: str) -> Store:
    """The store of a folder or an address such as "s3://bucket/board"; UsageError for one that cannot be reached."""
    if "://" not in place:
        return LocalStore(Path(place))
    parts = urlsplit(place)
    if parts.scheme in ("file", "local"):  # a folder keeps what a folder promises
        return LocalStore(Path(unquote(parts.netloc + parts.path)))
    from velm_bench.board.remote import FsspecStore

    return FsspecStore(place)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that they survive a loss of power as the files in them do."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    with suppress(FileExistsError):  # another writer was faster
        folder.mkdir()
    flush_folder(folder.parent)


def _placed(target: Path, data: bytes) -> bool:
    """Write a file aside and give it its name; False where somebody else was faster."""
    aside = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with aside.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        return _linked(aside, target)
    finally:
        with suppress(OSError):
            aside.unlink()


def _linked(aside: Path, target: Path) -> bool:
    """Give a finished file its name unless that is taken: the system lets exactly one link succeed."""
    try:
        os.link(aside, target)
    except FileExistsError:
        # over a network, an answer that was lost makes the system ask again, and find its own link
        return aside.samefile(target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _renamed(aside, target)
    return True


def _renamed(aside: Path, target: Path) -> bool:
    """The same where there are no hard links: whoever holds the folder's lock looks, then renames."""
    if sys.platform == "win32":
        try:
            aside.rename(target)  # never replaces a file there
        except FileExistsError:
            return False
        return True
    with _locked(target.parent / LOCK):
        if target.exists():
            return False
        aside.rename(target)
        return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The only one who holds this lock; the system takes it from a process that dies."""
    import fcntl

    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # freed when the file is closed
        yield


def _sweep(folder: Path, unfinished: Sequence[str]) -> None:
    """Remove what killed writers left long ago; a younger one may still be written."""
    for name in unfinished:
        with suppress(OSError):
            if (folder / name).stat().st_mtime < time.time() - ABANDONED:
                (folder / name).unlink()


def why(error: Exception) -> str:
    """An error in at most a line, without a full stop."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".")


def unwritten(path: str, place: str, error: OSError) -> RunError:
    return RunError(
        f"The file {path} cannot be added to the board {place} ({why(error)}): make room or mend its permissions, "
        "and run the same command again."
    )


def unlisted(folder: str, place: str, error: OSError) -> RunError:
    return RunError(f"The folder {folder} of the board {place} cannot be listed ({why(error)}): run it again.")
