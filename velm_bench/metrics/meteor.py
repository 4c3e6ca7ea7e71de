"""METEOR 1.5 (Denkowski and Lavie 2014) through the jar that pycocoevalcap carries.

The jar aligns; its aggregate statistics per segment are kept, and the corpus score is computed from their weighted
sums by METEOR's published formula, so that it equals the official one and can be bootstrapped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from velm_bench.errors import RunError
from velm_bench.metrics.base import Array, divide, undefined
from velm_bench.metrics.caption import CaptionMetric
from velm_bench.metrics.corpus import CaptionCorpus
from velm_bench.metrics.java import find_jar, run_java
from velm_bench.metrics.ptb import SIGNATURE

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
"""METEOR 1.5's English parameters: recall weight, fragmentation exponent and weight, content-word weight."""
STAGES = ("exact", "stem", "synonym", "paraphrase")
STAGE_WEIGHTS = (1.0, 0.6, 0.8, 0.6)
SIZE = 23
"""Numbers per segment in the jar's answer."""
LONGEST = 2000
"""Words of a caption that are aligned: the jar runs out of memory on far longer ones. The rest counts as unmatched."""


class Meteor(CaptionMetric):
    """METEOR 1.5, English, with exact, stem, synonym and paraphrase matches.

    A failed sample is an empty caption: recall falls by the whole length of its reference.
    """

    name = "meteor"
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

    def rows(self, corpus: CaptionCorpus) -> Array:
        hypotheses = corpus.hypotheses
        pairs = zip(hypotheses, corpus.references, strict=True)
        lines = [score_line(hypothesis or "", golden) for hypothesis, golden in pairs]
        if not lines:
            return np.zeros((0, SIZE))
        unique = list(dict.fromkeys(lines))
        row_of = {line: row for row, line in enumerate(unique)}
        found = aggregates(unique)
        found[perfect(found), SIZE - 3] = 0.0
        rows = found[[row_of[line] for line in lines]]
        rows[:, 0] += [max(0, len((hypothesis or "").split(" ")) - LONGEST) for hypothesis in hypotheses]
        return rows

    def finalize(self, totals: Array) -> Array:
        precision = divide(weighted_matches(totals, 0), weighted_length(totals, 0))
        recall = divide(weighted_matches(totals, 1), weighted_length(totals, 1))
        with np.errstate(divide="ignore"):
            mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall)
        fragmentation = divide(totals[..., 20], (totals[..., 21] + totals[..., 22]) / 2.0)
        score = np.maximum(0.0, mean * (1.0 - GAMMA * fragmentation**BETA))
        return undefined(score[..., None], totals[..., SIZE])


def score_line(hypothesis: str, references: Sequence[str]) -> str:
    """The jar's question about one segment, built as the official wrapper builds it."""
    plain = hypothesis.replace("|||", "").replace("  ", " ")
    return " ||| ".join(["SCORE", *map(cut, references), cut(plain)])


def cut(caption: str) -> str:
    """The caption's first `LONGEST` words."""
    return " ".join(caption.split(" ", LONGEST)[:LONGEST])


def aggregates(lines: Sequence[str]) -> Array:
    """The jar's statistics for each line, shape (lines, 23), from one process.

    Raises MetricUnavailableError without Java or pycocoevalcap, RunError if an answer is missing or malformed.
    """
    jar = find_jar("meteor", "meteor-1.5.jar")
    answers = run_java(["-Xmx2G", "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"], lines, "METEOR")
    try:
        found = np.asarray([[float(number) for number in answer.split()] for answer in answers], dtype=np.float64)
    except ValueError as error:
        raise RunError(f"METEOR gave an answer that cannot be read: {error}") from error
    if found.shape != (len(lines), SIZE):
        raise RunError(f"METEOR gave {len(answers)} answers to {len(lines)} segments.")
    return found


def perfect(rows: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which segments match wholly in one chunk: METEOR leaves their chunk out of the corpus' fragmentation."""
    matched = rows[:, 4:20:4].sum(axis=1) + rows[:, 6:20:4].sum(axis=1)
    reference_matched = rows[:, 5:20:4].sum(axis=1) + rows[:, 7:20:4].sum(axis=1)
    whole = (matched == rows[:, 0]) & (reference_matched == rows[:, 1])
    return np.asarray(whole & (rows[:, 20] == 1.0), dtype=np.bool_)


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
