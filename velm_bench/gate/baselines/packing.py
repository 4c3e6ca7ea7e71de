"""Whole numbers, floats and texts as lines of base64, and back; nothing unpacks to more than its count allows."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.gate.baselines.schema import MOST_SAMPLES, WHOLE_FORMS, Numbered, Packed

Whole = NDArray[np.int64]
LINE = 100
"""How many letters of base64 stand on a line."""
LARGEST = 2**53
"""Whole numbers below it are exact in float64."""
HEX = re.compile(r"[0-9a-f]{16}")
DIGITS, RUN = re.compile(r"[0-9]+"), re.compile(r"#([0-9]+)")
MOST_PATTERNS = 64
LONGEST_RUN = 15
"""How many digits a number of a text may have."""
LONGEST_TEXT = 1000
"""How many bytes a text may take on average: an id of ours has ten."""
MOST_LETTERS = 2**27
"""The most letters of all ids, groups and content digests together, each as long as the longest: half a GiB in memory,
and 134 letters a sample where there are a million."""
MOST = 1e100
"""Larger numbers are no statistics: their sums and squares would not be finite."""


class DamagedError(ValueError):
    """Packed data that is not what it says; the message goes on a sentence that names the column."""


def pack_whole(numbers: Whole) -> Packed:
    """Whole numbers, shape (n,), in the fewest bytes: as they are, or, where they rise, as steps."""
    plain = _whole(numbers, steps=False)
    steps = np.diff(numbers, prepend=0)
    if plain.form == "bits" or 4 * np.count_nonzero(steps < 0) > len(steps):
        return plain
    return min(plain, _whole(steps, steps=True), key=cost)


def pack_floats(numbers: NDArray[np.float64]) -> Packed:
    """Numbers, shape (n,), bit for bit."""
    return _packed("float64", len(numbers), _shuffled(np.asarray(numbers, dtype="<f8")))


def pack_texts(texts: Sequence[str]) -> Packed | Numbered:
    """Texts; those of 16 hexadecimal digits in half the bytes, those that differ in numbers as these."""
    if texts and all(map(HEX.fullmatch, texts)):
        return _packed("hex", len(texts), bytes.fromhex("".join(texts)))
    plain = json.dumps(list(texts), ensure_ascii=True, separators=(",", ":")).encode("ascii")
    packed = _packed("texts", len(texts), plain, size=len(plain))
    numbered = _numbered(texts)
    return numbered if numbered is not None and cost(numbered) < cost(packed) else packed


def unpack_whole(packed: Packed) -> Whole:
    """What `pack_whole` packed, shape (n,), int64; DamagedError where it is something else."""
    if packed.form not in WHOLE_FORMS:
        raise DamagedError(f"holds {packed.form} where whole numbers belong")
    if packed.form == "bits":
        plain = np.frombuffer(_unpacked(packed, -(-packed.count // 8)), dtype=np.uint8)
        return np.unpackbits(plain, count=packed.count, bitorder="little").astype(np.int64)
    numbers = _numbers(packed).astype(np.int64)
    return np.cumsum(numbers) if packed.steps else numbers


def unpack_floats(packed: Packed) -> NDArray[np.float64]:
    """Numbers of any form, shape (n,), float64; DamagedError where it is something else."""
    if packed.form != "float64":
        return unpack_whole(packed).astype(np.float64)
    return _numbers(packed).astype(np.float64)


def unpack_texts(packed: Packed | Numbered) -> list[str]:
    """What `pack_texts` packed; DamagedError where it is something else."""
    if isinstance(packed, Numbered):
        return _unnumbered(packed)
    if packed.form == "hex":
        digits = _unpacked(packed, 8 * packed.count).hex()
        return [digits[start : start + 16] for start in range(0, len(digits), 16)]
    if packed.form != "texts" or packed.size is None:
        raise DamagedError(f"holds {packed.form} where texts belong")
    if packed.size > min(1000 + LONGEST_TEXT * packed.count, 2 * MOST_LETTERS):
        raise DamagedError(f"says that {packed.count} texts take {packed.size} bytes")
    try:
        found = json.loads(_unpacked(packed, packed.size).decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise DamagedError("does not unpack to texts") from error
    if not isinstance(found, list) or not all(type(text) is str for text in found):
        raise DamagedError("does not unpack to texts")
    if len(found) != packed.count:
        raise DamagedError(f"holds {len(found)} texts where it says {packed.count}")
    return found


def cost(*parts: Packed | Numbered | None) -> int:
    """How many letters packed parts take in a file, with their descriptions."""
    return sum(_cost(part) for part in parts if part is not None)


def _cost(part: Packed | Numbered) -> int:
    if isinstance(part, Numbered):
        return sum(map(len, part.patterns)) + cost(part.codes, part.numbers)
    return 60 + sum(map(len, part.data))


def _numbered(texts: Sequence[str]) -> Numbered | None:
    """The texts as patterns and numbers; None where they have too little in common for that."""
    if any("#" in text for text in texts):
        return None
    patterns: dict[str, int] = {}
    codes = [patterns.setdefault(DIGITS.sub(_width, text), len(patterns)) for text in texts]
    runs = [DIGITS.findall(text) for text in texts]
    if len(patterns) > MOST_PATTERNS or max(map(len, texts), default=0) * len(texts) > MOST_LETTERS:
        return None
    if any(len(run) > LONGEST_RUN for found in runs for run in found):
        return None
    numbers = [
        int(found[place]) for place in range(max(map(len, runs), default=0)) for found in runs if place < len(found)
    ]
    return Numbered(
        patterns=list(patterns),
        codes=pack_whole(np.asarray(codes, dtype=np.int64)),
        numbers=pack_whole(np.asarray(numbers, dtype=np.int64)),
    )


def _unnumbered(packed: Numbered) -> list[str]:
    codes, numbers = unpack_whole(packed.codes), unpack_whole(packed.numbers)
    runs = [[int(width) for width in RUN.findall(pattern)] for pattern in packed.patterns]
    _require_patterns(packed.patterns, runs, codes)
    lengths = np.asarray([len(found) for found in runs], dtype=np.int64)[codes]
    if int(lengths.sum()) != len(numbers):
        raise DamagedError(f"holds {len(numbers)} numbers where its patterns ask for {lengths.sum()}")
    forms = [RUN.sub("%s", pattern.replace("%", "%%")) for pattern in packed.patterns]
    texts: list[list[str]] = [[] for _ in codes]
    rest = iter(numbers.tolist())
    for place in range(int(lengths.max(initial=0))):
        for row in np.flatnonzero(lengths > place).tolist():
            texts[row].append(f"{next(rest):0{runs[codes[row]][place]}d}")
    return [forms[code] % tuple(found) for code, found in zip(codes.tolist(), texts, strict=True)]


def _require_patterns(patterns: Sequence[str], runs: Sequence[Sequence[int]], codes: Whole) -> None:
    """DamagedError where patterns are none of `_numbered`, or would make more letters than memory holds."""
    if len(patterns) > MOST_PATTERNS or any(width > LONGEST_RUN for found in runs for width in found):
        raise DamagedError("holds patterns that no texts have")
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(patterns):
        raise DamagedError("refers to a pattern that it does not hold")
    longest = max((len(pattern) + sum(found) for pattern, found in zip(patterns, runs, strict=True)), default=0)
    if longest * max(len(codes), 1) > 2 * MOST_LETTERS:
        raise DamagedError(f"says that it holds more than {MOST_LETTERS} letters")


def _width(run: re.Match[str]) -> str:
    return f"#{len(run[0])}"


def _whole(numbers: Whole, steps: bool) -> Packed:
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if low >= 0 and high <= 1 and not steps:
        return _packed("bits", len(numbers), np.packbits(numbers.astype(np.uint8), bitorder="little").tobytes())
    form = next(one for one in WHOLE_FORMS[1:] if np.iinfo(one).min <= low and high <= np.iinfo(one).max)
    return _packed(form, len(numbers), _shuffled(numbers.astype(f"<{np.dtype(form).str[1:]}")), steps=steps)


def _packed(form: str, count: int, plain: bytes, **more: Any) -> Packed:
    text = base64.b64encode(_deflated(plain)).decode("ascii")
    lines = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    return Packed.model_validate({"form": form, "count": count, "data": lines, **more})


def _deflated(plain: bytes) -> bytes:
    """The shortest of three ways: numbers seldom repeat in the long stretches that texts do, and then searching for
    these costs minutes and finds what only looks like one."""
    ways = (6, zlib.Z_DEFAULT_STRATEGY), (6, zlib.Z_FILTERED), (9, zlib.Z_RLE)
    packers = [zlib.compressobj(level, zlib.DEFLATED, strategy=strategy) for level, strategy in ways]
    return min((packer.compress(plain) + packer.flush() for packer in packers), key=len)


def _shuffled(numbers: NDArray[Any]) -> bytes:
    """The first byte of every number, then the second of every: like stands beside like, which packs better."""
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(len(numbers), numbers.itemsize).T.tobytes()


def _numbers(packed: Packed) -> NDArray[Any]:
    kind = np.dtype(packed.form).newbyteorder("<")
    plain = np.frombuffer(_unpacked(packed, packed.count * kind.itemsize), dtype=np.uint8)
    rows = np.ascontiguousarray(plain.reshape(kind.itemsize, packed.count).T)
    return rows.reshape(-1).view(kind)


def _unpacked(packed: Packed, size: int) -> bytes:
    """Exactly `size` bytes; no more are ever unpacked."""
    if packed.count > MOST_SAMPLES:
        raise DamagedError(f"says that it holds {packed.count} values")
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(base64.b64decode("".join(packed.data), validate=True), size + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise DamagedError("does not unpack") from error
    if len(plain) > size:
        raise DamagedError(f"unpacks to more than the {size} bytes that it says")
    if len(plain) < size or not reader.eof or reader.unused_data:
        raise DamagedError(f"does not unpack to the {size} bytes that it says")
    return plain
