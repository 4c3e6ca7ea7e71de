"""From predictions to scores: statistics once, then every number as a value of them under weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.engine.table import Judged, Measured
from velm_bench.errors import UnavailableError, UsageError
from velm_bench.metrics import Array, Metric, build
from velm_bench.results.schema import Score, SliceResult
from velm_bench.samples import Sample
from velm_bench.statistics.resampling import Estimate, interval
from velm_bench.tasks.definition import Task

Mask = NDArray[np.bool_]
MALFORMED = (ValueError, LookupError, TypeError)
"""What a metric may raise on references of the wrong form."""


@dataclass(frozen=True)
class Metrics:
    """The metrics of a task by name, those that cannot be had, and the name of the primary score."""

    built: Mapping[str, Metric]
    skipped: Mapping[str, str]
    primary: str


@dataclass
class Scores:
    """All numbers of a run."""

    measured: list[Measured] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    slices: dict[str, dict[str, SliceResult]] = field(default_factory=dict)


def build_metrics(task: Task, labels: Sequence[str]) -> Metrics:
    """The task's metrics, before anything is asked; UsageError for an unknown one or two that share an output."""
    built: dict[str, Metric] = {}
    skipped: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in dict.fromkeys(task.metrics):
        try:
            built[name] = build(name, labels)
        except UnavailableError as error:
            skipped[name] = str(error)
            continue
        for output in built[name].outputs:
            if owners.setdefault(output, name) != name:
                raise UsageError(
                    f"The metrics '{owners[output]}' and '{name}' of task '{task.name}' both give '{output}': drop one."
                )
    first = task.metrics[0]
    return Metrics(built, skipped, built[first].outputs[0] if first in built else first)


def score(
    task: Task, metrics: Metrics, rows: Sequence[Judged], everything: Sequence[Sample], replicates: int, seed: int
) -> Scores:
    """Every score with its interval, for the whole and for the task's slices.

    `everything` holds all samples of the task, also those that a limit leaves out: document frequencies are the
    full task's.
    """
    found = Scores(skipped=dict(metrics.skipped))
    for name, metric in metrics.built.items():
        measured = _measure(name, metric, rows, everything)
        if isinstance(measured, Measured):
            found.measured.append(measured)
        else:
            found.skipped[name] = measured
    scorer = _Scorer(rows, replicates, seed)
    found.scores = scorer.scores(found.measured)
    if metrics.primary not in found.scores:
        found.scores[metrics.primary] = _absent(task, metrics, scorer)
    for name in task.slices:
        found.slices[name] = scorer.slices(name, found.measured)
    return found


def _measure(name: str, metric: Metric, rows: Sequence[Judged], everything: Sequence[Sample]) -> Measured | str:
    """A metric's statistics, or the reason why there are none."""
    predictions = [row.prediction.value if row.prediction else None for row in rows]
    try:
        why = metric.applicable(predictions)
        return why or Measured(name, metric, _statistics(metric, rows, predictions, everything))
    except UnavailableError as error:
        return str(error)
    except ValueError as error:
        return f"The predictions or references do not fit this metric: {error}"


def _statistics(
    metric: Metric, rows: Sequence[Judged], predictions: Sequence[Any], everything: Sequence[Sample]
) -> Array:
    """Statistics of all rows, shape (samples, k).

    Samples that failed because of their references (an empty list, say) may be more than a metric can read. Then they
    are set aside, as few as possible, and get the worst statistics of the first sample that it can read.
    """
    golden = [metric.reference(sample) for sample in everything if sample.references]
    corpus = None if len(golden) == len(everything) == len(rows) else golden
    everyone = range(len(rows))
    with_references = [place for place in everyone if rows[place].sample.references]
    with_request = [place for place in everyone if rows[place].key]
    for places in (everyone, with_references):
        try:
            return _spread(metric, rows, predictions, places, corpus)
        except MALFORMED:
            continue
    return _spread(metric, rows, predictions, with_request, corpus)


def _spread(
    metric: Metric, rows: Sequence[Judged], predictions: Sequence[Any], places: Sequence[int], corpus: list[Any] | None
) -> Array:
    """The statistics of the rows at `places`, and for all others the worst that the first of those could get."""
    if not places:
        raise ValueError("no sample has references that can be read.")
    references = [metric.reference(rows[place].sample) for place in places]
    known = metric.statistics([predictions[place] for place in places], references, corpus)
    if len(places) == len(rows):
        return known
    statistics = np.repeat(metric.statistics([None], references[:1], corpus), len(rows), axis=0)
    statistics[list(places)] = known
    return statistics


class _Scorer:
    """Scores of one run's rows under masks."""

    def __init__(self, rows: Sequence[Judged], replicates: int, seed: int) -> None:
        self.rows = rows
        self.groups = np.asarray([row.sample.cluster for row in rows], dtype=np.str_)
        self.answered = np.asarray([not row.error for row in rows], dtype=np.bool_)
        self.replicates = replicates
        self.seed = seed

    def scores(self, measured: Sequence[Measured], mask: Mask | None = None) -> dict[str, Score]:
        """Every output of every metric over the rows of a mask."""
        found: dict[str, Score] = {}
        for one in measured:
            estimates = interval(
                one.metric, one.statistics, self.groups, mask=mask, replicates=self.replicates, seed=self.seed
            )
            answered = self._over_answered(one, mask)
            for place, (output, estimate) in enumerate(estimates.items()):
                found[output] = self._score(one, output, estimate, float(answered[place]), mask)
        return found

    def slices(self, name: str, measured: Sequence[Measured]) -> dict[str, SliceResult]:
        """The scores of each value of a slice, in the order of the values."""
        values = [None if name not in row.sample.slices else str(row.sample.slices[name]) for row in self.rows]
        found = {}
        for value in sorted({value for value in values if value is not None}):
            mask = np.asarray([one == value for one in values], dtype=np.bool_)
            n, n_errors = self.counts(mask)
            found[value] = SliceResult(n=n, n_errors=n_errors, scores=self.scores(measured, mask))
        return found

    def counts(self, mask: Mask | None = None) -> tuple[int, int]:
        """How many rows there are, and how many of them failed."""
        answered = self.answered if mask is None else self.answered[mask]
        return len(answered), int((~answered).sum())

    def _over_answered(self, one: Measured, mask: Mask | None) -> Array:
        keep = self.answered if mask is None else self.answered & mask
        if not keep.any():
            return np.full(len(one.metric.outputs), np.nan)
        return one.metric.values(one.statistics[keep])

    def _score(self, one: Measured, output: str, estimate: Estimate, answered: float, mask: Mask | None) -> Score:
        n, n_errors = self.counts(mask)
        return Score(
            value=_number(estimate.value),
            low=_number(estimate.low),
            high=_number(estimate.high),
            answered=_number(answered),
            n=n,
            n_errors=n_errors,
            signature=one.metric.signature,
            higher_is_better=one.metric.higher(output),
            metric=one.name,
        )


def _absent(task: Task, metrics: Metrics, scorer: _Scorer) -> Score:
    """The primary score where its metric was skipped."""
    n, n_errors = scorer.counts()
    metric = metrics.built.get(task.metrics[0])
    signature = metric.signature if metric else ""
    higher = metric.higher(metrics.primary) if metric else True
    return Score(
        value=None, n=n, n_errors=n_errors, signature=signature, higher_is_better=higher, metric=task.metrics[0]
    )


def _number(value: float) -> float | None:
    """JSON has no NaN: what is undefined is null."""
    return float(value) if math.isfinite(value) else None
