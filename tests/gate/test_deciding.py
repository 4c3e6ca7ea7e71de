"""The verdict as a pure function of evidence and policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.gate.made_evidence import drawn_pair, made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.deciding import decide
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.policy import Policy, Rule, Slices
from velm_bench.gate.schema import Against, Outcome, Row, Tier, Verdict

TASK = "scenes_vqa"


def policy(margin: float = 0.02, **changes: Any) -> Policy:
    """The one score of the made task, required."""
    rules = {"score": Rule(margin=margin, **{key: changes.pop(key) for key in ("budget", "tier") if key in changes})}
    return Policy.model_validate({"tasks": {TASK: rules}, "replicates": 1000, **changes})


def worse(evidence: Evidence, count: int, model: str = "candidate") -> Evidence:
    """The same with so many right answers wrong, at even distances."""
    right = evidence.statistics["given:score"][:, 0].copy()
    places = np.flatnonzero(right == 1.0)
    right[places[:: max(1, len(places) // count)][:count]] = 0.0
    return replace(made_evidence(right), model=model, slices=evidence.slices)


BASE = made_evidence([1, 1, 1, 0] * 250)


@pytest.mark.parametrize(
    ("candidate", "margin", "outcome", "code"),
    [
        (BASE, 0.02, Outcome.PASS, 0),
        (worse(BASE, 100), 0.02, Outcome.REGRESSION, 1),
        (worse(BASE, 12), 0.02, Outcome.PASS, 0),  # shown to be worse, and shown to be within the margin
        (worse(BASE, 17), 0.02, Outcome.REGRESSION, 1),  # shown to be worse, not shown to be within the margin
        (worse(BASE, 2), 0.003, Outcome.INCONCLUSIVE, 3),
        (BASE, 0.0, Outcome.INCONCLUSIVE, 3),
    ],
)
def test_the_four_outcomes(candidate: Evidence, margin: float, outcome: Outcome, code: int) -> None:
    verdict = decide([candidate], [BASE], policy(margin))
    assert (verdict.outcome, verdict.exit_code) == (outcome, code)
    assert [row.outcome for row in verdict.rows] == [outcome]
    assert verdict.rows[0].why


def test_what_is_within_the_margin_is_said_to_be_worse() -> None:
    assert "Worse, but within the margin" in decide([worse(BASE, 12)], [BASE], policy(0.02)).rows[0].why


def test_a_better_candidate_passes() -> None:
    assert decide([BASE], [worse(BASE, 100)], policy()).outcome is Outcome.PASS


def test_few_identical_answers_show_nothing() -> None:
    few = made_evidence([1, 0] * 10)
    verdict = decide([few], [few], policy(0.02))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.rows[0].needed == pytest.approx(149, abs=3), "log(.05) / log(.98): the rule of three"
    assert str(verdict.rows[0].needed) in verdict.rows[0].why
    enough = made_evidence([1, 0] * 75)
    assert decide([enough], [enough], policy(0.02)).outcome is Outcome.PASS


@pytest.mark.parametrize(("word", "code"), [("pass", 0), ("warn", 3), ("fail", 1)])
def test_an_inconclusive_verdict_exits_as_the_policy_says(word: str, code: int) -> None:
    verdict = decide([worse(BASE, 2)], [BASE], policy(0.003, on_inconclusive=word))
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INCONCLUSIVE, code)


def test_the_number_of_samples_it_asks_for_would_decide() -> None:
    found = []
    for seed in range(12):
        first, second = drawn_pair(300, seed, flips=0.1)
        row = decide([second], [first], policy(0.02)).rows[0]
        found += [row.needed] if row.needed else []
    needed = int(np.median(found))
    passed = 0
    for seed in range(40):
        first, second = drawn_pair(needed, 100 + seed, flips=0.1)
        passed += decide([second], [first], policy(0.02)).outcome is Outcome.PASS
    assert 24 <= passed <= 39, f"{passed} of 40 pass at {needed} samples; about 32 are promised"


def test_among_many_rows_the_number_it_asks_for_would_show_a_drop() -> None:
    """Holm's level is shared by eight rows, seven of which hold."""
    names = [f"task{place}" for place in range(8)]
    rules = {"tasks": {name: {"score": {"margin": 0.005}} for name in names}, "replicates": 2000}
    quiet = [made_evidence([1, 0] * 100, title=name) for name in names[1:]]

    def first_row(n: int, seed: int) -> Row:
        sides = [replace(one, title="task0") for one in drawn_pair(n, seed, flips=0.1, drop=0.1)]
        return decide([sides[1], *quiet], [sides[0], *quiet], Policy.model_validate(rules)).rows[0]

    asked = [row.needed for seed in range(20) if (row := first_row(60, seed)).outcome is Outcome.INCONCLUSIVE]
    needed = int(np.median([one or 0 for one in asked]))
    shown = sum(first_row(needed, 100 + seed).outcome is Outcome.REGRESSION for seed in range(40))
    assert len(asked) >= 8
    assert shown >= 28, f"{shown} of 40 are shown at {needed} samples; 32 are promised"


