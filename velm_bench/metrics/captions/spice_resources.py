"""The Stanford CoreNLP jars that SPICE needs: found where they lie, or fetched once into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from velm_bench.cache import cache_root, cached
from velm_bench.errors import RunError
from velm_bench.metrics.base import MetricUnavailableError

HELD = {
    "stanford-corenlp-3.6.0.jar": "edu/stanford/nlp/semgraph/semgrex/SemgrexPattern.class",
    "stanford-corenlp-3.6.0-models.jar": "edu/stanford/nlp/models/lexparser/englishPCFG.ser.gz",
}
"""The first that SPICE asks of each jar: it is by this that a jar is known."""
JARS = tuple(HELD)
"""The code and the models; SPICE is defined by this version of them."""
ARCHIVE = "stanford-corenlp-full-2015-12-09"
URL = f"https://nlp.stanford.edu/software/{ARCHIVE}.zip"
"""What pycocoevalcap downloads too, 384 MB."""
SHA1 = "55c9d653eb30ace7d5a60eb3138e424f9442e539"
"""Of the archive, as builds that have pinned it for years know it; Stanford publishes none."""
NAME, VERSION = "spice", "corenlp-3.6.0"
"""What the cache's entry is called."""
MOST_BYTES = 1 << 30
"""The most that is downloaded, and the most that one jar may unpack to."""
SECONDS = 60.0
"""How long the server may keep silent."""
PIECE = 1 << 20

Report = Callable[[int, int], None]
"""Told how many bytes have come, and of how many (0 where the server does not say)."""


def find_jars() -> tuple[Path, ...]:
    """The jars in the folder VELM_SPICE, in the cache, or beside pycocoevalcap's own SPICE, whichever is first.

    MetricUnavailableError where they are nowhere whole, or where VELM_SPICE names a folder without them.
    """
    chosen = os.environ.get("VELM_SPICE")
    if chosen:
        fault = _fault(Path(chosen))
        if fault:
            raise MetricUnavailableError(f"VELM_SPICE names the folder {chosen}, {fault}: name one that has it whole.")
        return _jars(Path(chosen))
    for folder in _places():
        if not _fault(folder):
            return _jars(folder)
    raise MetricUnavailableError(
        "SPICE needs Stanford CoreNLP 3.6.0: run velm-bench doctor --install spice (384 MB), or set VELM_SPICE to a "
        f"folder that holds {' and '.join(JARS)}."
    )


def _jars(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in JARS)


def _installed() -> Path:
    return cache_root() / f"{NAME}-{VERSION}"


def _places() -> list[Path]:
    spec = find_spec("pycocoevalcap")
    roots = (spec.submodule_search_locations if spec else None) or ()
    return [_installed(), *(Path(root) / "spice" / "lib" for root in roots)]


def _fault(folder: Path) -> str:
    """What is wrong with the first jar that cannot be used; nothing where all can."""
    for name, member in HELD.items():
        if not (folder / name).is_file():
            return f"which lacks {name}"
        try:
            with ZipFile(folder / name) as jar:
                jar.getinfo(member)
        except KeyError:
            return f"whose {name} does not hold {member}"
        except (OSError, BadZipFile, ValueError, NotImplementedError) as error:
            return f"whose {name} cannot be read as a jar ({getattr(error, 'strerror', None) or error})"
    return ""


def install(report: Report) -> Path:
    """Fetch the jars into the cache, unless they are there whole; their folder.

    RunError, with nothing left behind, where the archive cannot be fetched whole or is not the expected one.
    """
    if _installed().is_dir() and _fault(_installed()):
        shutil.rmtree(_installed())
    return cached(NAME, VERSION, lambda unfinished: _fill(unfinished, report))


def _fill(folder: Path, report: Report) -> None:
    archive = folder / "archive.zip"
    try:
        _download(archive, report)
        for name in JARS:
            _unpack(archive, name, folder / name)
        archive.unlink()
    except (OSError, HTTPException, BadZipFile, ValueError, zlib.error) as error:  # ValueError: no address
        cause = getattr(error, "reason", error)  # urllib wraps what the system said
        said = str(getattr(cause, "strerror", None) or cause or type(error).__name__)
        raise _failed(said.strip().partition("\n")[0].rstrip(".")) from error


def _download(archive: Path, report: Report) -> None:
    """Fetch the archive, compare its size and its checksum."""
    from urllib.request import urlopen  # takes as long to import as the rest of the command line

    digest, done = hashlib.sha1(usedforsecurity=False), 0
    with urlopen(URL, timeout=SECONDS) as answer, archive.open("wb") as stream:
        total = getattr(answer, "length", None) or 0  # none where the server says nothing, or nonsense
        while piece := answer.read(PIECE):
            digest.update(piece)
            done += len(piece)
            if done > MOST_BYTES:
                raise _failed(f"it is larger than {MOST_BYTES:,} bytes")
            stream.write(piece)
            report(done, total)
    if total and done != total:
        raise _failed(f"the connection ended after {done:,} of {total:,} bytes")
    if digest.hexdigest() != SHA1:
        raise _failed(f"its SHA-1 is {digest.hexdigest()} where {SHA1} was expected")


def _unpack(archive: Path, name: str, target: Path) -> None:
    """Copy one member, named here and not by the archive, to a path of our choosing."""
    with ZipFile(archive) as held:
        try:
            member = held.getinfo(f"{ARCHIVE}/{name}")
        except KeyError:
            raise _failed(f"it holds no {name}") from None
        if member.file_size > MOST_BYTES:
            raise _failed(f"its {name} is larger than {MOST_BYTES:,} bytes")
        with held.open(member) as source, target.open("wb") as stream:
            shutil.copyfileobj(source, stream, PIECE)


def _failed(why: str) -> RunError:
    return RunError(
        f"{URL} could not be fetched ({why}): try again, or fetch it elsewhere, unpack it and set VELM_SPICE to its "
        "folder."
    )
