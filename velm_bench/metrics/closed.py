"""Closed questions answered in free text: yes or no, and one of several options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import (
    Array,
    Mask,
    Metric,
    MetricInputError,
    aligned,
    all_ones,
    divide,
    precision_recall_f1,
    text_pairs,
    undefined,
    with_count,
)
from velm_bench.options import find_choice, find_option
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

YES = frozenset({"yes"})
"""Words that affirm."""
NOT = frozenset({"not", "isn't", "aren't", "wasn't", "weren't", "doesn't"})
"""Words that turn a sentence into its opposite; "I can't say" and "don't know" do not."""
NO = NOT | {"no"}
"""Words that deny."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


class YesNo(Metric):
    """Accuracy, F1, precision and recall of "yes", as POPE (Li et al. 2023), and how often "yes" was said.

    An answer that says neither (or failed) is wrong: a miss where yes is right, a false alarm where no is. It counts
    as unparsed and not as said yes; POPE's script takes it for a yes. The rate is over all questions, and no number of
    its own is good: compare it with the share of questions whose answer is yes. Questions whose most frequent reference
    is neither yes nor no count nothing.
    """

    name = "yes_no"
    form = Form.TEXT
    signature = "yes-no|positive:yes|parse:first-sentence|unparsed:wrong|v:1"
    outputs = ("yes_no_accuracy", "yes_no_f1", "yes_no_precision", "yes_no_recall", "yes_no_rate", "yes_no_unparsed")
    columns = ("hits", "false_alarms", "misses", "rejections", "said_yes", "unparsed")
    higher_is_better = MappingProxyType({"yes_no_rate": False, "yes_no_unparsed": False})
    counted = "yes/no questions"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = text_pairs(predictions, references, self.name)
        rows = [yes_no_row(text, verdict(golden, YES, NO)) for text, golden in pairs]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.columns))

    def finalize(self, totals: Array) -> Array:
        hits, false_alarms, misses, rejections, said_yes, unparsed = np.moveaxis(totals, -1, 0)
        count = hits + false_alarms + misses + rejections
        precision, recall, f1 = precision_recall_f1(hits, hits + false_alarms, hits + misses)
        shares = [divide(part, count) for part in (hits + rejections, said_yes, unparsed)]
        return undefined(np.stack([shares[0], f1, precision, recall, *shares[1:]], axis=-1), count)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of questions whose answer is yes or no."""
        return round(float(self.totals(statistics, all_ones(statistics, weights))[:4].sum()))


class MultipleChoice(Metric):
    """The share of multiple-choice questions whose answer names the right option, by letter or text (`find_choice`).

    References are the right option's text (several where several are right), or its letter, and the list of options. An
    answer that names no option, or several, is wrong and unparsed.
    """

    name = "multiple_choice"
    form = Form.TEXT
    signature = "multiple-choice|parse:verbatim,letter,words|unparsed:wrong|v:1"
    outputs = ("multiple_choice_accuracy", "multiple_choice_unparsed")
    columns = ("right", "unparsed", "samples")
    higher_is_better = MappingProxyType({"multiple_choice_unparsed": False})

    def reference(self, sample: Sample) -> Any:
        return list(sample.references), list(sample.inputs.get("options", ()))

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, choices = paired_references(references, "the right option and the list of options")
        pairs = text_pairs(predictions, golden, self.name)
        options = [texts for _, texts in text_pairs(predictions, choices, "the options of multiple_choice")]
        rows = []
        for row, ((text, right), offered) in enumerate(zip(pairs, options, strict=True)):
            chosen = None if text is None else find_choice(text, offered)
            rows.append([float(chosen in right_options(right, offered, row)), float(chosen is None)])
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 2))

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., :2], totals[..., 2:], empty=np.nan)


def said(text: str, yes: frozenset[str], no: frozenset[str]) -> bool | None:
    """Whether an answer affirms or denies; None where it does neither, or both.

    Its first word decides if it is one of the two ("yes or no" is neither); otherwise its first sentence must hold
    words of one sort only. (POPE takes any first sentence with "no" or "not" for a no, all others for a yes.)
    """
    words = next((words for part in text.split(".") if (words := _WORD.findall(part.lower().replace("’", "'")))), [])
    first = [] if words[1:2] == ["or"] else words[:1]
    for opinion in (first, words):
        affirms, denies = not yes.isdisjoint(opinion), not no.isdisjoint(opinion)
        if affirms != denies:
            return affirms
    return None


def verdict(references: Sequence[str], yes: frozenset[str], no: frozenset[str]) -> bool | None:
    """What most references say, each in a single word; None where most say neither (the first of several that tie)."""
    opinions = [said(text, yes, no) if len(text.split()) == 1 else None for text in references]
    return Counter(opinions).most_common(1)[0][0]


def yes_no_row(text: str | None, right: bool | None) -> list[float]:
    """The statistics of one question; zeros where neither yes nor no is right."""
    if right is None:
        return [0.0] * 6
    answer = None if text is None else said(text, YES, NO)
    wrong = answer is not right
    outcome = (right and not wrong, not right and wrong, right and wrong, not right and not wrong)
    return [float(value) for value in (*outcome, answer is True, answer is None)]


def paired_references(references: Sequence[Any], parts: str) -> tuple[list[Any], list[Any]]:
    """References of two parts each, unzipped; MetricInputError, naming the row, where one has no two parts."""
    for row, reference in enumerate(references):
        if not isinstance(reference, tuple | list) or len(reference) != 2:
            raise MetricInputError(f"Sample {row} needs references of two parts: {parts}.")
    return [first for first, _ in references], [second for _, second in references]


def right_options(right: Sequence[str], options: Sequence[str], row: int) -> set[str]:
    """The options that the references name; MetricInputError where one names none."""
    found = set()
    for text in right:
        option = find_option(text, options)
        if option is None:
            raise MetricInputError(f"Sample {row}: the right option {text!r:.40} is none of the options.")
        found.add(option)
    return found
