"""A folder for what is slow to make and can be made again: each entry is whole or absent, and keyed by its content."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from velm_bench.errors import UnavailableError

UNWRITABLE = frozenset({errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EROFS})
"""What goes wrong in making an entry because of where it is made: permissions, quota, a full or read-only disk."""
ABANDONED = 24 * 60 * 60
"""After so many seconds an unfinished entry is one that a killed process left."""


def cache_root() -> Path:
    """`VELM_CACHE`, or velm-bench in the user's cache folder (`XDG_CACHE_HOME`, ~/.cache).

    UnavailableError for a user without a home.
    """
    chosen = os.environ.get("VELM_CACHE")
    if chosen:
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velm-bench"
    except RuntimeError as error:  # a user without an entry in the password file, and no HOME
        raise UnavailableError("There is no home folder to keep a cache in: set VELM_CACHE to a folder.") from error


def cached(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `name-key` of the cache; if it is not there yet, `make` fills it.

    It is filled under another name and renamed, so that a killed or a second process leaves no half of it. `key` must
    name everything the content depends on. UnavailableError where the cache cannot be written; other errors of `make`
    are its own.
    """
    place = cache_root() / f"{name}-{key}"
    if place.is_dir():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent, name)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
    except OSError as error:
        raise _unwritable(place, error) from error
    try:
        make(unfinished)
        _rename(unfinished, place)
    except OSError as error:
        if error.errno in UNWRITABLE and _is_about(unfinished, error):
            raise _unwritable(place, error) from error
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return place


def _rename(unfinished: Path, place: Path) -> None:
    try:
        unfinished.chmod(0o755)
        unfinished.rename(place)
    except OSError as error:
        if not place.is_dir():  # else another process was first: its entry has the same content
            raise _unwritable(place, error) from error


def _is_about(folder: Path, error: OSError) -> bool:
    """Whether an error names a file in the folder, or none: a full disk is noticed in writing, without a name."""
    return error.filename is None or str(error.filename).startswith(str(folder))


def _unwritable(place: Path, error: OSError) -> UnavailableError:
    said = error.strerror or error
    return UnavailableError(
        f"The cache folder {place.parent} cannot take '{place.name}' ({said}): set VELM_CACHE to another."
    )


def _sweep(folder: Path, name: str) -> None:
    """Remove what killed processes left of entries of that name."""
    for unfinished in folder.glob(f".{name}-*"):
        with suppress(OSError):  # another process may be removing it too
            if time.time() - unfinished.stat().st_mtime > ABANDONED:
                shutil.rmtree(unfinished, ignore_errors=True)
