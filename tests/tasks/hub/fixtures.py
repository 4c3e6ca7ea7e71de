"""Data sets of a few rows, each in exactly the schema of its public copy, written as that copy's files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from datasets import Features

Schema = Mapping[str, Any]
"""Columns to types: "image", "string", "int32", ...; a list of one type, a tuple of a ClassLabel's names, a mapping."""


@dataclass(frozen=True)
class Table:
    """One split of a data set on the hub."""

    id: str
    """ "lmms-lab/POPE"."""
    split: str
    schema: Schema
    """The columns and their types, as the public copy's card or Parquet metadata has them."""
    rows: Sequence[Mapping[str, Any]]
    config: str = ""
    file: str = ""
    """The file's path in the repository, where it is not the usual one."""

    @property
    def path(self) -> str:
        """Where the file lies below the mirror: the data set's id, its subset or "data", its split."""
        usual = f"{self.config or 'data'}/{self.split}-00000-of-00001.parquet"
        return f"{self.id}/{self.file or usual}"

    def write(self, root: Path) -> Path:
        """The file with its pictures and the features' metadata inside, as `Dataset.push_to_hub` writes it."""
        import datasets

        unknown = {name for row in self.rows for name in row} - set(self.schema)
        assert not unknown, f"{self.id} has no columns {sorted(unknown)}"
        datasets.disable_progress_bars()
        path = root / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = [{name: row.get(name) for name in self.schema} for row in self.rows]
        datasets.Dataset.from_list(whole, features=features(self.schema)).to_parquet(path)
        return path


@dataclass(frozen=True)
class Fixture:
    """What a shipped task needs to run."""

    tables: Sequence[Table]
    samples: int
    """How many samples the task makes of them."""
    perfect: str = ""
    """The score that an oracle gets in full; the main one of the primary metric if left out."""


Maker = Callable[[], Fixture]
"""Makes the fixture of one task."""


def features(schema: Schema) -> Features:
    """The schema in the terms of `datasets`."""
    from datasets import Features

    return Features({name: _feature(form) for name, form in schema.items()})


def _feature(form: Any) -> Any:
    from datasets import ClassLabel, List, Value
    from datasets import Image as ImageFeature

    if isinstance(form, tuple):
        return ClassLabel(names=list(form))
    if isinstance(form, list):
        return List(_feature(form[0]))
    if isinstance(form, Mapping):
        return {name: _feature(part) for name, part in form.items()}
    return ImageFeature() if form == "image" else Value(form)


def picture(number: int, size: tuple[int, int] = (6, 5)) -> Image.Image:
    """A small picture that is another one for every number."""
    return Image.new("RGB", size, (number * 37 % 256, number * 91 % 256, number * 11 % 256))


def ten(answer: str, other: str) -> list[str]:
    """The answers of ten annotators, seven of whom agree."""
    return [answer] * 7 + [other] * 3
