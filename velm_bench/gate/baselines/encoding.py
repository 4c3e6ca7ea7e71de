"""Columns and tables of a baseline: exact, in the smallest of a few forms, the same for the same values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from velm_bench.gate.baselines.packing import (
    LARGEST,
    MOST,
    DamagedError,
    cost,
    pack_floats,
    pack_texts,
    pack_whole,
    unpack_floats,
    unpack_texts,
    unpack_whole,
)
from velm_bench.gate.baselines.schema import Column, Numbered, Packed, Table

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
SHORT = 12
"""So many values of a dictionary stand in the file as they are."""
MOST_VALUES = 65_536
"""The most values of a dictionary."""
MOST_ROWS = 4096
"""The most rows of a dictionary of rows."""


def encode_texts(texts: Sequence[str | None]) -> Column:
    """A text per sample, None where there is none."""
    known: dict[str | None, int] = dict.fromkeys(texts, 0)
    values = list(known)
    if not texts or len(values) == 1 < len(texts):
        return Column(values=values)
    if None not in known and 2 * len(values) > len(texts):
        return Column(values=pack_texts([text for text in texts if text is not None]))
    known = {value: place for place, value in enumerate(values)}
    codes = pack_whole(np.fromiter((known[text] for text in texts), dtype=np.int64, count=len(texts)))
    if None in known or len(values) <= SHORT:
        return Column(values=values, codes=codes)
    return Column(values=pack_texts([value for value in values if value is not None]), codes=codes)


def decode_texts(column: Column, n: int) -> list[str | None]:
    """What `encode_texts` encoded, n of them; DamagedError where it is something else."""
    values = unpack_texts(column.values) if isinstance(column.values, Packed | Numbered) else column.values
    if any(isinstance(value, float) for value in values):
        raise DamagedError("holds numbers where texts belong")
    texts = [value for value in values if not isinstance(value, float)]
    return [texts[place] for place in _places(column.codes, len(texts), n).tolist()]


def encode_numbers(numbers: Floats) -> Column:
    """A number per sample, shape (n,), bit for bit; ValueError where one is not finite, or beyond `MOST`."""
    if not (np.abs(numbers) <= MOST).all():
        raise ValueError("a number that is not finite, or too large")
    bits = np.ascontiguousarray(numbers, dtype=np.float64).view(np.int64)
    if len(bits) > 1 and (bits == bits[0]).all():
        return Column(values=[float(numbers[0])])
    if len(bits) <= SHORT:
        return Column(values=numbers.tolist())
    if _are_whole(numbers, bits):
        return Column(values=pack_whole(numbers.astype(np.int64)))
    distinct, codes = np.unique(bits, return_inverse=True)
    if 2 * len(distinct) > len(bits) or len(distinct) > MOST_VALUES:
        return Column(values=pack_floats(numbers))
    values = distinct.view(np.float64)
    short = values.tolist() if len(values) <= SHORT else pack_floats(values)
    return Column(values=short, codes=pack_whole(codes.reshape(-1).astype(np.int64)))


def decode_numbers(column: Column, n: int) -> Floats:
    """What `encode_numbers` encoded, shape (n,); DamagedError where it is something else."""
    if isinstance(column.values, Packed):
        values = unpack_floats(column.values)
    elif isinstance(column.values, list) and all(isinstance(value, float) for value in column.values):
        values = np.asarray(column.values, dtype=np.float64)
    else:
        raise DamagedError("holds texts where numbers belong")
    if not (np.abs(values) <= MOST).all():
        raise DamagedError(f"holds a number that is not finite, or beyond {MOST:g}")
    return np.asarray(values[_places(column.codes, len(values), n)])


def encode_table(rows: Floats) -> Table:
    """Statistics of shape (n, k), bit for bit; ValueError as for `encode_numbers`."""
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    found = [Table(columns=[encode_numbers(rows[:, place]) for place in range(rows.shape[1])])]
    if rows.shape[1] > 1 and len(rows) > 1:
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
        _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
        if 4 * len(first) <= len(rows) and len(first) <= MOST_ROWS:
            columns = [encode_numbers(rows[first, place]) for place in range(rows.shape[1])]
            packed = pack_whole(codes.reshape(-1).astype(np.int64))
            found.append(Table(columns=columns, codes=packed, rows=len(first)))
    return min(found, key=lambda table: sum(map(_column_cost, table.columns)) + cost(table.codes))


def decode_table(table: Table, n: int) -> Floats:
    """What `encode_table` encoded, shape (n, k); DamagedError where it is something else."""
    count = n if table.rows is None else table.rows
    found = np.empty((count, len(table.columns)))
    for place, column in enumerate(table.columns):
        found[:, place] = decode_numbers(column, count)
    return found if table.codes is None else np.asarray(found[_places(table.codes, count, n)])


def decode_truths(packed: Packed, n: int) -> NDArray[np.bool_]:
    """Truth values, shape (n,); DamagedError where they are something else."""
    found = unpack_whole(packed)
    if packed.form != "bits" or len(found) != n:
        raise DamagedError(f"holds {len(found)} values of form {packed.form} where {n} bits belong")
    return found.astype(np.bool_)


def _places(codes: Packed | None, values: int, n: int) -> Places:
    """Where each of n samples has its value among so many."""
    if codes is None:
        if values not in (1, n):
            raise DamagedError(f"holds {values} values for {n} samples")
        return np.zeros(n, dtype=np.int64) if values == 1 else np.arange(n, dtype=np.int64)
    found = unpack_whole(codes)
    if len(found) != n:
        raise DamagedError(f"holds {len(found)} values for {n} samples")
    if n and not 0 <= int(found.min()) <= int(found.max()) < values:
        raise DamagedError(f"refers to a value beyond the {values} that it holds")
    return found


def _are_whole(numbers: Floats, bits: NDArray[np.int64]) -> bool:
    """Whether whole numbers say it all; of -0.0 they would lose the sign."""
    whole = bool((numbers == np.rint(numbers)).all() and (np.abs(numbers) < LARGEST).all())
    return whole and not bool((bits == np.int64(-(2**63))).any())


def _column_cost(column: Column) -> int:
    values = 20 * len(column.values) if isinstance(column.values, list) else cost(column.values)
    return values + cost(column.codes)
