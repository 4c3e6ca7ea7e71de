"""Findings against their definitions, and what they promise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.metrics import build
from velm_bench.statistics.contrasts import Contrast, Resampled, resample
from velm_bench.statistics.noninferiority import Finding, assess, fewest_groups, samples_needed, sparse, unseen


def resampled(change: float, drawn: object, exchanged: object, groups: int = 1000) -> Resampled:
    """Replicates as given, of one output."""
    columns = [np.asarray(part, dtype=float).reshape(-1, 1) for part in (drawn, exchanged)]
    return Resampled(np.asarray([[0.5], [0.5 + change]]), *columns, groups, float(groups), places=(0,))


def unchanged(samples: int, groups: int, seed: int, flips: float = 0.1) -> Resampled:
    """Two runs that are right equally often."""
    chance = np.random.default_rng(seed)
    first = chance.random(samples) < 0.7
    second = np.where(chance.random(samples) < flips / 0.42, chance.random(samples) < 0.7, first)
    rows = [np.column_stack([part, np.ones(samples)]).astype(float) for part in (first, second)]
    names = np.char.add("g", (np.arange(samples) % groups).astype(str))
    return resample([Contrast(build("accuracy"), *rows)], names, 1000)[0]


def test_every_number_is_what_it_says() -> None:
    drawn, exchanged = np.linspace(-0.06, 0.04, 101), np.linspace(-0.1, 0.1, 99)
    found = assess(resampled(-0.01, drawn, exchanged), 0, True, 0.05, 1.0)
    assert found.change == pytest.approx(-0.01)
    assert [found.low, found.high] == pytest.approx([-0.0575, 0.0375])
    assert found.bound == pytest.approx(-0.01 - sparse(drawn, 0.001, 0.05))
    assert found.bound < -0.055
    assert found.error == pytest.approx(drawn.std())
    assert found.p == pytest.approx(((np.abs(exchanged) >= 0.01 - 1e-12).sum() + 1) / 100)
    assert found.p_worse == pytest.approx(((exchanged <= -0.01 + 1e-12).sum() + 1) / 100)
    assert found.p_bootstrap == pytest.approx(2 * ((drawn >= -1e-12).sum() + 1) / 102)


def test_a_score_whose_lower_values_are_better_is_turned() -> None:
    drawn, exchanged = np.linspace(-0.06, 0.04, 101), np.linspace(-0.1, 0.1, 99)
    found = assess(resampled(-0.01, drawn, exchanged), 0, False, 0.05, 1.0)
    turned = assess(resampled(0.01, -drawn, -exchanged), 0, True, 0.05, 1.0)
    assert found == pytest.approx(turned)
    assert found.change == pytest.approx(0.01)


def test_the_interval_holds_the_change_and_the_bound_is_no_nearer_than_the_unseen() -> None:
    found = assess(resampled(0.0, np.full(99, 0.02), np.zeros(99)), 0, True, 0.05, 1.0)
    assert (found.low, found.high) == (0.0, 0.02)
    assert found.bound == -unseen(1000, 1.0, 0.05)
    half = assess(resampled(0.0, np.full(99, 0.02), np.zeros(99)), 0, True, 0.05, 0.5)
    assert half.bound == found.bound / 2


@pytest.mark.parametrize("groups", [30, 100, 1000])
def test_a_loss_that_stays_unseen_does_so_with_chance_alpha(groups: int) -> None:
    loss = unseen(groups, 1.0, 0.05)
    assert (1 - loss) ** groups == pytest.approx(0.05)
    assert loss == pytest.approx(3 / groups, rel=0.06)  # the rule of three
    assert unseen(groups, 2.5, 0.05) == pytest.approx(2.5 * loss)
    assert unseen(0, 1.0, 0.05) == math.inf


@pytest.mark.parametrize("which", ["drawn", "exchanged", "values"])
def test_without_replicates_or_scores_all_is_unknown(which: str) -> None:
    known = resampled(0.01, np.linspace(-1, 1, 9), np.linspace(-1, 1, 9))
    assert not np.isnan(assess(known, 0, True, 0.05, 1.0)).any()
    for nothing in (math.nan, math.inf):
        found = assess(replace(known, **{which: np.full_like(getattr(known, which), nothing)}), 0, True, 0.05, 1.0)
        assert np.isnan(found[1:]).all()


def test_undefined_replicates_count_against_the_candidate() -> None:
    drawn, exchanged = np.linspace(-0.06, 0.04, 1001), np.linspace(-0.1, 0.1, 999)
    whole = assess(resampled(-0.01, drawn, exchanged), 0, True, 0.05, 1.0)
    few = assess(resampled(-0.01, [math.nan] * 20 + [*drawn], [*exchanged, math.nan]), 0, True, 0.05, 1.0)
    assert (few.low, few.high, few.change) == (whole.low, whole.high, whole.change)
    assert few.bound <= whole.bound
    assert few.p_worse == pytest.approx((round(whole.p_worse * 1000) + 1) / 1001)
    many = assess(resampled(-0.01, [math.nan] * 100 + [*drawn], exchanged), 0, True, 0.05, 1.0)
    assert many.bound == -math.inf, "more than one in twenty may hide any loss"
    most = assess(resampled(-0.01, [math.nan] * 1100 + [*drawn], exchanged), 0, True, 0.05, 1.0)
    assert np.isnan(most[1:]).all()


@pytest.mark.parametrize(("rows", "alpha", "fewest"), [(1, 0.05, 5), (8, 0.05, 8), (60, 0.05, 11)])
def test_fewer_groups_than_these_can_never_raise_the_alarm(rows: int, alpha: float, fewest: int) -> None:
    assert fewest_groups(rows, alpha) == fewest
    assert 2.0**-fewest < alpha / rows <= 2.0 ** (1 - fewest)


def needed(error: float, margin: float, n: int = 500, groups: int = 100, span: float = 1.0) -> int:
    """With 5 % and 80 %."""
    return samples_needed(Finding(*[0.0] * 4, error, 1.0, 1.0, 1.0), n, groups, margin, 0.05, 0.8, span)


def test_the_number_needed_is_that_of_the_normal_approximation() -> None:
    assert needed(0.02, 0.02) == math.ceil(500 * (1.6448536 + 0.8416212) ** 2)
    assert needed(0.02, 0.01) == pytest.approx(4 * needed(0.02, 0.02), abs=4)


def test_never_fewer_than_there_are_nor_than_show_a_rare_loss() -> None:
    assert needed(0.001, 0.1) == 501
    assert needed(0.0, 0.01) == math.ceil(math.log(0.05) / math.log(0.99) * 5)
    assert unseen(-(-needed(0.0, 0.01) // 5), 1.0, 0.05) <= 0.01
    assert needed(0.0, 5.0) == 501


@given(
    st.floats(min_value=0.0) | st.just(math.nan),
    st.floats(allow_nan=True),
    st.integers(0, 10**9),
    st.floats(0.0, 1e308),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_numbers_make_it_fail(error: float, margin: float, n: int, span: float, alarm: float) -> None:
    found = needed(error, margin, n, n // 5, span)
    assert found == 0 or n < found <= 10**15
    worse = Finding(-0.1, *[0.0] * 3, error, 1.0, 1.0, 1.0)
    found = samples_needed(worse, n, n // 5, margin, 0.05, 0.8, span, alarm, n // 7)
    assert found == 0 or n < found <= 10**15


def test_an_alarm_takes_groups_and_may_be_out_of_reach() -> None:
    worse = Finding(-0.1, *[0.0] * 3, 0.0, 1.0, 1.0, 1.0)
    asked = (worse, 50, 5, 0.02, 0.05, 0.8, 1.0)
    assert samples_needed(*asked, alarm=0.10 / 30, groups=5) == 90  # 2 ** -9 < .1 / 30
    assert samples_needed(*asked, alarm=0.0, groups=5) == 0
    assert samples_needed(*asked, alarm=0.99) == 51, "more is never asked for because less is promised"


def test_where_several_share_the_level_being_found_worse_takes_more_and_passing_does_not() -> None:
    worse = Finding(-0.012, *[0.0] * 3, 0.01, 1.0, 1.0, 1.0)
    ratio = (2.4977055 + 0.8416212) * 0.01 / 0.012  # alpha / 8
    assert samples_needed(worse, 500, 500, 0.0, 0.05, 0.8, 1.0, 0.05 / 8) == math.ceil(500 * ratio**2)
    better = worse._replace(change=0.012)
    assert samples_needed(better, 500, 500, 0.02, 0.05, 0.8, 1.0, 0.05 / 8) == 501
    between = worse._replace(change=-0.011)
    passing = (1.6448536 + 0.8416212) * 0.01 / 0.009
    assert samples_needed(between, 500, 500, 0.02, 0.05, 0.8, 1.0, 0.05 / 400) == math.ceil(500 * passing**2)


def test_a_change_that_leans_to_the_worse_asks_for_what_would_tell_which_it_is() -> None:
    leaning = Finding(-0.012, *[0.0] * 3, 0.01, 1.0, 1.0, 1.0)
    ratio = (1.6448536 + 0.8416212) * 0.01 / 0.012
    assert samples_needed(leaning, 500, 500, 0.02, 0.05, 0.8, 1.0) == math.ceil(500 * ratio**2)
    assert samples_needed(leaning, 500, 500, 0.0, 0.05, 0.8, 1.0) == math.ceil(500 * ratio**2)


def differing(n: int, losses: int, wins: int) -> Resampled:
    """So many samples, of which these are lost and won, each a group of its own."""
    first = np.ones(n)
    first[losses : losses + wins] = 0.0
    second = first.copy()
    second[:losses], second[losses : losses + wins] = 0.0, 1.0
    rows = [np.column_stack([part, np.ones(n)]) for part in (first, second)]
    return resample([Contrast(build("given:s"), *rows)], np.arange(n).astype(str), 4000)[0]


@pytest.mark.parametrize("losses", [0, 1, 2, 3, 5])
def test_few_losses_are_bounded_nearly_as_the_exact_binomial_bounds_them(losses: int) -> None:
    from scipy.stats import beta

    found = assess(differing(200, losses, 0), 0, True, 0.05, 1.0)
    exact = beta.ppf(0.95, losses + 1, 200 - losses)
    assert -found.bound == pytest.approx(exact, rel=0.06)


def test_as_many_wins_as_losses_leave_the_normal_bound() -> None:
    drawn = differing(2000, 100, 100).drawn[:, 0]
    normal = 1.6448536 * math.sqrt(0.1 / 2000)
    assert sparse(drawn, 1 / 2000, 0.05) == pytest.approx(normal, rel=0.06)


def test_groups_of_unequal_size_are_worth_fewer() -> None:
    rows = np.column_stack([np.ones(120), np.ones(120)])
    equal = np.repeat(np.arange(12), 10).astype(str)
    uneven = np.concatenate([np.repeat("all", 109), np.arange(11).astype(str)])
    asked = [Contrast(build("given:s"), rows, rows)]
    first, second = (resample(asked, names, 1000)[0] for names in (equal, uneven))
    assert first.effective == pytest.approx(12)
    assert second.effective == pytest.approx(120**2 / (109**2 + 11))
    assert assess(second, 0, True, 0.05, 1.0).bound < assess(first, 0, True, 0.05, 1.0).bound


def test_as_many_as_needed_let_an_unchanged_model_pass_as_often_as_said() -> None:
    margin = 0.05
    first = unchanged(400, 400, 0)
    n = samples_needed(assess(first, 0, True, 0.05, 1.0), 400, 400, margin, 0.05, 0.8, 1.0)
    passed = [assess(unchanged(n, n, seed, flips=0.1), 0, True, 0.05, 1.0).bound > -margin for seed in range(1, 41)]
    assert n > 0
    assert 0.6 < np.mean(passed) <= 1.0


def test_an_unchanged_model_is_seldom_called_worse() -> None:
    worse = [assess(unchanged(200, 40, seed), 0, True, 0.05, 1.0).p_worse <= 0.05 for seed in range(150)]
    assert np.mean(worse) < 0.09
