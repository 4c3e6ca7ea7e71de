"""What predictions say as a whole: their identity, and whether it means anything that two models have the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from velm_bench.digests import canonical_json, digest_json
from velm_bench.engine.table import Judged
from velm_bench.iob import entities
from velm_bench.samples import Form, Sample
from velm_bench.tasks.base import Kind

FEWEST = 5
"""So many mistakes of its own must a model have made for its predictions to be known again."""


def answers_digest(rows: Sequence[Judged]) -> str:
    """The identity of ids and predictions: the probabilities of a classifier count, the wording of raw answers not."""
    return digest_json([[row.sample.id, row.prediction.value if row.prediction else None] for row in rows])


def says_too_little(rows: Sequence[Judged], kind: Kind) -> bool:
    """Whether two models may well have the same predictions without one having copied.

    They may where both are right, and where both say what they always say. What gives a copy away is mistakes that are
    not the usual answer; with fewer than FEWEST of them (a constant, a tagger that finds no entity, a perfect model)
    being the same means nothing.
    """
    said = [core(row.prediction.value, kind.form) if row.prediction else "" for row in rows]
    usual = Counter(said).most_common(1)[0][0] if said else ""
    telling = sum(text not in {usual, "", *_right(row.sample, kind)} for text, row in zip(said, rows, strict=True))
    return telling < FEWEST


def core(value: Any, form: Form | None) -> str:
    """What a prediction says: the entities of tags, the label of a distribution, all of anything else."""
    if form is Form.TAGS:
        return canonical_json(entities(value))
    if isinstance(value, dict):
        return str(value.get("label", canonical_json(value)))
    return value if isinstance(value, str) else canonical_json(value)


def _right(sample: Sample, kind: Kind) -> set[str]:
    """What a model that is right would say."""
    truth = kind.truth(sample)
    if kind.form is Form.TAGS:
        return {canonical_json(entities(truth))}
    return {str(one) for one in (truth, *sample.references)}
