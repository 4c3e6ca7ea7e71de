"""Named entities: entity-level scores by conlleval's rules or strict IOB2, and the report per token tag.

Predictions are lists of tags, one per token; references are lists of the right tags, IOB1 or IOB2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.iob import Entity, entities, split_tag, to_iob2
from velm_bench.metrics.base import Array, Metric, MetricInputError, aligned, divide, precision_recall_f1, undefined
from velm_bench.samples import Form

MEASURES = ("f1", "precision", "recall")
OTHER = "other"
"""Gathers entity types or tags that are none of the task's."""


def entities_strict(tags: Sequence[str]) -> list[Entity]:
    """The entities of strict IOB2: B- starts one, I- of the same type goes on, any other I- belongs to none."""
    found: list[Entity] = []
    for place, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        if prefix == "B":
            found.append((kind, place, place + 1))
        elif prefix == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
    return found


class TagMetric(Metric):
    """Counts of correct, predicted and gold things per class, the last class being everything else."""

    form = Form.TAGS
    classes: tuple[str, ...]

    def counts(self, correct: Counter[str], predicted: Counter[str], gold: Counter[str]) -> list[float]:
        """The three counts of each class, one class after the other; shape (3 x (classes + 1),)."""
        row = [float(part[name]) for name in self.classes for part in (correct, predicted, gold)]
        known = set(self.classes)
        others = [sum(n for name, n in part.items() if name not in known) for part in (correct, predicted, gold)]
        return [*row, *map(float, others)]

    def count_columns(self) -> tuple[str, ...]:
        """The names of the columns that `counts` fills."""
        return tuple(f"{part}/{name}" for name in (*self.classes, OTHER) for part in ("correct", "predicted", "gold"))

    def by_class(self, totals: Array) -> tuple[Array, Array, Array]:
        """Correct, predicted and gold counts, each (..., classes + 1), from totals (..., k)."""
        size = 3 * (len(self.classes) + 1)
        return totals[..., 0:size:3], totals[..., 1:size:3], totals[..., 2:size:3]


class EntityF1(TagMetric):
    """Entity-level micro F1, precision and recall, and the same per type (Tjong Kim Sang and De Meulder 2003).

    An entity is right if its type and both ends are. A failed sample misses all its entities. Without any entity,
    predicted or gold, the overall scores are conlleval's 0; those of a type are unknown.
    """

    name = "entity_f1"
    scheme = "conlleval"
    suffix = ""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.classes = tuple(labels)
        self.signature = f"entity-f1|{self.scheme}|types:{'+'.join(sorted(self.classes))}|v:1"
        names = [f"entity_{measure}{self.suffix}" for measure in MEASURES]
        self.outputs = (*names, *(f"{name}/{kind}" for kind in self.classes for name in names))
        self.columns = (*self.count_columns(), "samples")

    def find(self, tags: Sequence[str]) -> list[Entity]:
        """The entities of a tag sequence under this metric's scheme."""
        return entities(tags)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows = [self.row(tags, gold) for tags, gold in tag_pairs(predictions, references)]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.columns))

    def row(self, tags: Sequence[str] | None, gold: Sequence[str]) -> list[float]:
        """The statistics of one sentence."""
        right = self.find(gold)
        found = [] if tags is None else self.find(tags)
        parts = (set(found) & set(right), found, right)
        correct, predicted, due = (Counter(kind for kind, _, _ in part) for part in parts)
        return [*self.counts(correct, predicted, due), 1.0]

    def finalize(self, totals: Array) -> Array:
        parts = self.by_class(totals)
        overall = measures(*(part.sum(-1) for part in parts))
        correct, predicted, gold = (part[..., :-1] for part in parts)
        types = undefined(measures(correct, predicted, gold), predicted + gold)
        scores = np.concatenate([overall, types.reshape(*totals.shape[:-1], -1)], axis=-1)
        return undefined(scores, totals[..., -1])