def test_an_advisory_regression_does_not_decide() -> None:
    both = {
        "tasks": {TASK: {"score": {"margin": 0.02}}, "other": {"score": {"margin": 0.02, "tier": "advisory"}}},
        "replicates": 1000,
    }
    other = replace(BASE, title="other")
    verdict = decide([BASE, replace(worse(BASE, 100), title="other")], [BASE, other], Policy.model_validate(both))
    assert verdict.outcome is Outcome.PASS
    assert [row.outcome for row in verdict.rows] == [Outcome.PASS, Outcome.REGRESSION]
    assert verdict.rows[1].tier is Tier.ADVISORY


def test_required_rows_share_the_level_by_holm() -> None:
    tasks = [replace(BASE, title=f"task{place}") for place in range(8)]
    dropped = worse(BASE, 9)  # p of 1/512: below .05 / 8 alone, and after Holm
    second = [replace(dropped, title="task0"), *tasks[1:]]
    rules = Policy.model_validate(
        {"tasks": {one.title: {"score": {"margin": 0.005}} for one in tasks}, "replicates": 10_000}
    )
    alone = decide([dropped], [BASE], policy(0.005, replicates=10_000)).rows[0]
    row = decide(second, tasks, rules).rows[0]
    assert row.p_worse == pytest.approx(alone.p_worse)
    assert row.p_adjusted == pytest.approx(8 * row.p_worse)
    assert alone.p_adjusted == pytest.approx(alone.p_worse)


def together(tasks: int, lost: int, tier: str = "required", **more: Any) -> Verdict:
    """The outcome of a task that lost so many samples, among others that did not."""
    names = [f"task{place}" for place in range(tasks)]
    rules = {name: {"score": {"margin": 0.001, "tier": tier if name != "task0" else "required"}} for name in names}
    second = [replace(worse(BASE, lost), title="task0"), *(replace(BASE, title=name) for name in names[1:])]
    judged = Policy.model_validate({"tasks": rules, "replicates": 10_000, **more})
    return decide(second, [replace(BASE, title=name) for name in names], judged)


def test_what_would_be_a_regression_alone_is_none_among_eight() -> None:
    """Six losses and no win: p = 1/64, below .05, and above .05 / 8."""
    assert together(1, 6).rows[0].outcome is Outcome.REGRESSION
    assert together(8, 6).rows[0].outcome is Outcome.INCONCLUSIVE
    assert together(8, 9).rows[0].outcome is Outcome.REGRESSION


def test_advisory_rows_take_nothing_from_the_required_ones() -> None:
    assert together(8, 6, tier="advisory").rows[0].outcome is Outcome.REGRESSION


def test_rows_against_the_anchor_share_the_level_with_the_others() -> None:
    names = [f"task{place}" for place in range(4)]
    second = [replace(worse(BASE, 6), title="task0"), *(replace(BASE, title=name) for name in names[1:])]
    sides = [replace(BASE, title=name) for name in names]
    rules = Policy.model_validate({"tasks": {name: {"score": {"margin": 0.001}} for name in names}})
    assert decide(second, sides, rules).rows[0].p_adjusted == pytest.approx(4 / 64, rel=0.2)
    found = decide(second, sides, rules, anchor=sides)
    assert [row.p_adjusted for row in found.rows if row.task == "task0"] == pytest.approx([8 / 64] * 2, rel=0.2)
    assert {row.outcome for row in found.rows if row.task == "task0"} == {Outcome.INCONCLUSIVE}


