"""A folder for what is slow to make and can be made again: each entry is whole or absent, and keyed by its content."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from velm_bench.errors import UnavailableError


def cache_root() -> Path:
    """`VELM_CACHE`, or velm-bench in the user's cache folder (`XDG_CACHE_HOME`, ~/.cache)."""
    chosen = os.environ.get("VELM_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "velm-bench"


def cached(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `name-key` of the cache; if it is not there yet, `make` fills it.

    It is filled under another name and renamed, so that a killed or a second process leaves no half of it. `key` must
    name everything the content depends on. UnavailableError where the cache cannot be written.
    """
    place = cache_root() / f"{name}-{key}"
    if place.is_dir():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
        try:
            make(unfinished)
            unfinished.chmod(0o755)
            with suppress(OSError):  # another process was first: its entry has the same content
                unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise UnavailableError(
            f"The cache folder {place.parent} cannot be written ({error.strerror or error}): set VELM_CACHE to another."
        ) from error
    return place
