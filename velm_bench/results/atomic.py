"""Atomic writes: a file is whole or absent, whatever happens meanwhile.

The new content goes to a temporary file in the same folder, is flushed to the disk, and takes the old file's place in
one step; then the folder itself is flushed, so that the step survives a loss of power. The price is one extra file
while writing and two flushes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from velm_bench.errors import UsageError

TEMPORARY = ".part"
"""How the names of unfinished files end."""


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream whose content becomes `path` when the block ends well; nothing is left behind otherwise."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` in `path`, atomically."""
    with atomic_write(path) as stream:
        stream.write(data)


def flush_folder(folder: Path) -> None:
    """Ask the disk to keep what was renamed or removed in a folder, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def require_writable(folder: Path, flag: str = "--output") -> None:
    """Make sure that files can be created in `folder`, which is made if absent; UsageError if not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".probe.", suffix=TEMPORARY)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be written ({_why(folder, error)}): give another with {flag}."
        ) from error


def _why(folder: Path, error: OSError) -> str:
    return "it is a file" if isinstance(error, FileExistsError) else error.strerror or str(error)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left in a folder."""
    for path in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError):
            path.unlink()


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
