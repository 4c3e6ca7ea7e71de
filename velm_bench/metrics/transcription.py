"""Word and character error rates of transcriptions, under a named normalisation of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import Array, Metric, text_pairs, undefined, with_count
from velm_bench.metrics.optional import levenshtein
from velm_bench.samples import Form

Counts = tuple[int, int, int, int]
"""Substitutions, deletions, insertions and the length of the reference."""


def lowered(text: str) -> str:
    """Lower case, as Python's str.lower has it."""
    return text.lower()


def basic(text: str) -> str:
    """Unicode NFKC, lower case, and no character of a Unicode punctuation category (P): "Well-known!", "wellknown"."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in folded if not is_punctuation(character))


@lru_cache(maxsize=4096)
def is_punctuation(character: str) -> bool:
    """Whether its Unicode category is one of punctuation."""
    return unicodedata.category(character).startswith("P")


NORMALISATIONS: dict[str, Callable[[str], str]] = {"basic": basic, "lower": lowered, "none": str}
"""What may stand after the colon of `wer:NAME`; white space is one space between words in all of them."""


class ErrorRate(Metric):
    """Substitutions, deletions and insertions over the reference length, of all samples together (Levenshtein 1966).

    The corpus rate is a ratio of sums. Of several references the one with the lowest rate counts, the first of equals.
    An empty reference makes every unit an insertion; where all are empty, the rate is the number of insertions, as in
    jiwer. A failed sample has its longest reference deleted, or one insertion where all are empty.
    """

    form = Form.TEXT
    best = 0.0
    takes = "a text normalisation"
    usual = "basic"
    """The normalisation that the names of the outputs leave out; another one is a part of them."""
    columns = ("substitutions", "deletions", "insertions", "length", "samples")
    higher_is_better = False

    def __init__(self, labels: Sequence[str] = (), argument: str = usual) -> None:
        super().__init__(labels)
        if argument not in NORMALISATIONS:
            raise UsageError(
                f"The metric {self.name} knows no text normalisation '{argument:.40}': "
                f"known are {', '.join(sorted(NORMALISATIONS))}."
            )
        self.normalise = NORMALISATIONS[argument]
        self.signature = f"{self.name}|norm:{argument}|refs:lowest-rate|v:1"
        main = self.name if argument == self.usual else f"{self.name}_{argument}"
        self.outputs = (main, *(f"{main}_{part}" for part in self.columns[:3]))

    def units(self, text: str) -> Sequence[str]:
        """What is compared: the words of a text."""
        return self.normalise(text).split()

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        distance, rows = levenshtein(self.name), []
        for text, golden in text_pairs(predictions, references, self.name):
            right = [self.units(reference) for reference in golden]
            if text is None:
                rows.append(failed(right))
            else:
                found = self.units(text)
                rows.append(min((edits(distance, units, found) for units in right), key=rate))
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 4))

    def lost(self, known: Array) -> Array:
        """All of the reference with which the other run was scored is deleted: of several it may not be the longest."""
        none, length = np.zeros(len(known)), known[:, 3]
        return np.column_stack([none, length, length == 0, length, known[:, 4]])

    def finalize(self, totals: Array) -> Array:
        rates = totals[..., :3] / np.maximum(totals[..., 3:4], 1.0)
        total = totals[..., :3].sum(-1, keepdims=True) / np.maximum(totals[..., 3:4], 1.0)
        return undefined(np.concatenate([total, rates], axis=-1), totals[..., 4])


class WordErrorRate(ErrorRate):
    """The word error rate: edits of words, which white space separates, over the words of the references."""

    name = "wer"


class CharacterErrorRate(ErrorRate):
    """The character error rate: edits of characters, single spaces between words among them."""

    name = "cer"

    def units(self, text: str) -> Sequence[str]:
        """What is compared: the characters of a text, words being one space apart."""
        return " ".join(super().units(text))


def edits(distance: ModuleType, reference: Sequence[str], hypothesis: Sequence[str]) -> Counts:
    """The fewest edits that turn the reference into the hypothesis; where several ways tie, rapidfuzz' choice."""
    counts = {"equal": 0, "replace": 0, "delete": 0, "insert": 0}
    for tag, start, end, first, last in distance.opcodes(reference, hypothesis):
        counts[tag] += max(end - start, last - first)
    return counts["replace"], counts["delete"], counts["insert"], len(reference)


def rate(counts: Counts) -> float:
    """The error rate of one reference; of an empty one the number of insertions."""
    return sum(counts[:3]) / max(1, counts[3])


def failed(references: Sequence[Sequence[str]]) -> Counts:
    """The counts of a failed sample: its longest reference deleted, or one insertion where all are empty."""
    length = max(map(len, references))
    return 0, length, int(length == 0), length
