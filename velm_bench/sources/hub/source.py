"""The `hub` source: rows of a data set, wherever it is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_bytes
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import Picture
from velm_bench.sources.cells import CLOSED
from velm_bench.sources.fields import listed
from velm_bench.sources.files import picture_in
from velm_bench.sources.hub.finding import locate
from velm_bench.sources.hub.mirror import Located
from velm_bench.sources.hub.settings import HubSettings, ImagesFrom
from velm_bench.sources.parquet import Reading, class_names, columns_in, names_in, rows_of
from velm_bench.sources.rows import reading, require_columns
from velm_bench.sources.tables import RowSource, Values


class HubSource(RowSource[HubSettings]):
    """A sample per row of a split. The same rows have the same fingerprint, in a mirror or from the hub."""

    Settings = HubSettings

    def load(self) -> None:
        find = partial(locate, place=self.place, streaming=self.settings.streaming)
        pictures = self.settings.picture_part()
        self.located = [find(part) for part in self.settings.parts()]
        joined = None if pictures is None else find(pictures)
        self.commits = [one.commit for one in (*self.located, *([] if joined is None else [joined])) if one.commit]
        if not self.settings.names and self.kind in CLOSED:
            self.settings = self.settings.model_copy(update={"names": self._stated_names()})
        self.folder = self.folder_of(self.settings.images, self.located[0].shards[0].place)
        self.gallery = partial(picture_in, self.folder)
        if joined is not None and self.settings.images_from is not None:
            self.gallery = by_key(joined, self.settings.images_from)
        super().load()

    def _stated_names(self) -> list[str]:
        """The names of the classes or tags by the files, or else by the card."""
        columns, first = listed(self.settings.fields.references), self.located[0]
        return class_names(first.shards[0], columns) or names_in(first.features, columns)

    def found(self) -> Iterator[tuple[Path, str, Values]]:
        for shard in (shard for one in self.located for shard in one.shards):
            known = columns_in(shard)
            require_columns(self.settings, known, shard.place)
            for spot, values in rows_of(shard, reading(self.settings, known), self.folder):
                yield shard.place, spot, values

    def whole(self) -> str:
        return f"The data set {self.settings.parts()[0]}"

    def content(self) -> list[str]:
        """A digest of the rows that are used, but for their pictures: the files may be cut otherwise elsewhere."""
        found = hashlib.sha256()
        for group in self.groups:
            for row in group:
                line = json.dumps([row.index, row.values], sort_keys=True, separators=(",", ":"), default=_plain)
                found.update(line.encode("ascii") + b"\n")
        return [found.hexdigest()]

    def revision(self) -> str:
        return ",".join(dict.fromkeys(self.commits))


def _plain(value: Any) -> Any:
    """What JSON does not know; pictures are only counted, as they are part of the requests."""
    if isinstance(value, Picture):
        return True
    return digest_bytes(value) if isinstance(value, bytes) else str(value)


def by_key(located: Located, there: ImagesFrom) -> Callable[[Any], Picture]:
    """Finds pictures by their keys, which alone are read now; UsageError for a key that occurs twice."""
    pictures: dict[str, Picture] = {}
    wanted = Reading([there.key, there.image], [there.image])
    for shard in located.shards:
        known = columns_in(shard)
        for column in (there.key, there.image):
            if column not in known:
                raise UsageError(
                    f"The file {shard.place} has no column '{column}' for 'images_from': it has {', '.join(known)}."
                )
        for spot, values in rows_of(shard, wanted, shard.place.parent):
            key, picture = str(values[there.key]), values[there.image]
            if key in pictures:
                raise UsageError(f"{shard.place}, {spot}: the picture '{key}' is there twice: correct 'images_from'.")
            if not isinstance(picture, Picture):
                raise UsageError(f"{shard.place}: the column '{there.image}' holds no pictures: correct 'images_from'.")
            pictures[key] = picture

    def found(key: Any) -> Picture:
        if key is None or str(key) not in pictures:
            raise SampleError(f"There is no picture '{key}' among those of 'images_from'.")
        return pictures[str(key)]

    return found
