"""Named entities: entity-level scores by conlleval's rules or strict IOB2, and the report per token tag.

Predictions are lists of tags, one per token; references are lists of the right tags, IOB1 or IOB2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, Metric, MetricInputError, aligned, divide, precision_recall_f1, undefined

Entity = tuple[str, int, int]
"""Type, first token, the token after the last."""

MEASURES = ("f1", "precision", "recall")
ENDS = frozenset({*product("BI", "BO"), *product("E", "EIO")})
"""Neighbouring prefixes between which conlleval ends an entity."""
STARTS = frozenset({*product("BIO", "B"), *product("EO", "IE")})
"""Neighbouring prefixes at the second of which conlleval starts one."""
OUTSIDE = frozenset({"O", "."})
OTHER = "other"
"""Gathers entity types or tags that are none of the task's."""


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a tag sequence by conlleval's rules (conlleval.pl 2004-01-26), for IOB1, IOB2 and I/E schemes.

    Prefix and type part at the first hyphen. The script knows no S- prefix and starts no entity at an E- that follows
    an entity's inside of the same type; for B, I and O this is what seqeval calls lenient.
    """
    found: list[Entity] = []
    start, before = -1, ("O", "")
    for place, tag in enumerate([*tags, "O"]):
        now = split_tag(tag)
        if start >= 0 and (now[0] in OUTSIDE or ends_before(before, now)):
            found.append((before[1], start, place))
            start = -1
        if starts_at(before, now):
            start = place
        before = now
    return found


def split_tag(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag: "B-geo-loc" is ("B", "geo-loc")."""
    prefix, _, kind = str(tag).partition("-")
    return prefix, kind


def ends_before(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity ends between two neighbouring tags."""
    return (before[0], now[0]) in ENDS or (before[0] not in OUTSIDE and before[1] != now[1])


def starts_at(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity starts at the second of two neighbouring tags."""
    return (before[0], now[0]) in STARTS or (now[0] not in OUTSIDE and before[1] != now[1])


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


def to_iob2(tags: Sequence[str]) -> list[str]:
    """The tags rewritten as IOB2 by conlleval's rules; a sequence with prefixes besides B, I and O stays as it is."""
    if any(split_tag(tag)[0] not in ("B", "I", "O") for tag in tags):
        return list(tags)
    out = ["O"] * len(tags)
    for kind, start, end in entities(tags):
        out[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return out


class TagMetric(Metric):
    """Counts of correct, predicted and gold things per class, the last class being everything else."""

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

    An entity is right if its type and both ends are. A failed sample misses all its entities.
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
        everything = [np.concatenate([part.sum(-1, keepdims=True), part[..., :-1]], axis=-1) for part in parts]
        precision, recall, f1 = precision_recall_f1(*everything)
        scores = np.stack([f1, precision, recall], axis=-1)
        return undefined(scores.reshape(*scores.shape[:-2], -1), totals[..., -1])


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
    is `token_accuracy`. Averages are over tags that occur, as scikit-learn does. References are rewritten as IOB2
    first; predictions are taken as they are. A tag that is none of the task's counts in micro and in accuracy only.
    A failed sample has every token wrong.
    """

    name = "token_report"
    averages = ("micro", "macro", "weighted", "macro_all", "weighted_all")

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.classes = ("O", *(f"{prefix}-{kind}" for kind in labels for prefix in "BI"))
        self.signature = f"token-report|iob2|types:{'+'.join(sorted(labels))}|over:occurring|v:1"
        self.columns = (*self.count_columns(), "tokens", "samples")
        overall = tuple(f"token_{measure}_{average}" for average in self.averages for measure in MEASURES)
        measures = (*MEASURES, "support")
        each = tuple(f"token_{measure}/{tag}" for tag in self.classes for measure in measures)
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
        micro = precision_recall_f1(*(part[..., 1:].sum(-1) for part in (correct, predicted, gold)))
        tags = [part[..., :-1] for part in (correct, predicted, gold)]
        precision, recall, f1 = precision_recall_f1(tags[0], tags[1], tags[2])
        occurring, support = (tags[1] + tags[2] > 0).astype(np.float64), tags[2]
        scores = [micro[2], micro[0], micro[1]]
        for first in (1, 0):
            for weights in (occurring[..., first:], support[..., first:]):
                scores += [weighted_mean(part[..., first:], weights) for part in (f1, precision, recall)]
        scores.append(divide(correct.sum(-1), totals[..., -2]))
        each = np.stack([f1, precision, recall, support], axis=-1).reshape(*totals.shape[:-1], -1)
        return undefined(np.concatenate([np.stack(scores, axis=-1), each], axis=-1), totals[..., -1])


def weighted_mean(scores: Array, weights: Array) -> Array:
    """The mean over the last axis under weights of the same shape; 0 where they are all 0."""
    return divide((scores * weights).sum(-1), weights.sum(-1))


def tag_pairs(predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Predictions and references in pairs; MetricInputError where a sentence has not one tag per token."""
    pairs = aligned(predictions, references)
    for row, (tags, gold) in enumerate(pairs):
        if tags is not None and (isinstance(tags, str) or len(tags) != len(gold)):
            raise MetricInputError(
                f"Sample {row} has {len(gold)} tokens and needs as many predicted tags, not {len(tags)}."
            )
    return pairs