def test_too_few_replicates_for_the_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="1000 replicates are too few for 60 rows"):
        together(60, 500, replicates=1000)
    assert together(40, 500, replicates=1000).rows[0].outcome is Outcome.REGRESSION


def test_too_few_groups_to_show_anything_are_invalid() -> None:
    """All lost, and no exchange of four pictures could say so."""
    groups = [f"g{place // 10}" for place in range(40)]
    right, wrong = made_evidence([1.0] * 40, groups=groups), made_evidence([0.0] * 40, groups=groups, model="b")
    verdict = decide([wrong], [right], policy(on_inconclusive="pass"))
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INVALID, 2)
    assert "Too few groups" in verdict.rows[0].why
    enough = np.asarray([f"g{place // 5}" for place in range(40)])
    sides = [replace(one, groups=enough) for one in (wrong, right)]
    assert decide(sides[:1], sides[1:], policy()).outcome is Outcome.REGRESSION


@pytest.mark.parametrize("margin", [1.0, 2.0, 0.75])
def test_a_margin_of_all_there_is_to_lose_is_refused(margin: float) -> None:
    with pytest.raises(UsageError, match="as much as there is to lose"):
        decide([BASE], [BASE], policy(margin))


def test_a_bound_that_lies_on_the_margin_does_not_pass() -> None:
    row = decide([worse(BASE, 12)], [BASE], policy(0.02)).rows[0]
    assert row.bound is not None
    for margin, outcome in ((-row.bound, Outcome.REGRESSION), (-row.bound * (1 + 1e-6), Outcome.PASS)):
        assert decide([worse(BASE, 12)], [BASE], policy(margin)).outcome is outcome


def test_tiny_margins_have_a_sentence_without_a_number() -> None:
    row = decide([BASE], [BASE], policy(1e-15)).rows[0]
    assert row.outcome is Outcome.INCONCLUSIVE
    assert row.needed is None
    assert "no number of samples" in row.why


def test_a_baseline_that_answered_nothing_is_invalid() -> None:
    nothing = replace(made_evidence([0.0] * 500), failed=np.ones(500, dtype=np.bool_))
    assert decide([nothing], [nothing], policy()).outcome is Outcome.INVALID
    answered = made_evidence([1.0, 0.0] * 250)
    verdict = decide([nothing], [answered], policy())
    assert verdict.outcome is Outcome.REGRESSION, "a candidate that answers nothing is worse"
    assert any("500 failed in the candidate and 0 in the baseline" in text for text in verdict.notes)


def test_a_score_that_is_not_the_same_takes_no_other_with_it() -> None:
    other = made_evidence([1, 1, 1, 0] * 250, output="extra")
    both = replace(BASE, scores={**BASE.scores, **other.scores}, statistics={**BASE.statistics, **other.statistics})
    changed = {**both.scores, "extra": both.scores["extra"].model_copy(update={"signature": "another"})}
    scores = {"score": {"margin": 0.02}, "extra": {"margin": 0.02, "tier": "advisory"}}
    rules = Policy.model_validate({"tasks": {TASK: scores}, "replicates": 1000})
    verdict = decide([replace(both, scores=changed)], [both], rules)
    assert verdict.outcome is Outcome.PASS
    assert {row.metric: row.outcome for row in verdict.rows} == {"score": Outcome.PASS, "extra": Outcome.INVALID}
    older = decide([both], [both], rules, anchor=[BASE])
    assert older.outcome is Outcome.PASS
    assert any("The anchor has no score extra" in text for text in older.notes)


def test_budgets_without_an_anchor_are_told() -> None:
    assert any("no anchor" in text for text in decide([BASE], [BASE], policy(budget=0.03)).notes)


