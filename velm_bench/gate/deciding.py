"""From comparisons to a verdict: pure functions of evidence and policy.

A row passes where its one-sided lower bound lies above -margin: every required row must, and each is asked at level
alpha, so that the whole is wrong at most that often. A row is a regression where Holm's adjusted p of being worse lies
below alpha and it does not pass. All else is inconclusive; what could not be compared is invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.gate.comparing import WHOLE, Mask, Measured, Settings, describe_flip, flips, measure, parts_of
from velm_bench.gate.costs import costs
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import Matched, differences, match, refusal
from velm_bench.gate.policy import Policy, Rule
from velm_bench.gate.schema import EXIT_CODES, Against, Cost, Flip, Outcome, Party, Row, Tier, Verdict
from velm_bench.gate.wording import reason, summary
from velm_bench.registry import suggestion
from velm_bench.statistics.multiple import benjamini_hochberg, holm
from velm_bench.statistics.noninferiority import samples_needed

SEVERITY = (Outcome.INVALID, Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)
"""The whole is what the first of these says that any required row is."""


@dataclass(frozen=True)
class _Judged:
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


def decide(
    candidate: Sequence[Evidence],
    baseline: Sequence[Evidence],
    policy: Policy,
    anchor: Sequence[Evidence] = (),
    worst: int = 20,
) -> Verdict:
    """The verdict over every task and score that the policy names.

    `worst` is how many flipped samples are told per task. UsageError where the policy names a task, a score or a slice
    that is not there, or there is nothing that could be compared.
    """
    _require_slices([one for one in candidate if one.title in policy.tasks], policy)
    found = _Found(policy, worst, notes=_unjudged(candidate, policy))
    for task, rules in policy.tasks.items():
        mine = _find(task, candidate, "the candidate")
        found.add_baseline(mine, _find(task, baseline, "the baseline"), rules)
        if anchor and _anchored(task, rules, anchor):
            found.add_anchor(mine, _find(task, anchor, "the anchor"), rules)
        elif anchor:
            found.notes.append(f"The anchor has no run of {task}: what was lost there since is not known.")
    if anchor and not any(row.against is Against.ANCHOR for row in found.rows):
        raise UsageError("The anchor has no run of any task that the policy names: name another, or leave it out.")
    return found.verdict(party(candidate), party(baseline), party(anchor) if anchor else None)


@dataclass
class _Found:
    """What is known so far."""

    policy: Policy
    worst: int
    rows: list[_Judged] = field(default_factory=list)
    slices: list[_Judged] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    flips: list[Flip] = field(default_factory=list)
    flipped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """How rows are resampled."""
        return Settings(self.policy.alpha, self.policy.replicates, self.policy.seed)

    def add_baseline(self, mine: Evidence, other: Evidence, rules: dict[str, Rule]) -> None:
        """Measure a task against the previous release: scores, slices, flips and costs."""
        matched, rows = _measured(mine, other, rules, Against.BASELINE, self.settings)
        self.rows += rows
        if matched is None:
            return
        if matched.candidate_lacks:
            lacking = f"{matched.candidate_lacks} of the {len(matched.ids)} samples of {mine.title}"
            self.notes.append(f"The candidate lacks {lacking}: they count as wrong.")
        slices, small = _sliced(matched, rules, self.policy, self.settings)
        self.slices += slices
        if small:
            smallest = self.policy.slices.smallest
            self.notes.append(f"Slices of {mine.title} with fewer than {smallest} samples are left out: {small}.")
        output = min(rules, key=lambda name: rules[name].tier is not Tier.REQUIRED)
        changed = flips(matched, output)
        self.flipped[mine.title] = len(changed)
        self.flips += [describe_flip(matched, output, *one) for one in changed[: self.worst]]
        if self.policy.cost is not None:
            self.costs += costs(mine, other, self.policy.cost, Against.BASELINE, self.policy.alpha)

    def add_anchor(self, mine: Evidence, other: Evidence, rules: dict[str, Rule]) -> None:
        """Measure a task against the pinned release."""
        self.rows += _measured(mine, other, rules, Against.ANCHOR, self.settings)[1]

    def verdict(self, candidate: Party, baseline: Party, anchor: Party | None) -> Verdict:
        """The decision over all of it."""
        rows = _by_holm(self.rows, self.policy)
        everything: list[Row | Cost] = [*rows, *self.costs]
        outcome = overall(one.outcome for one in everything if one.tier is Tier.REQUIRED)
        return Verdict(
            outcome=outcome,
            exit_code=exit_code(outcome, self.policy),
            summary=summary(outcome, everything),
            candidate=candidate,
            baseline=baseline,
            anchor=anchor,
            alpha=self.policy.alpha,
            replicates=self.policy.replicates,
            seed=self.policy.seed,
            on_inconclusive=self.policy.on_inconclusive,
            policy_digest=self.policy.digest(),
            rows=rows,
            slices=_by_discovery(self.slices, self.policy),
            costs=self.costs,
            flips=self.flips,
            flipped=self.flipped,
            notes=self.notes,
        )


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of them; invalid where there are none: nothing compared is no pass."""
    found = set(outcomes)
    return next((one for one in SEVERITY if one in found), Outcome.INVALID)


