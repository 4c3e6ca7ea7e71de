"""METEOR's alignment over integers, compiled by numba. To be imported when it is called, for numba takes its time.

All of it is one file: of compiled functions on disk, numba notices that their file changed, not a file that they call.

The matches of all stages compete in one beam search from left to right over the reference. How the jar ranks partial
alignments is not in the papers; it was found out by asking the jar, and differs from them:

- A match counts for its words if it is exact, else for half of them, rounded down on each side: a single word's stem,
  synonym or paraphrase match counts nothing, and is kept only where it saves a chunk, or has no rival.
- Of equal count and chunks (the open chunk not counted), the smaller distance wins. The distance grows by that of each
  match that was possible and *not* taken: those tried before the one taken, or all where the word is left out.
- Matches none of whose words has another match are fixed, and stand in every partial alignment.
- Ties keep the order in which they arose. Two equal captions are not searched at all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pickle import UnpicklingError
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
Places = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

STAGES = 4
EXACT, STEM, SYNONYM, PARAPHRASE = range(STAGES)
SIZE = 23
"""Statistics of a pair: see `Meteor.columns`."""
MATCHES, CHUNKS, MATCHED = 4, 20, 21
"""Where in them the matches of the stages, the chunks and the matched words of both sides are."""
BEAM = 40
LONGEST = 2000
"""Words of a caption that are aligned; the rest counts as unmatched."""
LONGEST_PHRASE = 7
"""Words of the paraphrase table's longest phrases."""

START, OTHER, LENGTH, OTHER_LENGTH, STAGE = range(5)
"""A match: its first word and its length in the hypothesis and in the reference."""
COVERED, CLOSED, DISTANCE, NEXT, END, NODE, PARENT, MATCH = range(8)
"""A partial alignment: its rank, the next word of the reference, where its open chunk ends in the hypothesis (-1: there
is none), its last match in the log, and while it is made, the one it extends and the match that it adds (-1: none)."""


class Text(NamedTuple):
    """Captions as integers."""

    starts: Places
    """The first word of each caption in `words`, and the end, shape (captions + 1,)."""
    words: Integers
    phrases: Integers
    """For each word, the phrases of 1 to 7 words that begin there, -1 for none, shape (words, 7)."""


class Lexicon(NamedTuple):
    """What is known of each word."""

    stems: Integers
    function: NDArray[np.bool_]
    synonym_starts: Places
    """Where the synonyms of each word begin in `synonyms`, shape (words + 1,)."""
    synonyms: Integers
    """Other words, ascending for each word."""


class Table(NamedTuple):
    """The paraphrases of each phrase, in the order of the table."""

    starts: Places
    targets: Integers


def compiled(function: Function, cache: bool = False) -> Function:
    """The function as machine code; itself, slow but right, where numba is not installed."""
    try:
        from numba import njit
    except ImportError:
        return function
    return cast(Function, njit(cache=cache)(function))


