"""Accuracy of short answers against several annotators, by the rules of the VQA challenge's vqaEval.py.

The script's quirks are part of the metric: see `normalise`. All texts of a run are numbered first, so that a distinct
one is normalised once and answers are compared as numbers.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics.base import Array, Mask, MeanMetric, samples_of, text_pairs, with_count
from velm_bench.samples import Form

Numbers = NDArray[np.int64]
"""Integers."""

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
"""Marks that the script removes; apostrophes, colons, percent and dollar signs stay."""
MARKED = re.compile(f"[{re.escape(PUNCTUATION)}.]")
"""Whether there is anything to remove."""
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
    if not MARKED.search(text):
        return text
    delete_all = DIGIT_COMMA.search(text) is not None
    out = text
    for mark in PUNCTUATION:
        if mark in text:
            delete = delete_all or mark + " " in text or " " + mark in text
            out = out.replace(mark, "" if delete else " ")
    return PERIOD.sub("", out, count=MOST_PERIODS)


def consensus(matching: Numbers | int, annotators: Numbers | int) -> Array:
    """Mean over all sets of annotators but one of min(1, matches / 3), for `matching` of `annotators` that agree.

    This is the challenge's accuracy (Antol et al. 2015; "10 choose 9"), rounded once. With fewer than 4 annotators 3
    others do not exist, so as many as there are suffice; a single annotator makes it exact match. Any common shape.
    """
    matching, annotators = np.asarray(matching), np.asarray(annotators)
    enough = np.clip(annotators - 1, 1, 3)
    without_match = matching * np.minimum(matching - 1, enough)
    thirds = without_match + (annotators - matching) * np.minimum(matching, enough)
    return np.where(annotators == 1, matching, thirds / (enough * annotators))


@dataclass(frozen=True)
class Answers:
    """Predictions and annotators' answers as numbers of distinct texts."""

    texts: list[str]
    """The distinct texts."""
    predicted: Numbers
    """The text of each prediction, shape (questions,)."""
    golden: Numbers
    """The text of each answer, question by question, shape (answers,)."""
    annotators: Numbers
    """How many answers each question has, at least one, shape (questions,)."""

    @classmethod
    def of(cls, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Answers:
        """The texts of a run."""
        numbers, texts = numbered(chain(predictions, chain.from_iterable(references)))
        size = len(predictions)
        return cls(texts, numbers[:size], numbers[size:], np.fromiter(map(len, references), np.int64, size))

    def forms(self, *rules: Callable[[str], str]) -> Numbers:
        """What each rule makes of each text, as numbers that are equal where the results are: (rules, texts)."""
        results = chain.from_iterable(map(rule, self.texts) for rule in rules)
        return numbered(results)[0].reshape(len(rules), len(self.texts))

    def matching(self, predicted: Numbers, golden: Numbers) -> Numbers:
        """How many of each question's answers are equal to its prediction, given their forms, shape (questions,)."""
        equal = golden[self.golden] == np.repeat(predicted[self.predicted], self.annotators)
        ends = np.cumsum(self.annotators)
        hits = np.concatenate([[0], np.cumsum(equal)])
        return np.asarray(hits[ends] - hits[ends - self.annotators])

    def unanimous(self, golden: Numbers) -> Mask:
        """Whether all annotators of a question gave the same form, shape (questions,)."""
        ends = np.cumsum(self.annotators)
        changes = np.concatenate([[0], np.cumsum(np.diff(golden[self.golden]) != 0)])
        return np.asarray(changes[ends - 1] == changes[ends - self.annotators])


def numbered(texts: Iterable[str]) -> tuple[Numbers, list[str]]:
    """Each text's place among the distinct ones, in order of first occurrence, and the distinct ones."""
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    return np.fromiter(map(places.__getitem__, texts), np.int64), list(places)


class VqaMetric(MeanMetric):
    """A mean over questions. Predictions are strings, references lists of the annotators' answers (at least one)."""

    form = Form.TEXT
    best = 1.0

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        predictions, references = samples_of(predictions, "predictions"), samples_of(references, "references")
        if not all_plain(predictions, references):
            pairs = text_pairs(predictions, references, self.name)
            predictions, references = [text for text, _ in pairs], [golden for _, golden in pairs]
        answered = np.asarray([text is not None for text in predictions], dtype=np.bool_)
        scores = self.scores(Answers.of([text or "" for text in predictions], references))
        return with_count(np.where(answered, scores, self.worst).reshape(-1, 1))

    def score(self, prediction: Any, reference: Any) -> float:
        return float(self.scores(Answers.of([prediction], [reference]))[0])

    @abstractmethod
    def scores(self, answers: Answers) -> Array:
        """The score of every question, shape (questions,)."""


def all_plain(predictions: Sequence[Any], references: Sequence[Any]) -> bool:
    """Whether there is nothing to check or to convert: as many lists of strings as predictions, none of them empty."""
    return (
        len(predictions) == len(references)
        and {*map(type, references)} <= {list, tuple}
        and all(references)
        and {*map(type, predictions)} <= {str, NoneType}
        and {*map(type, chain.from_iterable(references))} <= {str}
    )


class VqaAccuracy(VqaMetric):
    """VQA accuracy with both sides always normalised, as most evaluation code in use does."""

    name = "vqa_accuracy"
    signature = "vqa-accuracy|norm:always|consensus:loo-min3|v:1"

    def scores(self, answers: Answers) -> Array:
        (normal,) = answers.forms(normalise)
        return consensus(answers.matching(normal, normal), answers.annotators)


class VqaAccuracyVqaEval(VqaMetric):
    """VQA accuracy as vqaEval.py computes it since 2021-03: normalised only where the annotators disagree."""

    name = "vqa_accuracy_vqaeval"
    signature = "vqa-accuracy|norm:disagreement|consensus:loo-min3|v:1"

    def scores(self, answers: Answers) -> Array:
        normal, plain = answers.forms(normalise, strip)
        agreed, disputed = answers.matching(plain, plain), answers.matching(normal, normal)
        return consensus(np.where(answers.unanimous(plain), agreed, disputed), answers.annotators)


class VqaAccuracy2015(VqaMetric):
    """VQA accuracy as vqaEval.py computed it before 2021-03-11, which many papers and LAVIS report.

    The prediction is always normalised. The annotators' answers lose their punctuation where they disagree (to the
    letter), and are left as they stand where they agree; case, articles, number words and outer space stay either way.
    """

    name = "vqa_accuracy_2015"
    signature = "vqa-accuracy|norm:prediction|gold:punctuation-if-disagreement|consensus:loo-min3|v:1"

    def scores(self, answers: Answers) -> Array:
        normal, unmarked, raw = answers.forms(normalise, without_punctuation, str)
        agreed, disputed = answers.matching(normal, raw), answers.matching(normal, unmarked)
        return consensus(np.where(answers.unanimous(raw), agreed, disputed), answers.annotators)


class ExactMatch(VqaMetric):
    """Whether the normalised prediction equals any normalised reference."""

    name = "exact_match"
    signature = "exact-match|norm:vqa|refs:any|v:1"

    def scores(self, answers: Answers) -> Array:
        (normal,) = answers.forms(normalise)
        return np.asarray(answers.matching(normal, normal) > 0, dtype=np.float64)
