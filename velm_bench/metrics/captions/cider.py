"""CIDEr-D and CIDEr of captions (Vedantam et al. 2015), CIDEr-D with the numbers of pycocoevalcap 1.2."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from velm_bench.metrics.base import Array, divide
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.ngrams import ORDERS, Integers, starts, sums, translate
from velm_bench.metrics.captions.overlap import MeanCaptionMetric
from velm_bench.metrics.captions.ptb import SIGNATURE
from velm_bench.metrics.captions.texts import CaptionSet


class ConsensusMetric(MeanCaptionMetric):
    """The mean over orders and references of the similarity of two captions' tf-idf vectors, times 10.

    A term's weight is its count times log(images / images whose references hold it), over the full task; one that
    none holds counts as held by one.
    """

    def scores(self, corpus: CaptionCorpus) -> Array:
        ours, theirs = weights(corpus.predicted, corpus.task), weights(corpus.golden, corpus.task)
        samples, sizes = corpus.golden.samples, corpus.golden.sizes
        similarity = np.zeros(len(samples))
        for order, matches in enumerate(corpus.matches):
            products = self.products(ours[order][matches.hypothesis], theirs[order][matches.reference])
            golden = corpus.golden.encoding.ngrams[order].captions[matches.reference]
            scales = norms(corpus.predicted, order, ours[order])[samples] * norms(corpus.golden, order, theirs[order])
            similarity += divide(sums(golden, products, len(samples)), scales)
        return np.add.reduceat(similarity * self.penalties(corpus), starts(sizes)) / ORDERS / sizes * 10.0

    @abstractmethod
    def products(self, ours: Array, theirs: Array) -> Array:
        """What each shared term adds to the scalar product, from its weights in hypothesis and reference."""

    @abstractmethod
    def penalties(self, corpus: CaptionCorpus) -> Array:
        """A factor for each reference: how much the hypothesis' difference in length costs."""


class CiderD(ConsensusMetric):
    """CIDEr-D (Vedantam et al. 2015, section 5), times 10, document frequencies from the references of the full task.

    A term's weight in the hypothesis is clipped to its weight in the reference, and a difference in length costs a
    Gaussian penalty. Length is the number of bigrams, as in the official code.
    """

    name = "cider"
    signature = f"cider-d|n:4|sigma:6|idf:task|{SIGNATURE}|v:1"
    sigma = 6.0

    def products(self, ours: Array, theirs: Array) -> Array:
        return np.minimum(ours, theirs) * theirs

    def penalties(self, corpus: CaptionCorpus) -> Array:
        ours, theirs = (bigrams(captions) for captions in (corpus.predicted, corpus.golden))
        return np.exp(-((ours[corpus.golden.samples] - theirs) ** 2) / (2 * self.sigma**2))


class Cider(ConsensusMetric):
    """CIDEr (Vedantam et al. 2015, section 4), times 10: the cosine of tf-idf vectors, without stemming."""

    name = "cider_plain"
    signature = f"cider|n:4|idf:task|{SIGNATURE}|v:1"

    def products(self, ours: Array, theirs: Array) -> Array:
        return ours * theirs

    def penalties(self, corpus: CaptionCorpus) -> Array:
        return np.ones(len(corpus.golden.samples))


def weights(captions: CaptionSet, task: CaptionSet) -> list[Array]:
    """For each order, the tf-idf weight of every entry of the captions' n-grams."""
    found = []
    known = translate(captions.encoding, task.encoding)
    for ngrams, numbers, frequencies in zip(captions.encoding.ngrams, known, task.frequencies, strict=True):
        rarity = rarities(np.append(frequencies, 0), len(task.captions))  # the number -1, of an unknown term, is last
        found.append(ngrams.counts * rarity[numbers[ngrams.ids]])
    return found


def rarities(frequencies: Integers, images: int) -> Array:
    """The inverse document frequency: the logarithm of images per image with the term; 0 where all hold it."""
    logarithms = np.log(np.maximum(1, np.arange(images + 1)))
    return np.asarray(logarithms[images] - logarithms[frequencies])


def norms(captions: CaptionSet, order: int, weights: Array) -> Array:
    """The Euclidean length of each caption's vector, shape (captions,)."""
    places = captions.encoding.ngrams[order].captions
    return np.sqrt(sums(places, weights**2, len(captions.samples)))


def bigrams(captions: CaptionSet) -> Array:
    """How many bigrams each caption has."""
    return np.asarray(np.maximum(0.0, captions.encoding.words.lengths - 1.0))