class EntityF1Strict(EntityF1):
    """Entity-level scores under strict IOB2: an I- that does not go on an entity of its type is ignored."""

    name = "entity_f1_strict"
    scheme = "strict-iob2"
    suffix = "_strict"

    def find(self, tags: Sequence[str]) -> list[Entity]:
        return entities_strict(tags)


class TokenReport(TagMetric):
    """Precision, recall, F1 and support of each tag, with averages, as scikit-learn's classification_report.

    `micro`, `macro` and `weighted` are over entity tags; `macro_all` and `weighted_all` count O as well, where micro
    is `token_accuracy`. Averages are over tags that occur, as scikit-learn does; the scores of a tag that does not,
    predicted or gold, are unknown. References are rewritten as IOB2 first; predictions are taken as they are. A tag
    that is none of the task's counts in micro and in accuracy only. A failed sample has every token wrong.
    """

    name = "token_report"
    averages = ("micro", "macro", "weighted", "macro_all", "weighted_all")

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.classes = ("O", *(f"{prefix}-{kind}" for kind in labels for prefix in "BI"))
        self.signature = f"token-report|iob2|types:{'+'.join(sorted(labels))}|over:occurring|v:1"
        self.columns = (*self.count_columns(), "tokens", "samples")
        overall = tuple(f"token_{measure}_{average}" for average in self.averages for measure in MEASURES)
        each = tuple(f"token_{measure}/{tag}" for tag in self.classes for measure in (*MEASURES, "support"))
        self.outputs = (*overall, "token_accuracy", *each)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows = [self.row(tags, to_iob2(gold)) for tags, gold in tag_pairs(predictions, references)]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.columns))

    def row(self, tags: Sequence[str] | None, gold: Sequence[str]) -> list[float]:
        """The statistics of one sentence."""
        given = [] if tags is None else [str(tag) for tag in tags]
        correct = Counter(tag for tag, right in zip(given, gold, strict=False) if tag == right)
        return [*self.counts(correct, Counter(given), Counter(gold)), float(len(gold)), 1.0]

    def finalize(self, totals: Array) -> Array:
        correct, predicted, gold = self.by_class(totals)
        averages = [measures(*(part[..., 1:].sum(-1) for part in (correct, predicted, gold)))]
        correct_of, predicted_of, support = (part[..., :-1] for part in (correct, predicted, gold))
        scores, occurring = measures(correct_of, predicted_of, support), (predicted_of + support > 0).astype(np.float64)
        for first in (1, 0):
            for weights in (occurring, support):
                averages.append(weighted_mean(scores[..., first:, :], weights[..., first:]))
        accuracy = divide(correct.sum(-1), totals[..., -2])[..., None]
        each = np.concatenate([undefined(scores, occurring), support[..., None]], axis=-1)
        found = np.concatenate([*averages, accuracy, each.reshape(*totals.shape[:-1], -1)], axis=-1)
        return undefined(found, totals[..., -1])


def measures(correct: Array, predicted: Array, gold: Array) -> Array:
    """F1, precision and recall from counts of any common shape (...), shape (..., 3); 0/0 is 0."""
    precision, recall, f1 = precision_recall_f1(correct, predicted, gold)
    return np.stack([f1, precision, recall], axis=-1)


def weighted_mean(scores: Array, weights: Array) -> Array:
    """The mean of each measure over classes, (..., classes, 3) -> (..., 3), under weights (..., classes); 0/0 is 0."""
    return divide((scores * weights[..., None]).sum(-2), weights.sum(-1)[..., None])


def tag_pairs(predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Predictions and references in pairs; MetricInputError where a sentence has not one tag per token."""
    pairs = aligned(predictions, references)
    for row, (tags, gold) in enumerate(pairs):
        if tags is not None and (isinstance(tags, str) or len(tags) != len(gold)):
            raise MetricInputError(
                f"Sample {row} has {len(gold)} tokens and needs as many predicted tags, not {len(tags)}."
            )
    return pairs
