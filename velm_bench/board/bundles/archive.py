"""A bundle as one zip file, and the strict reading of one that a stranger made.

Nothing is ever unpacked to a disk, and no file is looked into before the archive as a whole is known to be harmless:
its parts lie one after the other without gaps or overlaps, and say the same in both places where they are described.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

from velm_bench.board.bundles.answers import announced
from velm_bench.board.encoding import decode
from velm_bench.board.folder import MANIFEST, Bundle
from velm_bench.board.schema import RUN_NAME, Manifest
from velm_bench.errors import UsageError

MAX_ARCHIVE = 64 * 2**20
"""How many bytes an archive may have."""
MAX_TOTAL = 256 * 2**20
"""How many bytes its files may have together, unpacked; those of answers as their own ends say, which `read_answers`
holds them to."""
MAX_RATIO = 100
"""How many times as large a file may be as it is in the archive; text such as ours is at most some 30."""
SMALL = 64 * 2**10
"""Below so many bytes a ratio means nothing."""
MAX_FILES = 1000
"""How many files there may be."""
MAX_PATH = 250
"""How many letters the path of a file may have."""

RUN_FILE = re.compile(rf"runs/{RUN_NAME.pattern}/(?:result\.json|answers\.jsonl\.gz)")
"""Every file of a bundle but its manifest."""
STARTS = {".json": b"{", ".gz": b"\x1f\x8b\x08"}
"""How files begin that are what their names say."""
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz")
"""Names of files that are, or may hold, pickles."""
PICKLE = b"\x80"
"""How every pickle of today begins."""
LOCAL = b"PK\x03\x04"
"""How the description before a file begins."""
_LOCAL = struct.Struct("<4s5H3I2H")
_END = struct.Struct("<4s4H2IH")


def zip_bundle(bundle: Bundle) -> bytes:
    """The bundle as a zip file; the same bundle always gives the same bytes (with the same zlib)."""
    bundle.require_whole()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in sorted({**bundle.files, MANIFEST: bundle.encoded}.items()):
            entry = zipfile.ZipInfo(path)  # of 1980, as no file has a date here
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_STORED if path.endswith(".gz") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return stream.getvalue()


def read_zip(data: bytes, name: str) -> Bundle:
    """The bundle in a zip file called `name`.

    UsageError for anything unsafe (a path that leaves the folder, links, encryption, overlaps, too many or too large
    files), for a file that no bundle has, and for one that is not what the manifest says.
    """
    if len(data) > MAX_ARCHIVE:
        raise UsageError(f"The archive {name} has {len(data):,} bytes, more than {MAX_ARCHIVE:,}: submit fewer runs.")
    with _opened(data, name) as archive:
        entries = sorted(archive.infolist(), key=lambda one: one.header_offset)
    _require_few(entries, name)
    for entry in entries:
        _require_plain(entry, name)
    ends = _ends(data, entries, archive.start_dir, name)
    contents = (_content(data, entry, stop, name) for entry, stop in zip(entries, ends, strict=True))
    files = {entry.orig_filename: content for entry, content in zip(entries, contents, strict=True)}
    _require_small(sum(announced(one) if path.endswith(".gz") else len(one) for path, one in files.items()), name)
    return _bundle(files, name)


def _bundle(files: Mapping[str, bytes], name: str) -> Bundle:
    if MANIFEST not in files:
        raise UsageError(f"The archive {name} holds no {MANIFEST}: `velm-bench submit RUN --pack FILE.zip` makes one.")
    manifest = decode(Manifest, files[MANIFEST], f"{MANIFEST} of {name}")
    bundle = Bundle(manifest, {path: data for path, data in files.items() if path != MANIFEST})
    if bundle.encoded != files[MANIFEST]:
        raise UsageError(f"The file {MANIFEST} in {name} was changed: it is not as velm-bench writes it.")
    try:
        bundle.require_whole()
    except UsageError as error:
        raise UsageError(f"In the archive {name}: {error}") from error
    return bundle


def _opened(data: bytes, name: str) -> zipfile.ZipFile:
    """The archive, if it is one from its first byte to its last."""
    if data[:4] != LOCAL or len(data) < _END.size:
        raise UsageError(f"The file {name} is no zip archive of a bundle.")
    mark, disk, first_disk, here, count, size, start, comment = _END.unpack(data[-_END.size :])
    # without a comment the last record is the file's end; the large format (zip64) has other numbers there
    whole = mark == b"PK\x05\x06" and comment == 0 and start + size + _END.size == len(data)
    if not whole or disk or first_disk or here != count:
        raise UsageError(f"The archive {name} is cut off, or holds more than a bundle: pack it again.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, LookupError) as error:
        raise UsageError(f"The archive {name} is damaged ({error}): pack it again.") from error
    if len(archive.infolist()) != count or archive.start_dir != start:
        raise UsageError(f"The archive {name} is damaged (its list of files does not fit): pack it again.")
    return archive


def _require_few(entries: Sequence[zipfile.ZipInfo], name: str) -> None:
    if len(entries) > MAX_FILES:
        raise UsageError(f"The archive {name} holds {len(entries):,} files, more than {MAX_FILES:,}.")
    _require_small(sum(entry.file_size for entry in entries), name)
    seen: set[str] = set()
    for entry in entries:
        if entry.orig_filename.casefold() in seen:
            raise UsageError(f"The archive {name} holds {_shown(entry)} twice.")
        seen.add(entry.orig_filename.casefold())


def _require_small(total: int, name: str) -> None:
    if total > MAX_TOTAL:
        raise UsageError(f"The archive {name} holds {total:,} bytes unpacked, more than {MAX_TOTAL:,}.")


def _require_plain(entry: zipfile.ZipInfo, name: str) -> None:
    """Refuse what is more than a file of a bundle, by its name and its description alone."""
    path = entry.orig_filename  # as it stands there; the other one was already made pleasant
    kind = stat.S_IFMT(entry.external_attr >> 16)
    problem = ""
    if "\\" in path or ":" in path or "\0" in path or path.startswith("/") or {"..", "."} & set(path.split("/")):
        problem = "has a path that leaves the bundle's folder"
    elif len(path) > MAX_PATH:
        problem = f"has a path of more than {MAX_PATH} letters"
    elif kind not in (0, stat.S_IFREG) or path.endswith("/"):
        problem = "is a link, a folder or a device"
    elif entry.flag_bits & (0x1 | 0x40 | 0x2000):
        problem = "is encrypted"
    elif path.lower().endswith(PICKLED):
        problem = "may be a pickle, which runs code when it is read"
    elif path != MANIFEST and not RUN_FILE.fullmatch(path):
        problem = "is no file of a bundle"
    elif entry.flag_bits & 0x8:
        problem = "was written without its size, as a stream"
    elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = "is compressed in an uncommon way"
    elif entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
        problem = f"is more than {MAX_RATIO} times as large unpacked"
    if problem:
        raise UsageError(f"The archive {name} is refused: {_shown(entry)} {problem}.")


def _ends(data: bytes, entries: Sequence[zipfile.ZipInfo], end: int, name: str) -> list[int]:
    """Where each file ends; refused are archives whose files overlap or have something between them."""
    place, ends = 0, []
    for entry in entries:
        if entry.header_offset != place:
            raise UsageError(f"The archive {name} is refused: something lies over or before {_shown(entry)}.")
        place = _end_of(data, entry, end, name)
        ends.append(place)
    if place != end:
        raise UsageError(f"The archive {name} is refused: something lies between its files and its list of files.")
    return ends


def _end_of(data: bytes, entry: zipfile.ZipInfo, end: int, name: str) -> int:
    """Where the next file must begin; the description before the file must be that of the list."""
    start = entry.header_offset
    if start + _LOCAL.size > end:
        raise UsageError(f"The archive {name} is cut off in {_shown(entry)}: pack it again.")
    mark, _, flags, method, _, _, *numbers, letters, extra = _LOCAL.unpack_from(data, start)
    path = data[start + _LOCAL.size : start + _LOCAL.size + letters]
    told = (flags, method, numbers, path)
    listed = (entry.flag_bits, entry.compress_type, [entry.CRC, entry.compress_size, entry.file_size])
    if mark != LOCAL or told != (*listed, entry.orig_filename.encode("ascii")):
        raise UsageError(f"The archive {name} is refused: {_shown(entry)} is described in two ways.")
    return start + _LOCAL.size + int(letters) + int(extra) + entry.compress_size


def _content(data: bytes, entry: zipfile.ZipInfo, stop: int, name: str) -> bytes:
    """A file's bytes, exactly as many as were announced."""
    packed = data[stop - entry.compress_size : stop]
    content, rest = (packed, b"") if entry.compress_type == zipfile.ZIP_STORED else _inflated(packed, entry.file_size)
    if rest or len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
        raise UsageError(f"In the archive {name}, the file {_shown(entry)} was changed or is damaged: pack it again.")
    start = STARTS[entry.orig_filename[entry.orig_filename.rindex(".") :]]
    if not content.startswith(start):
        what = "a pickle, which runs code when it is read" if content[:1] == PICKLE else "something else"
        raise UsageError(f"The archive {name} is refused: {_shown(entry)} is not what its name says, but {what}.")
    return content


def _inflated(packed: bytes, size: int) -> tuple[bytes, bytes]:
    """What was compressed, of which no more than a byte too much is unpacked; and what lies behind it."""
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = unpacking.decompress(packed, size + 1)
    except zlib.error:
        return b"", packed
    return content, unpacking.unused_data if unpacking.eof else b"unfinished"


def _shown(entry: zipfile.ZipInfo) -> str:
    """A stranger's path for a sentence: quoted, nothing in it but ASCII, and short."""
    return f"{entry.orig_filename!a:.100}"
