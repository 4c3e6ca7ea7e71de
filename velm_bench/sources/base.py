"""What a source of samples promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from velm_bench.errors import UsageError
from velm_bench.samples import Sample


@dataclass(frozen=True)
class Place:
    """Where relative data paths are looked for: the data folders first, then beside the task's file."""

    roots: tuple[Path, ...] = ()
    """`--data` or VELM_DATA, in order."""
    beside: Path = field(default_factory=Path.cwd)
    """The folder of the task's YAML."""
    task: str = ""
    """What one writes to name the task, for sentences that say what to call."""

    def find(self, path: str, flag: str = "path") -> Path:
        """The first existing file or folder of that name; UsageError naming every place looked at."""
        candidates = [root / path for root in (*self.roots, self.beside)]
        for candidate in candidates:
            if candidate.exists():
                return candidate
        looked = " nor ".join(str(candidate) for candidate in candidates)
        where = f"neither at {looked}" if len(candidates) > 1 else f"not at {looked}"
        raise UsageError(f"The data for '{flag}: {path}' is {where}: give its folder with --data or VELM_DATA.")


class SourceSettings(BaseModel):
    """The `source:` section of a task, one subclass per source; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: str
    """Which source: its name in the registry."""


class Source(ABC):
    """Samples in a stable order, and the identity of the data they come from."""

    Settings: type[SourceSettings]
    """The schema of its section in a task's YAML."""

    @classmethod
    @abstractmethod
    def open(cls, settings: Any, place: Place, kind: str) -> Source:
        """A source for one task of `kind`; UsageError where the data is missing or malformed as a whole."""

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """Every sample, always in the same order; a defect of one sample is its `problem`, never an exception."""

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of what decides the samples: record files' bytes and settings (pictures are part of requests)."""

    def revision(self) -> str:
        """The commit of the repository that the data is from; empty where there is none, or nobody knows."""
        return ""

    def options(self) -> tuple[str, ...]:
        """The closed set of labels that the data itself knows (class folders, say); empty if it knows none."""
        return ()

    @classmethod
    def public_split(cls, split: str) -> str:
        """What to call a split where others read it; another name for one whose own is a secret."""
        return split


def describe(settings: SourceSettings) -> Mapping[str, Any]:
    """The settings as JSON, for digests."""
    return settings.model_dump(mode="json", exclude_defaults=True)
