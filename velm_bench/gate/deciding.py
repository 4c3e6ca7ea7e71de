"""What a policy asks of a candidate, measured against its baseline and its anchor, and put together to a verdict.

`outcomes` says what becomes of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.gate.comparing import WHOLE, Mask, Settings, describe_flip, flips, measure, parts_of
from velm_bench.gate.costs import costs
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import Matched, match, refusal, run_differences, score_difference
from velm_bench.gate.outcomes import Judged, by_discovery, by_holm, exit_code, judge, overall
from velm_bench.gate.policy import Policy, Rule
from velm_bench.gate.schema import Against, Cost, Flip, Party, Row, Tier, Verdict
from velm_bench.gate.wording import summary
from velm_bench.registry import suggestion

__all__ = ["decide", "judge", "party"]


def decide(
    candidate: Sequence[Evidence],
    baseline: Sequence[Evidence],
    policy: Policy,
    anchor: Sequence[Evidence] = (),
    worst: int = 20,
) -> Verdict:
    """The verdict over every task and score that the policy names.

    `worst` is how many flipped samples are told per task. UsageError where the policy names a task, a score or a slice
    that is not there, allows to lose all of a score, draws too little for its rows, or nothing could be compared.
    """
    _require_slices([one for one in (*candidate, *baseline) if one.title in policy.tasks], policy)
    found = _Found(policy, worst, notes=_unjudged(candidate, policy))
    if not anchor and any(rule.budget is not None for rules in policy.tasks.values() for rule in rules.values()):
        found.notes.append("There are budgets, but no anchor: what was lost over several releases is not judged.")
    for task, rules in policy.tasks.items():
        mine = _find(task, candidate, "the candidate")
        found.add_baseline(mine, _find(task, baseline, "the baseline"), rules)
        if anchor:
            found.add_anchor(mine, task, anchor, rules)
    if anchor and not any(row.against is Against.ANCHOR for row in found.rows):
        raise UsageError("The anchor has no run of any task that is judged: name another, or leave it out.")
    return found.verdict(party(candidate), party(baseline), party(anchor) if anchor else None)


@dataclass
class _Found:
    """What is known so far."""

    policy: Policy
    worst: int
    rows: list[Judged] = field(default_factory=list)
    slices: list[Judged] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    flips: list[Flip] = field(default_factory=list)
    flipped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """How rows are resampled."""
        return Settings(self.policy.alpha, self.policy.replicates, self.policy.seed)

    def add_baseline(self, mine: Evidence, other: Evidence, rules: dict[str, Rule]) -> None:
        """Measure a task against the previous release: costs, scores, slices and flips."""
        if self.policy.cost is not None:
            self.costs += costs(mine, other, self.policy.cost, Against.BASELINE, self.policy.alpha)
        matched, rows = _measured(mine, other, rules, Against.BASELINE, self.settings)
        self.rows += rows
        if matched is None:
            return
        self.notes += _remarks(matched)
        sound = {row.metric: row.rule for row in rows if row.measured is not None}
        required = [name for name, rule in sound.items() if rule.tier is Tier.REQUIRED]
        slices, small = _sliced(matched, {name: sound[name] for name in required}, self.policy, self.settings)
        self.slices += slices
        if small:
            smallest = self.policy.slices.smallest
            self.notes.append(f"Slices of {mine.title} with fewer than {smallest} samples are left out: {small}.")
        for output in [*required, *sound][:1]:
            changed = flips(matched, output)
            self.flipped[mine.title] = len(changed)
            self.flips += [describe_flip(matched, output, *one) for one in changed[: self.worst]]

    def add_anchor(self, mine: Evidence, task: str, anchor: Sequence[Evidence], rules: dict[str, Rule]) -> None:
        """Measure a task against the pinned release; what that has not is told, or refused where it has a budget."""
        budgets = {name: rule for name, rule in rules.items() if rule.budget is not None}
        other = next((one for one in anchor if one.title == task), None)
        if other is None and not budgets:
            self.notes.append(f"The anchor has no run of {task}: what was lost there since is not known.")
            return
        other = other or _find(task, anchor, "the anchor")
        held = {name: rule for name, rule in rules.items() if name in other.scores or name in budgets}
        left = [name for name in rules if name not in held]
        if left:
            self.notes.append(f"The anchor has no score {', '.join(left)} of {task}: what was lost since is not known.")
        self.rows += _measured(mine, other, held, Against.ANCHOR, self.settings)[1]

    def verdict(self, candidate: Party, baseline: Party, anchor: Party | None) -> Verdict:
        """The decision over all of it."""
        rows = by_holm(self.rows, self.policy)
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
            slices=by_discovery(self.slices, self.policy),
            costs=self.costs,
            flips=self.flips,
            flipped=self.flipped,
            notes=self.notes,
        )


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
    return [f"Not judged, as nothing is said of it: {', '.join(extra)}."] if extra else []


def _remarks(matched: Matched) -> list[str]:
    """What a reader should know of two runs besides their scores."""
    title, n = matched.candidate.title, len(matched.ids)
    failed = int(np.count_nonzero(matched.candidate.failed)), int(np.count_nonzero(matched.baseline.failed))
    said = []
    if matched.candidate_lacks:
        limits = matched.candidate.limit, matched.baseline.limit
        asked = f" (--limit {limits[0]} against {limits[1]})" if limits[0] != limits[1] else ""
        said.append(
            f"The candidate lacks {matched.candidate_lacks} of the {n} samples of {title}{asked}: they count as wrong."
        )
    if any(failed):
        said.append(
            f"Of the {n} samples of {title}, {failed[0]} failed in the candidate and {failed[1]} in the baseline: they "
            "count as wrong."
        )
    if matched.candidate.model_digest == matched.baseline.model_digest:
        said.append(f"The candidate and the baseline of {title} are one and the same model.")
    return said


def _find(task: str, side: Sequence[Evidence], whose: str) -> Evidence:
    for one in side:
        if one.title == task:
            return one
    held = ", ".join(one.title for one in side)
    raise UsageError(
        f"The task '{task}' is to be judged, but no run of {whose} has it, only {held:.300}: run it, or name the tasks "
        "to judge in a --policy."
    )


def _measured(
    mine: Evidence, other: Evidence, rules: dict[str, Rule], against: Against, settings: Settings
) -> tuple[Matched | None, list[Judged]]:
    """The rows of a task against one side, and the matched runs where they could be compared."""
    for name in rules:
        if name not in other.scores and name not in mine.scores:
            known = list(dict.fromkeys([*mine.main_outputs, *mine.outputs]))
            raise UsageError(
                f"The score '{name}' is to be judged, but {mine.title} has none: {suggestion(name, known)}"
            )
    apart = run_differences(other, mine)
    matched = None if apart else match(other, mine)
    problem = refusal(other, mine, apart) if apart else ""
    if matched is not None and matched.baseline_lacks:
        problem = (
            f"The {against} {other.source} lacks {matched.baseline_lacks} of the {mine.n} samples of {mine.title} that "
            "the candidate was asked: run both with the same --limit, or make the baseline anew."
        )
    if matched is None or problem:
        return None, [Judged(mine.title, name, rule, against, problem=problem) for name, rule in rules.items()]
    return matched, list(_rows(matched, rules, against, settings))


def _rows(matched: Matched, rules: dict[str, Rule], against: Against, settings: Settings) -> Iterator[Judged]:
    """A row per score; one that is not the same in both runs takes no other with it."""
    mine, other = matched.candidate, matched.baseline
    apart = {name: score_difference(other, mine, name) for name in rules}
    sound = [name for name in rules if not apart[name]]
    found = dict(zip(sound, measure(matched, [(name, WHOLE) for name in sound], {}, settings), strict=True))
    for name, rule in rules.items():
        problem = refusal(other, mine, [apart[name]]) if apart[name] else ""
        row = Judged(mine.title, name, rule, against, found.get(name), problem)
        row.require_margin()
        yield row


def _sliced(matched: Matched, rules: dict[str, Rule], policy: Policy, settings: Settings) -> tuple[list[Judged], int]:
    """The slices of a task by some scores, and how many were too small."""
    masks: dict[str, Mask]
    masks, small = parts_of(matched, _slices_of(matched, policy), policy.slices.smallest)
    asked = [(name, label) for name in rules for label in masks]
    measured = measure(matched, asked, masks, settings)
    title = matched.candidate.title
    return [Judged(title, one.row.metric, rules[one.row.metric], Against.BASELINE, one) for one in measured], small


def _require_slices(judged: Sequence[Evidence], policy: Policy) -> None:
    """UsageError for a slice that no task has, or a value of it that no sample of any has."""
    held: dict[str, set[str]] = {}
    for one in judged:
        for name, values in one.slices.items():
            held.setdefault(name, set()).update(value for value in values if value is not None)
    for word in policy.slices.by or ():
        name, equals, value = word.partition("=")
        if name not in held:
            hint = suggestion(name, list(held)) if held else "they have none."
            raise UsageError(f"The policy names the slice '{word}', which none of its tasks has: {hint}")
        if equals and value not in held[name]:
            hint = suggestion(value, sorted(held[name])) if held[name] else "leave it out."
            raise UsageError(f"The policy names the slice '{word}', which has no sample: {hint}")


def _slices_of(matched: Matched, policy: Policy) -> list[str] | None:
    """The slices that a policy names and this task has; a name that no task has is found out before."""
    if policy.slices.by is None:
        return None
    parts = [word.partition("=") for word in policy.slices.by]
    return [
        "".join(part)
        for part in parts
        if part[0] in matched.slices and (not part[1] or part[2] in matched.slices[part[0]])
    ]
