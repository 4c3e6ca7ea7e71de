"""Tokenised captions of samples, and the same as integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.captions.ngrams import Encoding, Integers, changes, encode

Captions = tuple[str, ...]
"""Tokenised captions of a sample, tokens joined by single spaces."""


@dataclass(frozen=True, eq=False)
class CaptionSet:
    """Tokenised captions, at least one per sample; what is derived from them is made when first asked for."""

    captions: tuple[Captions, ...]
    stored: Encoding | None = None
    """Their encoding where it is known already."""

    @cached_property
    def encoding(self) -> Encoding:
        """All captions as integers, sample after sample."""
        return self.stored or encode(tuple(chain.from_iterable(self.captions)))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many captions each sample has, shape (samples,)."""
        return np.asarray([len(texts) for texts in self.captions], dtype=np.int64)

    @cached_property
    def samples(self) -> NDArray[np.int64]:
        """The sample of each caption, shape (captions,)."""
        return np.repeat(np.arange(len(self.captions)), self.sizes)

    @cached_property
    def frequencies(self) -> tuple[Integers, ...]:
        """For each order, in how many samples each n-gram occurs."""
        found = []
        for ngrams in self.encoding.ngrams:
            first = changes(ngrams.ids) | changes(self.samples[ngrams.captions])
            found.append(np.bincount(ngrams.ids[first], minlength=len(ngrams.keys)))
        return tuple(found)
