"""BLEU, ROUGE-L, CIDEr and distinct-n once more, slowly, a caption at a time: what the fast ones are held to.

All take tokenised captions, and a hypothesis of None for a failed sample.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from velm_bench.metrics.base import Array, Metric, with_count
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.overlap import CaptionMetric
from velm_bench.metrics.captions.texts import CaptionSet

Ngram = tuple[str, ...]
Hypotheses = Sequence[str | None]
References = Sequence[Sequence[str]]


def corpus_of(hypotheses: Hypotheses, references: References, everything: References | None = None) -> CaptionCorpus:
    """A corpus of captions that are tokenised already."""
    golden = CaptionSet(tuple(map(tuple, references)))
    return CaptionCorpus(tuple(hypotheses), golden, golden if everything is None else CaptionSet(tuple(everything)))


def rows_of(metric: Metric, corpus: CaptionCorpus) -> Array:
    """A caption metric's statistics of a corpus."""
    assert isinstance(metric, CaptionMetric)
    return with_count(metric.rows(corpus))


def ngrams(words: Sequence[str], order: int) -> Counter[Ngram]:
    return Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))


def bleu_row(hypothesis: str | None, references: Sequence[str]) -> list[float]:
    """Matches and totals of orders 1 to 4, length, closest reference length."""
    words = (hypothesis or "").split()
    golden = [reference.split() for reference in references]
    closest = min((abs(len(reference) - len(words)), len(reference)) for reference in golden)[1]
    matches, totals = [], []
    for order in (1, 2, 3, 4):
        most = {gram: max(ngrams(reference, order)[gram] for reference in golden) for gram in ngrams(words, order)}
        matches.append(sum(min(count, most[gram]) for gram, count in ngrams(words, order).items()))
        totals.append(max(0, (closest if hypothesis is None else len(words)) - order + 1))
    return [*map(float, matches), *map(float, totals), float(len(words)), float(closest)]


def subsequence(first: Sequence[object], second: Sequence[object]) -> int:
    """The length of the longest common subsequence, by dynamic programming."""
    above = [0] * (len(second) + 1)
    for one in first:
        row = [0]
        for place, other in enumerate(second):
            row.append(above[place] + 1 if one == other else max(row[-1], above[place + 1]))
        above = row
    return above[-1]


def rouge_l(hypothesis: str | None, references: Sequence[str]) -> float:
    if hypothesis is None:
        return 0.0
    words = hypothesis.split(" ")
    common = [subsequence(words, reference.split(" ")) for reference in references]
    precision = max(length / len(words) for length in common)
    recall = max(length / len(gold.split(" ")) for length, gold in zip(common, references, strict=True))
    return (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision) if precision else 0.0


def cider(hypotheses: Hypotheses, references: References, everything: References, *, clipped: bool) -> list[float]:
    """CIDEr-D (clipped, with its penalty) or CIDEr of each image."""
    held = Counter(
        gram
        for captions in everything
        for gram in {gram for text in captions for order in (1, 2, 3, 4) for gram in ngrams(text.split(), order)}
    )

    def vector(text: str, order: int) -> dict[Ngram, float]:
        grams = ngrams(text.split(), order).items()
        return {gram: count * math.log(len(everything) / max(1, held[gram])) for gram, count in grams}

    def similarity(text: str, gold: str, order: int) -> float:
        ours, theirs = vector(text, order), vector(gold, order)
        scale = math.hypot(*ours.values()) * math.hypot(*theirs.values())
        shared = ours.keys() & theirs.keys()
        if not clipped:
            return sum(ours[gram] * theirs[gram] for gram in shared) / scale if scale else 0.0
        apart = max(1, len(text.split())) - max(1, len(gold.split()))
        dot = sum(min(ours[gram], theirs[gram]) * theirs[gram] for gram in shared)
        return dot / scale * math.exp(-(apart**2) / 72) if scale else 0.0

    found = []
    for text, captions in zip(hypotheses, references, strict=True):
        parts = [similarity(text or "", gold, order) for gold in captions for order in (1, 2, 3, 4)]
        found.append(10 * sum(parts) / len(parts))
    return found
