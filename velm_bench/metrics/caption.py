"""BLEU, ROUGE-L and CIDEr-D of captions, with the numbers of pycocoevalcap 1.2."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, Metric, MetricInputError, aligned, divide, undefined, with_count
from velm_bench.metrics.ptb import SIGNATURE, tokenize
from velm_bench.samples import Form

ORDERS = 4
"""The longest n-grams of BLEU and CIDEr."""

Ngram = tuple[str, ...]
Vectors = tuple[list[dict[Ngram, float]], list[float], int]
"""tf-idf by n-gram for each order, their norms, and the length (in bigrams)."""


class CaptionMetric(Metric):
    """A metric over PTB-tokenised text. Predictions are strings, references lists of strings (at least one)."""

    form = Form.TEXT

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = aligned(predictions, references)
        everything = [*references, *(corpus if corpus is not None else ())]
        check_references(everything, self.name)
        tokenize(chain((text for text in predictions if text is not None), chain.from_iterable(everything)))
        hypotheses = [None if text is None else tokenize([text])[0] for text, _ in pairs]
        golden = [tokenize(texts) for texts in references]
        self.prepare(golden if corpus is None else [tokenize(texts) for texts in corpus])
        return with_count(self.rows(hypotheses, golden))

    def prepare(self, corpus: Sequence[Sequence[str]]) -> None:
        """Learn what is needed of the full task's tokenised references: nothing, unless a metric says otherwise."""

    @abstractmethod
    def rows(self, hypotheses: Sequence[str | None], references: Sequence[Sequence[str]]) -> Array:
        """Statistics of tokenised captions, shape (samples, k - 1): the last column, the sample count, is added."""


class Bleu(CaptionMetric):
    """Corpus BLEU (Papineni et al. 2002): clipped n-gram precision, closest reference length, brevity penalty.

    Epsilons as in pycocoevalcap: 1e-15 above, 1e-9 below each fraction. A failed sample counts no match, as many
    n-grams as its shortest reference has and no length: precisions and brevity both suffer, so failing never pays.
    """

    name = "bleu"
    signature = f"bleu|n:4|ref:closest|smooth:eps|{SIGNATURE}|fail:worst|v:1"
    outputs = ("bleu_4", "bleu_1", "bleu_2", "bleu_3")
    columns = (
        *(f"{part}_{n}" for part in ("match", "total") for n in (1, 2, 3, 4)),
        "length",
        "reference_length",
        "samples",
    )

    def rows(self, hypotheses: Sequence[str | None], references: Sequence[Sequence[str]]) -> Array:
        rows = [bleu_row(hypothesis, golden) for hypothesis, golden in zip(hypotheses, references, strict=True)]
        return np.asarray(rows, dtype=np.float64).reshape(-1, 2 * ORDERS + 2)

    def finalize(self, totals: Array) -> Array:
        precision = (totals[..., :4] + 1e-15) / (totals[..., 4:8] + 1e-9)
        scores = np.cumprod(precision, axis=-1) ** (1.0 / np.arange(1, ORDERS + 1))
        ratio = (totals[..., 8] + 1e-15) / (totals[..., 9] + 1e-9)
        brevity = np.where(ratio < 1, np.exp(np.minimum(0.0, 1 - 1 / ratio)), 1.0)
        return undefined((scores * brevity[..., None])[..., [3, 0, 1, 2]], totals[..., 10])


class RougeL(CaptionMetric):
    """ROUGE-L (Lin 2004) with beta 1.2, the best precision and the best recall over the references, per image."""

    name = "rouge_l"
    signature = f"rouge-l|beta:1.2|{SIGNATURE}|v:1"
    outputs = ("rouge_l",)
    columns = ("rouge_l", "samples")

    def rows(self, hypotheses: Sequence[str | None], references: Sequence[Sequence[str]]) -> Array:
        pairs = zip(hypotheses, references, strict=True)
        scores = [0.0 if hypothesis is None else rouge_l(hypothesis, golden) for hypothesis, golden in pairs]
        return np.asarray(scores, dtype=np.float64).reshape(-1, 1)

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., :1], totals[..., 1:2], empty=np.nan)


