"""GQA: accuracy, and what the data's scene graphs tell beyond it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from velm_bench.metrics.base import (
    Array,
    Mask,
    Metric,
    MetricInputError,
    aligned,
    as_text,
    checked_weights,
    divide,
    text_pairs,
)
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample


class GqaReference(NamedTuple):
    """What GQA knows of a question; all but the answers may be left out."""

    answers: Sequence[str]
    """The right answers; GQA has one."""
    id: str = ""
    """The question's id."""
    entailed: Sequence[str] | None = None
    """Ids of questions whose answers follow from this one's (`entailed` in the questions file)."""
    valid: Collection[str] | None = None
    """Answers in the question's scope, such as all colours (`valid` in the choices file)."""
    plausible: Collection[str] | None = None
    """Answers that occur with the question's subject in the world (`plausible` in the choices file)."""
    balanced: bool = True
    """Whether it counts by itself; others are only looked up as entailed ones (`isBalanced`)."""
    detailed: str = ""
    """The question's detailed type (`types.detailed`)."""


FACTS = ("entailed", "valid", "plausible", "balanced", "detailed")
"""What a sample's facts may tell of it."""
COMMON = ("color", "material", "shape")
"""What things can have in common: what the official evaluation takes as valid, and plausible, for such questions."""


class Gqa(Metric):
    """Accuracy, consistency, validity and plausibility of GQA (Hudson and Manning 2019).

    Accuracy is over the balanced questions, as are the others and `n`. Consistency is the mean, over those answered
    rightly, of the share of their entailed questions (others than themselves, balanced or not) answered rightly. The
    official evaluation wants a prediction for each entailed question; here those that are not among the samples are
    left out, and a question without any counts nothing. Validity and plausibility are over the questions whose facts
    list the answers; where the detailed type says "Common", COMMON stands for the list, as officially. What the data
    does not carry is NaN, officially 0. Answers are compared without case, outer white space and a full stop at the
    end, officially to the letter. Grounding and distribution are not computed.

    A sample's facts may hold what FACTS names (see `GqaReference`). References are `GqaReference`, or plain lists of
    answers.
    """

    name = "gqa"
    best = 1.0
    form = Form.TEXT
    signature = "gqa|norm:lower-strip-stop|consistency:right-questions,entailed-present|common:fixed|v:1"
    outputs = ("gqa_accuracy", "gqa_consistency", "gqa_validity", "gqa_plausibility")
    columns = (
        *("right", "samples", "consistent", "consistency_samples"),
        *("valid", "validity_samples", "plausible", "plausibility_samples"),
    )
    counted = "balanced questions"
    gold = ("samples", "validity_samples", "plausibility_samples")

    def reference(self, sample: Sample) -> Any:
        known = {name: sample.facts[name] for name in FACTS if name in sample.facts}
        return GqaReference(list(sample.references), sample.id, **known)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        golden = [checked(one, row) for row, (_, one) in enumerate(aligned(predictions, references))]
        pairs = text_pairs(predictions, [one.answers for one in golden], self.name)
        said = [None if text is None else bare(text) for text, _ in pairs]
        right = [text in {bare(answer) for answer in answers} for text, (_, answers) in zip(said, pairs, strict=True)]
        by_id: dict[str, bool] = {}
        for row, (one, value) in enumerate(zip(golden, right, strict=True)):
            if one.id in by_id:
                raise MetricInputError(f": another question has the id '{one.id}' too: give each its own.", row)
            by_id |= {one.id: value} if one.id else {}
        rows = [
            row_of(text, value, one, by_id) if one.balanced else [0.0] * len(self.columns)
            for text, value, one in zip(said, right, golden, strict=True)
        ]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.columns))

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., ::2], totals[..., 1::2], empty=np.nan)

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """The number of balanced questions."""
        return round(float(self.totals(statistics, checked_weights(statistics, weights))[1]))


def checked(reference: Any, row: int) -> GqaReference:
    """What is known of a question; MetricInputError where a part of it has the wrong form."""
    if not isinstance(reference, GqaReference):
        return GqaReference(reference)
    lists: dict[str, Any] = {}
    for what in ("entailed", "valid", "plausible"):
        listed = getattr(reference, what)
        if not isinstance(listed, list | tuple | set | frozenset | None):
            raise MetricInputError(f": '{what}' is {listed!r:.40}: give a list of text.", row)
        lists[what] = None if listed is None else [as_text(text, row, f"'{what}'") for text in listed]
    if not isinstance(reference.balanced, bool):
        raise MetricInputError(f": 'balanced' is {reference.balanced!r:.40}: give true or false.", row)
    texts: dict[str, Any] = {what: as_text(getattr(reference, what), row, f"'{what}'") for what in ("id", "detailed")}
    return reference._replace(**lists, **texts)


def bare(text: str) -> str:
    """An answer without case, outer white space and a full stop at its end."""
    return text.strip().removesuffix(".").strip().lower()


def row_of(text: str | None, right: bool, question: GqaReference, by_id: Mapping[str, bool]) -> list[float]:
    """The statistics of a balanced question."""
    lists = [value for answers in (question.valid, question.plausible) for value in among(text, answers, question)]
    return [*part(right, True), *consistency(right, question, by_id), *lists]


def part(value: float, known: bool) -> tuple[float, float]:
    """A value and its count: nothing where it is not known."""
    return (float(value), 1.0) if known else (0.0, 0.0)


def consistency(right: bool, question: GqaReference, by_id: Mapping[str, bool]) -> tuple[float, float]:
    """The share of a question's entailed ones answered rightly, and its count; only of one answered rightly itself."""
    entailed = [by_id[other] for other in question.entailed or () if other != question.id and other in by_id]
    return part(sum(entailed) / len(entailed), True) if right and entailed else part(0.0, False)


def among(text: str | None, answers: Collection[str] | None, question: GqaReference) -> tuple[float, float]:
    """Whether an answer is one of the question's, and its count; nothing where the data does not list them."""
    if answers is None:
        return part(0.0, False)
    listed = COMMON if "Common" in question.detailed else answers
    return part(text in set(map(bare, listed)), True)
