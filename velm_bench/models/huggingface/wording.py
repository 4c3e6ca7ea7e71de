"""Words taken apart into sub-tokens, sentences longer than a model, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

Ids = Sequence[int]
Pieces = tuple[tuple[int, ...], ...]
"""The sub-tokens of each word of a sentence."""
UNBOUNDED = 10**6
"""A tokenizer that takes more tokens than this knows no bound."""
_WORDS = ("red", "red")
"""Made-up words by which a tokenizer's habits are found out."""


@dataclass(frozen=True)
class Wording:
    """A tokenizer as a tagger uses it: words in, sub-tokens per word out, and what stands around a sentence."""

    tokenizer: Any
    split: Callable[[Any, Sequence[str]], Pieces]
    before: tuple[int, ...]
    """Special tokens before the words."""
    after: tuple[int, ...]
    """Special tokens behind them."""
    types: tuple[int, int, int] | None
    """The token types before, within and behind the words; None where the tokenizer gives none."""

    @classmethod
    def of(cls, opened: Callable[..., Any]) -> Wording:
        """A checkpoint's tokenizer; `opened` opens it, with keyword arguments of its class."""
        tokenizer = opened()
        tokenizer, split = _faithful(tokenizer, opened) if tokenizer.is_fast else (tokenizer, _split_slow)
        whole = tokenizer(list(_WORDS), is_split_into_words=True)
        bare = list(tokenizer(list(_WORDS), is_split_into_words=True, add_special_tokens=False)["input_ids"])
        ids = list(whole["input_ids"])
        start = next(place for place in range(len(ids)) if ids[place : place + len(bare)] == bare)
        end = start + len(bare)
        kinds = whole.get("token_type_ids")
        types = None if kinds is None else (kinds[0], kinds[start], kinds[-1])
        return cls(tokenizer, split, tuple(ids[:start]), tuple(ids[end:]), types)

    @property
    def masks(self) -> bool:
        """Whether the model is told which tokens are padding."""
        return "attention_mask" in self.tokenizer.model_input_names

    @property
    def specials(self) -> int:
        """How many tokens stand around a sentence."""
        return len(self.before) + len(self.after)

    @property
    def longest(self) -> int | None:
        """The most tokens that the tokenizer says the model takes; None where it does not say."""
        bound = int(self.tokenizer.model_max_length)
        return bound if bound < UNBOUNDED else None

    def pieces(self, words: Sequence[str]) -> Pieces:
        """The sub-tokens of each word."""
        return self.split(self.tokenizer, words) if words else ()

    def batch(self, rows: Sequence[Ids]) -> dict[str, Tensor]:
        """Sentences with all that stands around them, padded on the right; the first word is at `len(before)`."""
        sizes = [len(row) for row in rows]
        full = [[*self.before, *row, *self.after] for row in rows]
        made = {"input_ids": _padded(full, self.tokenizer.pad_token_id or 0)}
        if self.types is not None:
            before, within, after = self.types
            types = [[before] * len(self.before) + [within] * n + [after] * len(self.after) for n in sizes]
            made["token_type_ids"] = _padded(types, 0)
        if self.masks:
            made["attention_mask"] = _padded([[1] * len(row) for row in full], 0)
        return {name: torch.tensor(value) for name, value in made.items()}


def _padded(rows: Sequence[list[int]], filler: int) -> list[list[int]]:
    longest = max(map(len, rows))
    return [row + [filler] * (longest - len(row)) for row in rows]


# ---- ways of taking words apart


def _faithful(tokenizer: Any, opened: Callable[..., Any]) -> tuple[Any, Callable[[Any, Sequence[str]], Pieces]]:
    """A fast tokenizer, and a way in which words keep the blanks between them.

    Where the words of a list are glued together (byte-level tokenizers begin a word with its blank), it is opened as
    such models are trained, with a blank before every word, or else shown the running text.
    """
    if _keeps_blanks(tokenizer):
        return tokenizer, _split_words
    spaced = opened(add_prefix_space=True)
    return (spaced, _split_words) if _keeps_blanks(spaced) else (tokenizer, _split_text)


