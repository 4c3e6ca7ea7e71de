"""Adjusted p values against their own definitions, other libraries, and what they promise."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from velm_bench.statistics.multiple import benjamini_hochberg, beyond_resolution, holm
from velm_bench.statistics.resampling import group_weights


def step_down(values: list[float], level: float) -> set[int]:
    """Which hypotheses Holm (1979) rejects at a level: from the smallest p on, until one is too large."""
    rejected: set[int] = set()
    for step, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        if values[place] > level / (len(values) - step):
            break
        rejected.add(place)
    return rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.999))
def test_what_is_below_a_level_is_what_the_procedure_rejects(values: list[float], level: float) -> None:
    adjusted = holm(values)
    near = [value for value in adjusted if abs(value - level) < 1e-9]
    if not near:
        assert {place for place, value in enumerate(adjusted) if value <= level} == step_down(values, level)


def test_known_values_in_any_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.005, 0.01, 0.03, 0.04]).tolist() == pytest.approx([0.02, 0.03, 0.06, 0.06])
    assert holm([]).tolist() == []


def test_one_question_is_left_as_it_is_and_an_unanswered_one_counts_not() -> None:
    assert holm([0.04]).tolist() == [0.04]
    found = holm([math.nan, 0.04, math.nan])
    assert found[1] == 0.04
    assert np.isnan(found[[0, 2]]).all()


def test_a_family_of_true_null_hypotheses_is_rarely_wronged() -> None:
    draws = np.random.default_rng(0).random((4000, 8))
    share = np.mean([holm(row.tolist()).min() < 0.05 for row in draws])
    assert 0.035 < share < 0.065


def test_a_p_that_replicates_can_tell_stays() -> None:
    assert beyond_resolution(0.01, 0.3, (0.1, 0.5), 1000, 50) == 0.01
    assert math.isnan(beyond_resolution(math.nan, 0.3, (0.1, 0.5), 1000, 50))


@pytest.mark.parametrize(("t", "groups", "tail"), [(4.0, 11, 0.002518), (6.0, 31, 1.408e-6), (5.0, 100_000, 5.733e-7)])
def test_beyond_all_replicates_p_is_the_tail_of_student(t: float, groups: int, tail: float) -> None:
    error = 0.1
    bounds = t * error - 1.959964 * error, t * error + error  # the farther bound says how wide it is
    found = beyond_resolution(2 / 1001, t * error, bounds, 1000, groups)
    assert found == pytest.approx(min(tail, 2 / 1001), rel=0.03)


def test_few_groups_bound_p_however_sure_they_are() -> None:
    assert beyond_resolution(2 / 1001, 1.0, (1.0, 1.0), 1000, 5) == 2 / 1001
    assert beyond_resolution(2 / 1001, 1.0, (1.0, 1.0), 1000, 21) == 2.0**-20


def test_many_true_differences_are_told_apart_after_adjusting() -> None:
    one = beyond_resolution(2 / 1001, 0.6, (0.5, 0.7), 1000, 400)
    assert holm([2 / 1001] * 100) == pytest.approx(200 / 1001)
    assert (holm([one] * 1000) < 0.05).all()


def test_no_difference_is_called_one_too_often_with_few_replicates() -> None:
    chance = np.random.default_rng(0)
    called = 0
    for seed in range(400):
        differences = chance.exponential(1.0, 40) - 1.0  # skewed, and zero on average
        groups = [str(number) for number in range(40)]
        weights = next(group_weights(40, 99, seed))
        drawn = weights @ differences / 40
        beyond = min((drawn <= 0).sum(), (drawn >= 0).sum())
        low, high = np.quantile(drawn, [0.025, 0.975])
        p = beyond_resolution(min(1.0, 2 * (beyond + 1) / 100), differences.mean(), (low, high), 99, len(groups))
        called += p < 0.01
    assert called <= 14  # 1 % of 400, and what chance and the bootstrap of few groups add


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discoveries_are_controlled_as_scipy_and_statsmodels_do(values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    found = benjamini_hochberg(values)
    np.testing.assert_allclose(found, false_discovery_control(values), rtol=1e-12)
    with mock.patch("gc.collect"):  # which it calls each time, half a second among thousands of tests
        discoveries, familywise = (multitest.multipletests(values, method=name)[1] for name in ("fdr_bh", "holm"))
    np.testing.assert_allclose(found, discoveries, rtol=1e-12)
    np.testing.assert_allclose(holm(values), familywise, rtol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 12))
def test_an_unanswered_question_counts_not_as_a_discovery_either(values: list[float], place: int) -> None:
    more = [*values[:place], math.nan, *values[place:]]
    found = benjamini_hochberg(more).tolist()
    assert math.isnan(found.pop(min(place, len(values))))
    assert found == benjamini_hochberg(values).tolist()
    assert benjamini_hochberg([]).tolist() == []


def test_of_what_is_called_few_are_false() -> None:
    chance = np.random.default_rng(0)
    shares = []
    for _ in range(500):
        values = np.concatenate([chance.random(30), chance.random(10) * 0.001])
        called = benjamini_hochberg(values.tolist()) <= 0.10
        shares.append(called[:30].sum() / max(1, called.sum()))
    assert 0.05 < np.mean(shares) <= 0.09  # three quarters of 10 %: the share of true null hypotheses
