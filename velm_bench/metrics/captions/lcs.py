"""Longest common subsequences of captions, many pairs at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.captions.ngrams import Encoding, Integers, Words, spans

WIDEST = 64
"""The most words of a caption that is compared together with others: one bit each."""
BLOCK = 4096
"""Pairs compared at a time."""


def common_subsequences(hypotheses: Encoding, samples: Integers, references: Encoding) -> NDArray[np.int64]:
    """For each reference, the length of the longest common subsequence with the hypothesis of its sample.

    `samples` is the hypothesis of each reference, shape (references,), as the result. Words are the `tokens`.
    """
    numbers = np.asarray([references.vocabulary.get(word, -1) for word in hypotheses.vocabulary], dtype=np.int32)
    ours = Words(numbers[hypotheses.tokens.ids], hypotheses.tokens.lengths)
    theirs = references.tokens
    lengths = ours.lengths[samples]
    short = np.maximum(lengths, theirs.lengths) <= WIDEST
    found = np.zeros(len(samples), dtype=np.int64)
    ranked = np.flatnonzero(short)
    ranked = ranked[np.argsort(lengths[ranked], kind="stable")]  # alike in length, so that a block holds little padding
    for block in np.split(ranked, range(BLOCK, len(ranked), BLOCK)):
        longest = int(lengths[block].max(initial=0))
        found[block] = subsequences_of_block(
            padded(theirs, block, WIDEST, -2), padded(ours, samples[block], longest, -1)
        )
    for pair in np.flatnonzero(~short).tolist():
        found[pair] = common_subsequence(caption(theirs, pair), caption(ours, int(samples[pair])))
    return found


def subsequences_of_block(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.int64]:
    """`common_subsequence` of the rows of two padded matrices, `first` of shape (pairs, 64), in a machine word each.

    Bits beyond a caption's words match nothing and stay set, so that the cleared ones are the subsequence.
    """
    state = np.full(len(first), np.uint64(2**64 - 1))
    for words in second.T:
        hits = state & np.packbits(first == words[:, None], axis=1, bitorder="little").view("<u8").ravel()
        state = (state + hits) | (state - hits)
    return np.bitwise_count(~state).astype(np.int64)


def common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence, a bit per word of `first` (Hyyrö 2004)."""
    places: dict[Hashable, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    state = full
    for word in second:
        hits = state & places.get(word, 0)
        state = ((state + hits) | (state - hits)) & full
    return len(first) - state.bit_count()


def padded(words: Words, captions: Integers, width: int, fill: int) -> NDArray[np.int32]:
    """The words of some captions, a row each, filled up to the width."""
    rows = np.full((len(captions), width), fill, dtype=np.int32)
    lengths = words.lengths[captions]
    rows[np.arange(width) < lengths[:, None]] = words.ids[spans(words.first[captions], lengths)]
    return rows


def caption(words: Words, place: int) -> list[int]:
    """The words of one caption."""
    first = int(words.first[place])
    return [int(word) for word in words.ids[first : first + int(words.lengths[place])]]