def exit_code(outcome: Outcome, policy: Policy) -> int:
    """What a verdict exits with."""
    if outcome is Outcome.INCONCLUSIVE:
        return {"pass": 0, "warn": EXIT_CODES[outcome], "fail": EXIT_CODES[Outcome.REGRESSION]}[policy.on_inconclusive]
    return EXIT_CODES[outcome]


def party(side: Iterable[Evidence]) -> Party:
    """Who stands on a side."""
    kept = list(side)
    return Party(
        models=list(dict.fromkeys(one.model for one in kept)),
        sources=list(dict.fromkeys(one.source for one in kept)),
        digests={one.title: one.model_digest for one in kept},
    )


def _unjudged(candidate: Sequence[Evidence], policy: Policy) -> list[str]:
    extra = [one.title for one in candidate if one.title not in policy.tasks]
    return [f"The policy says nothing of {', '.join(extra)}: not judged."] if extra else []


def _anchored(task: str, rules: dict[str, Rule], anchor: Sequence[Evidence]) -> bool:
    """Whether a task is to be compared with the anchor: where it has a budget, or the anchor has it."""
    return any(one.title == task for one in anchor) or any(rule.budget is not None for rule in rules.values())


def _find(task: str, side: Sequence[Evidence], whose: str) -> Evidence:
    for one in side:
        if one.title == task:
            return one
    known = [one.title for one in side]
    raise UsageError(f"The task '{task}' is to be judged, but no run of {whose} has it: {suggestion(task, known)}")


def _measured(
    mine: Evidence, other: Evidence, rules: dict[str, Rule], against: Against, settings: Settings
) -> tuple[Matched | None, list[_Judged]]:
    """The rows of a task against one side, and the matched runs where they could be compared."""
    for name in rules:
        if name not in other.scores and name not in mine.scores:
            known = list(dict.fromkeys([*mine.main_outputs, *mine.outputs]))
            raise UsageError(
                f"The score '{name}' is to be judged, but {mine.title} has none: {suggestion(name, known)}"
            )
    found = differences(other, mine, list(rules))
    if found:
        return None, [_Judged(mine.title, name, rule, against, problem=refusal(other, mine, found))
                      for name, rule in rules.items()]  # fmt: skip
    matched = match(other, mine)
    if matched.baseline_lacks:
        problem = (
            f"The {against} {other.source} lacks {matched.baseline_lacks} of the {mine.n} samples of {mine.title} that "
            "the candidate was asked: run both with the same --limit, or make the baseline anew."
        )
        return None, [_Judged(mine.title, name, rule, against, problem=problem) for name, rule in rules.items()]
    measured = measure(matched, [(name, WHOLE) for name in rules], {}, settings)
    return matched, [
        _Judged(mine.title, name, rule, against, one) for (name, rule), one in zip(rules.items(), measured, strict=True)
    ]


