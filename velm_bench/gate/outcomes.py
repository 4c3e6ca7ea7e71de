"""What came of each row: pure functions of what was measured and of the policy.

A row passes where its one-sided lower bound lies above -margin: every required row must, and each is asked at level
alpha, so that the whole is wrong at most that often. A row is a regression where Holm's adjusted p of being worse lies
below alpha and it does not pass. All else is inconclusive; what could not be compared is invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.gate.comparing import Measured
from velm_bench.gate.policy import Policy, Rule
from velm_bench.gate.schema import EXIT_CODES, Against, Outcome, Row, Tier
from velm_bench.gate.wording import reason
from velm_bench.statistics.multiple import benjamini_hochberg, holm
from velm_bench.statistics.noninferiority import fewest_groups, samples_needed

SEVERITY = (Outcome.INVALID, Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)
"""The whole is what the first of these says that any required row is."""
TIE = 1e-12
"""A bound that lies above -margin by no more than this share of the span lies on it, but for the rounding of sums."""


@dataclass(frozen=True)
class Judged:
    """A measured row with what it is measured against, or a sentence why it could not be measured."""

    task: str
    metric: str
    rule: Rule
    against: Against
    measured: Measured | None = None
    problem: str = ""

    @property
    def margin(self) -> float:
        """How much worse is put up with."""
        budget = self.rule.budget
        return budget if self.against is Against.ANCHOR and budget is not None else self.rule.margin

    @property
    def p_worse(self) -> float:
        """The p of not being worse; NaN where nothing was measured."""
        return self.measured.finding.p_worse if self.measured else np.nan

    def require_margin(self) -> None:
        """UsageError where the margin is as much as there is to lose, so that anything would pass."""
        span = self.measured.stakes.span if self.measured else np.inf
        if self.margin >= span * (1.0 - 1e-9):
            raise UsageError(
                f"The margin {self.margin:g} of '{self.metric}' of {self.task} is as much as there is to lose "
                f"({span:.3g}): give a smaller one; two points of a share are 0.02."
            )


def by_holm(rows: Sequence[Judged], policy: Policy) -> list[Row]:
    """The rows with Holm's adjusted p over each tier, and what comes of them.

    UsageError where the policy draws too little for its rows: not even the worst p there is would be small enough.
    """
    adjusted = np.full(len(rows), np.nan)
    family = {tier: [place for place, row in enumerate(rows) if row.rule.tier is tier] for tier in Tier}
    for places in family.values():
        if len(places) >= policy.alpha * (policy.replicates + 1):
            raise UsageError(
                f"{policy.replicates} replicates are too few for {len(places)} rows, of which none could ever be shown "
                f"to be worse: give the policy replicates of {int(10 * len(places) / policy.alpha)} or more."
            )
        adjusted[places] = holm([rows[place].p_worse for place in places])
    sizes = {tier: len(places) for tier, places in family.items()}
    bars = {tier: _Bar(policy.alpha, policy.alpha / max(1, size), size) for tier, size in sizes.items()}
    return [_row(one, float(p), bars[one.rule.tier], policy) for one, p in zip(rows, adjusted, strict=True)]


def by_discovery(slices: Sequence[Judged], policy: Policy) -> list[Row]:
    """The slices with Benjamini and Hochberg's adjusted p, advisory all."""
    adjusted = benjamini_hochberg([one.p_worse for one in slices])
    level = policy.slices.fdr
    found = [
        _row(one, float(p), _Bar(level, level / len(slices)), policy) for one, p in zip(slices, adjusted, strict=True)
    ]
    return [row.model_copy(update={"tier": Tier.ADVISORY}) for row in found]


@dataclass(frozen=True)
class _Bar:
    """What a row must be below to be a regression."""

    level: float
    """Its adjusted p."""
    alone: float
    """Its own p, whatever becomes of the others: the first step of Holm or of Benjamini and Hochberg."""
    family: int = 0
    """How many rows share the level, where those of too few groups are to be invalid; see `judge`."""


def _row(judged: Judged, adjusted: float, bar: _Bar, policy: Policy) -> Row:
    one, margin = judged.measured, judged.margin
    common: dict[str, Any] = {"against": judged.against, "tier": judged.rule.tier, "margin": margin}
    if one is None:
        return Row(task=judged.task, metric=judged.metric, outcome=Outcome.INVALID, why=judged.problem, **common)
    outcome = judge(one, adjusted, bar.level, margin, bar.family)
    needed = None
    if outcome is Outcome.INCONCLUSIVE:
        needed = _needed(one, margin, policy, bar)
    known: dict[str, Any] = {**one.row.model_dump(), "p_adjusted": None if np.isnan(adjusted) else adjusted, **common}
    row = Row(**known, outcome=outcome, needed=needed)
    return row.model_copy(update={"why": reason(row, bar.level)})


def _needed(one: Measured, margin: float, policy: Policy, bar: _Bar) -> int | None:
    """About how many samples would decide; None where that cannot be told."""
    stakes, row = one.stakes, one.row
    alarm = bar.alone if bar.alone * (policy.replicates + 1) > 1.0 else 0.0  # no p lies below 1 / (replicates + 1)
    found = samples_needed(
        one.finding, row.n, stakes.trials, margin, policy.alpha, policy.power, stakes.span, alarm, row.groups
    )
    return found or None


def judge(one: Measured, adjusted: float, level: float, margin: float, family: int = 0) -> Outcome:
    """What came of one row: not worse than the margin, shown; worse, shown; neither; or nothing that could be known.

    `family` is how many rows share the level: where there are so few groups that not even a candidate that is wrong in
    all of them could be shown to be worse, the row is invalid and no open question. 0 asks nothing of the groups.
    """
    finding, row = one.finding, one.row
    if np.isnan([finding.change, finding.bound, adjusted]).any() or (row.n and row.baseline_errors == row.n):
        return Outcome.INVALID
    if finding.bound > -margin + TIE * one.stakes.span:
        return Outcome.PASS
    if family and row.groups < fewest_groups(family, level):
        return Outcome.INVALID
    return Outcome.REGRESSION if adjusted < level and finding.change < 0.0 else Outcome.INCONCLUSIVE


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of them; invalid where there are none: nothing compared is no pass."""
    found = set(outcomes)
    return next((one for one in SEVERITY if one in found), Outcome.INVALID)


def exit_code(outcome: Outcome, policy: Policy) -> int:
    """What a verdict exits with."""
    if outcome is Outcome.INCONCLUSIVE:
        return {"pass": 0, "warn": EXIT_CODES[outcome], "fail": EXIT_CODES[Outcome.REGRESSION]}[policy.on_inconclusive]
    return EXIT_CODES[outcome]
