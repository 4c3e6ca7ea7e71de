"""What a release must hold: margins and tiers per task and score, in one strict YAML file.

tasks:
  scenes_vqa:
    vqa_accuracy: {margin: 0.02, budget: 0.03}
    exact_match: {margin: 0.02, tier: advisory}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, field_validator

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.schema import Tier
from velm_bench.results.schema import Record
from velm_bench.schema import parse, read_yaml

LEAST_CHANCE = 1e-6
"""Chances of errors below it are none that a test with replicates could keep."""


def _only_numbers(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number belongs there (yes, no, on, off, true and false are none)")
    return value


Number = Annotated[float, BeforeValidator(_only_numbers)]
"""A number, also as the text that YAML takes 1e-3 for; its yes and no, which pydantic takes for 1 and 0, are none."""
Count = Annotated[int, BeforeValidator(_only_numbers)]
"""A whole number, likewise."""


class Rule(Record):
    """What one score must hold."""

    margin: Number = Field(ge=0.0)
    """How much worse than the baseline is put up with, in the score's own units: 0.02 is two points of an accuracy."""
    budget: Number | None = Field(default=None, ge=0.0)
    """How much worse than the anchor is put up with, over all releases since; the margin if left out."""
    tier: Tier = Tier.REQUIRED
    """required: it decides; advisory: it is shown."""


class Slices(Record):
    """Which slices are looked at; they never decide."""

    by: list[str] | None = None
    """Names of slices ("question_type") or single values ("question_type=count"); all of a task's if left out."""
    smallest: Count = Field(default=50, ge=2)
    """Slices of fewer samples are left out and counted."""
    fdr: Number = Field(default=0.10, ge=LEAST_CHANCE, lt=1.0)
    """The expected share of false alarms among the slices that are called worse (Benjamini and Hochberg 1995)."""


class CostRule(Record):
    """What speed and memory must hold, where both runs were made under the same circumstances."""

    slowdown: Number | None = Field(default=None, ge=0.0)
    """The share of speed that may be lost: 0.1 is a tenth fewer samples per second; not compared if left out."""
    memory: Number | None = Field(default=None, ge=0.0)
    """The share by which the peak of memory may grow; not compared if left out."""
    tier: Tier = Tier.ADVISORY
    """required: it decides; advisory: it is shown. What is shown slower is a regression at level alpha / 2 for each
    task by itself: Holm's correction, which the scores share, does not hold for costs."""


class Policy(Record):
    """What a release must hold."""

    tasks: dict[str, dict[str, Rule]]
    """By task, as runs are titled, and by score."""
    alpha: Number = Field(default=0.05, ge=LEAST_CHANCE, lt=0.5)
    """The chance of calling an unchanged release a regression, over all required rows together; also the chance that a
    release which is worse by the margin passes."""
    power: Number = Field(default=0.8, ge=LEAST_CHANCE, le=1.0 - LEAST_CHANCE)
    """With which chance the number of samples that an inconclusive row asks for would decide."""
    replicates: Count = Field(default=10_000, ge=1000, le=1_000_000)
    """How many resamples are drawn."""
    seed: Count = Field(default=0, ge=0)
    """The seed of the draws."""
    on_inconclusive: Literal["pass", "warn", "fail"] = "warn"
    """The exit code of an inconclusive verdict: 0 (pass), 3 (warn) or 1 (fail)."""
    slices: Slices = Field(default_factory=Slices)
    """Which slices are looked at."""
    cost: CostRule | None = None
    """What speed and memory must hold; not compared if left out."""

    @field_validator("tasks")
    @classmethod
    def _with_something_required(cls, tasks: dict[str, dict[str, Rule]]) -> dict[str, dict[str, Rule]]:
        if not any(rule.tier is Tier.REQUIRED for rules in tasks.values() for rule in rules.values()):
            raise ValueError("no score of any task is required, so that nothing would be decided: name one")
        return tasks

    @field_validator("cost")
    @classmethod
    def _with_something_compared(cls, cost: CostRule | None) -> CostRule | None:
        if cost is not None and cost.slowdown is None and cost.memory is None:
            raise ValueError("neither slowdown nor memory is named, so that nothing would be compared: name one")
        return cost

    def digest(self) -> str:
        """SHA-256 over all of it, defaults filled in."""
        return digest_json(self.model_dump(mode="json"))


def read_policy(path: Path) -> Policy:
    """A policy file; UsageError in one sentence where it is absent, malformed, or would decide nothing."""
    return parse(Policy, read_yaml(path), f"the policy {path}")


DEFAULT_MARGIN = 0.02
"""Two points of a share, or two hundredths of a score that has no bound."""


def default_policy(baseline: Sequence[Evidence], margin: float | None = None) -> Policy:
    """What is judged where nobody says more: the primary score of every task of the baseline.

    The margin is the one given, else two points where the metric has a bound (shares, error rates) or an imported score
    is a share, as far as its samples tell (`_is_share`), else two hundredths of the baseline's score. UsageError where
    a task's primary score cannot be compared, where there is no task, or where the margin makes no sense.
    """
    if not baseline:
        raise UsageError("The baseline has no task: there is nothing to judge; name runs of finished tasks.")
    if margin is not None and not 0.0 <= margin < float("inf"):
        raise UsageError(f"The margin (--margin) cannot be {margin:g}: give a number of 0 or more.")
    return Policy(
        tasks={one.title: {one.primary: Rule(margin=_margin(one) if margin is None else margin)} for one in baseline}
    )


def _margin(one: Evidence) -> float:
    score = one.scores[one.primary].value
    return DEFAULT_MARGIN if _is_share(one) or not score else float(f"{DEFAULT_MARGIN * abs(score):.3g}")


def _is_share(one: Evidence) -> bool:
    """Whether the primary score is a share, or a rate of errors. An imported one is where its samples are right or
    wrong, or lie between 0 and 1 and more is better: a loss between 0 and 1 may be small throughout."""
    metric = one.metric(one.primary)
    if metric.name != "given":
        return metric.best is not None
    each = metric.per_sample(one.statistics_for(one.primary))[:, 0]
    within = bool((np.abs(each - 0.5) <= 0.5).all()) and metric.higher(one.primary)
    return within or bool(np.isin(each, (0.0, 1.0)).all())
