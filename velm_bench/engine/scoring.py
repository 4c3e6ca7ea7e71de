"""From predictions to scores: statistics once, then every number as a value of them under weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from velm_bench.engine.opening import Opened
from velm_bench.engine.outcomes import reason
from velm_bench.engine.table import Judged, Measured
from velm_bench.errors import RunError, UnavailableError, UsageError
from velm_bench.metrics import Array, Metric, MetricInputError, build
from velm_bench.results.schema import Score, SliceResult
from velm_bench.samples import Form
from velm_bench.statistics.resampling import Estimate, interval
from velm_bench.tasks.base import Kind
from velm_bench.tasks.definition import Task

Mask = NDArray[np.bool_]


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
    """Metrics without a number, and why."""
    broken: dict[str, str] = field(default_factory=dict)
    """Those of them that failed where they should have worked."""
    scores: dict[str, Score] = field(default_factory=dict)
    slices: dict[str, dict[str, SliceResult]] = field(default_factory=dict)


def build_metrics(kind: Kind) -> Metrics:
    """The metrics of a kind's task, before anything is asked.

    UsageError for an unknown one, one that scores another form of prediction, or two that share an output.
    """
    task = kind.task
    built: dict[str, Metric] = {}
    skipped: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in dict.fromkeys(task.metrics):
        try:
            built[name] = build(name, kind.labels)
        except UnavailableError as error:
            skipped[name] = str(error)
            continue
        if None not in (kind.form, built[name].form) and kind.form is not built[name].form:
            raise UsageError(
                f"The metric '{name}' of task '{task.name}' scores {_named(built[name].form)}, and a task of kind "
                f"{kind.name} predicts {_named(kind.form)}: choose another metric."
            )
        for output in built[name].outputs:
            if owners.setdefault(output, name) != name:
                raise UsageError(
                    f"The metrics '{owners[output]}' and '{name}' of task '{task.name}' both give '{output}': drop one."
                )
    first = task.metrics[0]
    return Metrics(built, skipped, built[first].outputs[0] if first in built else first)


def _named(form: Form | None) -> str:
    return {Form.LABEL: "a label", Form.RANKING: "a ranking"}.get(form, form.value) if form else "anything"


def score(opened: Opened, metrics: Metrics, rows: Sequence[Judged], replicates: int, seed: int) -> Scores:
    """Every score with its interval, for the whole and for the task's slices.

    A metric that cannot be computed, for whatever reason, is skipped and takes no other with it.
    """
    part = _Part.whole(rows, replicates, seed)
    found = Scores(skipped=dict(metrics.skipped))
    slices = {name: part.slices([_value(row, name) for row in rows]) for name in opened.task.slices}
    for name, metric in metrics.built.items():
        try:
            measured = Measured(name, metric, measure(metric, rows, opened))
            whole = part.scores(measured)
            parts = [(one, one.scores(measured)) for values in slices.values() for one in values.values()]
        except NotApplicableError as error:
            found.skipped[name] = str(error)
        except UnavailableError as error:
            found.skipped[name] = reason(error)
        except Exception as error:  # a metric may fail in any way: the answers and the other scores must not be lost
            found.skipped[name] = found.broken[name] = reason(error)
        else:
            found.measured.append(measured)
            found.scores |= whole
            if whole[metric.outputs[0]].value is None:
                found.skipped[name] = _why_undefined(metric, whole[metric.outputs[0]], len(rows))
            for one, scores in parts:
                one.found.update(scores)
    if metrics.primary not in found.scores:
        found.scores[metrics.primary] = _absent(opened.task, metrics, part)
    found.slices = {name: {value: one.result() for value, one in values.items()} for name, values in slices.items()}
    return found


def _why_undefined(metric: Metric, score: Score, samples: int) -> str:
    if score.n == 0:
        return f"It is undefined here: there are no {metric.counted} among the {samples} samples asked."
    return f"It is undefined for the {samples} samples asked."


def _value(row: Judged, name: str) -> str | None:
    return str(row.sample.slices[name]) if name in row.sample.slices else None


class NotApplicableError(Exception):
    """A metric has nothing to say about these predictions."""


def measure(metric: Metric, rows: Sequence[Judged], opened: Opened) -> Array:
    """Statistics of all rows, or of those seen so far, shape (samples, k); NotApplicableError where there are none.

    Samples whose references say nothing about what is right are unknown to the metric; it is the same ones for every
    model. Document frequencies are the full task's, also of what a limit leaves out.
    """
    predictions = [row.prediction.value if row.prediction else None for row in rows]
    why = metric.applicable(predictions)
    sound = [place for place, row in enumerate(rows) if opened.kind.scorable(row.sample)]
    if why or not sound:
        raise NotApplicableError(why or "No sample has references that can be read.")
    samples = [rows[place].sample for place in sound]
    everything = [sample for sample in opened.everything if opened.kind.scorable(sample)]
    golden = [metric.reference(sample) for sample in samples]
    corpus = None if len(everything) == len(samples) else [metric.reference(sample) for sample in everything]
    try:
        known = metric.statistics([predictions[place] for place in sound], golden, corpus)
    except MetricInputError as error:
        raise error.naming([sample.id for sample in (everything if error.of_corpus else samples)]) from error
    if known.shape != (len(sound), len(metric.columns)):
        raise RunError(f"It gave statistics of shape {known.shape} for {len(sound)} samples.")
    if len(sound) == len(rows):
        return known
    statistics = np.tile(metric.unknown(), (len(rows), 1))
    statistics[sound] = known
    return statistics


@dataclass(frozen=True)
class _Part:
    """Some of a run's rows, all or those of a slice, and the scores found for them."""

    groups: NDArray[np.str_]
    """The cluster of every row of the run."""
    errors: Mask
    """Which rows of the run failed."""
    mask: Mask
    """Which rows of the run belong to the part."""
    replicates: int
    seed: int
    found: dict[str, Score] = field(default_factory=dict)

    @classmethod
    def whole(cls, rows: Sequence[Judged], replicates: int, seed: int) -> _Part:
        """All rows of a run."""
        groups = np.asarray([row.sample.cluster for row in rows], dtype=np.str_)
        errors = np.asarray([bool(row.error) for row in rows], dtype=np.bool_)
        return cls(groups, errors, np.ones(len(rows), dtype=np.bool_), replicates, seed)

    def slices(self, values: Sequence[str | None]) -> dict[str, _Part]:
        """The rows of each value, in the order of the values; None is a row without one."""
        column = np.asarray(["" if value is None else value for value in values], dtype=np.object_)
        there = np.asarray([value is not None for value in values], dtype=np.bool_)
        return {
            value: replace(self, mask=there & (column == value), found={})
            for value in sorted({value for value in values if value is not None})
        }

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(self.mask.sum())

    @property
    def n_errors(self) -> int:
        """How many of them failed."""
        return int((self.mask & self.errors).sum())

    def scores(self, one: Measured) -> dict[str, Score]:
        """Every output of a metric."""
        estimates = interval(
            one.metric, one.statistics, self.groups, mask=self.mask, replicates=self.replicates, seed=self.seed
        )
        answered = self._over_answered(one)
        count = one.metric.count(one.statistics, self.mask)
        return {
            output: self._score(one, output, estimate, float(answered[place]), count)
            for place, (output, estimate) in enumerate(estimates.items())
        }

    def result(self) -> SliceResult:
        """The part as a slice's value."""
        return SliceResult(n=self.n, n_errors=self.n_errors, scores=self.found)

    def _over_answered(self, one: Measured) -> Array:
        answered = self.mask & ~self.errors
        if not answered.any():
            return np.full(len(one.metric.outputs), np.nan)
        return one.metric.values(one.statistics[answered])

    def _score(self, one: Measured, output: str, estimate: Estimate, answered: float, count: int) -> Score:
        return Score(
            value=_number(estimate.value),
            low=_number(estimate.low),
            high=_number(estimate.high),
            answered=_number(answered),
            n=count,
            n_errors=self.n_errors,
            signature=one.metric.signature,
            higher_is_better=one.metric.higher(output),
            metric=one.name,
        )


def _absent(task: Task, metrics: Metrics, whole: _Part) -> Score:
    """The primary score where its metric was skipped."""
    metric = metrics.built.get(task.metrics[0])
    return Score(
        value=None,
        n=whole.n,
        n_errors=whole.n_errors,
        signature=metric.signature if metric else "",
        higher_is_better=metric.higher(metrics.primary) if metric else True,
        metric=task.metrics[0],
    )


def _number(value: float) -> float | None:
    """JSON has no NaN: what is undefined is null."""
    return float(value) if math.isfinite(value) else None
