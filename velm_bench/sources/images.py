"""Pictures with a class each: a folder per class, or a pair of IDX files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.samples import ArrayPicture, EncodedPicture, Sample
from velm_bench.sources.base import Place
from velm_bench.sources.files import FileSettings, FileSource
from velm_bench.sources.idx import read_idx

EXTENSIONS = frozenset(".bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split())
"""File names that count as pictures, upper or lower case."""


class ImagesSettings(FileSettings):
    """Settings of the `images` source: either `path`, or `images` and `labels`."""

    path: str = ""
    """A folder with a folder per class."""
    images: str = ""
    """An IDX file of pictures, (n, height, width) or (n, height, width, 3); gzip or not."""
    labels: str = ""
    """An IDX file of class numbers, (n,)."""
    names: list[str] | dict[str, str] = Field(default_factory=list)
    """With IDX, the classes' names in order; with a folder, what to call a folder: {"n01440764": "tench"}."""

    locations: ClassVar[frozenset[str]] = frozenset({"path", "images", "labels"})

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        idx = bool(self.images), bool(self.labels)
        if idx != ((not self.path),) * 2:
            raise ValueError("give either 'path' (a folder per class) or both 'images' and 'labels' (IDX files)")
        if self.names and isinstance(self.names, list) == bool(self.path):
            wanted = "a mapping from folder to name" if self.path else "a list in the order of the class numbers"
            raise ValueError(f"'names' must be {wanted}")
        if len(set(self._shown())) != len(self._shown()):
            raise ValueError("'names' calls two classes the same")
        return self

    def _shown(self) -> list[str]:
        return list(self.names.values()) if isinstance(self.names, dict) else self.names


class ImagesSource(FileSource[ImagesSettings]):
    """A sample per picture; its reference is the one label."""

    Settings = ImagesSettings
    kinds = frozenset({"classification"})

    def load(self) -> None:
        names = self.settings.names
        if isinstance(names, dict) or self.settings.path:
            self.pictures: ClassFolders | IdxPair = ClassFolders(
                self.place.find(self.settings.path), names if isinstance(names, dict) else {}
            )
        else:
            self.pictures = IdxPair(self.settings, self.place, names)

    def samples(self) -> Iterator[Sample]:
        return self.pictures.samples()

    def options(self) -> tuple[str, ...]:
        return self.pictures.classes

    def content(self) -> list[str]:
        return [self.pictures.digest()]


class ClassFolders:
    """A folder per class; every picture below a class folder belongs to it. Ids are relative paths."""

    def __init__(self, root: Path, names: Mapping[str, str]) -> None:
        self.root = root
        self.names = names
        if not root.is_dir():
            raise UsageError(f"'path: {root}' is not a folder: give one with a folder per class.")
        self.folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not _hidden(entry.name))
        loose = sorted(entry.name for entry in root.iterdir() if entry.is_file() and _is_picture(entry.name))
        if loose and self.folders:
            raise UsageError(f"The picture {loose[0]} lies in {root} beside the class folders: move it into one.")
        for name in names:
            if name not in self.folders:
                raise UsageError(f"'names' has no folder '{name}' in {root}: {suggestion(name, self.folders)}")
        self.files = [file for folder in self.folders for file in _pictures_below(root, folder)]
        if not self.files:
            raise UsageError(f"The folder {root} has no pictures in class folders: give one with a folder per class.")
        self.classes = tuple(names.get(folder, folder) for folder in self.folders)
        if len(set(self.classes)) < len(self.classes):
            raise UsageError(f"'names' gives two folders of {root} the same name: {', '.join(self.classes)}.")

    def samples(self) -> Iterator[Sample]:
        for file in self.files:
            folder = file.partition("/")[0]
            yield Sample(file, (EncodedPicture(self.root / file),), references=(self.names.get(folder, folder),))

    def digest(self) -> str:
        """SHA-256 over the classes and the pictures' relative names and sizes."""
        return digest_json([self.folders, [[file, _size(self.root / file)] for file in self.files]])


def _size(path: Path) -> int:
    """Bytes of a file; -1 for one that is not there (a dangling link), which becomes an error row when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _pictures_below(root: Path, folder: str) -> list[str]:
    """The pictures below a class folder, through linked folders too, each real folder once."""
    found, walked = [], set()
    for current, folders, files in os.walk(root / folder, followlinks=True):
        real = os.path.realpath(current)
        folders[:] = sorted(name for name in folders if not _hidden(name)) if real not in walked else []
        pictures = (name for name in files if _is_picture(name)) if real not in walked else ()
        found += [(Path(current) / name).relative_to(root).as_posix() for name in pictures]
        walked.add(real)
    return sorted(found)


def _is_picture(name: str) -> bool:
    return not _hidden(name) and Path(name).suffix.lower() in EXTENSIONS


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


class IdxPair:
    """Pictures and class numbers in IDX files. Ids are positions: "0", "1", ..."""

    def __init__(self, settings: ImagesSettings, place: Place, names: list[str]) -> None:
        self.images_path = place.find(settings.images, "images")
        self.labels_path = place.find(settings.labels, "labels")
        self.images: Any = read_idx(self.images_path)
        self.labels: Any = read_idx(self.labels_path)
        if self.images.ndim not in (3, 4) or (self.images.ndim == 4 and self.images.shape[3] != 3):
            raise UsageError(f"The IDX file {self.images_path} holds no pictures: its shape is {self.images.shape}.")
        if self.labels.ndim != 1:
            raise UsageError(f"The IDX file {self.labels_path} holds no labels: its shape is {self.labels.shape}.")
        if len(self.images) != len(self.labels):
            raise UsageError(
                f"There are {len(self.images)} pictures in {self.images_path} and {len(self.labels)} labels in "
                f"{self.labels_path}: give files of one split."
            )
        self.classes = tuple(names) or tuple(str(number) for number in range(int(self.labels.max()) + 1))

    def samples(self) -> Iterator[Sample]:
        for index, label in enumerate(self.labels.tolist()):
            known = label < len(self.classes)
            yield Sample(
                str(index),
                (ArrayPicture(np.asarray(self.images[index])),),
                references=(self.classes[label],) if known else (),
                problem="" if known else self._nameless(index, label),
            )

    def _nameless(self, index: int, label: int) -> str:
        return f"{self.labels_path.name}, item {index}: class {label} is not among the {len(self.classes)} names."

    def digest(self) -> str:
        """SHA-256 over the arrays, however the files are compressed."""
        arrays = self.images, self.labels
        return digest_json(
            [[list(array.shape), digest_bytes(np.ascontiguousarray(array).tobytes())] for array in arrays]
        )
