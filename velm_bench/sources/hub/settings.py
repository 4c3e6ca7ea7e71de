"""The settings of the `hub` source, and the parts of data sets that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)

from velm_bench.sources.rows import RowSettings

HUB_ID = r"^[A-Za-z0-9][\w.\-]*(/[A-Za-z0-9][\w.\-]*)?$"


@dataclass(frozen=True)
class Part:
    """What is looked for: one split of one configuration of one data set."""

    id: str
    config: str
    """Empty for the data set's only or default one."""
    split: str
    """The hub's own name of it."""
    revision: str = ""
    """A branch, a tag or a commit; empty for the default branch."""
    files: tuple[str, ...] = ()
    """Patterns of the files' names, instead of configuration and split."""

    def __str__(self) -> str:
        named = {"config": self.config, "split": self.split, "revision": self.revision, "files": ", ".join(self.files)}
        return f"'{self.id}' ({', '.join(f'{key} {value}' for key, value in named.items() if value)})"


class ImagesFrom(BaseModel):
    """Where the pictures are, if not in the rows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: str
    """The column there that holds what the rows' image cells hold."""
    image: str = "image"
    """The column with the pictures."""
    id: str = Field(default="", pattern=f"^$|{HUB_ID}")
    """The data set; the rows' own if left out."""
    config: str = ""
    """Its configuration; the default one if left out."""
    split: str = ""
    """Its split; that of the rows if left out."""
    revision: str = ""
    """Its revision; that of the rows if left out and the data set is the same."""


class HubSettings(RowSettings):
    """Settings of the `hub` source. Unlike elsewhere, `split` may be any split that the data set has."""

    id: str = Field(pattern=HUB_ID)
    """The data set's name on the hub: "lmms-lab/POPE"."""
    split: str = Field(min_length=1)
    """The hub's name of the split, or one of `splits`."""
    config: str | list[str] = ""
    """The configuration (subset), or several that are read one after the other; the default one if left out."""
    revision: str = ""
    """A branch, a tag or a commit; the default branch if left out. "refs/convert/parquet" has what the hub itself
    made of data sets that were scripts, in folders <config>/<split>."""
    files: str | list[str] = Field(default_factory=list)
    """Names or patterns of the files, for a repository from whose layout configuration and split cannot be told."""
    streaming: bool = False
    """Read over the network what is looked at, and keep nothing."""
    images_from: ImagesFrom | None = None
    """Where the pictures are, if not in the rows; the rows' image cells hold keys then."""

    locations: ClassVar[frozenset[str]] = frozenset(
        {"id", "config", "revision", "files", "streaming", "images", "images_from"}
    )

    @field_validator("split")
    @classmethod
    def _known_split(cls, split: str, info: ValidationInfo) -> str:
        """Any split will do, as it is the hub that knows them; those of `splits` were laid over before."""
        del info
        return split

    @field_validator("config")
    @classmethod
    def _some(cls, config: str | list[str]) -> str | list[str]:
        if config == []:
            raise ValueError("the list of configurations is empty")
        return config

    @model_validator(mode="after")
    def _pictures_by_key(self) -> Self:
        if self.images_from is not None and self.fields.image is None:
            raise ValueError("'images_from' needs 'fields.image', the column with the pictures' keys")
        if self.images_from is not None and self.images:
            raise ValueError("'images' and 'images_from' both say where the pictures are: leave out one")
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _vary(cls, section: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Lay the variation of the chosen split over the settings; every other one must be valid as well."""
        if not isinstance(section, Mapping):
            return handler(section)
        settings = handler(_on_split(section, section.get("split")))
        for name in settings.splits:
            cls.model_validate({**_on_split(section, name), "splits": {}})
        return settings

    def parts(self) -> list[Part]:
        """Where the rows are, in order."""
        configs = self.config if isinstance(self.config, list) else [self.config]
        files = tuple([self.files] if isinstance(self.files, str) else self.files)
        return [Part(self.id, config, self.split, self.revision, files) for config in configs]

    def picture_part(self) -> Part | None:
        """Where the pictures are, if not in the rows."""
        there = self.images_from
        if there is None:
            return None
        other = there.id not in ("", self.id)
        revision = there.revision or ("" if other else self.revision)
        return Part(there.id or self.id, there.config, there.split or self.split, revision)

    def all_parts(self) -> list[Part]:
        """All that must be there, each once."""
        pictures = self.picture_part()
        return list(dict.fromkeys([*self.parts(), *([] if pictures is None else [pictures])]))


def _on_split(section: Mapping[str, Any], split: Any) -> dict[str, Any]:
    """The section with the variation of a split laid over it; its `split` is the hub's name, if that is another."""
    splits = section.get("splits")
    variation = splits.get(split) if isinstance(splits, Mapping) and isinstance(split, str) else None
    if not isinstance(variation, Mapping):
        return {**section, "split": split} if split is not None else dict(section)
    allowed = {key: value for key, value in variation.items() if key not in ("type", "splits")}
    return {**section, "split": split, **allowed}
