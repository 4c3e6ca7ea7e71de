"""What a release must hold: margins and tiers per task and score, in one strict YAML file.

tasks:
  scenes_vqa:
    vqa_accuracy: {margin: 0.02, budget: 0.03}
    exact_match: {margin: 0.02, tier: advisory}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from velm_bench.digests import digest_json
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.schema import Tier
from velm_bench.results.schema import Record
from velm_bench.schema import parse, read_yaml


class Rule(Record):
    """What one score must hold."""

    margin: float = Field(ge=0.0)
    """How much worse than the baseline is put up with, in the score's own units: 0.02 is two points of an accuracy."""
    budget: float | None = Field(default=None, ge=0.0)
    """How much worse than the anchor is put up with, over all releases since; the margin if left out."""
    tier: Tier = Tier.REQUIRED
    """required: it decides; advisory: it is shown."""


class Slices(Record):
    """Which slices are looked at; they never decide."""

    by: list[str] | None = None
    """Names of slices ("question_type") or single values ("question_type=count"); all of a task's if left out."""
    smallest: int = Field(default=50, ge=2)
    """Slices of fewer samples are left out and counted."""
    fdr: float = Field(default=0.10, gt=0.0, lt=1.0)
    """The expected share of false alarms among the slices that are called worse (Benjamini and Hochberg 1995)."""


class CostRule(Record):
    """What speed and memory must hold, where both runs were made under the same circumstances."""

    slowdown: float | None = Field(default=None, ge=0.0)
    """The share of speed that may be lost: 0.1 is a tenth fewer samples per second; not compared if left out."""
    memory: float | None = Field(default=None, ge=0.0)
    """The share by which the peak of memory may grow; not compared if left out."""
    tier: Tier = Tier.ADVISORY
    """required: it decides; advisory: it is shown."""


class Policy(Record):
    """What a release must hold."""

    tasks: dict[str, dict[str, Rule]]
    """By task, as runs are titled, and by score."""
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    """The chance of calling an unchanged release a regression, over all required rows together; also the chance that a
    release which is worse by the margin passes."""
    power: float = Field(default=0.8, gt=0.0, lt=1.0)
    """With which chance the number of samples that an inconclusive row asks for would decide."""
    replicates: int = Field(default=10_000, ge=1000, le=1_000_000)
    """How many resamples are drawn."""
    seed: int = Field(default=0, ge=0)
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

    The margin is the one given, else two points where the metric has a bound (shares, error rates), else two hundredths
    of the baseline's score. UsageError where a task's primary score cannot be compared.
    """
    return Policy(
        tasks={one.title: {one.primary: Rule(margin=_margin(one) if margin is None else margin)} for one in baseline}
    )


def _margin(one: Evidence) -> float:
    metric = one.metric(one.primary)
    score = one.scores[one.primary].value
    share = metric.best is not None or (metric.name == "given" and score is not None and 0.0 <= score <= 1.0)
    return DEFAULT_MARGIN if share or not score else float(f"{DEFAULT_MARGIN * abs(score):.3g}")
