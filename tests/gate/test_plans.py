"""Plans from assumptions and from past runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.gate.made_evidence import drawn_pair, made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import match
from velm_bench.gate.plans import refused, report
from velm_bench.gate.spreads import Spread, assumed, measured
from velm_bench.metrics import build
from velm_bench.results.schema import Score


def between(before: Evidence, after: Evidence) -> Spread:
    return measured(match(before, after), before.primary)


def test_measures_the_discordance_of_right_and_wrong() -> None:
    before, after = drawn_pair(2000, 1, flips=0.12)
    found = between(before, after)
    differ = np.abs(before.statistics["given:score"] - after.statistics["given:score"])[:, 0].mean()
    assert found.binary
    assert found.square == pytest.approx(differ)
    assert found.n == 2000
    assert found.per_group == 1.0
    assert math.isclose(found.margin, 0.02)


def test_measures_what_groups_cost() -> None:
    draw = np.random.default_rng(0)
    net = np.repeat(draw.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=400), 5)
    before = np.where(net == 0.0, draw.random(2000) < 0.7, net < 0.0).astype(float)
    groups = [f"g{place // 5}" for place in range(2000)]
    grouped = between(made_evidence(before, groups=groups), made_evidence(before + net, groups=groups))
    alone = between(made_evidence(before), made_evidence(before + net))
    assert grouped.design_effect == pytest.approx(5.0, rel=0.01)
    assert grouped.correlation == pytest.approx(1.0)
    assert alone.design_effect == pytest.approx(1.0)
    assert report(grouped, n=2000).unchanged_passes < report(alone, n=2000).unchanged_passes


def test_a_plan_from_unequal_groups_knows_how_few_count() -> None:
    """Five images hold half of the questions."""
    sizes = [1] * 1000 + [200] * 5
    groups = np.repeat([f"g{place}" for place in range(len(sizes))], sizes).tolist()
    draw = np.random.default_rng(0)
    before = (draw.random(2000) < 0.7).astype(float)
    after = np.where(draw.random(2000) < 0.02, 1.0 - before, before)
    uneven = between(made_evidence(before, groups=groups), made_evidence(after, groups=groups))
    alone = between(made_evidence(before), made_evidence(after))
    assert uneven.per_loss is not None
    assert uneven.per_loss == pytest.approx(100, rel=0.1)
    assert alone.per_loss == pytest.approx(1 / before.mean())
    assert report(alone, n=2000).unchanged_passes > 0.95
    assert report(uneven, n=2000).unchanged_passes < 0.05


def test_measures_scores_that_are_no_shares() -> None:
    draw = np.random.default_rng(0)
    before = draw.normal(50.0, 10.0, 500)
    after = before + draw.normal(0.0, 3.0, 500)
    found = between(made_evidence(before), made_evidence(after))
    assert not found.binary
    assert math.sqrt(found.square) == pytest.approx((after - before).std())
    assert found.margin == pytest.approx(1.0, rel=0.05)
    assert report(found, n=500).discordance is None


def test_measures_scores_that_are_no_sums() -> None:
    """Macro F1 needs every sample; its spread comes from resampling."""
    draw = np.random.default_rng(0)
    gold = draw.integers(2, size=400)
    metric = build("macro_f1", ("a", "b"))
    sides = []
    for seed in (1, 2):
        wrong = np.random.default_rng(seed).random(400) < 0.2
        said = np.where(wrong, 1 - gold, gold)
        table = metric.statistics(["ab"[one] for one in said], [["ab"[one]] for one in gold])
        score = Score(value=0.8, n=400, n_errors=0, signature=metric.signature, metric="macro_f1")
        sides.append(
            made_evidence(
                np.ones(400), labels=("a", "b"), primary="macro_f1", scores={"macro_f1": score},
                statistics={"macro_f1": table},
            )
        )  # fmt: skip
    found = between(*sides)
    assert not found.binary
    assert math.sqrt(found.square / 400) == pytest.approx(math.sqrt(0.32 / 400), rel=0.15)


def test_runs_that_never_differ_tell_nothing() -> None:
    same = made_evidence([1.0, 0.0, 1.0])
    with pytest.raises(UsageError, match="never differ in 'score'"):
        between(same, same)


def test_one_group_tells_nothing() -> None:
    with pytest.raises(UsageError, match="no spread"):
        between(made_evidence([1.0, 0.0], groups=["a", "a"]), made_evidence([0.0, 1.0], groups=["a", "a"]))


def test_a_plan_of_half_the_unchanged_models_is_refused_with_what_would_do() -> None:
    spread = assumed(0.10)
    poor = report(spread, n=500, margin=0.01)
    sentence = refused(poor, spread)
    assert sentence is not None
    words = sentence.replace(",", "").split()
    samples = int(words[words.index("ask") + 1])
    margin = float(words[words.index("allow") + 1])
    assert refused(report(spread, n=samples, margin=0.01), spread) is None
    assert refused(report(spread, n=samples - 1, margin=0.01), spread) is not None
    assert refused(report(spread, n=500, margin=margin), spread) is None


def test_a_margin_that_nobody_may_ask_for_is_not_proposed() -> None:
    spread = assumed(0.90)
    sentence = refused(report(spread, n=3, margin=0.5), spread)
    assert sentence is not None
    assert "--margin" not in sentence
    assert "--n" in sentence


@pytest.mark.parametrize("n", [1, 10**12])
def test_samples_out_of_bounds_are_told_both_bounds(n: int) -> None:
    with pytest.raises(UsageError, match=r"--n .* cannot be: give 2 to 1,000,000,000 samples"):
        report(assumed(0.1), n=n)


def test_rows_must_all_pass() -> None:
    spread = assumed(0.10)
    one, eight = report(spread, n=2000), report(spread, n=2000, rows=8)
    assert refused(one, spread) is None
    assert refused(eight, spread) is not None
    assert eight.unchanged_passes == pytest.approx(one.unchanged_passes**8)
    assert eight.unchanged_passes_row == pytest.approx(one.unchanged_passes)


def test_the_table_goes_over_fewer_and_more_samples() -> None:
    found = report(assumed(0.1, 5, 0.3), n=1000)
    assert [one.n for one in found.table] == [250, 500, 1000, 2000, 4000, 8000]
    passing = [one.unchanged_passes for one in found.table]
    assert passing == sorted(passing)
    assert found.table[2].unchanged_passes == found.unchanged_passes
    assert found.design_effect == pytest.approx(2.2)