def test_a_required_cost_is_judged_though_the_scores_cannot_be_compared() -> None:
    rules = {"tasks": {TASK: {"score": {"margin": 0.02, "tier": "advisory"}}, "other": {"score": {"margin": 0.02}}}}
    judged = Policy.model_validate({**rules, "replicates": 1000, "cost": {"memory": 0.1, "tier": "required"}})
    sides = [BASE, replace(BASE, title="other")]
    verdict = decide([replace(BASE, fingerprint="e" * 64), sides[1]], sides, judged)
    assert {cost.task for cost in verdict.costs} == {TASK, "other"}


def test_a_value_of_a_slice_need_not_be_in_every_task() -> None:
    first = replace(BASE, slices={"kind": ("count", "colour") * 500})
    other = replace(BASE, title="other", slices={"kind": ("colour",) * 1000})
    rules = {"tasks": {TASK: {"score": {"margin": 0.02}}, "other": {"score": {"margin": 0.02}}}, "replicates": 1000}
    judged = Policy.model_validate({**rules, "slices": {"by": ["kind=count"]}})
    found = decide([first, other], [first, other], judged)
    assert [(row.task, row.slice) for row in found.slices] == [(TASK, "kind=count")]


def test_the_anchor_has_a_budget_of_its_own() -> None:
    """Each release loses a little, which the previous one allows and the anchor does not."""
    anchor, previous, now = BASE, worse(BASE, 30, "previous"), worse(BASE, 36)
    assert decide([now], [previous], policy(0.03)).outcome is Outcome.PASS
    verdict = decide([now], [previous], policy(0.03, budget=0.03), anchor=[anchor])
    assert verdict.outcome is Outcome.REGRESSION
    outcomes = {row.against: row.outcome for row in verdict.rows}
    assert outcomes == {Against.BASELINE: Outcome.PASS, Against.ANCHOR: Outcome.REGRESSION}
    assert decide([now], [previous], policy(0.03, budget=0.06), anchor=[anchor]).outcome is Outcome.PASS


def test_an_anchor_that_lacks_a_task_is_told_or_refused() -> None:
    other = replace(BASE, title="other")
    rules = {"tasks": {TASK: {"score": {"margin": 0.02}}, "other": {"score": {"margin": 0.02}}}, "replicates": 1000}
    verdict = decide([BASE, other], [BASE, other], Policy.model_validate(rules), anchor=[BASE])
    assert any("The anchor has no run of other" in text for text in verdict.notes)
    with pytest.raises(UsageError, match="no run of the anchor has it"):
        decide([BASE], [BASE], policy(budget=0.05), anchor=[other])
    with pytest.raises(UsageError, match="has no run of any task"):
        decide([BASE], [BASE], policy(), anchor=[other])


def test_runs_that_are_not_about_the_same_are_invalid_and_each_difference_told() -> None:
    verdict = decide([replace(BASE, task_digest="f" * 64, fingerprint="e" * 64)], [BASE], policy())
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INVALID, 2)
    assert "the task differs" in verdict.rows[0].why
    assert "the data set differs" in verdict.rows[0].why


def test_samples_that_the_candidate_lacks_are_wrong() -> None:
    part = replace(
        BASE, ids=BASE.ids[:900], groups=BASE.groups[:900], contents=BASE.contents[:900], failed=BASE.failed[:900],
        statistics={"given:score": BASE.statistics["given:score"][:900]},
    )  # fmt: skip
    verdict = decide([part], [BASE], policy())
    assert verdict.outcome is Outcome.REGRESSION
    assert verdict.rows[0].change == pytest.approx(-0.075)
    assert verdict.rows[0].candidate_errors == 100
    assert "The candidate lacks 100 of the 1000 samples of scenes_vqa: they count as wrong." in verdict.notes
    refused = decide([BASE], [part], policy())
    assert refused.outcome is Outcome.INVALID
    assert "lacks 100 of the 1000 samples" in refused.rows[0].why


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_statistics_that_are_no_numbers_are_invalid(value: float) -> None:
    rows = BASE.statistics["given:score"].copy()
    rows[5, 0] = value
    verdict = decide([replace(BASE, statistics={"given:score": rows})], [BASE], policy())
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INVALID, 2)


