"""Filling a mirror: the files of a data set, each checked, and a record of what they are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_file
from velm_bench.errors import RunError, UsageError
from velm_bench.sources.hub.export import export
from velm_bench.sources.hub.layout import CARD, choose, is_inside
from velm_bench.sources.hub.mirror import RECORD, FileRecord, PartRecord, Record, files_below, read_record
from velm_bench.sources.hub.remote import Repository, UnreachableError, look_up
from velm_bench.sources.hub.settings import Part

Tell = Callable[[str], None]
"""Is told what is being done, a sentence at a time."""


@dataclass(frozen=True)
class Fetched:
    """What came of fetching a part."""

    record: PartRecord
    size: int
    """Of all its files, in bytes."""
    fetched: int
    """How many of them were fetched now; 0 where all was there."""


def fetch(part: Part, root: Path, tell: Tell) -> Fetched:
    """Make `root` hold a part. What is there and sound is not fetched again, and what is not is, of the same commit.

    UsageError where the hub says no, RunError where it cannot be asked or the disk refuses.
    """
    folder = root / part.id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _fetch_once(part, folder, tell)
    except UnreachableError as reason:
        raise RunError(
            f"The data set {part} cannot be fetched, as the hub cannot be asked ({str(reason).rstrip('.')}): run the "
            "same command where there is a network."
        ) from reason
    except OSError as error:
        raise RunError(f"The mirror {folder} cannot be filled ({error}): mend that, and run the same again.") from error


def _alone(folder: Path) -> Any:
    """Held by one process at a time: the parts of a data set share a record, and the client's notes on downloads."""
    from filelock import FileLock  # which huggingface_hub needs itself

    return FileLock(folder / ".fetching.lock")


def _fetch_once(part: Part, folder: Path, tell: Tell) -> Fetched:
    record = read_record(folder) or Record(id=part.id)
    known = record.part(part)
    if known is not None and known.fits(part) and all(_is_sound(folder, name, record) for name in known.files):
        return _summary(known, record, 0)
    return _fetch(part, folder, record, known if known is not None and known.fits(part) else None, tell)


def _fetch(part: Part, folder: Path, record: Record, known: PartRecord | None, tell: Tell) -> Fetched:
    """Fetch what is missing; of the commit that the sound files are from, if there are some."""
    repository = look_up(part if known is None else replace(part, revision=known.commit))
    names = choose(repository.files, part, repository.card())
    folder.mkdir(parents=True, exist_ok=True)
    if names:
        fetched = _fetch_files(repository, names, folder, record, tell)
    else:
        tell(f"Reading {part} by `datasets`, as it is no Parquet on the hub.")
        names = fetched = _export(part, repository.commit, folder)
    for name in names:
        record = _noted(record, folder, name)
    whole = PartRecord(
        config=part.config,
        split=part.split,
        revision=part.revision,
        commit=repository.commit,
        patterns=part.files,
        files=tuple(names),
        rows=sum(record.files[name].rows for name in names),
    )
    others = tuple(one for one in record.parts if not one.is_of(part))
    record = record.model_copy(update={"parts": (*others, whole)})
    _write(record, folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the client's notes on unfinished files
    return _summary(whole, record, len(fetched))


def _fetch_files(
    repository: Repository, names: Sequence[str], folder: Path, record: Record, tell: Tell
) -> Sequence[str]:
    """Fetch the files that are not there as they should be, each noted when it is, and the card; their names."""
    missing = [name for name in names if not _is_known(folder, name, record, repository)]
    for name in missing:
        tell(f"Fetching {repository.id}/{name}.")
        _download(repository, name, folder)
        record = _noted(record, folder, name)
    if CARD in repository.files:
        repository.download(CARD, folder)
    return missing


def _summary(part: PartRecord, record: Record, fetched: int) -> Fetched:
    return Fetched(part, sum(record.files[name].size for name in part.files), fetched)


def _is_sound(folder: Path, name: str, record: Record) -> bool:
    """Whether a file is, byte for byte, what the record says."""
    path, noted = folder / name, record.files.get(name)
    there = noted is not None and path.is_file() and path.stat().st_size == noted.size
    return noted is not None and there and digest_file(path) == noted.sha256


def _is_known(folder: Path, name: str, record: Record, repository: Repository) -> bool:
    """Whether a file is what the hub says, or, where that says nothing of its bytes, what the record says."""
    wanted = repository.files[name]
    path = folder / name
    if wanted.sha256 is None:
        return _is_sound(folder, name, record) and path.stat().st_size == wanted.size
    return path.is_file() and path.stat().st_size == wanted.size and digest_file(path) == wanted.sha256


def _download(repository: Repository, name: str, folder: Path) -> None:
    """One file, whole or not at all; RunError if what came is not what the hub said."""
    path = repository.download(name, folder, again=(folder / name).exists())
    wanted = repository.files[name]
    if wanted.sha256 is not None and digest_file(path) != wanted.sha256:
        path.unlink()
        raise RunError(
            f"The file '{name}' of '{repository.id}' came damaged and is removed: run the same command again."
        )


def _noted(record: Record, folder: Path, name: str) -> Record:
    """The record, on the disk too, with a file that is there now."""
    path = folder / name
    noted = record.files.get(name)
    digest = digest_file(path)
    if noted is not None and noted.sha256 == digest:
        return record
    found = FileRecord(sha256=digest, size=path.stat().st_size, rows=_rows(path))
    without = tuple(part for part in record.parts if name not in part.files)  # which were about other bytes
    record = record.model_copy(update={"files": {**record.files, name: found}, "parts": without})
    _write(record, folder)
    return record


def _rows(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowException as error:
        path.unlink()
        raise UsageError(f"The file {path} is no Parquet, and is removed: correct the task's 'source'.") from error


def _export(part: Part, commit: str, folder: Path) -> list[str]:
    """Parquet made of something else, in a folder that appears when it is whole; the files' names."""
    place = Path(part.config or "data") / part.split
    if not is_inside(place.as_posix()):
        raise UsageError(f"The data set {part} would lie outside of its mirror: correct 'config' and 'split'.")
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=(folder / place).parent))
    try:
        export(part, commit, unfinished)
        shutil.rmtree(folder / place, ignore_errors=True)
        unfinished.chmod(0o755)
        unfinished.rename(folder / place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return [(place / name).as_posix() for name in files_below(folder / place)]


def _write(record: Record, folder: Path) -> None:
    """The record, whole or as it was."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{RECORD}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(record.model_dump_json(indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(folder / RECORD)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
