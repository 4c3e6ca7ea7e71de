"""Tag sequences of a run as arrays of numbers, and what the metrics over them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.iob import split_tag
from velm_bench.metrics.base import Array, Mask, Metric, MetricInputError, aligned, listed, precision_recall_f1, shown
from velm_bench.samples import Form

Ints = NDArray[np.int64]
"""Places, entities, sentences or classes."""
Numbers = NDArray[np.int32]
"""Numbers of tags."""
MEASURES = ("f1", "precision", "recall")
OTHER = "other"
"""Gathers entity types or tags that are none of the task's."""
PREFIXES = ("O", ".", "B", "I", "E", "S", "?")
"""The prefixes that some scheme knows; the last stands for any other."""


class Vocabulary(dict[str, int]):
    """Tags by number in order of appearance: a tag asked for the first time gets the next one. "O" is 0."""

    def __init__(self, tags: Sequence[str] = ()) -> None:
        super().__init__((tag, number) for number, tag in enumerate(dict.fromkeys(("O", *tags))))

    def __missing__(self, tag: str) -> int:
        if not isinstance(tag, str):
            raise TypeError("A tag is a text.")
        self[tag] = number = len(self)
        return number


@dataclass(frozen=True)
class TagCorpus:
    """Gold and predicted tags of all sentences as numbers in a row: an O, and every sentence followed by an O.

    So no entity reaches into another sentence. The row has tokens + sentences + 1 places.
    """

    vocabulary: Vocabulary
    """The number of each tag that occurs."""
    gold: Numbers
    """The gold tag of each place, shape (places,)."""
    predicted: Numbers
    """The predicted tag of each place, O where the sentence failed, shape (places,)."""
    sizes: Ints
    """The tokens of each sentence, shape (sentences,)."""
    answered: Mask
    """Which sentences have a prediction, shape (sentences,)."""

    @classmethod
    def of(cls, predictions: Sequence[Any], references: Sequence[Any]) -> TagCorpus:
        """The corpus of lists of tags, one tag per token; a prediction of None is a failed sentence.

        Raises MetricInputError where a sentence has not one text tag per token.
        """
        answers, golden = sentences_of(predictions, references)
        sizes = np.asarray(list(map(len, golden)), dtype=np.int64)
        found = [["O"] * len(gold) if tags is None else tags for tags, gold in zip(answers, golden, strict=True)]
        vocabulary = Vocabulary()
        places = int(sizes.sum()) + len(sizes) + 1
        return cls(
            vocabulary,
            gold=numbered(golden, places, vocabulary, "reference"),
            predicted=numbered(found, places, vocabulary, "predicted"),
            sizes=sizes,
            answered=np.asarray([tags is not None for tags in answers], dtype=np.bool_),
        )

    @cached_property
    def tokens(self) -> Ints:
        """The place of each token, shape (tokens,)."""
        return np.arange(int(self.sizes.sum())) + self.sentence + 1

    @cached_property
    def sentence(self) -> Ints:
        """The sentence of each token, shape (tokens,)."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def sentence_at(self, places: Ints) -> Ints:
        """The sentence of each of some places that hold tokens, of the same shape."""
        return np.searchsorted(np.cumsum(self.sizes + 1), places, side="left")

    @cached_property
    def kinds(self) -> dict[str, int]:
        """The number of each entity type that occurs; the type of O, the empty text, is 0."""
        kinds = dict.fromkeys(split_tag(tag)[1] for tag in self.vocabulary)
        return {kind: number for number, kind in enumerate(kinds)}

    @cached_property
    def kind(self) -> Ints:
        """The type of each tag, shape (tags,)."""
        return np.asarray([self.kinds[split_tag(tag)[1]] for tag in self.vocabulary], dtype=np.int64)

    @cached_property
    def prefix(self) -> NDArray[np.uint8]:
        """The prefix of each tag, as its place in PREFIXES, shape (tags,)."""
        known = {prefix: place for place, prefix in enumerate(PREFIXES)}
        other = len(PREFIXES) - 1
        return np.asarray([known.get(split_tag(tag)[0], other) for tag in self.vocabulary], dtype=np.uint8)


def sentences_of(predictions: Sequence[Any], references: Sequence[Any]) -> tuple[list[Any], list[Sequence[Any]]]:
    """Predicted tags, None where there are none, and reference tags; MetricInputError where they are not as many."""
    answers, golden = [], []
    for row, (given, right) in enumerate(aligned(predictions, references)):
        tags, gold = listed(given), listed(right)
        if gold is None:
            raise MetricInputError(f" needs a list of reference tags, not {shown(right)}.", row)
        if given is not None and (tags is None or len(tags) != len(gold)):
            found = shown(given) if tags is None else len(tags)
            raise MetricInputError(f" has {len(gold)} tokens and needs a list of as many tags, not {found}.", row)
        answers.append(tags)
        golden.append(gold)
    return answers, golden


def numbered(sentences: Sequence[Sequence[str]], places: int, vocabulary: Vocabulary, what: str) -> Numbers:
    """The row of all tags, shape (places,), new ones joining the vocabulary; MetricInputError for what is no text."""
    bound = ("O",)
    row = chain.from_iterable(chain.from_iterable(zip(repeat(bound), chain(sentences, [()]))))
    try:
        return np.fromiter(map(vocabulary.__getitem__, row), np.int32, places)
    except TypeError:  # no text, or nothing that a dictionary could hold: looked for only now, because it is rare
        at, tag = next((at, tag) for at, tags in enumerate(sentences) for tag in tags if not isinstance(tag, str))
        raise MetricInputError(
            f": the {what} tag {shown(tag)} is of type {type(tag).__name__}: give text.", at
        ) from None


class TagMetric(Metric):
    """Counts of correct, predicted and gold things per class, the last class being everything else."""

    form = Form.TAGS
    best = 1.0
    gold = ("gold", "tokens", "samples")
    classes: tuple[str, ...]

    def class_of(self, names: Sequence[str]) -> Ints:
        """The class of each name, shape (names,)."""
        places = {name: place for place, name in enumerate(self.classes)}
        return np.asarray([places.get(name, len(places)) for name in names], dtype=np.int64)

    def counts(self, samples: int, *parts: tuple[Ints, Ints]) -> Array:
        """Correct, predicted and gold counts of each class, shape (samples, 3 x (classes + 1)).

        Each part holds the samples and the classes of its things, both of shape (things,).
        """
        size = len(self.classes) + 1
        cells = np.concatenate([(sample * size + kind) * 3 + part for part, (sample, kind) in enumerate(parts)])
        ones = np.ones(len(cells))  # so that the counts are float64 at once
        return np.asarray(np.bincount(cells, ones, samples * size * 3), dtype=np.float64).reshape(samples, size * 3)

    def count_columns(self) -> tuple[str, ...]:
        """The names of the columns that `counts` fills."""
        return tuple(f"{part}/{name}" for name in (*self.classes, OTHER) for part in ("correct", "predicted", "gold"))

    def by_class(self, totals: Array) -> tuple[Array, Array, Array]:
        """Correct, predicted and gold counts, each (..., classes + 1), from totals (..., k)."""
        size = 3 * (len(self.classes) + 1)
        return totals[..., 0:size:3], totals[..., 1:size:3], totals[..., 2:size:3]


def measures(correct: Array, predicted: Array, gold: Array) -> Array:
    """F1, precision and recall from counts of any common shape (...), shape (..., 3); 0/0 is 0."""
    precision, recall, f1 = precision_recall_f1(correct, predicted, gold)
    return np.stack([f1, precision, recall], axis=-1)


def flat(scores: Array) -> Array:
    """The last two axes as one: (..., a, b) -> (..., a x b), of no rows too."""
    return scores.reshape(*scores.shape[:-2], scores.shape[-2] * scores.shape[-1])
