"""The captions of a run, tokenised and numbered once for all metrics that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import reading_corpus, reference_texts, text_pairs
from velm_bench.metrics.captions.ngrams import Integers, spans, translate
from velm_bench.metrics.captions.ptb import tokenize
from velm_bench.metrics.captions.reference_cache import stored
from velm_bench.metrics.captions.texts import Captions, CaptionSet

Texts = list[list[str]]
"""Captions as they were given, at least one per sample."""


class Matches(NamedTuple):
    """Pairs of entries, one of a hypothesis and one of a reference of its sample, that are the same n-gram."""

    hypothesis: Integers
    """Places in the entries of the hypotheses' n-grams, ascending."""
    reference: Integers
    """Places in the entries of the references' n-grams."""


@dataclass(frozen=True, eq=False)
class CaptionCorpus:
    """Tokenised predictions and references, and the references of the full task."""

    hypotheses: tuple[str | None, ...]
    """A caption per sample; None where the sample failed."""
    golden: CaptionSet
    task: CaptionSet
    """The references of the full task, of which `golden` may be a part: document frequencies are theirs."""

    @property
    def references(self) -> tuple[Captions, ...]:
        """At least one caption per sample."""
        return self.golden.captions

    @property
    def everything(self) -> tuple[Captions, ...]:
        """The references of the full task."""
        return self.task.captions

    @cached_property
    def predicted(self) -> CaptionSet:
        """The hypotheses; that of a failed sample is empty."""
        return CaptionSet(tuple((text or "",) for text in self.hypotheses))

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """Which samples have no hypothesis, shape (samples,)."""
        return np.asarray([text is None for text in self.hypotheses], dtype=np.bool_)

    @cached_property
    def matches(self) -> tuple[Matches, ...]:
        """What hypotheses and their own references share: matches for each order."""
        known = translate(self.predicted.encoding, self.golden.encoding)
        return tuple(self._matches(order, numbers) for order, numbers in enumerate(known))

    def _matches(self, order: int, known: Integers) -> Matches:
        """Matches of one order; `known` holds the references' number of each n-gram of the hypotheses."""
        ours, theirs = self.predicted.encoding.ngrams[order], self.golden.encoding.ngrams[order]
        samples = np.int64(len(self.hypotheses))
        shared = np.flatnonzero(known[ours.ids] >= 0)
        wanted = known[ours.ids[shared]] * samples + ours.captions[shared]
        keys = theirs.ids * samples + self.golden.samples[theirs.captions]
        first = np.searchsorted(keys, wanted)
        sizes = np.searchsorted(keys, wanted, side="right") - first
        return Matches(np.repeat(shared, sizes), spans(first, sizes))

    @classmethod
    def of(
        cls, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> CaptionCorpus:
        """The corpus of raw texts; `corpus` holds the full task's references where these are a part of them.

        The latest corpus is remembered: the next metric of a run gets the same one, and the next run on the same
        references gets theirs. Raises MetricInputError where a text is none or a sample has no reference,
        MetricUnavailableError where a caption needs the original tokeniser and there is no Java.
        """
        global _latest
        latest = _latest
        if latest is not None and latest.is_of(predictions, references, corpus):
            return latest.corpus
        pairs = text_pairs(predictions, references, "caption metrics")
        texts, golden = [text for text, _ in pairs], [captions for _, captions in pairs]
        full = golden if corpus is None else references_of_task(corpus)
        if latest is None or (latest.golden, latest.full) != (golden, full):
            latest = _latest = None  # not two corpora at a time
            known = reference_set(golden)
            task = known if full == golden else reference_set(full)
        else:
            known, task = latest.corpus.golden, latest.corpus.task
        hypotheses = iter(tokenize(text for text in texts if text is not None))
        made = cls(tuple(None if text is None else next(hypotheses) for text in texts), known, task)
        _latest = _Latest(texts, golden, full, made)
        return made


class _Latest(NamedTuple):
    """A corpus and the texts that it was made of."""

    texts: list[str | None]
    golden: Texts
    full: Texts
    corpus: CaptionCorpus

    def is_of(self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None) -> bool:
        """Whether these are the same texts; what equals a text is one, so that none is looked at again."""
        if not all(isinstance(one, list | tuple | None) for one in (predictions, references, corpus)):
            return False  # the keys of a mapping are no texts; `text_pairs` says so
        try:
            if list(predictions) != self.texts or list(references) != self.golden:
                return False
            return self.full == (self.golden if corpus is None else list(corpus))
        except (TypeError, ValueError):  # an array, or a missing value of pandas, is neither equal nor unequal
            return False


_latest: _Latest | None = None


def references_of_task(references: Sequence[Any]) -> Texts:
    """The references of the full task; MetricInputError as in `reference_texts`."""
    with reading_corpus():
        return reference_texts(references, "caption metrics")


def reference_set(texts: Texts) -> CaptionSet:
    """The references of samples, tokenised, or from the cache of references where that is switched on."""
    return stored(texts, lambda: tokenize_set(texts))


def tokenize_set(texts: Texts) -> CaptionSet:
    """The captions of samples, tokenised."""
    tokens = iter(tokenize(chain.from_iterable(texts)))
    return CaptionSet(tuple(tuple(islice(tokens, len(captions))) for captions in texts))