class Cider(CaptionMetric):
    """CIDEr-D (Vedantam et al. 2015), times 10, document frequencies from the references of the full task."""

    name = "cider"
    signature = f"cider-d|n:4|sigma:6|idf:task|{SIGNATURE}|v:1"
    outputs = ("cider",)
    columns = ("cider", "samples")

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.frequencies: Counter[Ngram] = Counter()
        self.rarity: list[float] = [0.0]

    def prepare(self, corpus: Sequence[Sequence[str]]) -> None:
        self.frequencies = Counter()
        for captions in corpus:
            self.frequencies.update(set(chain.from_iterable(ngrams(caption.split()) for caption in captions)))
        images = np.log(float(max(1, len(corpus))))
        most = max(self.frequencies.values(), default=1)
        self.rarity = [float(images - np.log(max(1.0, float(count)))) for count in range(most + 1)]

    def rows(self, hypotheses: Sequence[str | None], references: Sequence[Sequence[str]]) -> Array:
        pairs = zip(hypotheses, references, strict=True)
        scores = [0.0 if hypothesis is None else self.score(hypothesis, golden) for hypothesis, golden in pairs]
        return np.asarray(scores, dtype=np.float64).reshape(-1, 1)

    def score(self, hypothesis: str, references: Sequence[str]) -> float:
        """CIDEr-D of one tokenised caption against its tokenised references."""
        candidate = self.vectors(hypothesis)
        by_order = [0.0] * ORDERS
        for reference in references:
            for order, similarity in enumerate(similarities(candidate, self.vectors(reference))):
                by_order[order] += similarity
        return sum(by_order) / ORDERS / len(references) * 10.0

    def vectors(self, caption: str) -> Vectors:
        """tf-idf vectors of a tokenised caption. Its length is its number of bigrams, as in the official code."""
        weights: list[dict[Ngram, float]] = [{} for _ in range(ORDERS)]
        squares, length = [0.0] * ORDERS, 0
        for ngram, count in ngrams(caption.split()).items():
            order = len(ngram) - 1
            weight = float(count) * self.rarity[self.frequencies.get(ngram, 0)]
            weights[order][ngram] = weight
            squares[order] += weight * weight
            length += count if order == 1 else 0
        return weights, [math.sqrt(square) for square in squares], length

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., :1], totals[..., 1:2], empty=np.nan)


def check_references(references: Sequence[Any], metric: str) -> None:
    """MetricInputError where a sample has no reference caption, or a single string where a list is due."""
    for row, captions in enumerate(references):
        if isinstance(captions, str) or not len(captions):
            raise MetricInputError(f"Sample {row} needs a list of at least one reference caption for {metric}.")


def ngrams(words: Sequence[str]) -> Counter[Ngram]:
    """Counts of all n-grams of orders 1 to 4, lower orders first."""
    return Counter(
        tuple(words[start : start + order]) for order in range(1, ORDERS + 1) for start in range(len(words) - order + 1)
    )


def bleu_row(hypothesis: str | None, references: Sequence[str]) -> list[float]:
    """Clipped matches and totals of orders 1 to 4, the hypothesis' length and the closest reference length."""
    lengths = [len(reference.split()) for reference in references]
    words = [] if hypothesis is None else hypothesis.split()
    closest = min((abs(length - len(words)), length) for length in lengths)[1]
    size = closest if hypothesis is None else len(words)
    totals = [float(max(0, size - order)) for order in range(ORDERS)]
    return [*clipped_matches(words, references), *totals, float(len(words)), float(closest)]


def clipped_matches(words: Sequence[str], references: Sequence[str]) -> list[float]:
    """For each order, how many n-grams the references hold too, each counted as often as one reference has it."""
    most: Counter[Ngram] = Counter()
    for reference in references:
        most |= ngrams(reference.split())
    matches = [0.0] * ORDERS
    for ngram, count in ngrams(words).items():
        matches[len(ngram) - 1] += min(count, most[ngram])
    return matches


def rouge_l(hypothesis: str, references: Sequence[str], beta: float = 1.2) -> float:
    """ROUGE-L of one tokenised caption; text is split at single spaces, as in the official code."""
    words = hypothesis.split(" ")
    pairs = [(common_subsequence(gold.split(" "), words), len(gold.split(" "))) for gold in references]
    precision = max(common / float(len(words)) for common, _ in pairs)
    recall = max(common / float(length) for common, length in pairs)
    if not precision or not recall:
        return 0.0
    return ((1 + beta**2) * precision * recall) / float(recall + beta**2 * precision)


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence, a bit per word of `first` (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    state = full
    for word in second:
        hits = state & places.get(word, 0)
        state = ((state + hits) | (state - hits)) & full
    return len(first) - state.bit_count()


def similarities(candidate: Vectors, reference: Vectors, sigma: float = 6.0) -> list[float]:
    """Clipped cosine similarity of each order times a Gaussian penalty of the difference in length."""
    (words, norms, length), (gold_words, gold_norms, gold_length) = candidate, reference
    penalty = math.e ** (-(float(length - gold_length) ** 2) / (2 * sigma**2))
    found = []
    for order in range(ORDERS):
        gold = gold_words[order]
        dot = sum(min(weight, gold[ngram]) * gold[ngram] for ngram, weight in words[order].items() if ngram in gold)
        scale = norms[order] * gold_norms[order]
        found.append((dot / scale if scale else dot) * penalty)
    return found
