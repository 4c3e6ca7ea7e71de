"""Captions as integers: their words, and their n-grams of orders 1 to 4, numbered without collisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORDERS = 4
"""The longest n-grams of BLEU and CIDEr."""
BLOCK = 20_000
"""Captions split at a time: their words as text take far more memory than their numbers."""

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Words:
    """The words of all captions, one caption after the other."""

    ids: Integers
    """Shape (words,)."""
    lengths: Integers
    """How many words each caption has, shape (captions,)."""

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Where each caption begins, shape (captions,)."""
        return starts(self.lengths)


@dataclass(frozen=True, eq=False)
class Ngrams:
    """The n-grams of one order: an entry for each that a caption holds, sorted by n-gram, then by caption.

    An n-gram's number is its place in `keys`. Its key is the number of its first n - 1 words, times the size of the
    vocabulary, plus the number of its last word: below 2^62, so that no two n-grams share one.
    """

    keys: Integers
    """Ascending, shape (n-grams,)."""
    ids: Integers
    """The entry's n-gram, shape (entries,)."""
    captions: Integers
    """The entry's caption, shape (entries,)."""
    counts: Integers
    """How often the caption holds it, shape (entries,)."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """Captions as integers; two of them number their words and n-grams differently (`translate`)."""

    vocabulary: dict[str, int]
    tokens: Words
    """Split at every single space, as ROUGE-L does: "" is one empty word."""
    words: Words
    """Split at white space, as BLEU and CIDEr do: "" has none, and "1\u00a01/2" has two."""
    ngrams: tuple[Ngrams, ...]
    """The n-grams of `words`, orders 1 to 4."""


def encode(captions: Sequence[str]) -> Encoding:
    """The words of tokenised captions, numbered in the order in which they come."""
    vocabulary: defaultdict[str, int] = defaultdict(count().__next__)
    blocks = [np.zeros(0, dtype=np.int32)]
    for start in range(0, len(captions), BLOCK):
        block = " ".join(captions[start : start + BLOCK]).split(" ")
        blocks.append(np.fromiter(map(vocabulary.__getitem__, block), dtype=np.int32, count=len(block)))
    spaces = np.fromiter(map(str.count, captions, repeat(" ")), dtype=np.int32, count=len(captions))
    tokens = Words(np.concatenate(blocks), spaces + np.int32(1))
    words = split_tokens(tokens, vocabulary)
    return Encoding(dict(vocabulary), tokens, words, tuple(count_ngrams(words, len(vocabulary))))


def split_tokens(tokens: Words, vocabulary: defaultdict[str, int]) -> Words:
    """The words at white space from those at single spaces; words that are only parts join the vocabulary."""
    parts = [token.split() for token in vocabulary]
    if all(part == [token] for part, token in zip(parts, vocabulary, strict=True)):
        return tokens
    numbers = np.asarray([vocabulary[word] for part in parts for word in part], dtype=np.int32)
    sizes = np.asarray([len(part) for part in parts])
    counts = sizes[tokens.ids]
    ids = numbers[spans((np.cumsum(sizes) - sizes)[tokens.ids], counts)]
    return Words(ids, np.add.reduceat(counts, tokens.first).astype(np.int32))


def count_ngrams(words: Words, vocabulary: int) -> list[Ngrams]:
    """The n-grams of each order.

    A stable sort by key leaves equal n-grams in the order of their captions, so that the entries are runs of it.
    """
    captions = np.repeat(np.arange(len(words.lengths), dtype=np.int32), words.lengths)
    left = np.repeat(np.cumsum(words.lengths), words.lengths) - np.arange(len(words.ids))
    places = np.arange(len(words.ids))
    prefix = np.zeros(len(words.ids), dtype=np.int64)
    found = []
    for order in range(1, ORDERS + 1):
        longer = left[places] >= order
        places = places[longer]
        keys = prefix[longer] * vocabulary + words.ids[places + (order - 1)]
        ranked = np.argsort(keys, kind="stable")
        keys, places = keys[ranked], places[ranked]
        first = changes(keys)
        prefix = np.cumsum(first) - 1
        caption = captions[places]
        entries = np.flatnonzero(first | changes(caption))
        counts = np.diff(entries, append=len(places)).astype(np.int32)
        found.append(Ngrams(keys[first], prefix[entries].astype(np.int32), caption[entries], counts))
    return found


def translate(source: Encoding, target: Encoding) -> list[Integers]:
    """For each order, the number in `target` of every n-gram of `source`, -1 where it is not there."""
    found: list[Integers] = []
    if source is target:
        found.extend(np.arange(len(ngrams.keys)) for ngrams in source.ngrams)
        return found
    words = np.asarray([target.vocabulary.get(word, -1) for word in source.vocabulary], dtype=np.int64)
    known = np.zeros(1, dtype=np.int64)
    for ours, theirs in zip(source.ngrams, target.ngrams, strict=True):
        prefix, last = known[ours.keys // len(words)], words[ours.keys % len(words)]
        wanted = np.where((prefix < 0) | (last < 0), -1, prefix * len(target.vocabulary) + last)
        known = places_of(wanted, theirs.keys)
        found.append(known)
    return found


def places_of(wanted: Integers, keys: Integers) -> NDArray[np.int64]:
    """The place of each wanted key among ascending keys, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1)
    places = np.searchsorted(keys, wanted)
    places[places == len(keys)] = 0
    return np.where(keys[places] == wanted, places, -1)


def changes(values: Integers) -> NDArray[np.bool_]:
    """Where a value differs from the one before it; the first does."""
    return np.concatenate([np.ones(min(1, len(values)), dtype=np.bool_), values[1:] != values[:-1]])


def starts(sizes: Integers) -> NDArray[np.int64]:
    """Where each of consecutive spans begins."""
    return np.cumsum(sizes, dtype=np.int64) - sizes


def spans(first: Integers, sizes: Integers) -> NDArray[np.int64]:
    """The numbers first, first + 1, ... of each span, one span after the other."""
    return np.arange(int(sizes.sum())) + np.repeat(first - starts(sizes), sizes)


def sums(places: Integers, values: NDArray[Any], size: int) -> NDArray[np.float64]:
    """The sum of the values at each of `size` places."""
    return np.asarray(np.bincount(places, values, size), dtype=np.float64)