@pytest.mark.parametrize("groups", [["one"] * 1000, None])
def test_one_group_says_nothing(groups: list[str] | None) -> None:
    one = BASE if groups is None else replace(BASE, groups=np.asarray(groups))
    expected = Outcome.PASS if groups is None else Outcome.INVALID
    assert decide([one], [one], policy()).outcome is expected


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ({"scenes_vqaa": {"score": {"margin": 0.02}}}, "'scenes_vqaa' is to be judged, .* only scenes_vqa: run it"),
        ({TASK: {"scor": {"margin": 0.02}}}, "'scor'.*did you mean 'score'"),
    ],
)
def test_what_the_policy_names_must_be_there(tasks: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        decide([BASE], [BASE], Policy.model_validate({"tasks": tasks}))


def test_tasks_that_the_policy_does_not_name_are_told() -> None:
    verdict = decide([BASE, replace(BASE, title="other")], [BASE], policy())
    assert "Not judged, as nothing is said of it: other." in verdict.notes


def test_slices_are_advisory_with_false_discovery_control() -> None:
    kinds = tuple("abcd"[place // 250] for place in range(1000))
    first = replace(BASE, slices={"kind": kinds})
    right = first.statistics["given:score"][:, 0].copy()
    right[:250] = 0.0
    second = replace(made_evidence(right), slices={"kind": kinds})
    verdict = decide([second], [first], policy(0.5))
    assert verdict.outcome is Outcome.PASS, "slices do not decide"
    found = {row.slice: row for row in verdict.slices}
    assert found["kind=a"].change == pytest.approx(-188 / 250)
    assert found["kind=a"].outcome is Outcome.REGRESSION
    assert found["kind=a"].p_adjusted == pytest.approx(4 * found["kind=a"].p_worse)
    assert found["kind=b"].outcome is Outcome.PASS
    assert {row.tier for row in verdict.slices} == {Tier.ADVISORY}


def test_small_slices_are_left_out_and_counted() -> None:
    one = replace(BASE, slices={"kind": ("rare",) * 10 + ("usual",) * 990})
    verdict = decide([one], [one], policy())
    assert [row.slice for row in verdict.slices] == ["kind=usual"]
    assert any("Slices of scenes_vqa with fewer than 50 samples are left out: 1." in text for text in verdict.notes)


@pytest.mark.parametrize("by", ["kinds", "kind=nothing"])
def test_a_slice_that_the_policy_names_must_have_samples(by: str) -> None:
    one = replace(BASE, slices={"kind": ("usual",) * 1000})
    with pytest.raises(UsageError, match=f"'{by}'"):
        decide([one], [one], policy(slices=Slices(by=[by])))


@pytest.mark.parametrize("by", ["kind=rare", "kind"])
def test_a_slice_that_only_the_baseline_has_is_judged(by: str) -> None:
    kinds = ("rare",) * 100 + ("usual",) * 900
    before = replace(BASE, slices={"kind": kinds})
    only = np.arange(1000) >= 100
    after = replace(
        made_evidence([one for one, kept in zip(BASE.statistics["given:score"][:, 0], only, strict=True) if kept]),
        ids=BASE.ids[only],
        groups=BASE.groups[only],
        contents=BASE.contents[only],
        slices={"kind": ("usual",) * 900},
    )
    found = {row.slice: row for row in decide([after], [before], policy(slices=Slices(by=[by]))).slices}
    assert found["kind=rare"].outcome is Outcome.REGRESSION
    assert found["kind=rare"].candidate == 0.0


def test_flips_are_told_per_task_and_counted() -> None:
    verdict = decide([worse(BASE, 100)], [BASE], policy(), worst=3)
    assert len(verdict.flips) == 3
    assert verdict.flipped == {TASK: 100}
    assert [one.change for one in verdict.flips] == pytest.approx([-1.0] * 3)


def test_the_order_of_runs_does_not_matter() -> None:
    other = replace(worse(BASE, 40), title="other")
    rules = Policy.model_validate(
        {"tasks": {TASK: {"score": {"margin": 0.02}}, "other": {"score": {"margin": 0.02}}}, "replicates": 1000}
    )
    sides = [BASE, other], [BASE, replace(BASE, title="other")]
    first = decide(*sides, rules)
    second = decide(sides[0][::-1], sides[1][::-1], rules)
    assert first.rows == second.rows
