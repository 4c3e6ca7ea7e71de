"""Questions of which some have options and others are open, and questions asked again with their options rotated."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import (
    Array,
    ColumnMeans,
    Mask,
    MetricInputError,
    aligned,
    checked_weights,
    reference_texts,
    shown,
    text_of,
    text_pairs,
    with_count,
)
from velm_bench.metrics.parts import two_parts
from velm_bench.metrics.questions.closed import MultipleChoice, right_options
from velm_bench.metrics.questions.pairs import all_right, each_wrong
from velm_bench.metrics.questions.verdicts import said
from velm_bench.metrics.questions.vqa import NUMBERS, normalise
from velm_bench.options import find_choice
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

DECIMALS = 2
"""A number is compared to as many decimals as the right one is written with, but to no more than these."""
ROTATION = 1_000_000
"""MMBench numbers a question's rotated copies so much apart."""

_LISTED = re.compile(r"^[ \t]*\(?([A-Z])[.):][ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_CUE = re.compile(r"\banswer\b(?:\s+is\b\s*:?|\s*[:=])", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+|(?=\.\d))(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(rf"\b(?:{'|'.join(word for word in NUMBERS if word != 'none')})\b", re.IGNORECASE)
_AROUND = " $€£¥%"
"""What may stand around a number that is a whole answer."""


class MixedChoice(ColumnMeans):
    """The share of right answers where some questions have options and others are open (MMMU, MathVista, RealWorldQA).

    With options the answer must name the right one (`find_choice`, as in `multiple_choice`). Where the options stand in
    the question only ("A. left" on a line of its own, and so on) and the reference is a letter, they are read there.
    Without options it is read by `judged_open`. An answer from which nothing can be read is wrong and unparsed.
    """

    name = "mixed_choice"
    best = 1.0
    form = Form.TEXT
    signature = (
        "mixed-choice|options:verbatim,letter,words|open:number-decimals2,yes-no,vqa-norm|final:cue-or-whole"
        "|unparsed:wrong|v:2"
    )
    outputs = ("mixed_choice_accuracy", "mixed_choice_unparsed")
    columns = ("right", "unparsed", "samples")
    higher_is_better = MappingProxyType({"mixed_choice_unparsed": False})

    def reference(self, sample: Sample) -> Any:
        options = list(sample.inputs.get("options") or ())
        letters = all(re.fullmatch("[A-Z]", str(one)) for one in sample.references)
        if not options and letters:
            options = listed_options(str(sample.inputs.get("question", "")))
        return list(sample.references), options

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, choices = two_parts(references, "the right answers and the list of options, empty for an open question")
        offered = [reference_texts([one], self.name)[0] if one is not None and len(one) else [] for one in choices]
        pairs = text_pairs(predictions, golden, self.name)
        rows = []
        for row, ((text, right), options) in enumerate(zip(pairs, offered, strict=True)):
            verdict = None if text is None else judged(text, right, options, row)
            rows.append([float(verdict is True), float(verdict is None)])
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 2))

    def unknown(self) -> Array:
        return np.asarray([0.0, 1.0, 1.0])  # neither right nor parsed


class CircularChoice(ColumnMeans):
    """MMBench's CircularEval (Liu et al. 2023): a question counts if it is answered rightly in all its rotations.

    Answers are read as in `multiple_choice`. `facts["circular"]` is the row's number: those that differ by millions are
    rotations of one question, as MMBench numbers them; a row without the fact counts nothing. The row of a question is
    its first failed one's, or else its first.
    """

    name = "circular_choice"
    best = 1.0
    form = Form.TEXT
    signature = "circular-choice|parse:verbatim,letter,words|unparsed:wrong|rotations:modulo-1e6|v:2"
    counted = "questions"
    columns = ("right", "questions")

    def reference(self, sample: Sample) -> Any:
        return (list(sample.references), list(sample.inputs.get("options", ()))), sample.facts.get("circular")

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, numbers = two_parts(references, "the right option with the list of options, and the row's number")
        right = MultipleChoice().statistics(predictions, golden)[:, 0] > 0
        failed = [one is None for one in predictions]
        return all_right(right.tolist(), failed, [question_of(one, row) for row, one in enumerate(numbers)], least=1)

    def lost(self, known: Array) -> Array:
        return each_wrong(known)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of questions."""
        return round(float(self.totals(statistics, checked_weights(statistics, weights))[1]))


def question_of(number: Any, row: int) -> int | None:
    """The question that a row's number belongs to; MetricInputError where it is no whole number."""
    if number is None:
        return None
    digits = text_of(number)
    if digits is None or not digits.isdecimal():
        raise MetricInputError(f": the fact 'circular' is {shown(number)}: give the row's number.", row)
    return int(digits) % ROTATION