def entry(function: Function) -> Function:
    """As `compiled`, and kept on disk with all that it calls: compiling takes seconds."""
    try:
        kept = compiled(function, cache=True)
    except RuntimeError:  # there is no folder for it
        return compiled(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return kept(*arguments)
        except (EOFError, OSError, UnpicklingError):  # what is on disk is damaged, or the disk is full
            return compiled(function)(*arguments)

    return cast(Function, call)


@compiled
def find(values: Integers, begin: int, end: int, value: int) -> int:
    """The place of a value in an ascending part of an array, or -1."""
    low, high = begin, end
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < end and values[low] == value else -1


@entry
def find_phrases(words: Integers, starts: Places, children: Integers, trie_words: Integers) -> Integers:
    """The node of each phrase of the table in captions of the table's words (-1: not in the table).

    `children` is the first child of each node of the trie, whose children are ascending by `trie_words`.
    """
    found = np.full((len(words), LONGEST_PHRASE), -1, dtype=np.int32)
    for caption in range(len(starts) - 1):
        for place in range(starts[caption], starts[caption + 1]):
            node = 0
            for length in range(min(LONGEST_PHRASE, starts[caption + 1] - place)):
                node = find(trie_words, children[node], children[node + 1], words[place + length])
                if node < 0:
                    break
                found[place, length] = node
    return found


@entry
def restrict(nodes: Integers, starts: Integers, targets: Integers, numbers: Integers) -> tuple[Places, Integers]:
    """The paraphrases of the given nodes that have a number (-1: none), as `Table`."""
    kept = np.zeros(len(nodes) + 1, dtype=np.int64)
    for row in range(len(nodes)):
        kept[row + 1] = kept[row]
        for place in range(starts[nodes[row]], starts[nodes[row] + 1]):
            kept[row + 1] += numbers[targets[place]] >= 0
    out = np.empty(kept[-1], dtype=np.int32)
    size = 0
    for node in nodes:
        for place in range(starts[node], starts[node + 1]):
            if numbers[targets[place]] >= 0:
                out[size] = numbers[targets[place]]
                size += 1
    return kept, out


@entry
def align(pairs: Places, text: Text, lexicon: Lexicon, table: Table) -> NDArray[np.float64]:
    """The statistics of pairs of a hypothesis and a reference, shape (pairs, 2) -> (pairs, 23)."""
    rows = np.zeros((len(pairs), SIZE))
    heads = np.full(len(table.starts), -1, dtype=np.int32)
    for pair in range(len(pairs)):
        ours = slice(text.starts[pairs[pair, 0]], text.starts[pairs[pair, 0] + 1])
        theirs = slice(text.starts[pairs[pair, 1]], text.starts[pairs[pair, 1] + 1])
        first, second = text.words[ours], text.words[theirs]
        row = rows[pair]
        count_words(row, first, second, lexicon)
        if len(first) == len(second) and (first == second).all():
            for place in range(len(first)):
                tally(row, np.array([place, place, 1, 1, EXACT], dtype=np.int32), first, second, lexicon)
            row[CHUNKS] = min(1, len(first))
            continue
        first, second = first[:LONGEST], second[:LONGEST]
        phrases, golden_phrases = text.phrases[ours][:LONGEST], text.phrases[theirs][:LONGEST]
        found = np.empty((64, 5), dtype=np.int32)
        size = collect(first, second, phrases, golden_phrases, lexicon, table, heads, found)
        if size > len(found):
            found = np.empty((size, 5), dtype=np.int32)
            collect(first, second, phrases, golden_phrases, lexicon, table, heads, found)
        if size:
            score(row, found[:size], first, second, lexicon)
    return rows


@compiled
def count_words(row: NDArray[np.float64], first: Integers, second: Integers, lexicon: Lexicon) -> None:
    """Put down the lengths of both captions, and how many of their words are function words."""
    row[0], row[1] = len(first), len(second)
    for word in first:
        row[2] += lexicon.function[word]
    for word in second:
        row[3] += lexicon.function[word]


@compiled
def add(found: Integers, size: int, start: int, other: int, length: int, other_length: int, stage: int) -> int:
    """Put down a match if there is room; how many matches there are now."""
    if size < len(found):
        found[size, START], found[size, OTHER] = start, other
        found[size, LENGTH], found[size, OTHER_LENGTH], found[size, STAGE] = length, other_length, stage
    return size + 1


@compiled
def collect(
    first: Integers,
    second: Integers,
    phrases: Integers,
    golden_phrases: Integers,
    lexicon: Lexicon,
    table: Table,
    heads: Integers,
    found: Integers,
) -> int:
    """Put down all matches in the jar's order, as far as there is room; how many there are. `heads` is left as it was.

    Equal words match exactly and in no other stage; others in every stage that matches them. A paraphrase matches twice
    where the table has it in both directions.
    """
    size = 0
    for other in range(len(second)):
        for start in range(len(first)):
            if first[start] == second[other]:
                size = add(found, size, start, other, 1, 1, EXACT)
    for other in range(len(second)):
        for start in range(len(first)):
            if first[start] != second[other] and lexicon.stems[first[start]] == lexicon.stems[second[other]]:
                size = add(found, size, start, other, 1, 1, STEM)
    for other in range(len(second)):
        begin, end = lexicon.synonym_starts[second[other]], lexicon.synonym_starts[second[other] + 1]
        if begin < end:
            for start in range(len(first)):
                if find(lexicon.synonyms, begin, end, first[start]) >= 0:
                    size = add(found, size, start, other, 1, 1, SYNONYM)
    following = np.empty(max(len(first), len(second)) * LONGEST_PHRASE, dtype=np.int32)
    link(phrases, heads, following)
    for other in range(len(second)):
        for length in range(LONGEST_PHRASE):
            phrase = golden_phrases[other, length]
            if phrase < 0:
                break
            for place in range(table.starts[phrase], table.starts[phrase + 1]):
                slot = heads[table.targets[place]]
                while slot >= 0:
                    start, our_length = slot // LONGEST_PHRASE, slot % LONGEST_PHRASE
                    size = add(found, size, start, other, our_length + 1, length + 1, PARAPHRASE)
                    slot = following[slot]
    unlink(phrases, heads)
    link(golden_phrases, heads, following)
    for start in range(len(first)):
        for length in range(LONGEST_PHRASE):
            phrase = phrases[start, length]
            if phrase < 0:
                break
            for place in range(table.starts[phrase], table.starts[phrase + 1]):
                slot = heads[table.targets[place]]
                while slot >= 0:
                    other, their_length = slot // LONGEST_PHRASE, slot % LONGEST_PHRASE
                    size = add(found, size, start, other, length + 1, their_length + 1, PARAPHRASE)
                    slot = following[slot]
    unlink(golden_phrases, heads)
    return size


@compiled
def link(phrases: Integers, heads: Integers, following: Integers) -> None:
    """Chain the places of each phrase of a caption, ascending; a place is 7 times the word plus the length less 1."""
    for start in range(len(phrases) - 1, -1, -1):
        for length in range(LONGEST_PHRASE):
            phrase = phrases[start, length]
            if phrase < 0:
                break
            slot = start * LONGEST_PHRASE + length
            following[slot] = heads[phrase]
            heads[phrase] = slot


@compiled
def unlink(phrases: Integers, heads: Integers) -> None:
    """Forget the chains."""
    for start in range(len(phrases)):
        for length in range(LONGEST_PHRASE):
            if phrases[start, length] < 0:
                break
            heads[phrases[start, length]] = -1


@compiled
def score(row: NDArray[np.float64], found: Integers, first: Integers, second: Integers, lexicon: Lexicon) -> None:
    """Put down the statistics of the best alignment that can be made of these matches."""
    order, offsets = by_reference(found, len(second))
    log = np.empty((BEAM * len(second), 2), dtype=np.int32)
    chunks, node = search(found, order, offsets, fixed(found, len(first), len(second)), len(first), len(second), log)
    row[CHUNKS] = chunks
    while node >= 0:
        tally(row, found[log[node, 1]], first, second, lexicon)
        node = log[node, 0]


@compiled
def by_reference(found: Integers, words: int) -> tuple[Integers, Integers]:
    """The matches by their first word in the reference, in their order, and where each word's begin."""
    offsets = np.zeros(words + 1, dtype=np.int32)
    for match in range(len(found)):
        offsets[found[match, OTHER] + 1] += 1
    for word in range(words):
        offsets[word + 1] += offsets[word]
    order = np.empty(len(found), dtype=np.int32)
    free = offsets[:-1].copy()
    for match in range(len(found)):
        order[free[found[match, OTHER]]] = match
        free[found[match, OTHER]] += 1
    return order, offsets


@compiled
def fixed(found: Integers, words: int, other_words: int) -> Integers:
    """For each word of the reference, the match that begins there and that has no rival, or -1."""
    covers, other_covers = np.zeros(words, dtype=np.int32), np.zeros(other_words, dtype=np.int32)
    for match in found:
        for word in range(match[START], match[START] + match[LENGTH]):
            covers[word] += 1
        for word in range(match[OTHER], match[OTHER] + match[OTHER_LENGTH]):
            other_covers[word] += 1
    alone = np.full(other_words, -1, dtype=np.int32)
    for number in range(len(found)):
        match = found[number]
        rivals = 0
        for word in range(match[START], match[START] + match[LENGTH]):
            rivals += covers[word] - 1
        for word in range(match[OTHER], match[OTHER] + match[OTHER_LENGTH]):
            rivals += other_covers[word] - 1
        if not rivals:
            alone[match[OTHER]] = number
    return alone


@compiled
def better(path: Places, paths: Places, place: int) -> bool:
    """Whether a path ranks before the one at `place`: more words covered, fewer chunks, a smaller distance."""
    if path[COVERED] != paths[place, COVERED]:
        return bool(path[COVERED] > paths[place, COVERED])
    if path[CLOSED] != paths[place, CLOSED]:
        return bool(path[CLOSED] < paths[place, CLOSED])
    return bool(path[DISTANCE] < paths[place, DISTANCE])


@compiled
def insert(paths: Places, size: int, fresh: Places) -> int:
    """Put a path behind all that are at least as good, if it is among the best 40; how many there are now."""
    if size == BEAM and not better(fresh, paths, BEAM - 1):
        return size
    place = min(size, BEAM - 1)
    while place > 0 and better(fresh, paths, place - 1):
        for field in range(len(fresh)):
            paths[place, field] = paths[place - 1, field]
        place -= 1
    for field in range(len(fresh)):
        paths[place, field] = fresh[field]
    return min(size + 1, BEAM)


@compiled
def extend(fresh: Places, before: Places, found: Integers, match: int) -> None:
    """Make of the fresh path its parent with a match added."""
    parent = fresh[PARENT]
    gain = found[match, LENGTH] + found[match, OTHER_LENGTH]
    if found[match, STAGE] != EXACT:
        gain = found[match, LENGTH] // 2 + found[match, OTHER_LENGTH] // 2
    end = before[parent, END]
    fresh[COVERED] = before[parent, COVERED] + gain
    fresh[CLOSED] = before[parent, CLOSED] + (end >= 0 and end != found[match, START])
    fresh[NEXT] = found[match, OTHER] + found[match, OTHER_LENGTH]
    fresh[END] = found[match, START] + found[match, LENGTH]
    fresh[MATCH] = match


@compiled
def taken(used: NDArray[np.uint64], place: int, found: Integers, match: int) -> bool:
    """Whether the path at `place` uses one of the match's words in the hypothesis."""
    start = found[match, START]
    for word in range(start, start + found[match, LENGTH]):
        if used[place, word >> 6] >> np.uint64(word & 63) & np.uint64(1):
            return True
    return False


@compiled
def branch(
    paths: Places,
    size: int,
    fresh: Places,
    before: Places,
    place: int,
    word: int,
    found: Integers,
    candidates: Integers,
    alone: Integers,
    used: NDArray[np.uint64],
) -> int:
    """Rank what becomes of the path at `place` before a word of the reference; how many paths there are now.

    A path that is ahead waits, one at a fixed match takes it; others take each match whose words are free, or none.
    """
    for field in range(len(fresh)):
        fresh[field] = before[place, field]
    fresh[PARENT], fresh[MATCH] = place, -1
    if fresh[NEXT] > word:
        return insert(paths, size, fresh)
    if alone[word] >= 0:
        extend(fresh, before, found, alone[word])
        return insert(paths, size, fresh)
    for match in candidates:
        if not taken(used, place, found, match):
            extend(fresh, before, found, match)
            size = insert(paths, size, fresh)
            fresh[DISTANCE] += abs(found[match, START] - word)
    fresh[COVERED], fresh[CLOSED] = before[place, COVERED], before[place, CLOSED] + (before[place, END] >= 0)
    fresh[NEXT], fresh[END], fresh[MATCH] = word + 1, -1, -1
    return insert(paths, size, fresh)


@compiled
def search(
    found: Integers, order: Integers, offsets: Integers, alone: Integers, words: int, other_words: int, log: Integers
) -> tuple[int, int]:
    """The chunks of the best alignment, and its last match in the log: rows of (the match before, the match)."""
    blocks = (words + 63) // 64
    paths, grown_paths = np.zeros((BEAM, 8), dtype=np.int64), np.zeros((BEAM, 8), dtype=np.int64)
    used, grown_used = np.zeros((BEAM, blocks), dtype=np.uint64), np.zeros((BEAM, blocks), dtype=np.uint64)
    fresh = np.zeros(8, dtype=np.int64)
    paths[0, END] = paths[0, NODE] = -1
    size, logged = 1, 0
    for word in range(other_words):
        candidates = order[offsets[word] : offsets[word + 1]]
        grown = 0
        for place in range(size):
            grown = branch(grown_paths, grown, fresh, paths, place, word, found, candidates, alone, used)
        for place in range(grown):
            parent, match = grown_paths[place, PARENT], grown_paths[place, MATCH]
            for block in range(blocks):
                grown_used[place, block] = used[parent, block]
            if match >= 0:
                take(grown_used, place, found, match)
                log[logged, 0], log[logged, 1] = grown_paths[place, NODE], match
                grown_paths[place, NODE] = logged
                logged += 1
        paths, grown_paths, used, grown_used, size = grown_paths, paths, grown_used, used, grown
    best = 0
    for place in range(size):
        paths[place, CLOSED] += paths[place, END] >= 0
        if better(paths[place], paths, best):
            best = place
    return paths[best, CLOSED], paths[best, NODE]


@compiled
def take(used: NDArray[np.uint64], place: int, found: Integers, match: int) -> None:
    """Mark the match's words in the hypothesis as used."""
    start = found[match, START]
    for word in range(start, start + found[match, LENGTH]):
        used[place, word >> 6] |= np.uint64(1) << np.uint64(word & 63)


@compiled
def tally(row: NDArray[np.float64], match: Integers, first: Integers, second: Integers, lexicon: Lexicon) -> None:
    """Count a match: the words of both sides by stage, content words before function words."""
    column = MATCHES + 4 * match[STAGE]
    for word in first[match[START] : match[START] + match[LENGTH]]:
        row[column + 2 * lexicon.function[word]] += 1
    for word in second[match[OTHER] : match[OTHER] + match[OTHER_LENGTH]]:
        row[column + 1 + 2 * lexicon.function[word]] += 1
    row[MATCHED] += match[LENGTH]
    row[MATCHED + 1] += match[OTHER_LENGTH]
