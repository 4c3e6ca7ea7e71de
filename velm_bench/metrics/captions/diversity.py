"""How varied and how long the predictions are: what no comparison with references shows."""

from __future__ import annotations

import numpy as np

from velm_bench.metrics.base import Array, divide, undefined
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.ngrams import Ngrams, sums
from velm_bench.metrics.captions.overlap import CaptionMetric, closest_lengths, ngram_totals
from velm_bench.metrics.captions.ptb import SIGNATURE

LONGEST = 2
"""Distinct n-grams are counted for orders 1 and 2."""


class Distinct(CaptionMetric):
    """Distinct-n (Li et al. 2016): distinct n-grams of all predictions per n-gram of theirs.

    Each distinct n-gram is credited in equal parts to the predictions that hold it. The credits sum to the number of
    distinct n-grams, so that the score is exact, and they are plain sums. Of a slice, or of a resampled set, the
    score is thus its part in the whole's variety, and the slices' scores average to the whole's. Distinct-n counted
    anew in a part would say more about the part's size: it rises as texts become fewer, and falls where a draw
    repeats one. For the same reason the interval is nearly empty: it tells how evenly the variety is spread over the
    predictions, and does not measure how far the number of distinct n-grams would differ for other pictures. A failed
    sample adds as many n-grams as its shortest reference has, and nothing distinct.
    """

    name = "distinct"
    signature = f"distinct|n:1,2|credit:shared|{SIGNATURE}|fail:worst|v:1"
    outputs = ("distinct_1", "distinct_2")
    columns = ("distinct_1", "distinct_2", "total_1", "total_2", "samples")
    gold = ("total_1", "total_2", "samples")  # of a lost sample the n-grams of the other run's prediction

    def rows(self, corpus: CaptionCorpus) -> Array:
        encoding = corpus.predicted.encoding
        sizes = np.where(corpus.failed, closest_lengths(corpus), encoding.words.lengths)
        distinct = [credits(ngrams, len(sizes)) for ngrams in encoding.ngrams[:LONGEST]]
        return np.column_stack([*distinct, *ngram_totals(sizes)[:LONGEST]])

    def finalize(self, totals: Array) -> Array:
        return undefined(divide(totals[..., :2], totals[..., 2:4]), totals[..., 4])


class Length(CaptionMetric):
    """Mean words per prediction, and all words of predictions per word of the references nearest to them in length.

    A ratio of 1 is as long as people write. Neither number is better for being larger; "higher" counts as better, as
    a failed sample has no words, and must not pay. Its reference length is that of its shortest reference.
    """

    name = "length"
    signature = f"length|ref:closest|{SIGNATURE}|fail:0|v:1"
    outputs = ("length", "length_ratio")
    columns = ("words", "reference_words", "samples")
    gold = ("reference_words", "samples")

    def rows(self, corpus: CaptionCorpus) -> Array:
        return np.column_stack([corpus.predicted.encoding.words.lengths, closest_lengths(corpus)]).astype(np.float64)

    def finalize(self, totals: Array) -> Array:
        denominators = np.stack([totals[..., 2], totals[..., 1]], axis=-1)
        return undefined(divide(totals[..., :1], denominators), totals[..., 2])


def credits(ngrams: Ngrams, captions: int) -> Array:
    """For each caption, its parts in the distinct n-grams: 1 over the captions that hold it, for each that it holds."""
    holders = np.bincount(ngrams.ids, minlength=len(ngrams.keys))
    return sums(ngrams.captions, 1.0 / holders[ngrams.ids], captions)
