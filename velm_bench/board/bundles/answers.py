"""answers.jsonl.gz: what a model said about each sample, a line each, as it travels in a bundle."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from velm_bench.board.schema import AnswerLine
from velm_bench.engine.outcomes import decode
from velm_bench.errors import UsageError
from velm_bench.schema import parse
from velm_bench.strict_json import strict_object

LONGEST_LINE = 4 * 2**20
"""Bytes. A log-probability for each of 20,000 classes takes half a megabyte."""
LARGEST = 2 * 2**30
"""Bytes of a whole file once unpacked."""
FREELY, RATIO = 64 * 2**20, 200
"""Up to so many bytes a file may unpack to, however small it is; beyond that, to so many times its size. The digests in
each line cannot be packed, so that no honest file comes near."""
MOST_LINES = 2_000_000
PIECE = 2**20
"""Bytes that are unpacked at a time."""
FORMS = (frozenset({"text", "tokens"}), frozenset({"logprobs", "lengths"}), frozenset({"tags"}))
"""The keys of each form of an answer, those that may be left out included."""
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Of a gzip file without name or time, written on a system that it does not tell."""


def write_answers(lines: Iterable[AnswerLine]) -> bytes:
    """The file of these lines; the same lines always give the same bytes (with the same zlib)."""
    data = b"".join(map(_encoded, lines))
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return HEADER + packed + struct.pack("<LL", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _encoded(line: AnswerLine) -> bytes:
    """A line in ASCII, so that whatever a model said (half a surrogate pair, say) comes back as it was."""
    value = {
        "id": line.id,
        "content": line.content,
        "pictures": line.pictures,
        "answer": line.answer,
        "error": line.error,
    }
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def read_answers(data: bytes, where: str, most: int = MOST_LINES) -> list[AnswerLine]:
    """The lines of a file, at most `most` of them.

    UsageError naming file, line, sample and field for what is damaged, too large, given twice, or no answer.
    """
    found: dict[str, AnswerLine] = {}
    for number, text in enumerate(_lines(data, where), start=1):
        line = _line(text, f"{where}, line {number}")
        if line.id in found:
            raise UsageError(
                f"In {where}, line {number}: the sample {line.id!a:.200} stands there twice: each is answered once."
            )
        if number > most:
            raise UsageError(f"In {where}, line {number}: only {most} samples are asked, {line.id!a:.200} is one more.")
        found[line.id] = line
    if not found:
        raise UsageError(f"In {where}: there are no answers.")
    return list(found.values())


def _line(text: bytes, where: str) -> AnswerLine:
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise UsageError(f"In {where}: it is no JSON object from its first to its last character.")
    value = strict_object(text, where)
    known = value.get("id")
    place = f"{where} (sample {known!a:.200})" if isinstance(known, str) else where
    line = parse(AnswerLine, value, place)
    _require_text(line.id, "id", place)
    _require_answer(line, place)
    return line


def _require_text(text: str, field: str, place: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(f"In {place}: '{field}' is no valid Unicode text.") from error
    if not text:
        raise UsageError(f"In {place}: '{field}' is empty.")


def _require_answer(line: AnswerLine, place: str) -> None:
    if line.answer is None:
        if not line.error:
            raise UsageError(f"In {place}: there is neither an 'answer' nor an 'error': give one of them.")
        return
    if not any(line.answer.keys() <= form for form in FORMS):
        raise UsageError(f"In {place}: 'answer' has the keys {_keys(line.answer)}, which go with no form of answer.")
    try:
        decode(line.answer)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"In {place}: 'answer' is not valid: {str(error)!a:.200}.") from error


def _keys(answer: Mapping[str, Any]) -> str:
    return ", ".join(f"{key!a:.40}" for key in list(answer)[:5]) or "none at all"


def _lines(data: bytes, where: str) -> Iterator[bytes]:
    """The lines without their ends, unpacked a piece at a time."""
    rest = b""
    for piece in _unpacked(data, where):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (_short(line, where) for line in whole)
        _short(rest, where)
    if rest:
        raise UsageError(f"In {where}: the last line has no end: the file was cut off.")


def _short(line: bytes, where: str) -> bytes:
    if len(line) > LONGEST_LINE:
        raise UsageError(f"In {where}: a line is longer than {LONGEST_LINE} bytes.")
    return line


def announced(data: bytes) -> int:
    """How many bytes a gzip file of answers says, at its very end, that it holds."""
    return int.from_bytes(data[-4:], "little")


def _unpacked(data: bytes, where: str) -> Iterator[bytes]:
    """What a gzip file holds, never more than a piece of it at once; UsageError where it is damaged or a bomb."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    cap = min(LARGEST, max(FREELY, RATIO * len(data)))
    total = 0
    packed = data
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(packed, PIECE)
            packed = unpacker.unconsumed_tail
            if not piece and not packed and not unpacker.eof:
                raise UsageError(f"In {where}: the file was cut off.")
            total += len(piece)
            if total > announced(data):
                raise UsageError(f"In {where}: it holds more than its end says: it was cut off or changed.")
            if total > cap:
                raise UsageError(f"In {where}: it unpacks to more than {cap} bytes, more than {len(data)} may hold.")
            yield piece
    except zlib.error as error:
        raise UsageError(f"In {where}: it is no whole gzip file ({error}).") from error
    if unpacker.unused_data:
        raise UsageError(f"In {where}: something stands behind the end of the gzip file.")
