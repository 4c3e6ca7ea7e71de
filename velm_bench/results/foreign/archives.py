"""The reading of zip files that others made: what is in them never comes to more than was announced and is put up with.

Nothing is unpacked to a disk and no member's path is used for one. Deflated members are Python's to read; those packed
with Zstandard (method 93, which Inspect uses) are Arrow's, since Python knows them from 3.14 on.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import head_of

MAX_MEMBERS = 200_000
"""How many members there may be."""
MAX_MEMBER = 256 * 2**20
"""How many bytes a member may have unpacked."""
MAX_TOTAL = 16 * 2**30
"""How many bytes all may have together, unpacked; they are read one at a time, and little is kept of each."""
MAX_RATIO = 1000
"""How many times as large a member may be as it is in the archive: logs repeat themselves, some hundredfold."""
SMALL = 64 * 2**20
"""Below so many bytes a ratio means nothing: a model that repeats one word for ever is packed very well."""
ZSTANDARD = 93
"""The method's number in a zip file."""
_LOCAL = struct.Struct("<4s22x2H")


class Archive:
    """A zip file that is open for reading."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        """UsageError where it is no zip file, or holds too much."""
        self.path, self._stream = path, stream
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, LookupError, OSError) as error:
            raise UsageError(f"The file {path} is no whole zip archive ({error}): is it complete?") from error
        entries = self._zip.infolist()
        if len(entries) > MAX_MEMBERS:
            raise UsageError(f"The archive {path} holds {len(entries):,} files, more than {MAX_MEMBERS:,}.")
        total = sum(entry.file_size for entry in entries)
        if total > MAX_TOTAL:
            raise UsageError(f"The archive {path} holds {total:,} bytes unpacked, more than {MAX_TOTAL:,}.")
        self._entries = {entry.filename: entry for entry in entries}  # the last one of a name is the newest

    @property
    def names(self) -> list[str]:
        """The names of its members."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """A member; UsageError where there is none, where it is damaged, or larger than it says or may be."""
        entry = self._entries.get(name)
        if entry is None:
            raise UsageError(f"The archive {self.path} holds no {name}: is it complete?")
        _require_small(self.path, entry)
        try:
            data = self._unpacked(entry)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
            raise UsageError(f"The archive {self.path} is damaged at {name} ({error}).") from error
        if len(data) != entry.file_size or zlib.crc32(data) != entry.CRC:
            raise UsageError(f"The archive {self.path} is damaged at {name}: it is not what its list of files says.")
        return data

    def _unpacked(self, entry: zipfile.ZipInfo) -> bytes:
        """At most a byte more than the entry says; what damage raises is zipfile's, zlib's or Arrow's."""
        if entry.compress_type != ZSTANDARD:
            try:
                with self._zip.open(entry) as member:
                    return member.read(entry.file_size + 1)
            except zlib.error as error:
                raise ValueError(str(error)) from error
        import pyarrow as pa

        packed = pa.BufferReader(self._packed(entry))
        with pa.input_stream(packed, compression="zstd") as member:  # ArrowInvalid is a ValueError
            return bytes(member.read(entry.file_size + 1))

    def _packed(self, entry: zipfile.ZipInfo) -> bytes:
        self._stream.seek(entry.header_offset)
        before = self._stream.read(_LOCAL.size)
        if len(before) < _LOCAL.size or before[:4] != b"PK\x03\x04" or entry.flag_bits & 0x1:
            raise ValueError("it does not begin as a file does")
        self._stream.seek(sum(_LOCAL.unpack(before)[1:]), 1)
        return self._stream.read(entry.compress_size)


def _require_small(path: Path, entry: zipfile.ZipInfo) -> None:
    what, packed = f"The archive {path} holds {entry.filename} of {entry.file_size:,} bytes", entry.compress_size
    if entry.file_size > MAX_MEMBER:
        raise UsageError(f"{what}: that is too large, more than {MAX_MEMBER:,}.")
    if entry.file_size > max(SMALL, MAX_RATIO * packed):
        times = entry.file_size // max(packed, 1)
        raise UsageError(f"{what}, {times:,} times as many as packed: that is too large, over {MAX_RATIO:,} times.")


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A zip file for reading; UsageError where it cannot be read, is none, or holds too much."""
    head_of(path)  # which says so of a pipe, that would wait for ever
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    with stream:
        yield Archive(path, stream)