def listed_options(question: str) -> list[str]:
    """The options that a question lists on lines of their own, lettered from A on; empty if there are not two."""
    found = _LISTED.findall(question)
    in_order = [letter for letter, _ in found] == [chr(ord("A") + place) for place in range(len(found))]
    return [text for _, text in found] if in_order and len(found) > 1 else []


def judged(text: str, right: Sequence[str], options: Sequence[str], row: int = 0) -> bool | None:
    """Whether an answer is right; None where nothing can be read from it. MetricInputError as for `right_options`."""
    if not options:
        return judged_open(text, right)
    chosen = find_choice(text, options)
    return None if chosen is None else chosen in right_options(right, options, row)


def judged_open(text: str, right: Sequence[str]) -> bool | None:
    """Whether an answer to an open question is one of the right ones; None if it is of no use for any of them.

    What counts is what follows the last "answer is" or "answer:", or else all of it. Against a number: the first number
    of what follows, or else the last number of all (digits, or words up to ten where there are none), to as many
    decimals as the right one is written with, 2 at most. Against yes or no: what the sentence says. Against anything
    else: equal as the VQA challenge normalises answers.
    """
    final, cued = final_answer(text)
    verdicts = [_judged_one(final, cued, gold) for gold in right]
    return None if all(verdict is None for verdict in verdicts) else True in verdicts


def _judged_one(final: str, cued: bool, gold: str) -> bool | None:
    written = gold.strip(_AROUND)
    if _NUMBER.fullmatch(written):
        given = stated_number(final, first=cued)
        return None if given is None else same_number(given, written)
    if gold.strip().lower() in ("yes", "no"):
        verdict = said(final)
        return None if verdict is None else verdict is (gold.strip().lower() == "yes")
    said_words = normalise(final.rstrip(" ."))
    return said_words == normalise(gold.rstrip(" .")) if said_words else None


def final_answer(text: str) -> tuple[str, bool]:
    """The line behind the last "answer is" or "answer:", and True; or else the whole text, and False."""
    cues = list(_CUE.finditer(text))
    behind = text[cues[-1].end() :].strip() if cues else ""
    return (behind.split("\n")[0], True) if behind else (text.strip(), False)


def stated_number(text: str, first: bool) -> float | None:
    """The first or the last finite number of a text, in digits or else in words up to ten; None if there is none."""
    found = [match.group().replace(",", "") for match in _NUMBER.finditer(text.replace("−", "-"))]
    found = found or [NUMBERS[match.group().lower()] for match in _WORD.finditer(text)]
    values = [value for value in map(float, found) if math.isfinite(value)]
    return (values[0] if first else values[-1]) if values else None


def same_number(given: float, right: str) -> bool:
    """Whether a number is the right one, rounded to as many decimals as that one has, `DECIMALS` at most."""
    plain = right.replace(",", "")
    mantissa, _, exponent = plain.lower().partition("e")
    decimals = 0 if exponent else len(mantissa.partition(".")[2])
    if not decimals:
        return given == float(plain)
    places = min(decimals, DECIMALS)
    return math.isclose(round(given, places), round(float(plain), places), rel_tol=0, abs_tol=1e-9)
