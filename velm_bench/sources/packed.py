"""Pictures in cells of Parquet files, which are read only when somebody looks."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.errors import SampleError
from velm_bench.samples import EncodedPicture, Picture, Pixels
from velm_bench.sources.files import picture_in

if TYPE_CHECKING:
    import pyarrow.parquet as pq

KEPT = 256 * 2**20
"""Bytes of pictures' row groups that are kept in memory; a larger one is kept alone."""


class Shard(ABC):
    """A Parquet file, wherever it lies. Frozen and small: each picture holds one."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The file's name, the same on every machine."""

    @property
    @abstractmethod
    def place(self) -> Path:
        """Where it lies, for an error that stops the command."""

    @abstractmethod
    def open(self) -> pq.ParquetFile:
        """The open file; OSError or pa.ArrowException where it is missing or damaged."""

    @abstractmethod
    def stamp(self) -> Any:
        """Something that changes when the file's content does."""

    def faults(self) -> tuple[type[Exception], ...]:
        """What may go wrong in reading it."""
        import pyarrow as pa

        return (pa.ArrowException, OSError, UnicodeDecodeError)


@dataclass(frozen=True)
class LocalShard(Shard):
    """A file on this machine."""

    path: Path
    keeps: Any = field(default=None, compare=False, repr=False)
    """Something that must live as long as the file is read, such as the temporary folder that it lies in."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def place(self) -> Path:
        return self.path

    def open(self) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path)

    def stamp(self) -> Any:
        return self.path.stat().st_mtime_ns


@dataclass(frozen=True)
class PackedPicture(Picture):
    """A picture in a cell of a Parquet file: bytes, or {bytes, path} as Hugging Face data sets have."""

    file: Shard
    group: int
    """The row group."""
    position: int
    """The row within its group."""
    column: str
    folder: Path
    """Where the cell's path leads if it has no bytes."""
    number: int
    """The row within the file, counted from 1."""
    item: int | None = None
    """Which of a list, counted from 0; None where the cell is one picture."""

    @property
    def digest(self) -> str:
        if "_digest" not in self.__dict__:  # see EncodedPicture
            self.__dict__["_digest"] = self._encoded().digest
        return str(self.__dict__["_digest"])

    def decode(self) -> Pixels:
        return self._encoded().decode()

    def _encoded(self) -> EncodedPicture:
        place = f"{self.file.name}, row {self.number}"
        try:
            cell = _COLUMNS.column(self.file, self.group, self.column)[self.position].as_py()
        except self.file.faults() as error:
            raise SampleError(f"The image of {place} cannot be read: {error}.") from error
        value = cell if self.item is None else cell[self.item]
        data = value.get("bytes") if isinstance(value, dict) else value
        if data:
            return EncodedPicture(data, place)
        return picture_in(self.folder, value.get("path") if isinstance(value, dict) else None)


@dataclass
class _Columns:
    """Columns of row groups, kept while their pictures are looked at one after the other; the last used stay."""

    kept: OrderedDict[Any, Any] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def column(self, shard: Shard, group: int, name: str) -> Any:
        """One column of one row group; read by one thread at a time, so that memory holds it once."""
        key = (shard, shard.stamp(), group, name)
        with self.lock:
            if key not in self.kept:
                with shard.open() as file:
                    self.kept[key] = file.read_row_group(group, columns=[name]).column(0)
            self.kept.move_to_end(key)
            while len(self.kept) > 1 and sum(column.nbytes for column in self.kept.values()) > KEPT:
                self.kept.popitem(last=False)
            return self.kept[key]


_COLUMNS = _Columns()
