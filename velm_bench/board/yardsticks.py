"""What a task's primary score is measured by: what can be had without looking, and what there is to be had."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from velm_bench.engine.judging import judge
from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import Outcome, check, encode, reason
from velm_bench.engine.plan import UNREADABLE, Row, picture_digest
from velm_bench.engine.scoring import Metrics, score
from velm_bench.errors import VelmError
from velm_bench.metrics import Metric
from velm_bench.models.base import Model, Setup, View
from velm_bench.models.baselines import open_baseline
from velm_bench.samples import Request, Sample

BLIND = ("constant", "majority", "random")
"""The baselines that look at nothing."""
MAXIMUM, CONSENSUS = "the metric's maximum", "references, each against the others"

Yardstick = tuple[float | None, str]
"""A number, or none where nobody knows, and where it comes from."""


def floor(opened: Opened, rows: Sequence[Row], metrics: Metrics, seed: int) -> Yardstick:
    """The best primary score of the baselines that look at nothing, run over these samples, and whose it is."""
    metric = primary_metric(opened, metrics)
    if metric is None:
        return None, ""
    found = {name: _blind_score(name, opened, rows, metrics, seed) for name in BLIND}
    scores = {name: value for name, value in found.items() if value is not None}
    if not scores:
        return None, ""
    best = max(scores, key=lambda name: scores[name] if metric.higher(metrics.primary) else -scores[name])
    return scores[best], f"baseline:{best}"


def ceiling(opened: Opened, rows: Sequence[Row], metrics: Metrics) -> Yardstick:
    """The score that counts as 1: the best that the metric allows; where it has no such bound, what people reach when
    each reference is scored against the others of its sample, if every sample has several."""
    metric = primary_metric(opened, metrics)
    if metric is None:
        return None, ""
    if metric.best is not None:
        return metric.best, MAXIMUM
    samples = [row.sample for row in rows if opened.kind.scorable(row.sample)]
    fewest = min((len(sample.references) for sample in samples), default=0)
    if fewest < 2 or not all(isinstance(one, str) for sample in samples for one in sample.references):
        return None, ""
    corpus = [metric.reference(sample) for sample in opened.everything if opened.kind.scorable(sample)]
    values = [_against_others(metric, samples, place, corpus) for place in range(fewest)]
    mean = sum(values) / len(values)
    return (mean, CONSENSUS) if math.isfinite(mean) else (None, "")


def primary_metric(opened: Opened, metrics: Metrics) -> Metric | None:
    """The metric that ranks; None where it cannot be had."""
    return metrics.built.get(opened.task.metrics[0])


def _against_others(metric: Metric, samples: Sequence[Sample], place: int, corpus: Sequence[object]) -> float:
    """The score of one reference of each sample as a prediction, the others being the references."""
    said = [sample.references[place] for sample in samples]
    others = [
        replace(sample, references=(*sample.references[:place], *sample.references[place + 1 :])) for sample in samples
    ]
    return float(metric.value(metric.statistics(said, [metric.reference(sample) for sample in others], corpus)))


def _blind_score(name: str, opened: Opened, rows: Sequence[Row], metrics: Metrics, seed: int) -> float | None:
    """The primary score of a baseline, which is asked as the engine asks it; None where it has nothing to say."""
    model = open_baseline(name, Setup(seed=seed))
    try:
        outcomes = _asked(model, opened, rows, seed)
    except (VelmError, LookupError):  # nothing to ask, or no right answers to draw from
        return None
    alone = Metrics({opened.task.metrics[0]: metrics.built[opened.task.metrics[0]]}, {}, metrics.primary)
    return score(opened, alone, judge(rows, outcomes, opened.kind), 0, seed).scores[metrics.primary].value


def _asked(model: Model, opened: Opened, rows: Sequence[Row], seed: int) -> Mapping[str, Outcome]:
    """What a baseline says of each sample; its pictures are not decoded, as it would not look."""
    kind = opened.kind
    truths = {sample.id: None if kind.problem(sample) else kind.truth(sample) for sample in opened.everything}
    model.start(View(truths, seed))
    askable = [row for row in rows if not row.error and UNREADABLE not in map(picture_digest, row.sample.images)]
    return {row.id: _answer(model, row, kind.request(row.sample, model.abilities)) for row in askable}


def _answer(model: Model, row: Row, request: Request) -> Outcome:
    """One answer, checked as the engine checks it."""
    try:
        return Outcome(row.id, "", encode(check(request, request.ask(model, [request])[0])))
    except VelmError as error:
        return Outcome(row.id, "", error=reason(error))
