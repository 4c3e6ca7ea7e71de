"""BLEU and ROUGE-L of captions, with the numbers of pycocoevalcap 1.2."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import Array, ColumnMeans, Metric, divide, undefined, with_count
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.lcs import common_subsequences
from velm_bench.metrics.captions.ngrams import ORDERS, starts, sums
from velm_bench.metrics.captions.ptb import SIGNATURE
from velm_bench.samples import Form


class CaptionMetric(Metric):
    """A metric over PTB-tokenised text. Predictions are strings, references lists of strings (at least one)."""

    form = Form.TEXT

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        return with_count(self.rows(CaptionCorpus.of(predictions, references, corpus)))

    @abstractmethod
    def rows(self, corpus: CaptionCorpus) -> Array:
        """Statistics of tokenised captions, shape (samples, k - 1): the last column, the sample count, is added."""


class MeanCaptionMetric(ColumnMeans, CaptionMetric):
    """The mean of a score per caption; a failed sample scores 0."""

    @abstractmethod
    def scores(self, corpus: CaptionCorpus) -> Array:
        """A score per sample, shape (samples,); those of failed samples are not looked at."""

    def rows(self, corpus: CaptionCorpus) -> Array:
        return np.where(corpus.failed, self.worst, self.scores(corpus))[:, None]


class Bleu(CaptionMetric):
    """Corpus BLEU (Papineni et al. 2002): clipped n-gram precision, closest reference length, brevity penalty.

    Epsilons as in pycocoevalcap: 1e-15 above, 1e-9 below each fraction. A failed sample counts no match, as many
    n-grams as its shortest reference has and no length: precisions and brevity both suffer, so failing never pays.
    """

    name = "bleu"
    best = 1.0
    signature = f"bleu|n:4|ref:closest|smooth:eps|{SIGNATURE}|fail:worst|v:1"
    outputs = ("bleu_4", "bleu_1", "bleu_2", "bleu_3")
    columns = (
        *(f"{part}_{n}" for part in ("match", "total") for n in (1, 2, 3, 4)),
        "length",
        "reference_length",
        "samples",
    )

    def rows(self, corpus: CaptionCorpus) -> Array:
        lengths = corpus.predicted.encoding.words.lengths
        closest = closest_lengths(corpus)
        totals = ngram_totals(np.where(corpus.failed, closest, lengths))
        return np.column_stack([*clipped_matches(corpus), *totals, lengths, closest]).astype(np.float64)

    def lost(self, known: Array) -> Array:
        """The reference is the one nearest to the other run's caption, never shorter than a failed sample's."""
        none, closest = np.zeros(len(known)), known[:, 9]
        return np.column_stack([*[none] * ORDERS, *ngram_totals(closest), none, closest, known[:, 10]])

    def finalize(self, totals: Array) -> Array:
        precision = (totals[..., :4] + 1e-15) / (totals[..., 4:8] + 1e-9)
        products = np.asarray(np.cumprod(precision, axis=-1), dtype=np.float64)
        scores = np.stack([power(products[..., order], 1.0 / (order + 1)) for order in range(ORDERS)], axis=-1)
        ratio = (totals[..., 8] + 1e-15) / (totals[..., 9] + 1e-9)
        return undefined((scores * brevity(ratio)[..., None])[..., [3, 0, 1, 2]], totals[..., 10])


class RougeL(MeanCaptionMetric):
    """ROUGE-L (Lin 2004) with beta 1.2, the best precision and the best recall over the references, per image.

    Text is split at single spaces, as in the official code: an empty caption is one empty word.
    """

    name = "rouge_l"
    best = 1.0
    signature = f"rouge-l|beta:1.2|{SIGNATURE}|v:1"
    beta = 1.2

    def scores(self, corpus: CaptionCorpus) -> Array:
        ours, theirs = corpus.predicted.encoding, corpus.golden.encoding
        samples, first = corpus.golden.samples, starts(corpus.golden.sizes)
        common = common_subsequences(ours, samples, theirs).astype(np.float64)
        precision = np.maximum.reduceat(common / ours.tokens.lengths[samples], first)
        recall = np.maximum.reduceat(common / theirs.tokens.lengths, first)
        return divide((1 + self.beta**2) * precision * recall, recall + self.beta**2 * precision)


def closest_lengths(corpus: CaptionCorpus) -> NDArray[np.int64]:
    """The length of the reference nearest in length to each hypothesis, the shorter of two; shape (samples,).

    That of a failed sample is its shortest reference's.
    """
    lengths = corpus.golden.encoding.words.lengths.astype(np.int64)
    apart = np.abs(lengths - corpus.predicted.encoding.words.lengths[corpus.golden.samples])
    longest = np.int64(lengths.max(initial=0) + 1)
    return np.minimum.reduceat(apart * longest + lengths, starts(corpus.golden.sizes)) % longest


def ngram_totals(lengths: NDArray[Any]) -> list[NDArray[Any]]:
    """How many n-grams of each order a caption of so many words has."""
    return [np.maximum(0, lengths - order) for order in range(ORDERS)]


def clipped_matches(corpus: CaptionCorpus) -> list[Array]:
    """For each order, how many n-grams the references hold too, each counted as often as one reference has it."""
    found = []
    encoded = zip(corpus.predicted.encoding.ngrams, corpus.golden.encoding.ngrams, corpus.matches, strict=True)
    for ours, theirs, matches in encoded:
        most = np.zeros(len(ours.counts), dtype=theirs.counts.dtype)
        np.maximum.at(most, matches.hypothesis, theirs.counts[matches.reference])
        clipped = np.minimum(most, ours.counts)
        found.append(sums(ours.captions, clipped, len(corpus.hypotheses)))
    return found


def power(values: Array, exponent: float) -> Array:
    """Each value to a power, to the last bit as Python has it: numpy's own power differs there."""
    return np.asarray([value**exponent for value in values.ravel().tolist()]).reshape(values.shape)


def brevity(ratio: Array) -> Array:
    """BLEU's brevity penalty of each ratio of lengths, to the last bit as Python has it."""
    penalties = [math.exp(1 - 1 / value) if value < 1 else 1.0 for value in ratio.ravel().tolist()]
    return np.asarray(penalties, dtype=np.float64).reshape(ratio.shape)
