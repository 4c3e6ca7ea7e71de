"""The tokenised and numbered references of a task on disk, where `VELM_REFERENCE_CACHE=1` asks for it.

An entry is found by a digest of the references as they were given and of the tokeniser's signature. It is one file of
numpy arrays and a digest of the file, keyed by the entry's own: a file that is damaged, or that is another entry's, is
made again. Where the cache cannot be written, nothing is kept, and nothing else is lost.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.cache import cache_root, cached
from velm_bench.digests import digest_json
from velm_bench.errors import UnavailableError, UsageError
from velm_bench.metrics.captions.ngrams import ORDERS, Encoding, Ngrams, Words
from velm_bench.metrics.captions.ptb import SIGNATURE
from velm_bench.metrics.captions.texts import CaptionSet

FORMAT = 2
"""To be raised where the content of an entry changes."""
NAME, FILE, DIGEST = "references", "captions.npz", "captions.blake2b"
SWITCH = "VELM_REFERENCE_CACHE"
ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")

Arrays = dict[str, NDArray[Any]]


def stored(texts: list[list[str]], make: Callable[[], CaptionSet]) -> CaptionSet:
    """The captions that `make` makes of these texts, from the cache where it is switched on.

    UsageError where the switch is neither on nor off.
    """
    if not switched_on():
        return make()
    key = digest_json([FORMAT, SIGNATURE, texts])
    place = cache_root() / f"{NAME}-{key}"
    with suppress(OSError, ValueError):
        return load(place, key)
    made = make()
    shutil.rmtree(place, ignore_errors=True)
    with suppress(UnavailableError, OSError):
        cached(NAME, key, lambda folder: save(made, folder, key))
    return made


def switched_on() -> bool:
    """Whether the cache is wanted; UsageError where the variable says neither."""
    said = os.environ.get(SWITCH, "")
    word = said.strip().lower()
    if word not in ON + OFF:
        raise UsageError(f"{SWITCH} is '{said:.40}', which is neither yes nor no: set it to 1, or unset it.")
    return word in ON


def save(captions: CaptionSet, folder: Path, key: str) -> None:
    """Write captions, their encoding and the digest of both."""
    encoding = captions.encoding
    arrays: Arrays = {"sizes": captions.sizes}
    arrays |= named("captions", *packed([text for texts in captions.captions for text in texts]))
    arrays |= named("vocabulary", *packed(encoding.vocabulary))
    arrays |= named("tokens", encoding.tokens.ids, encoding.tokens.lengths)
    arrays |= named("words", encoding.words.ids, encoding.words.lengths)
    for order, ngrams in enumerate(encoding.ngrams):
        arrays |= named(f"ngrams{order}", ngrams.keys, ngrams.ids, ngrams.captions, ngrams.counts)
    np.savez(folder / FILE, allow_pickle=False, **arrays)
    (folder / DIGEST).write_bytes(digest(folder / FILE, key))


def load(folder: Path, key: str) -> CaptionSet:
    """The captions that were saved under that key; OSError or ValueError where they are not there as they were."""
    path = folder / FILE
    if digest(path, key) != (folder / DIGEST).read_bytes():
        raise ValueError(f"{path} is damaged, or another entry's")
    with np.load(path, allow_pickle=False) as arrays:
        texts = iter(unpacked(*parts(arrays, "captions", 2)))
        captions = tuple(tuple(islice(texts, size)) for size in arrays["sizes"].tolist())
        words = unpacked(*parts(arrays, "vocabulary", 2))
        encoding = Encoding(
            {word: number for number, word in enumerate(words)},
            Words(*parts(arrays, "tokens", 2)),
            Words(*parts(arrays, "words", 2)),
            tuple(Ngrams(*parts(arrays, f"ngrams{order}", 4)) for order in range(ORDERS)),
        )
    return CaptionSet(captions, encoding)


def digest(path: Path, key: str) -> bytes:
    """BLAKE2b of a file, keyed, so that no file is right in the place of another."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(key=key.encode("ascii"))).digest()


def named(name: str, *arrays: NDArray[Any]) -> Arrays:
    """Arrays by a common name and their number."""
    return {f"{name}.{place}": array for place, array in enumerate(arrays)}


def parts(arrays: Any, name: str, count: int) -> list[NDArray[Any]]:
    """The arrays of that name."""
    return [arrays[f"{name}.{place}"] for place in range(count)]


def packed(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts as the bytes of all, and how many characters each has."""
    texts = list(texts)
    data = "".join(texts).encode("utf-8", "surrogatepass")
    return np.frombuffer(data, dtype=np.uint8), np.asarray([len(text) for text in texts], dtype=np.int64)


def unpacked(data: NDArray[np.uint8], lengths: NDArray[np.int64]) -> list[str]:
    """The texts that were packed."""
    text = data.tobytes().decode("utf-8", "surrogatepass")
    return [text[start:end] for start, end in pairwise(accumulate(lengths.tolist(), initial=0))]
