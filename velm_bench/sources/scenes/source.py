"""The `scenes` source: the embedded benchmark as samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, field_validator

from velm_bench.errors import UsageError
from velm_bench.samples import Sample
from velm_bench.sources.base import Place, Source, SourceSettings

from .classes import CLASSES
from .fingerprint import fingerprint
from .graph import ICONS
from .items import TASKS
from .raster import DEFAULT_SIZE
from .splits import public_name, split_size


class ScenesSettings(SourceSettings):
    """Settings of the `scenes` source."""

    split: str = "test"
    """train, val, test, test_novel, test_more, lite, or fresh:<key> for a secret test set."""
    size: int = Field(default=DEFAULT_SIZE, ge=16, le=2048)
    """Pixels along an edge of the pictures."""

    @field_validator("split")
    @classmethod
    def _known(cls, split: str) -> str:
        split_size(split)
        return split


class ScenesSource(Source):
    """One kind of task over one split; nothing is read, everything is made on demand."""

    Settings = ScenesSettings

    def __init__(self, settings: ScenesSettings, kind: str) -> None:
        self.settings, self.kind = settings, kind

    @classmethod
    def open(cls, settings: Any, place: Place, kind: str) -> Self:  # noqa: ARG003
        if kind not in TASKS:
            raise UsageError(f"The source 'scenes' has no samples for kind '{kind}': it has {', '.join(TASKS)}.")
        return cls(settings, kind)

    def samples(self) -> Iterator[Sample]:
        return TASKS[self.kind](self.settings.split, self.settings.size)

    def fingerprint(self) -> str:
        return fingerprint(self.settings.split, self.kind, self.settings.size)

    def options(self) -> tuple[str, ...]:
        """The classes, or the entity types."""
        return {"classification": CLASSES, "ner": tuple(ICONS)}.get(self.kind, ())

    @classmethod
    def public_split(cls, split: str) -> str:
        return public_name(split)
