"""Contrasts under both resamplings against slower definitions: data sets made anew for every replicate."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.statistics.made_contrasts import NAMES, codes, exchanged, made
from velm_bench.metrics import build
from velm_bench.statistics import contrasts
from velm_bench.statistics.contrasts import Contrast, exchanges, resample
from velm_bench.statistics.exact import mcnemar
from velm_bench.statistics.noninferiority import assess
from velm_bench.statistics.resampling import group_weights

GROUPS = np.asarray([f"image {place % 11}" for place in range(40)])
HALF = np.arange(40) % 3 > 0
WITH_EMPTY_GROUPS = np.arange(40) % 11 > 4


def scored(values: object) -> np.ndarray:
    """Statistics of a mean."""
    rows = np.asarray(values, dtype=float)
    return np.column_stack([rows, np.ones(len(rows))])


@pytest.mark.parametrize("mask", [None, HALF, WITH_EMPTY_GROUPS], ids=["whole", "half", "five groups lack"])
@pytest.mark.parametrize("name", NAMES)
def test_replicates_are_those_of_data_sets_made_anew(name: str, mask: np.ndarray | None) -> None:
    metric, first, second = made(name, 40, 3)
    whole = Contrast(metric, first, second, mask)
    found = resample([whole], GROUPS, 25, seed=7)[0]
    keep = np.ones(40, dtype=bool) if mask is None else mask
    weights = np.concatenate(list(group_weights(11, 25, 7)))
    bits = np.concatenate(list(exchanges(11, 25, 7, 25))).astype(bool)
    places = codes(GROUPS, sorted(set(GROUPS.tolist())))
    for row, (counts, moved) in enumerate(zip(weights.astype(int), bits, strict=True)):
        picked = np.repeat(np.arange(40), counts[places] * keep)
        drawn = metric.values(second[picked]) - metric.values(first[picked])
        np.testing.assert_allclose(found.drawn[row], drawn, atol=1e-12)
        inside = [part[keep] for part in (first, second)]
        np.testing.assert_allclose(found.exchanged[row], exchanged(metric, *inside, moved[places][keep]), atol=1e-12)
    assert found.groups == len(set(GROUPS[keep].tolist()))
    np.testing.assert_array_equal(found.observed, metric.values(second[keep]) - metric.values(first[keep]))
    assert np.nanstd(found.drawn[:, 0]) > 0
    assert np.nanstd(found.exchanged[:, 0]) > 0


def test_all_questions_share_the_draws_and_answer_as_if_asked_alone() -> None:
    asked = [Contrast(*made(name, 40, 3), mask) for name in NAMES for mask in (None, HALF)]
    together = resample(asked, GROUPS, 20, seed=1)
    for one, found in zip(asked, together, strict=True):
        alone = resample([one], GROUPS, 20, seed=1)[0]
        np.testing.assert_allclose(found.drawn, alone.drawn, atol=1e-12)
        np.testing.assert_allclose(found.exchanged, alone.exchanged, atol=1e-12)
    assert resample([], GROUPS, 20) == []


@pytest.mark.parametrize("limit", ["DRAWN", "CELLS", "HELD"])
def test_neither_block_nor_portion_changes_a_number(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Contrast(*made(name, 40, 5), HALF) for name in ("bleu", "accuracy", "class_report", "detection")]
    usual = resample(asked, GROUPS, 33, seed=2)
    for size in (1, 250):
        monkeypatch.setattr(contrasts, limit, size)
        for one, other in zip(resample(asked, GROUPS, 33, seed=2), usual, strict=True):
            np.testing.assert_allclose(one.drawn, other.drawn, atol=1e-12)
            np.testing.assert_allclose(one.exchanged, other.exchanged, atol=1e-12)


def test_the_exchanges_are_pinned() -> None:
    """These stay: verdicts of earlier versions must be found again."""
    assert ["".join(str(int(bit)) for bit in row) for row in next(exchanges(70, 2, 0, 2))] == PINNED
    apart = np.concatenate(list(exchanges(70, 2, 0, 1)))
    assert (apart == next(exchanges(70, 2, 0, 2))).all()
    assert not (apart == next(exchanges(70, 2, 1, 2))).all()


PINNED = [
    "1010010001101000001101011010000101000111110101111010001111000111001100",
    "0111110110010111101100011011001000011111111100100001000010110011011000",
]


def test_groups_are_exchanged_half_of_the_time_and_independently() -> None:
    bits = np.concatenate(list(exchanges(100, 4000, 3, 1000)))
    assert bits.mean(axis=0) == pytest.approx(np.full(100, 0.5), abs=0.035)
    together = np.corrcoef(bits.T)[~np.eye(100, dtype=bool)]
    assert np.abs(together).max() < 0.08


@pytest.mark.parametrize("name", ["accuracy", "bleu", "macro_f1"])
def test_randomisation_agrees_with_all_exchanges_there_are(name: str) -> None:
    metric, first, second = made(name, 40, 11)
    names = sorted(set(GROUPS.tolist()))
    every = [
        exchanged(metric, first, second, np.asarray(bits)[codes(GROUPS, names)])[0]
        for bits in product([False, True], repeat=len(names))
    ]
    observed = every[0]
    finding = assess(resample([Contrast(metric, first, second)], GROUPS, 20_000, 4)[0], 0, True, 0.05, 1.0)
    assert finding.change == pytest.approx(observed, abs=1e-12)
    for found, hits in (
        (finding.p, np.abs(every) >= abs(observed) - 1e-12),
        (finding.p_worse, np.asarray(every) <= observed + 1e-12),
    ):
        assert found == pytest.approx(hits.mean(), abs=4 * (0.25 / 20_000) ** 0.5)


@pytest.mark.parametrize(("wins", "losses"), [(30, 22), (40, 22), (12, 30), (3, 4), (0, 6)])
def test_randomisation_of_right_and_wrong_is_mcnemars_test(wins: int, losses: int) -> None:
    first = np.asarray([0] * wins + [1] * losses + [1, 0] * 30)
    second = np.asarray([1] * wins + [0] * losses + [1, 0] * 30)
    groups = [str(place) for place in range(len(first))]
    contrast = Contrast(build("accuracy"), scored(first), scored(second))
    finding = assess(resample([contrast], groups, 20_000)[0], 0, True, 0.05, 1.0)
    exact = mcnemar(wins, losses)
    assert finding.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_000) ** 0.5 + 1e-4)


GRADES = st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0])
PAIRS = st.lists(st.tuples(GRADES, GRADES, st.sampled_from("abcdef")), min_size=2, max_size=25)


@given(PAIRS)
@settings(max_examples=40)
def test_exchanging_the_two_runs_turns_all_around(rows: list[tuple[float, float, str]]) -> None:
    first, second, groups = zip(*rows, strict=True)
    metric = build("accuracy")
    one, other = (
        resample([Contrast(metric, scored(mine), scored(yours))], groups, 99)[0]
        for mine, yours in ((first, second), (second, first))
    )
    np.testing.assert_allclose(one.drawn, -other.drawn, atol=1e-12)
    np.testing.assert_allclose(one.exchanged, -other.exchanged, atol=1e-12)
    better, worse = (assess(found, 0, higher, 0.05, 1.0) for found, higher in ((one, True), (other, False)))
    assert better == pytest.approx(worse, abs=1e-12, nan_ok=True)


@given(PAIRS, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_samples_changes_nothing(rows: list[tuple[float, float, str]], chance: object) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    found = [
        assess(resample([Contrast(build("accuracy"), scored(a), scored(b))], groups, 99)[0], 0, True, 0.05, 1.0)
        for a, b, groups in (zip(*part, strict=True) for part in (rows, mixed))
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_against_itself_shows_no_difference(name: str) -> None:
    metric, first, _ = made(name, 40, 8)
    found = resample([Contrast(metric, first, first)], GROUPS, 200)[0]
    finding = assess(found, 0, True, 0.05, 1.0)
    assert finding[:3] == (0.0, pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))
    assert finding.p == finding.p_bootstrap == finding.p_worse == 1.0


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e6, 1e12])
def test_the_unit_of_a_score_changes_no_p(scale: float) -> None:
    chance = np.random.default_rng(1)
    grades = chance.choice([0.0, 0.3, 0.6, 0.9, 1.0], size=(2, 12))
    groups = [f"{place // 2}" for place in range(12)]
    found = [
        assess(resample([Contrast(build("given:ms"), *map(scored, grades * by))], groups, 2000)[0], 0, True, 0.05, by)
        for by in (1.0, scale)
    ]
    assert found[1][5:] == found[0][5:]
    assert found[1][:5] == pytest.approx([one * scale for one in found[0][:5]])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("keep", [slice(0, 0), slice(0, 1), slice(0, 40, 11)], ids=["none", "one", "one group"])
def test_fewer_than_two_groups_tell_nothing(name: str, keep: slice) -> None:
    metric, first, second = made(name, 40, 2)
    mask = np.zeros(40, dtype=bool)
    mask[keep] = True
    inside = Contrast(metric, first[keep], second[keep])
    for found in (
        resample([Contrast(metric, first, second, mask)], GROUPS, 30)[0],
        resample([inside], GROUPS[keep], 30)[0],
    ):
        assert found.groups == min(1, len(GROUPS[keep]))
        assert found.drawn.shape == found.exchanged.shape == (30, len(metric.outputs))
        assert np.isnan(found.drawn).all()
        assert np.isnan(found.exchanged).all()
        assert np.isnan(assess(found, 0, True, 0.05, 1.0)[1:]).all()


def test_of_many_outputs_some_may_be_kept() -> None:
    metric, first, second = made("class_report", 40, 2)
    every = resample([Contrast(metric, first, second)], GROUPS, 20)[0]
    some = resample([Contrast(metric, first, second, places=(4, 1))], GROUPS, 20)[0]
    assert some.places == (4, 1)
    np.testing.assert_array_equal(some.drawn, every.drawn[:, [4, 1]])
    np.testing.assert_array_equal(some.exchanged, every.exchanged[:, [4, 1]])
    assert assess(some, 1, True, 0.05, 1.0) == pytest.approx(assess(every, 1, True, 0.05, 1.0), nan_ok=True)
    with pytest.raises(ValueError, match="output 0"):
        assess(some, 0, True, 0.05, 1.0)


def test_an_undefined_score_is_left_out_and_a_number_without_end_is_none() -> None:
    metric, rows = build("given:ms"), scored(np.arange(6.0))
    groups = [str(place) for place in range(6)]
    mask = np.arange(6) < 2  # a third of the draws has neither of the two
    found = resample([Contrast(metric, rows, rows * [2, 1], mask)], groups, 500)[0]
    assert 0 < np.isnan(found.drawn).mean() < 0.3
    assert not np.isnan(assess(found, 0, True, 0.05, 1.0)).any()
    with np.errstate(all="raise"):
        huge = resample([Contrast(metric, scored([1e308] * 6), scored([-1e308] * 6))], groups, 50)[0]
        assert np.isnan(assess(huge, 0, True, 0.05, 1.0)).all()


def test_what_does_not_fit_is_refused() -> None:
    metric, rows = build("accuracy"), scored([0, 1, 1])
    for contrast in (
        Contrast(metric, rows[:2], rows),
        Contrast(metric, rows, rows[:2]),
        Contrast(metric, rows, rows, np.ones(2, dtype=bool)),
        Contrast(metric, rows, rows, np.ones(3, dtype=int)),
    ):
        with pytest.raises(ValueError, match=r"one row per sample|truth values"):
            resample([contrast], ["a", "b", "c"], 10)
    assert resample([Contrast(metric, rows, rows)], ["a", "b", "c"], 0)[0].drawn.shape == (0, 1)


def test_another_seed_draws_and_exchanges_others() -> None:
    contrast = Contrast(*made("accuracy", 40, 3))
    one, same, other = (resample([contrast], GROUPS, 50, seed)[0] for seed in (0, 0, 1))
    assert (one.drawn == same.drawn).all()
    assert (one.exchanged == same.exchanged).all()
    assert (one.drawn != other.drawn).any()
    assert (one.exchanged != other.exchanged).any()
