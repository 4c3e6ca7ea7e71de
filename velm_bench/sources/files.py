"""What all sources that read files share: splits, reading, pictures kept inside their folder, unique ids."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field, ModelWrapValidatorHandler, ValidationInfo, field_validator, model_validator

from velm_bench.digests import digest_json
from velm_bench.errors import SampleError, UsageError
from velm_bench.registry import suggestion
from velm_bench.samples import EncodedPicture, Picture, Pixels
from velm_bench.sources.base import Place, Source, SourceSettings, describe

T = TypeVar("T")
D = TypeVar("D")


class FileSettings(SourceSettings):
    """Settings of a source that reads files, with named variations for other splits."""

    splits: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Per split, the settings that are different there: {"train": {"path": "eng.train"}}."""
    split: str = ""
    """Which of `splits` to read; the settings as they stand if left out."""

    locations: ClassVar[frozenset[str]] = frozenset({"path", "images"})
    """The settings that say where files lie; they are no part of the identity, the files' content is."""

    @field_validator("split")
    @classmethod
    def _known_split(cls, split: str, info: ValidationInfo) -> str:
        splits = info.data.get("splits", {})
        if split and split not in splits:
            known = suggestion(split, list(splits)).rstrip("?.") if splits else "add it under 'splits'"
            raise ValueError(f"there is no split of that name, {known}")
        return split

    @model_validator(mode="wrap")
    @classmethod
    def _vary(cls, section: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Lay the chosen split over the settings; every other split must be valid as well."""
        if not isinstance(section, Mapping):
            return handler(section)
        settings = handler(_laid_over(section, section.get("split")))
        for name in settings.splits:
            cls.model_validate({**_laid_over(section, name), "splits": {}, "split": ""})
        return settings

    def identity(self) -> Mapping[str, Any]:
        """The settings that decide the samples, wherever the files lie."""
        outside = self.locations | {"splits", "split"}
        return {key: value for key, value in describe(self).items() if key not in outside}


def _laid_over(section: Mapping[str, Any], split: Any) -> dict[str, Any]:
    splits = section.get("splits")
    variation = splits.get(split) if isinstance(splits, Mapping) and isinstance(split, str) else None
    if not isinstance(variation, Mapping):
        return dict(section)
    allowed = {key: value for key, value in variation.items() if key not in ("type", "split", "splits")}
    return {**section, **allowed}


S = TypeVar("S", bound=FileSettings)


class FileSource(Source, Generic[S]):
    """A source over record files that are read when it is opened."""

    kinds: ClassVar[frozenset[str]]
    """The kinds it can serve."""

    def __init__(self, settings: S, place: Place, kind: str) -> None:
        self.settings = settings
        self.place = place
        self.kind = kind
        self.load()

    @classmethod
    def open(cls, settings: Any, place: Place, kind: str) -> Self:
        """Reads the record files; UsageError if the kind is not served or a file is missing or malformed."""
        if kind not in cls.kinds:
            served = ", ".join(sorted(cls.kinds))
            raise UsageError(
                f"The source '{settings.type}' serves {served}, not the kind '{kind}': choose another 'source.type'."
            )
        return cls(settings, place, kind)

    @abstractmethod
    def load(self) -> None:
        """Read and check the record files."""

    @abstractmethod
    def content(self) -> list[str]:
        """Digests of everything read that decides the samples."""

    def fingerprint(self) -> str:
        return digest_json([self.settings.identity(), self.content()])

    def folder_of(self, images: str, records: Path) -> Path:
        """The folder of the pictures: the `images` setting, or the folder of the record file if left out."""
        return self.place.find(images, "images") if images else records.parent


class MissingPicture(Picture):
    """A picture that the records do not lead to: looking at it is a SampleError with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    @property
    def digest(self) -> str:
        raise SampleError(self.reason)

    def decode(self) -> Pixels:
        raise SampleError(self.reason)


def read_text(path: Path) -> str:
    """A UTF-8 file, byte-order mark removed and line ends kept; UsageError if it cannot be read."""
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"The file {path}, line {line}, is not UTF-8 text: convert it to UTF-8.") from error


