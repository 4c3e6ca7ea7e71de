"""The tokenised and numbered references of a task on disk, where `VELM_REFERENCE_CACHE=1` asks for it.

An entry is found by a digest of the references as they were given and of the tokeniser's signature, so that it is
never that of others. It is one file of numpy arrays with checksums; a damaged one is made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.cache import cached
from velm_bench.digests import digest_json
from velm_bench.metrics.captions import CaptionSet
from velm_bench.metrics.ngrams import ORDERS, Encoding, Ngrams, Words
from velm_bench.metrics.ptb import SIGNATURE

FORMAT = 1
"""To be raised where the content of an entry changes."""
FILE = "captions.npz"

Arrays = dict[str, NDArray[Any]]


def stored(texts: list[list[str]], make: Callable[[], CaptionSet]) -> CaptionSet:
    """The captions that `make` makes of these texts, from the cache where it is switched on.

    UnavailableError where the cache cannot be written.
    """
    if os.environ.get("VELM_REFERENCE_CACHE") != "1":
        return make()
    key = digest_json([FORMAT, SIGNATURE, texts])
    for _ in range(2):
        folder = cached("references", key, lambda place: save(make(), place / FILE))
        try:
            return load(folder / FILE)
        except Exception:  # a damaged file fails in many ways, and is only a copy
            shutil.rmtree(folder, ignore_errors=True)
    return make()


def save(captions: CaptionSet, path: Path) -> None:
    """Write captions and their encoding."""
    encoding = captions.encoding
    arrays: Arrays = {"sizes": captions.sizes}
    arrays |= named("captions", *packed([text for texts in captions.captions for text in texts]))
    arrays |= named("vocabulary", *packed(encoding.vocabulary))
    arrays |= named("tokens", encoding.tokens.ids, encoding.tokens.lengths)
    arrays |= named("words", encoding.words.ids, encoding.words.lengths)
    for order, ngrams in enumerate(encoding.ngrams):
        arrays |= named(f"ngrams{order}", ngrams.keys, ngrams.ids, ngrams.captions, ngrams.counts)
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path) -> CaptionSet:
    """The captions that were saved; some exception where the file is damaged."""
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