def _keeps_blanks(tokenizer: Any) -> bool:
    text = " ".join(_WORDS)
    given = tokenizer(list(_WORDS), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    return any(tokenizer(said, add_special_tokens=False)["input_ids"] == given for said in (text, f" {text}"))


def _split_words(tokenizer: Any, words: Sequence[str]) -> Pieces:
    """By the tokenizer's own account of which word a sub-token is of."""
    given = tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)
    return _gathered(given["input_ids"], given.word_ids(), len(words))


def _split_text(tokenizer: Any, words: Sequence[str]) -> Pieces:
    """By the places of sub-tokens in the running text; a blank of its own belongs to the word before it."""
    given = tokenizer(" ".join(words), return_offsets_mapping=True, add_special_tokens=False, verbose=False)
    owners = [number for number, word in enumerate(words) for _ in range(len(word) + 1)]
    ends = [end for _, end in given["offset_mapping"]]
    return _gathered(given["input_ids"], [owners[max(end - 1, 0)] for end in ends], len(words))


def _split_slow(tokenizer: Any, words: Sequence[str]) -> Pieces:
    """Word by word, for tokenizers written in Python; where a blank is a token (characters), one ends each word."""

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)))

    blank = ids(" ")
    last = len(words) - 1
    split = [ids(word) for word in words]
    return tuple(word + (blank if word and place < last else ()) for place, word in enumerate(split))


def _gathered(ids: Ids, owners: Sequence[int | None], words: int) -> Pieces:
    found: list[list[int]] = [[] for _ in range(words)]
    for piece, owner in zip(ids, owners, strict=True):
        if owner is not None:
            found[owner].append(piece)
    return tuple(map(tuple, found))


# ---- sentences longer than the model


class Window(NamedTuple):
    """A stretch of a sentence that a model reads at once."""

    words: range
    """What it reads."""
    own: range
    """The words whose tags are taken from this window."""


class Span(NamedTuple):
    """A window of one sentence among several, as sub-tokens."""

    sentence: int
    ids: tuple[int, ...]
    firsts: Mapping[int, int]
    """Its own words, and where the first sub-token of each stands in `ids`."""


def windows(sizes: Sequence[int], room: int | None) -> list[Window]:
    """Windows of at most `room` sub-tokens over words of `sizes` sub-tokens, a word alone of any size.

    Neighbours share up to half of their sub-tokens; the first half of the words that they share is the first one's.
    """
    bounded = [min(size, room) if room else size for size in sizes]
    stretches: list[range] = []
    start = end = 0
    while end < len(bounded) or not stretches:
        taken = sum(bounded[start:end])
        while end < len(bounded) and (not room or taken + bounded[end] <= room):
            taken += bounded[end]
            end += 1
        stretches.append(range(start, end))
        if room and end < len(bounded):
            start = _next_start(bounded, start, end, room)
    edges = [0, *((one.stop + two.start) // 2 for one, two in pairwise(stretches)), len(sizes)]
    return [Window(words, range(*edge)) for words, edge in zip(stretches, pairwise(edges), strict=True)]


def _next_start(sizes: Sequence[int], start: int, end: int, room: int) -> int:
    """Where the window behind one that ends at `end` begins: half back, but so that the next word fits."""
    shared = sum(sizes[start:end])
    while start < end and (shared > room // 2 or shared + sizes[end] > room):
        shared -= sizes[start]
        start += 1
    return start


def spans(sentence: int, words: Pieces, room: int | None) -> list[Span]:
    """A sentence in windows; those without any sub-token are left out."""
    found = []
    for window in windows([len(word) for word in words], room):
        ids: list[int] = []
        firsts = {}
        for number in window.words:
            if words[number] and number in window.own:
                firsts[number] = len(ids)
            ids += words[number]
        if firsts:
            found.append(Span(sentence, tuple(ids[:room]), firsts))
    return found


def batched(given: Sequence[Span], most: int, pads: bool) -> list[list[Span]]:
    """Spans in batches of at most `most`, of like lengths, or of the very same where padding is not to be."""
    ordered = sorted(given, key=lambda span: -len(span.ids))
    batches: list[list[Span]] = []
    for span in ordered:
        last = batches[-1] if batches else []
        if last and len(last) < most and (pads or len(last[0].ids) == len(span.ids)):
            last.append(span)
        else:
            batches.append([span])
    return batches
