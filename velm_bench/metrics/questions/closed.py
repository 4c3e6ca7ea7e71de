"""Closed questions answered in free text: yes or no, and one of several options."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import (
    Array,
    ColumnMeans,
    Mask,
    Metric,
    MetricInputError,
    aligned,
    checked_weights,
    divide,
    listed,
    precision_recall_f1,
    reference_texts,
    text_pairs,
    undefined,
    with_count,
)
from velm_bench.metrics.parts import two_parts
from velm_bench.metrics.questions.verdicts import said, said_by_pope, verdict
from velm_bench.options import find_choice, find_option
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample


class YesNo(Metric):
    """Accuracy, F1, precision and recall of "yes", as POPE (Li et al. 2023), and how often "yes" was said.

    An answer that says neither (or failed) is wrong: a miss where yes is right, a false alarm where no is. It counts
    as unparsed and not as said yes. The rate is over all questions, and no number of its own is good: compare it with
    the share of questions whose answer is yes.

    Questions whose most frequent reference is neither yes nor no count nothing, so that a set with questions of other
    kinds can be scored whole; of references that tie, the first counts.
    """

    name = "yes_no"
    best = 1.0
    form = Form.TEXT
    signature = "yes-no|positive:yes|parse:first-sentence|unparsed:wrong|v:1"
    outputs: tuple[str, ...] = (
        "yes_no_accuracy",
        "yes_no_f1",
        "yes_no_precision",
        "yes_no_recall",
        "yes_no_rate",
        "yes_no_unparsed",
    )
    columns = ("hits", "false_alarms", "misses", "rejections", "said_yes", "unparsed")
    higher_is_better = MappingProxyType({"yes_no_rate": False, "yes_no_unparsed": False})
    counted = "yes/no questions"

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = text_pairs(predictions, references, self.name)
        rows = [yes_no_row(None if text is None else self.said(text), verdict(golden)) for text, golden in pairs]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.columns))

    def said(self, text: str) -> bool | None:
        """Whether an answer says yes; None where it says neither."""
        return said(text)

    def lost(self, known: Array) -> Array:
        hits, false_alarms, misses, rejections = known[:, :4].T
        none, yes, no = np.zeros(len(known)), hits + misses, false_alarms + rejections
        return np.column_stack([none, no, yes, none, none, yes + no])

    def finalize(self, totals: Array) -> Array:
        hits, false_alarms, misses, rejections, said_yes, unparsed = np.moveaxis(totals, -1, 0)
        count = hits + false_alarms + misses + rejections
        precision, recall, f1 = precision_recall_f1(hits, hits + false_alarms, hits + misses)
        shares = [divide(part, count) for part in (hits + rejections, said_yes, unparsed)]
        scores = np.stack([shares[0], f1, precision, recall, *shares[1:]], axis=-1)
        return undefined(scores[..., : len(self.outputs)], count)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of questions whose answer is yes or no."""
        return round(float(self.totals(statistics, checked_weights(statistics, weights))[:4].sum()))


class YesNoPope(YesNo):
    """`YesNo` with answers read as POPE's own script reads them (`said_by_pope`), for numbers that compare with papers.

    Whatever is not a no to the script is a yes, an empty answer too. Failed samples, which the script does not know,
    are wrong and say neither. 0/0 is 0, where the script fails.
    """

    name = "yes_no_pope"
    signature = "yes-no|positive:yes|parse:pope-script|failed:wrong|v:1"
    outputs = (
        "yes_no_pope_accuracy",
        "yes_no_pope_f1",
        "yes_no_pope_precision",
        "yes_no_pope_recall",
        "yes_no_pope_rate",
    )
    higher_is_better = MappingProxyType({"yes_no_pope_rate": False})

    def said(self, text: str) -> bool | None:
        return said_by_pope(text)


class MultipleChoice(ColumnMeans):
    """The share of multiple-choice questions whose answer names the right option, by letter or text (`find_choice`).

    References are the right option's text (several where several are right), or its letter, and the list of options. An
    answer that names no option, or several, is wrong and unparsed.
    """

    name = "multiple_choice"
    best = 1.0
    form = Form.TEXT
    signature = "multiple-choice|parse:verbatim,letter,words|unparsed:wrong|v:2"
    outputs = ("multiple_choice_accuracy", "multiple_choice_unparsed")
    columns = ("right", "unparsed", "samples")
    higher_is_better = MappingProxyType({"multiple_choice_unparsed": False})

    def reference(self, sample: Sample) -> Any:
        return list(sample.references), list(sample.inputs.get("options", ()))

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        aligned(predictions, references)
        golden, choices = two_parts(references, "the right option and the list of options")
        pairs = text_pairs(predictions, golden, self.name)
        rows = []
        for row, ((text, right), offered) in enumerate(zip(pairs, options_of(choices), strict=True)):
            chosen = None if text is None else find_choice(text, offered)
            rows.append([float(chosen in right_options(right, offered, row)), float(chosen is None)])
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 2))

    def unknown(self) -> Array:
        return np.asarray([0.0, 1.0, 1.0])  # neither right nor parsed


def yes_no_row(answer: bool | None, right: bool | None) -> list[float]:
    """The statistics of one question; zeros where neither yes nor no is right."""
    if right is None:
        return [0.0] * 6
    wrong = answer is not right
    outcome = (right and not wrong, not right and wrong, right and wrong, not right and not wrong)
    return [float(value) for value in (*outcome, answer is True, answer is None)]


def options_of(choices: Sequence[Any]) -> list[list[str]]:
    """The options of every question; MetricInputError where there are none."""
    for row, offered in enumerate(choices):
        if offered is None or listed(offered) == []:
            raise MetricInputError(" has no options: map them under 'fields'.", row)
    return reference_texts(choices, "the options of multiple_choice")


def right_options(right: Sequence[str], options: Sequence[str], row: int) -> set[str]:
    """The options that the references name; MetricInputError where one names none."""
    found = set()
    for text in right:
        option = find_option(text, options)
        if option is None:
            raise MetricInputError(f": the right option {text!r:.40} is none of the options.", row)
        found.add(option)
    return found
