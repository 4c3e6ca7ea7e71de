"""Parquet: rows without their pictures, which `packed` reads when somebody looks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.errors import UsageError
from velm_bench.sources.nested import reach
from velm_bench.sources.packed import PackedPicture, Shard
from velm_bench.sources.templates import Column

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class Packing:
    """How a column holds pictures."""

    column: str
    several: bool
    """Whether each cell is a list of them."""
    lengths: tuple[str, ...]
    """The smallest part of the column from which one sees whether, and how many, pictures are in a cell."""


@dataclass(frozen=True)
class Reading:
    """What is read of a file: columns, and which of them are pictures."""

    columns: Collection[Column]
    """Those in use, pictures included."""
    pictures: Collection[Column] = ()
    """Those that hold pictures where they are no text."""
    counted: Collection[Column] = ()
    """Those of the pictures that may be missing: whether they are there is read with the rows."""


def columns_in(shard: Shard) -> list[str]:
    """The names of a file's columns; UsageError for a file that is no Parquet."""
    with _readable(shard), shard.open() as file:
        return list(file.schema_arrow.names)


def rows_of(shard: Shard, reading: Reading, folder: Path) -> Iterator[tuple[str, dict[Column, Any]]]:
    """The rows of a file and where each stands; a row group in memory at a time, pictures in none.

    UsageError for a file that is no Parquet.
    """
    number = 0
    with _readable(shard), shard.open() as file:
        packed = _packings(file, reading)
        plain = [str(name) for name in reading.columns if name not in packed and name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            rows = file.read_row_group(group, columns=plain).to_pylist() if plain else [{}] * count
            held = {name: _held(file, group, packing, reading, count) for name, packing in packed.items()}
            for position, values in enumerate(rows):
                number += 1
                spot = _Spot(shard, group, position, folder, number)
                cells = {name: spot.cell(packed[name], held[name][position]) for name in packed}
                yield f"row {number}", {**values, **cells}


@dataclass(frozen=True)
class _Spot:
    """Where one row lies."""

    shard: Shard
    group: int
    position: int
    folder: Path
    number: int

    def cell(self, packing: Packing, held: int) -> Any:
        """The pictures of a cell that holds so many: one, a list, or None."""
        if packing.several:
            return [self._picture(packing.column, item) for item in range(held)]
        return self._picture(packing.column) if held else None

    def _picture(self, column: str, item: int | None = None) -> PackedPicture:
        return PackedPicture(self.shard, self.group, self.position, column, self.folder, self.number, item)


@contextmanager
def _readable(shard: Shard) -> Iterator[None]:
    """A block that reads Parquet: what goes wrong in it is a UsageError that names the file."""
    try:
        yield
    except shard.faults() as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise UsageError(f"The file {shard.place} is not readable Parquet: {said}.") from error


def _packings(file: pq.ParquetFile, reading: Reading) -> dict[Column, Packing]:
    """The columns that hold pictures and not paths to them."""
    found: dict[Column, Packing] = {}
    for name in reading.pictures:
        if not isinstance(name, str) or name not in file.schema_arrow.names:
            continue
        held = file.schema_arrow.field(name).type
        several = _is_list(held)
        if _is_packed(held.value_type if several else held):
            found[name] = Packing(name, several, _lightest(file, name))
    return found


def _is_list(held: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_list(held) or types.is_large_list(held) or types.is_fixed_size_list(held))


def _is_packed(held: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_struct(held) or types.is_binary(held) or types.is_large_binary(held))


def _lightest(file: pq.ParquetFile, name: str) -> tuple[str, ...]:
    """The leaves of a column without its bytes, or the column itself if there are no other."""
    leaves = [file.schema.column(index).path for index in range(len(file.schema))]
    light = [leaf for leaf in leaves if leaf.startswith(f"{name}.") and not leaf.endswith(".bytes")]
    return tuple(light) or (name,)


def _held(file: pq.ParquetFile, group: int, packing: Packing, reading: Reading, count: int) -> list[int]:
    """How many pictures each row of a group has in a column; 1 without looking where that does not matter."""
    if not packing.several and packing.column not in reading.counted:
        return [1] * count
    column = file.read_row_group(group, columns=list(packing.lengths)).column(packing.column)
    if not packing.several:
        return [int(there) for there in column.is_valid().to_pylist()]
    import pyarrow.compute as pc

    return [length or 0 for length in pc.list_value_length(column).to_pylist()]


def class_names(shard: Shard, columns: Collection[Column]) -> list[str]:
    """The names of the classes in the first of these columns, as Hugging Face's features in the file say them.

    Empty where they say none; UsageError for a file that is no Parquet.
    """
    with _readable(shard), shard.open() as file:
        stated = (file.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        return names_in(json.loads(stated)["info"]["features"], columns)
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def names_in(features: Any, columns: Collection[Column]) -> list[str]:
    """The same of features as data; those of a list are those of its entries."""
    for column in columns:
        feature = reach(features, column) if isinstance(features, Mapping) else None
        while isinstance(feature, list) or (isinstance(feature, Mapping) and "feature" in feature):
            feature = feature["feature"] if isinstance(feature, Mapping) else next(iter(feature), None)
        if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel":
            return [str(name) for name in feature.get("names") or ()]
    return []
