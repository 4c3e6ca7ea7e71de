"""The METEOR score from the statistics of alignments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from velm_bench.metrics.base import Array, Mask, divide, undefined
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.meteor.encoding import align
from velm_bench.metrics.captions.overlap import CaptionMetric
from velm_bench.metrics.captions.ptb import SIGNATURE

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
"""METEOR 1.5's English parameters: recall weight, fragmentation exponent and weight, content-word weight."""
STAGES = ("exact", "stem", "synonym", "paraphrase")
STAGE_WEIGHTS = (1.0, 0.6, 0.8, 0.6)
CHUNKS = 20
"""The column of the chunks."""


class Meteor(CaptionMetric):
    """METEOR 1.5, English, with exact, stem, synonym and paraphrase matches (Denkowski and Lavie 2014).

    The statistics are those of the reference with the best score (of equal ones the first), to the last bit what the
    jar of pycocoevalcap gives. A failed sample is an empty caption: recall falls by the whole length of its reference.
    Words of a caption after the first 2,000 count as unmatched, unless it equals the other.
    """

    name = "meteor"
    best = 1.0
    signature = f"meteor-1.5|en|norm|params:.85 .2 .6 .75|weights:1 .6 .8 .6|{SIGNATURE}|v:1"
    outputs = ("meteor",)
    columns = (
        "length",
        "reference_length",
        "function_words",
        "reference_function_words",
        *(
            f"{stage}_{side}"
            for stage in STAGES
            for side in ("content", "reference_content", "function", "reference_function")
        ),
        "chunks",
        "matched",
        "reference_matched",
        "samples",
    )
    gold = ("reference_length", "reference_function_words", "samples")

    def rows(self, corpus: CaptionCorpus) -> Array:
        if not corpus.hypotheses:
            return np.zeros((0, len(self.columns) - 1))
        hypotheses = [plain(hypothesis or "") for hypothesis in corpus.hypotheses]
        references = [separate(captions) for captions in corpus.references]
        sizes = np.asarray([len(captions) for captions in references], dtype=np.int64)
        golden = [caption for captions in references for caption in captions]
        numbers = {caption: number for number, caption in enumerate(dict.fromkeys([*hypotheses, *golden]))}
        pairs = np.empty((len(golden), 2), dtype=np.int64)
        pairs[:, 0] = np.repeat([numbers[caption] for caption in hypotheses], sizes)
        pairs[:, 1] = [numbers[caption] for caption in golden]
        rows = align(list(numbers), pairs)
        rows[perfect(rows), CHUNKS] = 0.0
        return rows[best(score(rows), np.cumsum(sizes) - sizes)]

    def finalize(self, totals: Array) -> Array:
        return undefined(score(totals)[..., None], totals[..., -1])


def plain(hypothesis: str) -> str:
    """The hypothesis as the official wrapper gives it to the jar."""
    return hypothesis.replace("|||", "").replace("  ", " ")


def separate(references: Sequence[str]) -> list[str]:
    """The references as the jar reads them from the wrapper's line: three bars begin another."""
    return [part for reference in references for part in reference.split("|||")]


def best(scores: Array, starts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int]:
    """The first of the highest scores of each group, given where groups begin."""
    return [start + int(group.argmax()) for start, group in zip(starts, np.split(scores, starts[1:]), strict=True)]


def perfect(rows: Array) -> Mask:
    """Which segments match wholly in one chunk: METEOR leaves their chunk out of the fragmentation."""
    matched = rows[:, 4:CHUNKS:4].sum(axis=1) + rows[:, 6:CHUNKS:4].sum(axis=1)
    reference_matched = rows[:, 5:CHUNKS:4].sum(axis=1) + rows[:, 7:CHUNKS:4].sum(axis=1)
    whole = (matched == rows[:, 0]) & (reference_matched == rows[:, 1])
    return np.asarray(whole & (rows[:, CHUNKS] == 1.0), dtype=np.bool_)


def score(totals: Array) -> Array:
    """METEOR from statistics, shape (..., k) -> (...); the operations are in the jar's order."""
    precision = divide(weighted_matches(totals, 0), weighted_length(totals, 0))
    recall = divide(weighted_matches(totals, 1), weighted_length(totals, 1))
    with np.errstate(divide="ignore"):
        mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall)
    fragmentation = divide(totals[..., CHUNKS], (totals[..., CHUNKS + 1] + totals[..., CHUNKS + 2]) / 2.0)
    return np.maximum(0.0, mean * (1.0 - GAMMA * fragmentation**BETA))


def weighted_matches(totals: Array, side: int) -> Array:
    """Matches of the hypothesis (side 0) or the reference (1), weighted by stage, content over function words."""
    matches = np.zeros(totals.shape[:-1])
    for offset, weight in ((side, DELTA), (2 + side, 1.0 - DELTA)):
        for stage, stage_weight in enumerate(STAGE_WEIGHTS):
            matches = matches + totals[..., 4 + 4 * stage + offset] * stage_weight * weight
    return matches


def weighted_length(totals: Array, side: int) -> Array:
    """The length of the hypothesis (side 0) or the reference (1) with function words counting less."""
    words, function_words = totals[..., side], totals[..., 2 + side]
    return np.asarray(DELTA * (words - function_words) + (1.0 - DELTA) * function_words)
