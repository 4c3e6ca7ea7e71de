"""Answers that are read off a text, a document or a chart: token F1, ANLS, relaxed accuracy."""

from __future__ import annotations

import math
import re
import string
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, ColumnMeans, text_pairs, with_count
from velm_bench.metrics.optional import levenshtein
from velm_bench.samples import Form

THRESHOLD = 0.5
"""ANLS keeps a similarity of this or more, and takes a smaller one as 0."""
TOLERANCE = 0.05
"""How far a number may be off, relative to the right one, in relaxed accuracy."""

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


class ReadingMetric(ColumnMeans):
    """Means over questions of the best score over the references (at least one). Predictions are strings."""

    form = Form.TEXT
    best = 1.0

    @abstractmethod
    def scores(self, prediction: str, references: Sequence[str]) -> Sequence[float]:
        """One number per output for an answered question."""

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = text_pairs(predictions, references, self.name)
        failed = [self.worst] * len(self.outputs)
        rows = [failed if text is None else self.scores(text, golden) for text, golden in pairs]
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, len(self.outputs)))


class TokenF1(ReadingMetric):
    """Token F1 and exact match as SQuAD's evaluation computes them (Rajpurkar et al. 2016).

    Both sides in lower case without ASCII punctuation and articles, split at white space. Two texts without a token
    are equal and score 1 (SQuAD 2.0).
    """

    name = "token_f1"
    signature = "token-f1|norm:squad|refs:max|empty:equal|v:1"
    outputs = ("token_f1", "token_exact_match")

    def scores(self, prediction: str, references: Sequence[str]) -> Sequence[float]:
        words = squad_tokens(prediction)
        golden = [squad_tokens(text) for text in references]
        return max(token_f1(words, gold) for gold in golden), float(words in golden)


class Anls(ReadingMetric):
    """Average normalised Levenshtein similarity (Biten et al. 2019), case-insensitive; one below 0.5 counts 0.

    DocVQA's evaluation keeps exactly 0.5, which the paper takes as 0, and joins and strips white space; so does this.
    That script divides by the length of the texts as given; here it is that of the texts compared, so that an answer
    cannot be padded with spaces until it scores. Where no text has outer or repeated white space the two are equal.
    """

    name = "anls"
    signature = "anls|threshold:keep>=0.5|case:lower|space:joined|length:compared|refs:max|v:1"

    def scores(self, prediction: str, references: Sequence[str]) -> Sequence[float]:
        distance = levenshtein(self.name).distance
        text = one_space(prediction)
        best = max(similarity(text, one_space(gold), distance) for gold in references)
        return (best if best >= THRESHOLD else 0.0,)


class RelaxedAccuracy(ReadingMetric):
    """Relaxed accuracy of answers about charts (Methani et al. 2020, Masry et al. 2022).

    A number may be off by 5 % of the right one, anything else must be equal but for case and outer white space. As in
    the evaluation in use: "5%" is 0.05, a right answer of 0 must be met to the letter, and years are numbers, so that
    2011 passes for 2010. Infinity and NaN are words, and "1,000" and "$5" are no numbers.
    """

    name = "relaxed_accuracy"
    signature = "relaxed-accuracy|tolerance:0.05|percent:hundredth|zero:exact|refs:max|v:1"

    def scores(self, prediction: str, references: Sequence[str]) -> Sequence[float]:
        return (float(any(relaxed(prediction.strip(), gold.strip()) for gold in references)),)


def squad_tokens(text: str) -> list[str]:
    """The tokens that SQuAD's evaluation compares."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def token_f1(words: Sequence[str], golden: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of the tokens in common; 1 where both have none."""
    if not words or not golden:
        return float(words == golden)
    common = (Counter(words) & Counter(golden)).total()
    return 2 * common / (len(words) + len(golden))


def one_space(text: str) -> str:
    """Lower case, words one space apart."""
    return " ".join(text.lower().split())


def similarity(text: str, gold: str, distance: Callable[..., int]) -> float:
    """One less the edit distance over the longer text's length; 1 for two empty texts, and anything below 0.5 is less.

    Source: Biten et al. 2019, "Scene Text Visual Question Answering", eq. 1.
    """
    length = max(len(text), len(gold))
    # Beyond the cutoff the distance stays unknown, which spares very long texts that are nothing alike.
    return 1 - distance(text, gold, score_cutoff=length // 2) / length if length else 1.0


def relaxed(prediction: str, gold: str) -> bool:
    """Whether an answer is right, within 5 % where both are numbers and the right one is not 0."""
    given, right = number(prediction), number(gold)
    if given is None or not right:
        return prediction.lower() == gold.lower()
    return abs(given - right) / abs(right) <= TOLERANCE


def number(text: str) -> float | None:
    """The finite number that a text is, a percentage as its hundredth; None if it is none."""
    try:
        value = float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
