"""Arrow columns from plain values.

`pyarrow.array` imports pandas wherever it is installed, which costs a small run a third of a second and 40 MB; these
go through buffers instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 16384
"""Rows per piece, so that no text column outgrows 32-bit offsets."""


def text_column(values: Sequence[str | None]) -> pa.ChunkedArray:
    """A string column; None is null, and what UTF-8 cannot hold (a lone surrogate) is written as an escape."""
    import pyarrow as pa

    pieces = [_texts(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK)]
    return pa.chunked_array(pieces, type=pa.string())


def _texts(values: Sequence[str | None]) -> pa.Array:
    import pyarrow as pa

    encoded = [b"" if value is None else value.encode("utf-8", "backslashreplace") for value in values]
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    buffers = [_validity(values), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def whole_column(values: Sequence[int | None]) -> pa.Array:
    """An int64 column; None is null."""
    import pyarrow as pa

    filled = np.asarray([0 if value is None else value for value in values], dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [_validity(values), pa.py_buffer(filled)])


def list_column(rows: NDArray[np.float64]) -> pa.Array:
    """A list<float64> column of the rows of an array, shape (samples, k)."""
    import pyarrow as pa

    count, width = rows.shape
    flat = np.ascontiguousarray(rows, dtype=np.float64).reshape(-1)
    values = pa.Array.from_buffers(pa.float64(), len(flat), [None, pa.py_buffer(flat)])
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(pa.list_(pa.float64()), count, [None, pa.py_buffer(offsets)], children=[values])


def _validity(values: Sequence[Any]) -> pa.Buffer | None:
    """The bit per row that says that there is a value; None where all have one."""
    import pyarrow as pa

    there = np.asarray([value is not None for value in values], dtype=np.bool_)
    return None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little"))
