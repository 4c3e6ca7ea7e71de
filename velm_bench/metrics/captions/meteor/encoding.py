"""Captions as the integers that the kernel aligns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.captions.meteor.paraphrases import Integers, offsets, paraphrases
from velm_bench.metrics.captions.meteor.resources import english
from velm_bench.metrics.captions.meteor.stemmer import stem
from velm_bench.metrics.captions.ngrams import spans

if TYPE_CHECKING:
    from velm_bench.metrics.captions.meteor import kernel


def align(captions: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """The statistics of pairs of captions, a hypothesis and a reference each: (pairs, 2) -> (pairs, 23).

    Raises MetricUnavailableError where pycocoevalcap is missing, UnavailableError where the cache cannot be written.
    """
    from velm_bench.metrics.captions.meteor import kernel

    normaliser = english().normaliser
    words = [normaliser.words(caption) for caption in captions]
    numbers = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(words)))}
    starts = offsets([len(caption) for caption in words])
    ids = np.fromiter(map(numbers.__getitem__, chain.from_iterable(words)), dtype=np.int32, count=starts[-1])
    phrases, table = phrases_of(ids, starts, list(numbers))
    return kernel.align(pairs, kernel.Text(starts, ids, phrases), lexicon(list(numbers)), table)


def phrases_of(ids: Integers, starts: NDArray[np.int64], words: Sequence[str]) -> tuple[Integers, kernel.Table]:
    """The phrases of captions (see `kernel.Text`), numbered, and which of them are paraphrases of each other."""
    from velm_bench.metrics.captions.meteor import kernel

    index = paraphrases()
    in_table = np.asarray([index.words.get(word, -1) for word in words], dtype=np.int32)
    nodes = kernel.find_phrases(in_table[ids], starts, index.children, index.trie_words)
    numbers = np.full(len(index.trie_words) + 1, -1, dtype=np.int32)  # the last is that of node -1, which is none
    numbers[nodes] = 0
    numbers[-1] = -1
    present = np.flatnonzero(numbers == 0).astype(np.int32)
    numbers[present] = np.arange(len(present))
    return numbers[nodes], kernel.Table(*kernel.restrict(present, index.starts, index.targets, numbers))


def lexicon(words: Sequence[str]) -> kernel.Lexicon:
    """Stems, kinds and synonyms of words."""
    from velm_bench.metrics.captions.meteor import kernel

    function_words = english().function_words
    stems: dict[str, int] = {}
    return kernel.Lexicon(
        np.asarray([stems.setdefault(stem(word), len(stems)) for word in words], dtype=np.int32),
        np.asarray([word in function_words for word in words], dtype=np.bool_),
        *synonyms(words),
    )


def synonyms(words: Sequence[str]) -> tuple[NDArray[np.int64], Integers]:
    """For each word the others that share a synset with it, ascending, and where each word's begin."""
    found = [synsets_of(word) for word in words]
    members = np.repeat(np.arange(len(words)), [len(numbers) for numbers in found])
    synsets = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(members))
    order = np.argsort(synsets, kind="stable")
    members, synsets = members[order], synsets[order]
    first = np.searchsorted(synsets, synsets)
    sizes = np.searchsorted(synsets, synsets, side="right") - first
    keys = np.unique(np.repeat(members, sizes) * len(words) + members[spans(first, sizes)])
    ours, theirs = np.divmod(keys, max(1, len(words)))
    others = ours != theirs
    starts = offsets(np.bincount(ours[others], minlength=len(words)))
    return starts, theirs[others].astype(np.int32)


@lru_cache(maxsize=1 << 18)
def synsets_of(word: str) -> tuple[int, ...]:
    """The synsets of a word, ascending."""
    return english().wordnet.of_word(word)
