"""Data sets as folders of files: a mirror in a data folder, or the snapshot that the hub's own cache keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from velm_bench.errors import UsageError
from velm_bench.sources.hub.layout import CARD, Card, choose
from velm_bench.sources.hub.settings import Part
from velm_bench.sources.packed import LocalShard, Shard

RECORD = "velm-bench.json"
"""What `tasks fetch` writes beside the files: where they are from, and what they are."""


class FileRecord(BaseModel):
    """One file of a mirror."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    """Of its bytes."""
    size: int
    """In bytes."""
    rows: int
    """How many rows it has."""


class PartRecord(BaseModel):
    """One part of a data set that is whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: str
    split: str
    revision: str
    """As it was asked for; empty for the default branch."""
    commit: str
    """What that was, 40 hexadecimal digits."""
    patterns: tuple[str, ...] = ()
    """The task's `files`, if it has some."""
    files: tuple[str, ...]
    """The names of its files, in order."""
    rows: int
    """How many rows they have."""

    def is_of(self, part: Part) -> bool:
        """Whether it is the part that is looked for, whatever its revision."""
        return (self.config, self.split, self.patterns) == (part.config, part.split, part.files)

    def fits(self, part: Part) -> bool:
        """Whether its revision is the one that is looked for."""
        return part.revision in (self.revision, self.commit)


class Record(BaseModel):
    """What a mirror of one data set holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    id: str
    """The data set's name on the hub."""
    files: dict[str, FileRecord] = {}
    """By name within the data set's folder."""
    parts: tuple[PartRecord, ...] = ()
    """What is whole."""

    def part(self, wanted: Part) -> PartRecord | None:
        """The part that is looked for, or what there is of it in another revision."""
        known = [part for part in self.parts if part.is_of(wanted)]
        return next((part for part in known if part.fits(wanted)), known[0] if known else None)


def read_record(folder: Path) -> Record | None:
    """The record of a data set's mirror; None if it has none, UsageError if it cannot be read."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise UsageError(f"The record {path} cannot be read: remove it, and fetch the data again.") from error


@dataclass(frozen=True)
class Located:
    """A part that was found."""

    shards: Sequence[Shard]
    """Its Parquet files, in order; at least one."""
    commit: str = ""
    """The commit of the repository, where it is known."""
    features: Mapping[str, Any] = field(default_factory=dict)
    """The classes of columns, where the data set's card says them."""


def in_mirrors(part: Part, roots: Iterable[Path]) -> Located | None:
    """The part in the first data folder that has it; UsageError for a mirror that is damaged or of another revision."""
    wrong: UsageError | None = None
    for folder in (root / part.id for root in roots):
        try:
            found = (_recorded(part, folder) or in_folder(part, folder)) if folder.is_dir() else None
        except UsageError as error:  # another data folder may have it as it should be
            found, wrong = None, wrong or error
        if found is not None:
            return found
    if wrong is not None:
        raise wrong
    return None


def _recorded(part: Part, folder: Path) -> Located | None:
    """The part as the record says it; None where no record knows it."""
    record = read_record(folder)
    known = record.part(part) if record else None
    if record is None or known is None:
        return None
    if not known.fits(part):
        raise UsageError(
            f"The mirror {folder} has the revision '{known.revision or known.commit}' and not "
            f"{repr(part.revision) if part.revision else 'that of the default branch'}, which the task is about: fetch "
            "it into another data folder."
        )
    for name in known.files:
        path, size = folder / name, record.files[name].size
        if not path.is_file() or path.stat().st_size != size:
            fault = "is damaged" if path.is_file() else "is missing"
            raise UsageError(f"The file {path} {fault}: the same `velm-bench tasks fetch` as before mends it.")
    return Located(
        [LocalShard(folder / name) for name in known.files], known.commit, card_of(folder).features(part.config)
    )


def in_folder(part: Part, folder: Path, commit: str = "") -> Located | None:
    """The part in a folder of the hub's layout; None if it is not there, UsageError if it is not whole."""
    card = card_of(folder)
    chosen = choose(files_below(folder), part, card)
    shards = [LocalShard(folder / name) for name in chosen]
    return Located(shards, commit, card.features(part.config)) if shards else None


def files_below(folder: Path) -> list[str]:
    """The names of the files in a folder, hidden ones aside, relative to it."""
    found = []
    for current, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [(Path(current) / name).relative_to(folder).as_posix() for name in files if not name.startswith(".")]
    return sorted(found)


def card_of(folder: Path) -> Card:
    """The card in a data set's folder; an empty one if there is none."""
    try:
        return Card((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return Card()