def _sliced(matched: Matched, rules: dict[str, Rule], policy: Policy, settings: Settings) -> tuple[list[_Judged], int]:
    """The slices of a task by its required scores, and how many were too small."""
    masks: dict[str, Mask]
    masks, small = parts_of(matched, _slices_of(matched, policy), policy.slices.smallest)
    required = {name: rule for name, rule in rules.items() if rule.tier is Tier.REQUIRED}
    asked = [(name, label) for name in required for label in masks]
    measured = measure(matched, asked, masks, settings)
    return [
        _Judged(matched.candidate.title, one.row.metric, required[one.row.metric], Against.BASELINE, one)
        for one in measured
    ], small


def _require_slices(judged: Sequence[Evidence], policy: Policy) -> None:
    """UsageError for a slice that no task has; a value without samples is found where its task is measured."""
    known = list(dict.fromkeys(name for one in judged for name in one.slices))
    for word in policy.slices.by or ():
        if word.partition("=")[0] not in known:
            hint = suggestion(word.partition("=")[0], known) if known else "they have none."
            raise UsageError(f"The policy names the slice '{word}', which none of its tasks has: {hint}")


def _slices_of(matched: Matched, policy: Policy) -> list[str] | None:
    """The slices that a policy names and this task has; a name that no task has is found out before."""
    if policy.slices.by is None:
        return None
    return [word for word in policy.slices.by if word.partition("=")[0] in matched.slices]


def _by_holm(rows: Sequence[_Judged], policy: Policy) -> list[Row]:
    adjusted = np.full(len(rows), np.nan)
    for tier in Tier:
        places = [place for place, row in enumerate(rows) if row.rule.tier is tier]
        adjusted[places] = holm([_p_worse(rows[place]) for place in places])
    return [_row(one, float(p), policy.alpha, policy) for one, p in zip(rows, adjusted, strict=True)]


def _by_discovery(slices: Sequence[_Judged], policy: Policy) -> list[Row]:
    adjusted = benjamini_hochberg([_p_worse(one) for one in slices])
    found = [_row(one, float(p), policy.slices.fdr, policy) for one, p in zip(slices, adjusted, strict=True)]
    return [row.model_copy(update={"tier": Tier.ADVISORY}) for row in found]


def _p_worse(row: _Judged) -> float:
    return row.measured.finding.p_worse if row.measured else np.nan


def _row(judged: _Judged, adjusted: float, level: float, policy: Policy) -> Row:
    one, margin = judged.measured, judged.margin
    common: dict[str, Any] = {"against": judged.against, "tier": judged.rule.tier, "margin": margin}
    if one is None:
        return Row(task=judged.task, metric=judged.metric, outcome=Outcome.INVALID, why=judged.problem, **common)
    outcome = judge(one, adjusted, level, margin)
    needed = None
    if outcome is Outcome.INCONCLUSIVE:
        finding, row = one.finding, one.row
        needed = samples_needed(finding, row.n, row.groups, margin, policy.alpha, policy.power, one.span) or None
    known: dict[str, Any] = {**one.row.model_dump(), "p_adjusted": None if np.isnan(adjusted) else adjusted, **common}
    row = Row(**known, outcome=outcome, needed=needed)
    return row.model_copy(update={"why": reason(row, level)})


def judge(one: Measured, adjusted: float, level: float, margin: float) -> Outcome:
    """What came of one row: not worse than the margin, shown; worse, shown; neither; or nothing known."""
    finding = one.finding
    if np.isnan([finding.change, finding.bound, adjusted]).any():
        return Outcome.INVALID
    if finding.bound > -margin:
        return Outcome.PASS
    return Outcome.REGRESSION if adjusted < level and finding.change < 0.0 else Outcome.INCONCLUSIVE
