"""Accuracy of short answers against several annotators, by the rules of the VQA challenge's vqaEval.py.

The script's quirks are part of the metric: see `normalise`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import Array, Mask, MeanMetric, Metric, MetricInputError, aligned, all_ones, divide
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
"""Marks that the script removes; apostrophes, colons, percent and dollar signs stay."""
PERIOD = re.compile(r"\.(?!\d)")
MOST_PERIODS = 32
"""The script passes re.UNICODE (32) where `re.sub` takes a count."""
DIGIT_COMMA = re.compile(r"\d,\d")
ARTICLES = frozenset({"a", "an", "the"})
NUMBERS = {
    "none": "0",
    **{w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten".split())},
}

_WITH_APOSTROPHE = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've he's
how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've o'clock
oughtn't shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've
someone'll someone's something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've
they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd where's
where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll you'd
you'd've you'll you're you've
""".split()
_ODD = {
    "ow's'at": "'ow's'at",
    "'ows'at": "'ow's'at",
    "'ow'sat": "'ow's'at",
    "somebody'd": "somebodyd",
    "yall'd've": "y'all'd've",
    "y'alld've": "y'all'd've",
    "y'all'dve": "y'all'd've",
}


def _spellings() -> dict[str, str]:
    """Words that lack one of their apostrophes, with the spelling the script gives them."""
    table = dict(_ODD)
    for word in _WITH_APOSTROPHE:
        for place, mark in enumerate(word):
            if mark == "'":
                table[word[:place] + word[place + 1 :]] = word
    return table


CONTRACTIONS = _spellings()
"""As in the script, less entries that no lower-cased word can match (Im, Ive, Id've, I'dve) or that change nothing."""


@lru_cache(maxsize=1 << 16)
def normalise(answer: str) -> str:
    """An answer in the script's normal form: punctuation, number words, articles, contractions, case.

    Quirks kept: a mark that touches a space anywhere is deleted wherever it stands, otherwise it becomes a space; a
    comma between digits makes every mark a deleted one; only the first 32 periods go, each unless a digit follows.
    """
    text = without_punctuation(strip(answer))
    words = [NUMBERS.get(word, word) for word in text.lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def strip(answer: str) -> str:
    """The answer on one line without space at its ends: all that the script does where annotators agree."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


def without_punctuation(text: str) -> str:
    """The text less its punctuation; each mark is judged by the original text."""
    delete_all = DIGIT_COMMA.search(text) is not None
    out = text
    for mark in PUNCTUATION:
        if mark in text:
            delete = delete_all or mark + " " in text or " " + mark in text
            out = out.replace(mark, "" if delete else " ")
    return PERIOD.sub("", out, count=MOST_PERIODS)


def consensus(matching: int, annotators: int) -> float:
    """Mean over all sets of annotators but one of min(1, matches / 3), for `matching` of `annotators` that agree.

    This is the challenge's accuracy (Antol et al. 2015; "10 choose 9"). With fewer than 4 annotators 3 others do not
    exist, so as many as there are suffice; a single annotator makes it exact match.
    """
    if annotators == 1:
        return float(matching)
    enough = min(3, annotators - 1)
    without_match = matching * min(1.0, (matching - 1) / enough) if matching else 0.0
    return (without_match + (annotators - matching) * min(1.0, matching / enough)) / annotators


class VqaMetric(MeanMetric):
    """A mean over questions. Predictions are strings, references lists of the annotators' answers (at least one)."""

    form = Form.TEXT

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        for row, answers in enumerate(references):
            if isinstance(answers, str) or not len(answers):
                raise MetricInputError(f"Sample {row} needs a list of at least one answer for {self.name}.")
        return super().statistics(predictions, references, corpus)


class VqaAccuracy(VqaMetric):
    """VQA accuracy with both sides always normalised, as most evaluation code in use does."""

    name = "vqa_accuracy"
    signature = "vqa-accuracy|norm:always|consensus:loo-min3|v:1"

    def score(self, prediction: Any, reference: Any) -> float:
        answer = normalise(str(prediction))
        return consensus(sum(normalise(str(text)) == answer for text in reference), len(reference))


class VqaAccuracyVqaEval(VqaMetric):
    """VQA accuracy as vqaEval.py computes it since 2021-03: normalised only where the annotators disagree."""

    name = "vqa_accuracy_vqaeval"
    signature = "vqa-accuracy|norm:disagreement|consensus:loo-min3|v:1"

    def score(self, prediction: Any, reference: Any) -> float:
        answers = [strip(str(text)) for text in reference]
        form = normalise if len(set(answers)) > 1 else strip
        answer = form(str(prediction))
        return consensus(sum(form(text) == answer for text in answers), len(answers))


class ExactMatch(VqaMetric):
    """Whether the normalised prediction equals any normalised reference."""

    name = "exact_match"
    signature = "exact-match|norm:vqa|refs:any|v:1"

    def score(self, prediction: Any, reference: Any) -> float:
        return float(normalise(str(prediction)) in {normalise(str(text)) for text in reference})


class PairAccuracy(Metric):
    """The share of twins (samples with the same pair key) whose questions are all answered rightly.

    A prediction is right if it is one of the most frequent normalised answers. A pair's row is its first failed
    sample's, or else its first sample's, so that leaving out failed samples leaves out their pairs. Samples without a
    pair, or whose twin is not among the samples, count nothing.
    """

    form = Form.TEXT
    name = "pair_accuracy"
    signature = "pair-accuracy|norm:vqa|right:mode|v:1"
    outputs = ("pair_accuracy",)
    counted = "pairs"
    columns = ("right", "pairs")

    def reference(self, sample: Sample) -> Any:
        return list(sample.references), sample.facts.get("pair")

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows: dict[Any, list[int]] = {}
        right: list[bool] = []
        for row, (prediction, (answers, pair)) in enumerate(aligned(predictions, references)):
            right.append(prediction is not None and normalise(str(prediction)) in most_frequent(answers))
            if pair is not None:
                rows.setdefault(pair, []).append(row)
        out = np.zeros((len(right), 2))
        for members in rows.values():
            if len(members) > 1:
                place = next((row for row in members if predictions[row] is None), members[0])
                out[place] = all(right[row] for row in members), 1.0
        return out

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., :1], totals[..., 1:2], empty=np.nan)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of pairs."""
        return round(float(self.totals(statistics, all_ones(statistics, weights))[1]))


def most_frequent(answers: Sequence[Any]) -> set[str]:
    """The most frequent normalised answers: several where they tie, none where there are no answers."""
    counts = Counter(normalise(str(text)) for text in answers)
    return {text for text, count in counts.items() if count == max(counts.values())}
