"""Rank intervals: what must hold always, and coverage on boards whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulated_boards import consistent, coverage, simulated
from velm_bench.statistics import ranking
from velm_bench.statistics.ranking import Comparisons, rank_intervals


def drawn(scores: np.ndarray, spread: float, seed: int = 0, replicates: int = 200) -> np.ndarray:
    return scores + spread * np.random.default_rng(seed).standard_normal((replicates, len(scores)))


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=25),
    st.sampled_from([0.0, 0.001, 0.01, 0.05]),
    st.integers(0, 99),
    st.lists(st.integers(0, 24), max_size=8),
)
@settings(max_examples=60)
def test_what_holds_of_every_board(places: list[int], spread: float, seed: int, copies: list[int]) -> None:
    scores = np.asarray(places) / 20
    replicates = drawn(scores, spread, seed)
    taken = [*range(len(scores)), *(copy % len(scores) for copy in copies)]  # the copies are identical models
    scores, replicates = scores[taken], replicates[:, taken]
    found = rank_intervals(scores, replicates)
    for one in range(len(scores)):
        assert found.rank[one] == 1 + sum(other > scores[one] for other in scores)
        assert 1 <= found.low[one] <= found.rank[one] <= found.high[one] <= len(scores)
        twins = [other for other in range(len(scores)) if taken[other] == taken[one]]
        assert len({found.group[twin] for twin in twins}) == 1
        assert len({(found.low[twin], found.high[twin]) for twin in twins}) == 1
    order = np.argsort(-scores, kind="stable")
    assert set(np.diff(found.group[order])) <= {0, 1}
    assert found.group[order[0]] == 1


@given(st.permutations(range(12)), st.integers(0, 9))
@settings(max_examples=20)
def test_the_order_of_the_models_changes_nothing(order: list[int], seed: int) -> None:
    scores = np.asarray([0, 1, 1, 2, 2, 2, 3, 4, 5, 5, 6, 9]) / 10
    replicates = drawn(scores, 0.03, seed)
    straight, mixed = rank_intervals(scores, replicates), rank_intervals(scores[order], replicates[:, order])
    for name, values in straight._asdict().items():
        np.testing.assert_array_equal(values[order], getattr(mixed, name), err_msg=name)


def test_a_row_is_the_slow_definition() -> None:
    scores = np.linspace(0.4, 0.6, 9)
    replicates = drawn(scores, 0.02, 3, 99)
    apart = Comparisons(scores, replicates, 0.9).apart(np.arange(9))
    for i in range(9):
        moved = replicates - replicates[:, [i]]
        errors = moved.std(axis=0)
        others = [j for j in range(9) if j != i]
        largest = np.max(np.abs(moved - moved.mean(axis=0))[:, others] / errors[others], axis=1)
        critical = np.sort(largest)[89]  # the 90th of 99 draws
        for j in others:
            assert apart[i, j] == (abs(scores[i] - scores[j]) > critical * errors[j])


def test_clear_differences_are_told_and_ties_are_not() -> None:
    scores = np.asarray([0.9, 0.895, 0.5, 0.1, 0.1])
    found = rank_intervals(scores, drawn(scores, 0.01))
    assert found.rank.tolist() == [1, 2, 3, 4, 4]
    assert found.low.tolist() == [1, 1, 3, 4, 4]
    assert found.high.tolist() == [2, 2, 3, 5, 5]
    assert found.group.tolist() == [1, 1, 2, 3, 3]


def test_what_no_replicate_moves_is_certain() -> None:
    """Always wrong, always right and always wrong again have no standard error at all."""
    scores = np.asarray([0.0, 1.0, 0.0])
    found = rank_intervals(scores, np.tile(scores, (50, 1)))
    assert (found.low.tolist(), found.high.tolist()) == ([2, 1, 2], [3, 1, 3])
    assert found.group.tolist() == [2, 1, 2]


def test_a_paired_difference_is_told_where_the_two_intervals_overlap() -> None:
    """Both are moved by the same hard images, and one is always a little better."""
    shared = np.random.default_rng(0).standard_normal((500, 1)) * 0.05
    own = np.random.default_rng(1).standard_normal((500, 2)) * 0.001
    scores = np.asarray([0.50, 0.51])
    assert rank_intervals(scores, scores + shared + own).high.tolist() == [2, 1]


def test_many_models_get_wider_intervals_and_no_shorter_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.repeat(np.linspace(0.3, 0.7, 30), 2)  # of each model two
    replicates = np.repeat(drawn(scores[::2], 0.01, replicates=1000), 2, axis=1)
    widths = []
    for few in ((1000, 10_000), (10, 10_000), (10, 10)):
        monkeypatch.setattr(ranking, "MANY", few[0])
        monkeypatch.setattr(ranking, "VERY_MANY", few[1])
        found = rank_intervals(scores, replicates)
        widths.append(found.high - found.low)
        assert (found.group[::2] == found.group[1::2]).all()
        assert found.group.max() > 2
    assert widths[0].mean() <= widths[1].mean() <= widths[2].mean() < 30


def test_the_pieces_of_the_computation_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.round(np.linspace(0.3, 0.7, 40), 2)
    replicates = drawn(scores, 0.02)
    whole = rank_intervals(scores, replicates)
    monkeypatch.setattr(ranking, "CELLS", 100)
    for values, others in zip(rank_intervals(scores, replicates), whole, strict=True):
        np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize(
    ("scores", "replicates", "level"),
    [
        (np.zeros(3), np.zeros((5, 2)), 0.95),
        (np.zeros(3), np.zeros((0, 3)), 0.95),
        (np.asarray([0.0, np.nan]), np.zeros((5, 2)), 0.95),
        (np.zeros(2), np.full((5, 2), np.inf), 0.95),
        (np.zeros(2), np.zeros((5, 2)), 1.0),
    ],
)
def test_what_cannot_be_ranked(scores: np.ndarray, replicates: np.ndarray, level: float) -> None:
    with pytest.raises(ValueError, match=r"replicates of shape|finite|level"):
        rank_intervals(scores, replicates, level)


@pytest.mark.parametrize("abilities", ["spread", "near ties", "exact ties"])
def test_intervals_cover_the_true_ranks(abilities: str) -> None:
    """50 models on clustered samples: at least 93 % of the true ranks lie in the 95 % intervals."""
    shares = [coverage(simulated(abilities, seed)) for seed in range(4)]
    assert np.mean(shares) >= 0.93


def test_intervals_of_spread_models_say_something() -> None:
    board = simulated("spread", 0)
    found = rank_intervals(board.scores, board.replicates)
    assert (found.high - found.low).mean() < 15
    assert found.group.max() >= 5


def test_coverage_notices_intervals_that_are_too_short() -> None:
    board = simulated("near ties", 0)
    rank = rank_intervals(board.scores, board.replicates).rank
    assert consistent(rank, rank, board.truth).mean() < 0.5
