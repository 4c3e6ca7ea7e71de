"""IDX files, the format of MNIST and its kin: a big-endian header and unsigned bytes, plain or gzip."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UsageError

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTE = 8
_LARGEST_RATIO = 1032
"""What deflate can reach at most: a header that promises more cannot be true."""


class Bytes(Protocol):
    """An open file, compressed or not."""

    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes, memory-mapped if it is not compressed.

    UsageError for a file that is missing, damaged, truncated, too long, or of another type.
    """
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as stream:
            shape = _shape(stream, path)
            return _packed(stream, shape, path) if packed else _mapped(path, shape)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"The file {path} is damaged gzip ({error}): fetch it again.") from error
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error


def _shape(stream: Bytes, path: Path) -> tuple[int, ...]:
    """The dimensions that the header declares."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise UsageError(f"The file {path} is not an IDX file: it begins with {magic.hex() or 'nothing'}.")
    if magic[2] != _UNSIGNED_BYTE:
        raise UsageError(f"The IDX file {path} holds type 0x{magic[2]:02x}: only unsigned bytes (0x08) are read.")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise UsageError(f"The IDX file {path} ends within its header: fetch it again.")
    shape = struct.unpack(f">{magic[3]}I", header)
    if 0 in shape:
        raise UsageError(f"The IDX file {path} is empty: its header declares {_times(shape)}.")
    return shape


def _packed(stream: Bytes, shape: tuple[int, ...], path: Path) -> NDArray[np.uint8]:
    size = math.prod(shape)
    _check(size <= _LARGEST_RATIO * path.stat().st_size, shape, path)
    data = stream.read(size)
    _check(len(data) == size and not stream.read(1), shape, path)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    offset = 4 + 4 * len(shape)
    _check(path.stat().st_size - offset == math.prod(shape), shape, path)
    return np.memmap(path, np.uint8, "r", offset, shape)


def _check(fits: bool, shape: tuple[int, ...], path: Path) -> None:
    if not fits:
        raise UsageError(
            f"The IDX file {path} does not hold the {_times(shape)} bytes that its header declares: fetch it again."
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
