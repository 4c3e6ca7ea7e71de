"""METEOR's paraphrase table, indexed once into a folder of the cache: a trie of phrases and what they may become.

The table is 272 MB of text, and the jar reads it anew in each process. The index is 60 MB that are mapped into memory.
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from velm_bench.cache import cached
from velm_bench.errors import UnavailableError
from velm_bench.metrics.base import MetricUnavailableError
from velm_bench.metrics.captions.java import find_jar

FORMAT = 2
"""To be raised where the content of the index changes."""
ARRAYS = ("children", "trie_words", "starts", "targets")
WORDS = "words.txt"
SEALS = "checksums.txt"
"""The CRC-32 of every other file, a line each: what is read unchecked afterwards must be what was written."""
REPAIR = "run pip install --force-reinstall pycocoevalcap"

Integers = NDArray[np.int32]


class Paraphrases(NamedTuple):
    """The index. Node 0 of the trie is its root; a phrase is a node, and so is each of its beginnings."""

    words: dict[str, int]
    """The table's words by their number."""
    children: Integers
    """The first child of each node, shape (nodes + 1,); children of a node stand together, ascending by word."""
    trie_words: Integers
    """The last word of each node, shape (nodes,)."""
    starts: Integers
    """Where the paraphrases of each node begin in `targets`, shape (nodes + 1,)."""
    targets: Integers
    """Paraphrases, as nodes, in the order of the table."""


@cache
def paraphrases() -> Paraphrases:
    """The index of the installed table, made in some 20 seconds where the cache has none.

    MetricUnavailableError where pycocoevalcap is missing or its table damaged, UnavailableError where the cache cannot
    be written.
    """
    table = find_jar("meteor/data", "paraphrase-en.gz")
    folder = index(table)
    try:
        return load(folder)
    except (ValueError, EOFError, OSError):  # damaged: it is only a copy
        shutil.rmtree(folder, ignore_errors=True)
    try:
        return load(index(table))
    except (ValueError, EOFError, OSError) as error:
        raise UnavailableError(
            f"The index in {folder} is damaged and cannot be made again: remove it, or set VELM_CACHE elsewhere."
        ) from error


def index(table: Path) -> Path:
    """The folder of a table's index, made if it is not there."""
    return cached("meteor-paraphrases", f"{checksum(table)}-{FORMAT}", lambda folder: make(table, folder))


def load(folder: Path) -> Paraphrases:
    """The index in a folder, its arrays mapped into memory; ValueError or OSError where it is damaged."""
    if (folder / SEALS).read_text("utf-8") != seals(folder):
        raise ValueError(f"{folder} is not as it was made")
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS)
    words = (folder / WORDS).read_text("utf-8").split("\n")
    return Paraphrases({word: number for number, word in enumerate(words)}, *arrays)


def seals(folder: Path) -> str:
    """The CRC-32 of every file of an index, a line each."""
    names = [f"{name}.npy" for name in ARRAYS] + [WORDS]
    return "".join(f"{zlib.crc32((folder / name).read_bytes()):08x} {name}\n" for name in names)


def checksum(path: Path) -> str:
    """The CRC-32 and the length of the content, which a gzip file ends with."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 8))
        return stream.read().hex()


def make(table: Path, folder: Path) -> None:
    """Index a table into a folder."""
    try:
        with gzip.open(table) as stream:
            phrases, sources, targets = read(stream)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise MetricUnavailableError(f"{table} cannot be read ({error}): {REPAIR}.") from error
    vocabulary, matrix, lengths = numbered(phrases)
    del phrases
    nodes, children, trie_words = trie(matrix, lengths)
    starts, targets = grouped(nodes[sources], nodes[targets], len(trie_words))
    for name, values in zip(ARRAYS, (children, trie_words, starts, targets), strict=True):
        np.save(folder / f"{name}.npy", values)
    (folder / WORDS).write_text("\n".join(vocabulary), "utf-8")
    (folder / SEALS).write_text(seals(folder), "utf-8")


def read(lines: Iterable[bytes]) -> tuple[list[bytes], Integers, Integers]:
    """The phrases of a table, and its entries as numbers of phrases: a table has a probability and two lines each."""
    numbers: dict[bytes, int] = {}
    sources, targets = array("i"), array("i")
    lines = iter(lines)
    for _, source, target in zip(lines, lines, lines, strict=True):
        sources.append(numbers.setdefault(source, len(numbers)))
        targets.append(numbers.setdefault(target, len(numbers)))
    if not numbers:
        raise ValueError("it is empty")
    return list(numbers), np.frombuffer(sources, dtype=np.int32), np.frombuffer(targets, dtype=np.int32)


def numbered(phrases: Sequence[bytes]) -> tuple[list[str], Integers, Integers]:
    """The words of phrases, the numbers of each phrase's words plus 1 (rows filled up with 0), and their lengths."""
    words: dict[bytes, int] = {}
    flat, lengths = array("i"), array("i")
    for phrase in phrases:
        parts = phrase.split()
        flat.extend([words.setdefault(word, len(words)) for word in parts])
        lengths.append(len(parts))
    sizes = np.frombuffer(lengths, dtype=np.int32)
    matrix = np.zeros((len(sizes), sizes.max(initial=1)), dtype=np.int32)
    matrix[np.arange(matrix.shape[1]) < sizes[:, None]] = np.frombuffer(flat, dtype=np.int32) + 1
    return [word.decode("utf-8") for word in words], matrix, sizes


def trie(matrix: Integers, lengths: Integers) -> tuple[Integers, Integers, Integers]:
    """The node of each phrase, and the trie's `children` and `trie_words`. Nodes are numbered level by level."""
    order = np.lexsort(matrix.T[::-1])
    rows, sizes = matrix[order], lengths[order]
    node, differs = np.zeros(len(rows), dtype=np.int32), np.zeros(len(rows), dtype=np.bool_)
    differs[:1] = True
    ends = np.zeros(len(rows), dtype=np.int32)
    parents, words, size = [], [np.array([-1], dtype=np.int32)], 1
    for level in range(rows.shape[1]):
        differs[1:] |= rows[1:, level] != rows[:-1, level]
        fresh = differs & (sizes > level)
        parents.append(node[fresh])
        words.append(rows[fresh, level] - 1)
        node = (np.cumsum(fresh) - 1 + size).astype(np.int32)
        size += len(words[-1])
        ends[sizes == level + 1] = node[sizes == level + 1]
    counts = np.bincount(np.concatenate(parents), minlength=size)
    nodes = np.empty_like(ends)
    nodes[order] = ends
    return nodes, (1 + offsets(counts)).astype(np.int32), np.concatenate(words)


def grouped(sources: Integers, targets: Integers, size: int) -> tuple[Integers, Integers]:
    """The targets by source, in their order, and where each source's begin."""
    starts = offsets(np.bincount(sources, minlength=size)).astype(np.int32)
    return starts, targets[np.argsort(sources, kind="stable")]


def offsets(counts: ArrayLike) -> NDArray[np.int64]:
    """Where each group begins, and the end, for groups of these sizes."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])
