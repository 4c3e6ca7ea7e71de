"""Named entities: entity-level scores by conlleval's rules or under a strict scheme.

Predictions are lists of tags, one per token; references are lists of the right tags. A tag is PREFIX-TYPE, parted at
the first hyphen, or O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, undefined, with_count
from velm_bench.metrics.entities.spans import CONLLEVAL, STRICT_IOB1, STRICT_IOB2, STRICT_IOBES, Scheme, find
from velm_bench.metrics.entities.tags import MEASURES, TagCorpus, TagMetric, flat, measures


class EntityF1(TagMetric):
    """Entity-level micro F1, precision and recall, and the same per type (Tjong Kim Sang and De Meulder 2003).

    An entity is right if its type and both ends are. A failed sample misses all its entities. Without any entity,
    predicted or gold, the overall scores are conlleval's 0; those of a type are unknown. Gold and predictions, IOB1 or
    IOB2, are read by the rules of conlleval.pl (2004-01-26), which for B, I and O are seqeval's default.
    """

    name = "entity_f1"
    scheme: Scheme = CONLLEVAL
    suffix = ""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.classes = self.labels
        self.signature = f"entity-f1|{self.scheme.name}|types:{'+'.join(sorted(self.classes))}|v:1"
        names = [f"entity_{measure}{self.suffix}" for measure in MEASURES]
        self.outputs = (*names, *(f"{name}/{kind}" for kind in self.classes for name in names))
        self.columns = (*self.count_columns(), "samples")

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        tags = TagCorpus.of(predictions, references)
        self.scheme.check(tags)
        gold, found = (find(tags, numbers, self.scheme) for numbers in (tags.gold, tags.predicted))
        right = gold.among(found)
        classes = self.class_of(tuple(tags.kinds))
        parts = [(spans.sentence, classes[spans.kind]) for spans in (found, gold)]
        correct = parts[1][0][right], parts[1][1][right]
        return with_count(self.counts(len(tags.sizes), correct, *parts))

    def finalize(self, totals: Array) -> Array:
        parts = self.by_class(totals)
        overall = measures(*(part.sum(-1) for part in parts))
        correct, predicted, gold = (part[..., :-1] for part in parts)
        types = undefined(measures(correct, predicted, gold), predicted + gold)
        scores = np.concatenate([overall, flat(types)], axis=-1)
        return undefined(scores, totals[..., -1])


class StrictEntityF1(EntityF1):
    """Entity-level scores where gold and predictions are read under one scheme only, as seqeval's strict mode does.

    A gold tag with a prefix that the scheme has not is an error. A predicted one is read as O: an answer is scored,
    where seqeval refuses the whole file.
    """


class EntityF1Strict(StrictEntityF1):
    """Entity-level scores under strict IOB2: an I- that does not go on an entity of its type is ignored."""

    name = "entity_f1_strict"
    scheme = STRICT_IOB2
    suffix = "_strict"


class EntityF1Iob1(StrictEntityF1):
    """Entity-level scores under strict IOB1: a B- not right after an entity's token of its type starts none."""

    name = "entity_f1_iob1"
    scheme = STRICT_IOB1
    suffix = "_iob1"


class EntityF1Iobes(StrictEntityF1):
    """Entity-level scores under strict IOBES: an entity that no E- or S- ends is ignored."""

    name = "entity_f1_iobes"
    scheme = STRICT_IOBES
    suffix = "_iobes"
