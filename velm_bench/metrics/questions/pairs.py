"""Consistency over samples that belong together: all of them must be answered rightly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import (
    Array,
    ColumnMeans,
    Mask,
    Metric,
    MetricInputError,
    aligned,
    checked_weights,
    divide,
    shown,
    text_pairs,
)
from velm_bench.metrics.parts import two_parts
from velm_bench.metrics.questions.verdicts import NO, YES, said, verdict
from velm_bench.metrics.questions.vqa import normalise
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

TRUE = YES | {"true"}
"""Words that call a statement true."""
FALSE = NO | {"false"}
"""Words that call it false."""


class PairAccuracy(ColumnMeans):
    """The share of twins (samples with the same pair key) whose questions are all answered rightly.

    A prediction is right if it is one of the most frequent normalised answers. A pair's row is its first failed
    sample's, or else its first sample's, so that leaving out failed samples leaves out their pairs. Samples without a
    pair, or whose twin is not among the samples, count nothing.
    """

    form = Form.TEXT
    best = 1.0
    name = "pair_accuracy"
    signature = "pair-accuracy|norm:vqa|right:mode|v:1"
    counted = "pairs"
    columns = ("right", "pairs")

    def reference(self, sample: Sample) -> Any:
        return list(sample.references), sample.facts.get("pair")

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, keys = two_parts(references, "the answers and the pair's key")
        pairs = text_pairs(predictions, golden, self.name)
        right = [text is not None and normalise(text) in most_frequent(answers) for text, answers in pairs]
        return all_right(right, [text is None for text, _ in pairs], keys, least=2)

    def lost(self, known: Array) -> Array:
        return each_wrong(known)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of pairs."""
        return round(float(self.totals(statistics, checked_weights(statistics, weights))[1]))


class Nlvr(Metric):
    """Accuracy and consistency of NLVR2 (Suhr et al. 2019): whether a sentence is true of a pair of pictures.

    A sentence is consistent if it is judged rightly for all its pairs of pictures among the samples, one or more.
    `facts["sentence"]` is its key (in NLVR2 the identifier without the number of the pair); samples without one count
    in accuracy alone. A sentence's row is its first failed sample's, or else its first sample's. Answers say true or
    yes, false or no; one that says neither is wrong. A most frequent reference that says neither is an error, unlike in
    `yes_no`: a statement is true or false, so that there is nothing to be left out and only damaged gold.
    """

    form = Form.TEXT
    best = 1.0
    name = "nlvr"
    signature = "nlvr|parse:first-sentence|unparsed:wrong|consistency:sentence|v:1"
    outputs = ("nlvr_accuracy", "nlvr_consistency")
    columns = ("right", "samples", "consistent", "sentences")

    def reference(self, sample: Sample) -> Any:
        return list(sample.references), sample.facts.get("sentence")

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, keys = two_parts(references, "the answers and the sentence's key")
        pairs = text_pairs(predictions, golden, self.name)
        right = [judged(text, truth_of(answers, row)) for row, (text, answers) in enumerate(pairs)]
        whole = all_right(right, [text is None for text, _ in pairs], keys, least=1)
        return np.column_stack([np.asarray(right, dtype=np.float64), np.ones(len(right)), whole])

    def lost(self, known: Array) -> Array:
        return np.column_stack([np.zeros(len(known)), known[:, 1], each_wrong(known[:, 2:])])

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., ::2], totals[..., 1::2], empty=np.nan)


def all_right(right: Sequence[bool], failed: Sequence[bool], keys: Sequence[Any], least: int) -> Array:
    """Whether all samples of a key are right, and 1 per key, in one row of each key: shape (samples, 2).

    The row is the key's first failed sample's, or else its first sample's. Keys of fewer than `least` samples, and the
    key None, count nothing.
    """
    members: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        if key is not None:
            members.setdefault(checked(key, row), []).append(row)
    out: NDArray[np.float64] = np.zeros((len(keys), 2))
    for rows in members.values():
        if len(rows) >= least:
            out[next((row for row in rows if failed[row]), rows[0])] = all(right[row] for row in rows), 1.0
    return out


def each_wrong(known: Array) -> Array:
    """The rows of `all_right` for lost samples, (samples, 2) -> (samples, 2): each is a wrong key of its own.

    The other run's rows do not tell which samples share a key, and in the run that lost some of them the key's others
    are counted without them, or not at all. Nothing is added where the other run has no key.
    """
    return np.tile([0.0, float(known[:, 1].any())], (len(known), 1))


def checked(key: Any, row: int) -> Any:
    """A key that is text or a whole number (1.0 is 1, as tables have it); MetricInputError for anything else."""
    if isinstance(key, str | Integral) or (isinstance(key, Real) and float(key).is_integer()):
        return key
    raise MetricInputError(
        f": the key is {shown(key)}, of type {type(key).__name__}: give text or a whole number.", row
    )


def most_frequent(answers: Sequence[str]) -> set[str]:
    """The most frequent normalised answers: several where they tie."""
    counts = Counter(map(normalise, answers))
    most = max(counts.values())
    return {text for text, count in counts.items() if count == most}


def truth_of(answers: Sequence[str], row: int) -> bool:
    """Whether a statement is true, as the most frequent reference says; MetricInputError where it does not."""
    right = verdict(answers, TRUE, FALSE)
    if right is None:
        raise MetricInputError(f": the most frequent of the references {answers!r:.40} is neither true nor false.", row)
    return right


def judged(text: str | None, right: bool) -> bool:
    """Whether an answer says what is right."""
    return text is not None and said(text, TRUE, FALSE) is right
