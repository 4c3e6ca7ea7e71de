"""Texts packed into rows behind a picture, and what every textbook promises (no torch here)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from velm_bench.reference.processing import encode_answer
from velm_bench.reference.settings import IGNORED, PADDING, TAGS
from velm_bench.samples import Pixels

Batch = dict[str, NDArray[np.generic]]
"""Arrays by name, the first axis the row; see `pack` and `Textbook.batch`."""

TOLD = "told"
"""The kind of a segment that all other segments of its row may read."""
ENTITIES = "entities"
"""The kind of a sentence whose entities are judged as wholes."""
_END_WEIGHT = 0.2
"""The end of an answer is easy to guess and counts less."""


@dataclass(frozen=True)
class Segment:
    """A text about a picture, as tokens; from `start` on they are to be predicted, with these weights."""

    kind: str
    tokens: tuple[int, ...]
    start: int = 0
    weight: float = 1.0
    tags: tuple[int, ...] | None = None
    """For tagging: a tag's number per token, IGNORED where none is asked for; such a segment is read both ways."""
    judged: tuple[bool, ...] | None = None
    """For validation of tagging: the tokens whose picture decides."""
    pair: str = ""
    """What the segment says of its picture, where picture and text are a pair to be told from others."""


class Textbook(ABC):
    """An endless stream of rows (a picture and texts about it), numbered from 0.

    A row is a function of the settings and its number alone, so that workers may make it ahead, and a resumed training
    sees what an uninterrupted one would have seen. Textbooks can be pickled: workers get them.
    """

    tags: tuple[str, ...] = TAGS
    """What the tag head is to tell apart, in the order of its rows."""
    classes: tuple[str, ...] = ()
    """What `classes` of a batch count: the labels of pictures; empty where pictures have none."""
    fingerprint: str = ""
    """The identity of the data that is read; empty where it comes with this package."""

    @abstractmethod
    def corpus(self) -> Iterator[str]:
        """The texts that a tokenizer is trained on."""

    @abstractmethod
    def batch(self, tokenizer: Tokenizer, numbers: Sequence[int], texts: bool = True) -> Batch:
        """The rows of these numbers; without `texts`, the pictures and what they teach alone.

        What `pack` makes, and sighted (rows,): whether the text may see the picture; classes (rows,): the picture's
        class or IGNORED; pixels (rows, size, size, 3) uint8, unless there are no pictures. Others add lessons.
        """

    @abstractmethod
    def checks(self, tokenizer: Tokenizer, count: int) -> list[list[Segment]]:
        """The texts of at most `count` rows of validation data, none of which are ever trained on."""

    @abstractmethod
    def check_pixels(self, numbers: Sequence[int]) -> Pixels | None:
        """The pictures of these rows of `checks`, (rows, size, size, 3) uint8; None where there are none."""


def completion(tokenizer: Tokenizer, kind: str, prompt: str, answer: str, weight: float, pair: str = "") -> Segment:
    """A prompt and the answer that is to be predicted after it."""
    asked = encoded(tokenizer, prompt)
    return Segment(kind, (*asked, *encode_answer(tokenizer, answer)), len(asked), weight, pair=pair)


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text, nothing added."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def pair_id(text: str) -> int:
    """A number from 1 to 2³¹-1 that is the same for the same text, letter case and outer space aside."""
    digest = blake2b(text.strip().casefold().encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return (int.from_bytes(digest) & 0x7FFFFFFF) or 1


def pack(rows: Sequence[Sequence[Segment]], length: int) -> Batch:
    """Segments of each picture one after the other in (rows, length) arrays; what does not fit is left out.

    tokens, positions (from 0 in each segment), segments (PADDING where nothing is), both_ways; prompts (what stands
    before the first token to be predicted, a whole sentence to be tagged); targets (the token to be predicted *at* a
    position, IGNORED elsewhere) with their weights; tags and judged likewise; texts (`pair_id` at the last token of a
    text that describes the picture, 0 elsewhere); told (rows,): whether segment 0 is a description for the others.
    """
    shape = (len(rows), length)
    batch: Batch = {
        "tokens": np.zeros(shape, np.int32),
        "positions": np.zeros(shape, np.int32),
        "segments": np.full(shape, PADDING, np.int32),
        "both_ways": np.zeros(shape, np.bool_),
        "prompts": np.zeros(shape, np.bool_),
        "targets": np.full(shape, IGNORED, np.int32),
        "weights": np.zeros(shape, np.float32),
        "tags": np.full(shape, IGNORED, np.int32),
        "judged": np.zeros(shape, np.bool_),
        "texts": np.zeros(shape, np.int32),
        "told": np.zeros(len(rows), np.bool_),
    }
    for row, segments in enumerate(rows):
        for number, (at, segment) in enumerate(placed(segments, length)):
            if at is not None:
                _put(batch, row, at, number, segment)
    return batch


def cropped(batch: Batch) -> Batch:
    """The batch without the columns (in eights) that hold nothing in any row."""
    used = np.flatnonzero((batch["segments"] != PADDING).any(0))
    length = -8 * (-(int(used[-1]) + 1) // 8) if len(used) else 8
    return {name: array[:, :length] if array.ndim == 2 else array for name, array in batch.items()}


def placed(segments: Sequence[Segment], length: int) -> Iterator[tuple[int | None, Segment]]:
    """Each segment and where it begins; None for one that no longer fits."""
    at = 0
    for segment in segments:
        fits = at + len(segment.tokens) <= length
        yield (at if fits else None), segment
        at += len(segment.tokens) if fits else 0


def _put(batch: Batch, row: int, at: int, number: int, segment: Segment) -> None:
    end = at + len(segment.tokens)
    batch["tokens"][row, at:end] = segment.tokens
    batch["positions"][row, at:end] = np.arange(end - at)
    batch["segments"][row, at:end] = number
    batch["texts"][row, end - 1] = pair_id(segment.pair) if segment.pair else 0
    if number == 0:
        batch["told"][row] = segment.kind == TOLD
    if segment.tags is not None:
        batch["both_ways"][row, at:end] = True
        batch["prompts"][row, at:end] = True
        batch["tags"][row, at:end] = segment.tags
        batch["judged"][row, at:end] = segment.judged or False
        return
    first = at + segment.start - 1
    batch["prompts"][row, at : first + 1] = True
    batch["targets"][row, first : end - 1] = segment.tokens[segment.start :]
    batch["weights"][row, first : end - 1] = segment.weight
    batch["weights"][row, end - 2] = _END_WEIGHT * segment.weight
