"""Plans against published formulas, and against each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.statistics.planning import (
    MOST,
    Plan,
    chance_all_pass,
    chance_pass,
    detectable,
    margin_to_pass,
    power,
    samples_to_detect,
    samples_to_pass,
)

PLAN = Plan(n=5000, square=0.1, margin=0.02)
plans = st.builds(
    Plan,
    n=st.integers(50, 100_000),
    square=st.floats(0.01, 0.5),
    margin=st.floats(0.002, 0.2),
    alpha=st.floats(0.01, 0.2),
    rows=st.integers(1, 20),
    design_effect=st.floats(1.0, 4.0),
    per_group=st.floats(1.0, 5.0),
)


@pytest.mark.parametrize(("margin", "published"), [(0.02, 1546), (0.01, 6183), (0.005, 24731)])
def test_samples_for_an_unchanged_model_to_pass(margin: float, published: int) -> None:
    """(z_alpha + z_power) ** 2 d / margin ** 2, and about 1 / margin more for the correction of continuity."""
    found = samples_to_pass(replace(PLAN, margin=margin))
    assert found is not None
    assert published <= found <= published + 1.1 / margin
    plain = samples_to_pass(replace(PLAN, margin=margin, binary=False))
    assert plain == pytest.approx(published, abs=1)


def test_samples_to_detect_are_those_of_the_paired_test_of_shares() -> None:
    """Miettinen 1968, by statsmodels' normal quantiles: with d = .1 and a drop of 3 points."""
    from scipy.stats import norm

    d, drop = 0.1, 0.03
    by_hand = ((norm.ppf(0.95) * math.sqrt(d) + norm.ppf(0.8) * math.sqrt(d - drop**2)) / drop) ** 2
    found = samples_to_detect(replace(PLAN, margin=drop), drop)
    assert found is not None
    assert by_hand <= found <= by_hand + 2.2 / drop


def test_an_unchanged_model_at_few_samples_seldom_passes() -> None:
    assert chance_pass(Plan(n=500, square=0.1, margin=0.01)) == pytest.approx(0.17, abs=0.02)
    assert chance_pass(Plan(n=5000, square=0.1, margin=0.01)) == pytest.approx(0.72, abs=0.01)


def test_who_is_worse_by_the_margin_passes_as_often_as_alpha_says() -> None:
    assert chance_pass(PLAN, PLAN.margin) <= PLAN.alpha
    assert chance_pass(replace(PLAN, binary=False), PLAN.margin) == pytest.approx(PLAN.alpha)


def test_what_no_loss_shows_is_not_passed() -> None:
    """Of 100 samples a model may lose 2.95 % without showing it: no margin below that can pass, whatever the spread."""
    few = Plan(n=100, square=1e-8, margin=0.029)
    assert chance_pass(few) < 0.01
    assert chance_pass(replace(few, margin=0.031)) > 0.9


def test_what_hangs_on_few_losses_is_planned_so() -> None:
    """Of 1,000 sentences of which 3 have what is scored, no margin of two points can be passed."""
    few = replace(PLAN, n=1000, square=1e-4, per_loss=1000 / 3)
    assert few.trials == pytest.approx(3.0)
    assert chance_pass(few) < 0.01 < 0.9 < chance_pass(replace(few, per_loss=None))


def test_groups_cost_samples() -> None:
    grouped = replace(PLAN, design_effect=2.2, per_group=5.0, binary=False)
    alone, needed = samples_to_pass(replace(PLAN, binary=False)), samples_to_pass(grouped)
    assert alone is not None
    assert needed is not None
    assert needed / alone == pytest.approx(2.2, rel=0.01)


def test_rows_share_alpha_and_must_all_pass() -> None:
    one = replace(PLAN, n=1000)
    many = replace(one, rows=8)
    assert power(many, 0.02) < power(one, 0.02)
    assert chance_all_pass(many) == pytest.approx(chance_pass(many) ** 8)
    assert chance_pass(many) == chance_pass(one)


def test_a_drop_well_within_the_margin_is_found_by_no_number_of_samples() -> None:
    assert samples_to_detect(PLAN, 0.005) is None
    assert power(replace(PLAN, n=1_000_000), 0.005) < 0.01


def test_more_samples_than_there_can_be() -> None:
    assert samples_to_pass(replace(PLAN, margin=1e-9)) is None
    assert samples_to_detect(replace(PLAN, margin=1e-9), 1e-9) is None
    assert MOST > 10**8


@given(plans)
def test_the_inverse_functions_are_inverse(plan: Plan) -> None:
    least = detectable(plan)
    if least is not None:
        assert power(plan, least) == pytest.approx(0.8, abs=0.01)
    samples = samples_to_pass(plan)
    assert samples is not None
    assert chance_all_pass(replace(plan, n=samples)) >= 0.8
    assert samples == 2 or chance_all_pass(replace(plan, n=samples - 1)) < 0.8 + 1e-6
    margin = margin_to_pass(plan, 0.5)
    assert chance_all_pass(replace(plan, margin=margin)) == pytest.approx(0.5, abs=1e-6)


@given(plans, st.floats(0.0, 0.2), st.floats(0.0, 0.2))
def test_the_worse_the_seldomer_it_passes(plan: Plan, drop: float, other: float) -> None:
    less, more = sorted((drop, other))
    spread = replace(plan, binary=False)
    assert chance_pass(spread, more) <= chance_pass(spread, less) + 1e-12
    assert 0.0 <= power(plan, more) <= 1.0


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("n", 1, "2 or more"),
        ("square", 0.0, "above 0"),
        ("square", math.nan, "above 0"),
        ("square", 1.1, "at most 1"),
        ("margin", 0.0, "margin"),
        ("margin", math.inf, "margin"),
        ("alpha", 0.5, "alpha"),
        ("rows", 0, "rows"),
        ("design_effect", 0.0, "design effect"),
        ("per_group", 0.5, "group"),
        ("span", 0.0, "span"),
        ("per_loss", 0.0, "a loss takes samples"),
    ],
)
def test_refuses_what_is_no_plan(field: str, value: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(PLAN, **{field: value})


def test_the_error_is_that_of_drawn_differences() -> None:
    draw = np.random.default_rng(0)
    means = draw.choice([-1.0, 0.0, 1.0], p=[0.07, 0.9, 0.03], size=(4000, 500)).mean(axis=1)
    assert Plan(n=500, square=0.1, margin=0.02).error(0.04) == pytest.approx(means.std(), rel=0.04)
