"""What kind of errors a tagger makes: wrong type, wrong boundary, both, missed or spurious entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, Metric, divide, precision_recall_f1, undefined, with_count
from velm_bench.metrics.entities.spans import CONLLEVAL, Spans, find
from velm_bench.metrics.entities.tags import Ints, TagCorpus
from velm_bench.samples import Form

MATCHED = ("correct", "wrong_type", "wrong_boundary", "wrong_both")
"""What a gold entity and its predicted one can be to each other."""
OUTCOMES = (*MATCHED, "missed", "spurious")


class EntityErrors(Metric):
    """Gold and predicted entities by kind of error, and the partial, exact and type scores of SemEval-2013 task 9.

    Each gold entity is matched to at most one predicted entity that shares a token with it, the pair that shares most
    tokens first; among pairs that share as many, one of the same type first, then the earlier in the sentence. A pair
    is `correct`, or has the `wrong_type` (same tokens), the `wrong_boundary` (same type) or `wrong_both`; a gold entity
    without a partner is `missed`, a predicted one `spurious`.

    `partial` counts a pair with the same tokens as 1 and any other as 1/2, `exact` counts pairs with the same tokens,
    `type` pairs of the same type (Segura-Bedmar et al. 2013, after MUC: Chinchor and Sundheim 1993). Their strict score
    is `entity_f1`. Rates are shares of the gold entities, of the predicted ones for `spurious`; without any they are
    unknown. Entities are read by conlleval's rules, of every type. A failed sample misses all its entities.
    """

    name = "entity_errors"
    best = 1.0
    form = Form.TAGS
    signature = "entity-errors|conlleval|match:most-tokens-type-order|v:1"
    outputs = (
        "entity_partial_f1",
        "entity_partial_precision",
        "entity_partial_recall",
        "entity_exact_f1",
        "entity_type_f1",
        *(f"entity_rate/{outcome}" for outcome in OUTCOMES),
        *(f"entity_count/{outcome}" for outcome in OUTCOMES),
    )
    columns = (*OUTCOMES, "samples")

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.higher_is_better = {name: False for name in self.outputs if name.partition("/")[2] in OUTCOMES[1:]}

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        tags = TagCorpus.of(predictions, references)
        gold, found = (find(tags, numbers, CONLLEVAL) for numbers in (tags.gold, tags.predicted))
        right, given = match(gold, found)
        same_tokens = (gold.start[right] == found.start[given]) & (gold.end[right] == found.end[given])
        same_type = gold.kind[right] == found.kind[given]
        outcome = np.where(same_type, 0, 1) + np.where(same_tokens, 0, 2)
        parts = [gold.sentence[right[outcome == place]] for place in range(len(MATCHED))]
        parts += [np.delete(gold.sentence, right), np.delete(found.sentence, given)]
        counts = [np.bincount(sentences, minlength=len(tags.sizes)) for sentences in parts]
        return with_count(np.stack(counts, axis=-1).astype(np.float64))

    def lost(self, known: Array) -> Array:
        rows = super().lost(known)
        rows[:, OUTCOMES.index("missed")] = known[:, : len(MATCHED) + 1].sum(axis=1)
        return rows

    def finalize(self, totals: Array) -> Array:
        counts = totals[..., :-1]
        correct, wrong_type, wrong_boundary, wrong_both, missed, spurious = np.moveaxis(counts, -1, 0)
        same_tokens, matched = correct + wrong_type, counts[..., : len(MATCHED)].sum(-1)
        gold, predicted = matched + missed, matched + spurious
        partial = same_tokens + (wrong_boundary + wrong_both) / 2
        precision, recall, f1 = precision_recall_f1(partial, predicted, gold)
        others = [precision_recall_f1(right, predicted, gold)[2] for right in (same_tokens, correct + wrong_boundary)]
        of = np.stack([*[gold] * (len(OUTCOMES) - 1), predicted], axis=-1)
        scores = np.stack([f1, precision, recall, *others], axis=-1)
        return undefined(np.concatenate([scores, divide(counts, of, empty=np.nan), counts], axis=-1), totals[..., -1])


def match(gold: Spans, found: Spans) -> tuple[Ints, Ints]:
    """Gold and predicted entities in pairs, each of shape (pairs,): no entity in two, those that share most first."""
    right, given, shared = overlaps(gold, found)
    other_type = gold.kind[right] != found.kind[given]
    order = np.lexsort((given, right, other_type, -shared))
    free, unclaimed = [True] * len(gold.start), [True] * len(found.start)
    pairs = []
    for one, other in zip(right[order].tolist(), given[order].tolist(), strict=True):
        if free[one] and unclaimed[other]:
            free[one] = unclaimed[other] = False
            pairs.append((one, other))
    chosen = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    return chosen[:, 0], chosen[:, 1]


def overlaps(gold: Spans, found: Spans) -> tuple[Ints, Ints, Ints]:
    """Gold entities, predicted ones that share tokens with them, and how many; each of shape (pairs,)."""
    first = np.searchsorted(found.end, gold.start, side="right")
    many = np.searchsorted(found.start, gold.end, side="left") - first
    right = np.repeat(np.arange(len(many)), many)
    given = np.arange(len(right)) + np.repeat(first - np.cumsum(many) + many, many)
    shared = np.minimum(gold.end[right], found.end[given]) - np.maximum(gold.start[right], found.start[given])
    return right, given, shared
