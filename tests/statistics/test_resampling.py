"""The cluster bootstrap against slower definitions."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.metrics import build
from velm_bench.statistics import interval, paired_difference
from velm_bench.statistics.resampling import group_weights, percentiles, replicate_values

GROUPS = st.lists(st.sampled_from(["a", "b", "c", "d", "long name"]), min_size=1, max_size=40)


def scored(scores: np.ndarray) -> np.ndarray:
    """Statistics of a mean metric."""
    return np.column_stack([scores, np.ones(len(scores))]).astype(float)


def slow_weights(groups: Sequence[str], replicates: int, seed: int) -> np.ndarray:
    """Weights of samples, shape (replicates, samples): how often the group of each was drawn."""
    names = sorted(set(groups))
    drawn = next(group_weights(len(names), replicates, seed, replicates))
    return np.asarray([[row[names.index(group)] for group in groups] for row in drawn])


@given(st.integers(1, 40), st.integers(0, 99))
def test_as_many_groups_are_drawn_as_there_are(count: int, seed: int) -> None:
    weights = np.concatenate(list(group_weights(count, 20, seed)))
    assert weights.shape == (20, count)
    assert (weights.sum(axis=1) == count).all()


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_the_block_size_changes_nothing(count: int, first: int, second: int) -> None:
    draws = [np.concatenate(list(group_weights(count, 20, 3, block))) for block in (first, second)]
    assert (draws[0] == draws[1]).all()
    assert all(len(part) <= first for part in group_weights(count, 20, 3, first))


@given(GROUPS, st.integers(0, 99))
@pytest.mark.parametrize("name", ["accuracy", "macro_f1"])
def test_the_order_of_the_samples_changes_nothing(name: str, groups: list[str], seed: int) -> None:
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(groups))
    rows = chance.integers(0, 2, size=(len(groups), 2)).astype(float)
    straight, mixed = (
        replicate_values(build(name, ("x", "y")), [rows[places]], np.asarray(groups)[places], 5, 1)[0]
        for places in (np.arange(len(groups)), order)
    )
    np.testing.assert_allclose(mixed, straight, rtol=1e-12)


def test_the_draws_are_pinned() -> None:
    """These numbers stay: results of earlier versions must be found again."""
    assert next(group_weights(5, 2, seed=0)).tolist() == PINNED
    assert next(group_weights(5, 2, seed=1)).tolist() != PINNED


PINNED = [[2, 1, 0, 1, 1], [0, 0, 1, 2, 2]]


def test_groups_are_drawn_evenly() -> None:
    weights = np.concatenate(list(group_weights(50, 4000, seed=5)))
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    assert weights.var(axis=0) == pytest.approx(np.full(50, 49 / 50), abs=0.12)


@pytest.mark.parametrize("name", ["accuracy", "bleu", "macro_f1", "entity_f1"])
def test_replicates_equal_resampling_rows_by_index(name: str) -> None:
    metric, chance = build(name, ("x", "y")), np.random.default_rng(4)
    rows = chance.integers(0, 2, size=(30, len(metric.columns))).astype(float)
    if name != "macro_f1":
        rows[:, -1] = 1.0
    groups = np.sort(chance.integers(0, 9, 30).astype(str))
    fast = replicate_values(metric, [rows], groups, 40, 2)[0]
    for weights, values in zip(slow_weights(groups, 40, 2), fast, strict=True):
        picked = np.repeat(np.arange(30), weights.astype(int))
        np.testing.assert_allclose(metric.values(rows[picked]), values, atol=1e-12)


def test_interval_holds_every_output_and_the_value() -> None:
    metric, chance = build("bleu"), np.random.default_rng(1)
    rows = chance.integers(1, 9, size=(80, 11)).astype(float)
    rows[:, -1] = 1
    found = interval(metric, rows, [str(i // 2) for i in range(80)], replicates=200)
    assert tuple(found) == metric.outputs
    for place, estimate in enumerate(found.values()):
        assert estimate.value == metric.values(rows)[place]
        assert estimate.low < estimate.value < estimate.high


def test_clusters_widen_the_interval() -> None:
    chance = np.random.default_rng(3)
    scores = np.repeat(chance.integers(0, 2, 100), 5)
    metric, rows = build("accuracy"), scored(scores)
    clustered = interval(metric, rows, np.repeat(np.arange(100), 5).astype(str))["accuracy"]
    apart = interval(metric, rows, np.arange(500).astype(str))["accuracy"]
    assert (clustered.high - clustered.low) / (apart.high - apart.low) == pytest.approx(5**0.5, rel=0.15)


def test_a_mask_is_the_slice() -> None:
    chance = np.random.default_rng(8)
    rows, groups, mask = scored(chance.random(60)), np.arange(60).astype(str), np.arange(60) % 3 == 0
    metric = build("accuracy")
    assert interval(metric, rows, groups, mask=mask) == interval(metric, rows[mask], groups[mask])


def test_seed_and_level_change_the_interval() -> None:
    rows, groups = scored(np.random.default_rng(8).random(60)), np.arange(60).astype(str)
    metric = build("accuracy")
    usual = interval(metric, rows, groups)["accuracy"]
    assert usual == interval(metric, rows, groups)["accuracy"]
    assert usual != interval(metric, rows, groups, seed=1)["accuracy"]
    narrow = interval(metric, rows, groups, level=0.5)["accuracy"]
    assert usual.low < narrow.low < narrow.high < usual.high


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_groups_have_no_interval(count: int) -> None:
    metric = build("accuracy")
    found = interval(metric, scored(np.ones(5 * count)), ["a"] * 5 * count)["accuracy"]
    assert np.isnan([found.low, found.high]).all()
    assert found.value == 1.0 if count else np.isnan(found.value)


def test_replicates_without_a_value_are_left_out() -> None:
    """A pair that is not drawn leaves no value; the interval is over the others."""
    rows = np.asarray([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    found = interval(build("pair_accuracy"), rows, ["a", "b", "c"])["pair_accuracy"]
    assert found == (1.0, 1.0, 1.0)
    nothing = interval(build("pair_accuracy"), rows * 0, ["a", "b", "c"])["pair_accuracy"]
    assert np.isnan(nothing).all()


def test_percentiles_ignore_what_is_undefined() -> None:
    columns = np.asarray([[0.0, np.nan, np.nan], [1.0, 5.0, np.nan], [2.0, np.nan, np.nan]])
    low, high = percentiles(columns, 0.5)
    np.testing.assert_array_equal(low, [0.5, 5.0, np.nan])
    np.testing.assert_array_equal(high, [1.5, 5.0, np.nan])


def calibrated(count: int) -> np.ndarray:
    """Statistics of a model that is right in a tenth where it says a tenth, in each of three bins: an ECE of 0."""
    place = np.arange(count)
    return np.column_stack([place % 3, np.full(count, 0.1), place // 3 % 10 == 0]).astype(float)


def test_an_error_that_resampling_only_enlarges_lies_in_its_interval() -> None:
    found = interval(build("ece"), calibrated(900), np.arange(900).astype(str), replicates=200)["ece"]
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert 0.0 <= found.low <= found.value < found.high


def test_a_difference_of_errors_lies_in_its_interval() -> None:
    rows, right = calibrated(300), np.column_stack([np.full(300, 14.0), np.ones(300), np.ones(300)])
    for a, b in ((rows, right), (right, rows)):
        found = paired_difference(build("ece"), a, b, np.arange(300).astype(str), replicates=100)["ece"]
        assert found.low <= found.value <= found.high


def test_wrong_shapes_and_levels_are_errors() -> None:
    metric, rows = build("accuracy"), scored(np.ones(3))
    with pytest.raises(ValueError, match="one row per sample"):
        interval(metric, rows, ["a", "b"])
    with pytest.raises(ValueError, match="one row per sample"):
        interval(metric, rows, ["a", "b", "c"], mask=np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval(metric, rows, ["a", "b", "c"], level=95)


def test_the_interval_covers_the_truth_95_times_in_100() -> None:
    """400 data sets of 60 images with 4 dependent questions each; the percentile bootstrap covers 93 to 95 %."""
    chance, metric, covered = np.random.default_rng(0), build("accuracy"), 0
    groups = np.repeat(np.arange(60), 4).astype(str)
    for _ in range(400):
        ease = np.repeat(chance.beta(2, 1, 60), 4)
        found = interval(metric, scored(chance.random(240) < ease), groups, replicates=200)["accuracy"]
        covered += found.low <= 2 / 3 <= found.high
    assert 0.91 <= covered / 400 <= 0.98


@pytest.mark.parametrize("name", ["accuracy", "bleu", "macro_f1", "entity_f1"])
def test_a_thousand_replicates_of_five_thousand_samples_take_under_a_second(name: str) -> None:
    metric, chance = build(name, ("x", "y", "z")), np.random.default_rng(0)
    rows = chance.integers(0, 3, size=(5000, len(metric.columns))).astype(float)
    groups = np.arange(5000).astype(str)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        interval(metric, rows, groups)
        took.append(time.perf_counter() - start)
    assert min(took) < 1.0


def test_equal_runs_do_not_differ() -> None:
    rows = scored(np.random.default_rng(0).random(50))
    found = paired_difference(build("accuracy"), rows, rows, np.arange(50).astype(str))["accuracy"]
    assert found == (0.0, 0.0, 0.0, 1.0)


def test_a_paired_difference_is_b_less_a_and_narrower_than_two_intervals() -> None:
    chance, metric = np.random.default_rng(2), build("accuracy")
    a = chance.random(300) < 0.5
    b = a | (chance.random(300) < 0.1)
    groups = np.arange(300).astype(str)
    found = paired_difference(metric, scored(a), scored(b), groups)["accuracy"]
    alone = interval(metric, scored(b), groups)["accuracy"]
    assert found.value == pytest.approx(b.mean() - a.mean())
    assert 0 < found.low < found.value < found.high
    assert found.high - found.low < alone.high - alone.low
    assert found.p == pytest.approx(2 / 1001)
    back = paired_difference(metric, scored(b), scored(a), groups)["accuracy"]
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-found.value, -found.high, -found.low, found.p))


def test_a_null_difference_is_called_one_time_in_twenty() -> None:
    chance, metric, called = np.random.default_rng(1), build("accuracy"), 0
    groups = np.repeat(np.arange(80), 2).astype(str)
    for _ in range(300):
        a, b = chance.random((2, 160)) < 0.6
        called += paired_difference(metric, scored(a), scored(b), groups, replicates=200)["accuracy"].p < 0.05
    assert called / 300 <= 0.09


def test_one_group_says_nothing_about_a_difference() -> None:
    rows = scored(np.ones(4))
    found = paired_difference(build("accuracy"), rows, rows * [0, 1], ["a"] * 4)["accuracy"]
    assert found.value == -1.0
    assert np.isnan(found[1:]).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_a_value_lies_within_its_bounds_of_possibility(scores: list[bool]) -> None:
    found = interval(build("accuracy"), scored(np.asarray(scores)), [str(i) for i in range(len(scores))], replicates=50)
    low, high = found["accuracy"].low, found["accuracy"].high
    assert 0.0 <= low <= high <= 1.0
