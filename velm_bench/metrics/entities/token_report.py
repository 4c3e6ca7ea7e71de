"""The report per token tag, as scikit-learn's `classification_report`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.metrics.base import Array, divide, undefined, with_count
from velm_bench.metrics.entities.spans import CONLLEVAL, find
from velm_bench.metrics.entities.tags import (
    MEASURES,
    PREFIXES,
    Numbers,
    TagCorpus,
    TagMetric,
    Vocabulary,
    flat,
    measures,
)


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
        self.classes = ("O", *(f"{prefix}-{kind}" for kind in self.labels for prefix in "BI"))
        self.signature = f"token-report|iob2|types:{'+'.join(sorted(self.labels))}|over:occurring|v:1"
        self.columns = (*self.count_columns(), "tokens", "samples")
        overall = tuple(f"token_{measure}_{average}" for average in self.averages for measure in MEASURES)
        each = tuple(f"token_{measure}/{tag}" for tag in self.classes for measure in (*MEASURES, "support"))
        self.outputs = (*overall, "token_accuracy", *each)

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        tags = TagCorpus.of(predictions, references)
        names, gold = gold_as_iob2(tags)
        gold, found, sentence = gold[tags.tokens], tags.predicted[tags.tokens], tags.sentence
        classes, answered = self.class_of(names), tags.answered[sentence]
        right = answered & (gold == found)
        parts = [(sentence[right], gold[right]), (sentence[answered], found[answered]), (sentence, gold)]
        counts = self.counts(len(tags.sizes), *((at, classes[number]) for at, number in parts))
        return with_count(np.column_stack([counts, tags.sizes]))

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
        found = np.concatenate([*averages, accuracy, flat(each)], axis=-1)
        return undefined(found, totals[..., -1])


def weighted_mean(scores: Array, weights: Array) -> Array:
    """The mean of each measure over classes, (..., classes, 3) -> (..., 3), under weights (..., classes); 0/0 is 0."""
    return divide((scores * weights[..., None]).sum(-2), weights.sum(-1)[..., None])


def gold_as_iob2(corpus: TagCorpus) -> tuple[tuple[str, ...], Numbers]:
    """All tags by number, and the row of gold tags, shape (places,), as `velm_bench.iob.to_iob2` rewrites them."""
    vocabulary = Vocabulary(tuple(corpus.vocabulary))
    begin, inside = (
        np.asarray([vocabulary[f"{prefix}-{kind}"] for kind in corpus.kinds], dtype=np.int32) for prefix in "BI"
    )
    spans = find(corpus, corpus.gold, CONLLEVAL)
    tags = np.zeros_like(corpus.gold)
    owner = spans.owners(len(tags))
    tags[owner >= 0] = inside[spans.kind[owner[owner >= 0]]]
    tags[spans.start] = begin[spans.kind]
    foreign = np.asarray([prefix not in ("B", "I", "O") for prefix in PREFIXES])[corpus.prefix[corpus.gold]]
    kept = np.flatnonzero(np.isin(corpus.sentence, corpus.sentence_at(np.flatnonzero(foreign))))
    tags[corpus.tokens[kept]] = corpus.gold[corpus.tokens[kept]]
    return tuple(vocabulary), tags