def read_bytes(path: Path) -> bytes:
    """A file's bytes; UsageError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def read_json(path: Path) -> Any:
    """The value of a JSON file; UsageError naming the line where it is damaged."""
    try:
        return from_json(read_text(path))
    except JsonError as error:
        fault = f", line {error.line}, is not valid JSON" if error.line else " is not usable JSON"
        raise UsageError(f"The file {path}{fault}: {error.reason}.") from error


class JsonError(ValueError):
    """A text is no JSON, or none that can be used."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        """Counted from 1; 0 where there is no one line to blame."""


def from_json(text: str) -> Any:
    """The value of a JSON text; JsonError with the reason where it has none, whatever the text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, error.lineno) from error
    except RecursionError as error:
        raise JsonError("it is nested too deeply") from error
    except ValueError as error:  # Python reads no numbers of thousands of digits
        raise JsonError("it holds a number of too many digits") from error


def records(data: Any, name: str, path: Path, expected: str) -> list[Mapping[str, Any]]:
    """The list of objects called `name` in a JSON file; UsageError saying what was `expected` if it is not there."""
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise UsageError(f"The file {path} has no list '{name}': give {expected}.")
    for index, record in enumerate(found):
        if not isinstance(record, dict):
            raise UsageError(f"The file {path}, {name}[{index}], is not an object: give {expected}.")
    return found


def key_of(record: Mapping[str, Any], field: str, place: str) -> str:
    """An id as text; UsageError naming the place if it is neither text nor a whole number."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise UsageError(f"{place}: '{field}' must be a number or text, not {value!r:.40}.")
    return str(value)


def require_unique(ids: Iterable[tuple[str, str]], field: str) -> None:
    """UsageError naming both places if an id occurs twice; `ids` are pairs of id and place."""
    seen: dict[str, str] = {}
    for one, place in ids:
        if one in seen:
            raise UsageError(
                f"{place}: the {field} '{one}' was used before ({seen[one]}): ids must be unique within a data set."
            )
        seen[one] = place


def picture_in(folder: Path, name: Any) -> EncodedPicture:
    """The picture of that relative name; SampleError for a name that is none or leads out of the folder."""
    if name is None or name == "":
        raise SampleError("The image value is missing.")
    if not isinstance(name, str):
        raise SampleError(
            f"The image value {name!r:.40} is not a file name: use a template such as '{{image_id}}.jpg'."
        )
    pure = PurePosixPath(name.replace("\\", "/"))
    if pure.is_absolute() or PureWindowsPath(name).drive or ".." in pure.parts or "\0" in name:
        raise SampleError(f"The image path {name!r:.200} leads out of the images folder: it is refused.")
    return EncodedPicture(folder / name)


def texts(value: Any) -> tuple[str, ...]:
    """Reference texts: a text or number, or a list of them or of {"answer": text} objects; SampleError otherwise."""
    entries = value if isinstance(value, list | tuple) else [value]
    found = [entry.get("answer") if isinstance(entry, Mapping) else entry for entry in entries]
    if not found or (len(found) == 1 and found[0] in (None, "")):
        raise SampleError("The reference list is empty.")
    for entry in found:
        if isinstance(entry, bool) or not isinstance(entry, str | int | float):
            raise SampleError(f"The reference {entry!r:.40} is not text.")
    return tuple(str(entry) for entry in found)


class Defects:
    """What is wrong with one sample, collected while the rest of it is read."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.found: list[str] = []

    def catch(self, read: Callable[[], T], otherwise: D) -> T | D:
        """What `read` gives; `otherwise` where it raises a SampleError, which is noted."""
        try:
            return read()
        except SampleError as error:
            if str(error) not in self.found:  # options are read for the question, and again for the answer
                self.found.append(str(error))
            return otherwise

    def __str__(self) -> str:
        """The sample's `problem`: the place and every reason, or nothing."""
        return f"{self.place}: {' '.join(self.found)}" if self.found else ""
