"""Evidence while samples come: what a bet may win where nothing is wrong, and how soon it finds what is."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from velm_bench.statistics.sequential import STAKES, alarm, by_group, evidence

ALPHA = 0.05


def trinomial(draw: np.random.Generator, shape: Any, drop: float, discordance: float) -> Any:
    """Changes of -1, 0 and 1: a share differs, by `drop` more to the worse."""
    uniform = draw.random(shape)
    losses, wins = (discordance + drop) / 2, (discordance - drop) / 2
    return np.where(uniform < losses, -1.0, np.where(uniform < losses + wins, 1.0, 0.0))


def first_alarm(changes: Any, margin: float = 0.0) -> int:
    """After how many observations the alarm is raised; more than there are where it never is."""
    place = alarm(evidence(changes, margin), ALPHA)
    return len(changes) + 1 if place is None else place + 1


@given(arrays(np.float64, st.integers(0, 30), elements=st.floats(-1, 1)), st.floats(0, 1))
def test_it_is_the_mean_of_the_products_of_the_bets(changes: Any, margin: float) -> None:
    capital, expected = [1.0] * len(STAKES), []
    for change in changes:
        for place, stake in enumerate(STAKES):
            capital[place] *= 1 + stake / (1 + margin) * (-change - margin)
        expected.append(sum(capital) / len(STAKES))
    np.testing.assert_allclose(evidence(changes, margin), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("margin", "chances"), [(0.0, (0.2, 0.6, 0.2)), (0.1, (0.3, 0.5, 0.2)), (0.25, (0.25, 0.75, 0))]
)
def test_the_expectation_is_one_where_the_candidate_is_just_not_worse(margin: float, chances: Any) -> None:
    """Over all 729 courses of six observations, exactly; below one where it is better."""

    def expected(chances: Any) -> float:
        return sum(
            float(np.prod([chances[int(one) + 1] for one in course]) * evidence(np.asarray(course), margin)[-1])
            for course in product((-1.0, 0.0, 1.0), repeat=6)
        )  # fmt: skip

    assert expected(chances) == pytest.approx(1.0)
    worse, same, better = chances
    assert expected((worse - 0.1, same + 0.1, better)) < 1.0 < expected((worse + 0.1, same - 0.1, better))


def test_weights_make_it_evidence_about_the_score() -> None:
    """Five images of 200 questions lose nothing and 1,000 of one lose four points: the score loses two, its margin."""
    alarms = {"alike": 0, "weighted": 0}
    for seed in range(100):
        draw = np.random.default_rng(seed)
        weights = draw.permutation(np.repeat([1 / 200, 1.0], [1000, 5]))
        changes = np.where(weights == 1.0, 0.0, trinomial(draw, 1005, 0.04, 0.1))
        for name, used in (("alike", None), ("weighted", weights)):
            alarms[name] += alarm(evidence(changes, 0.02, used), ALPHA) is not None
    assert alarms["alike"] > 20
    assert alarms["weighted"] <= 10


def test_what_the_large_groups_lose_is_found_by_their_weight() -> None:
    weights = np.tile([1.0, 0.01], 50)
    broken = np.tile([-0.5, 0.3], 50)
    assert alarm(evidence(broken, 0.02, weights), ALPHA) is not None
    assert alarm(evidence(-broken, 0.02, weights), ALPHA) is None


@given(arrays(np.float64, 12, elements=st.floats(-1, 1)), st.floats(0, 1))
def test_equal_weights_of_one_change_nothing(changes: Any, margin: float) -> None:
    np.testing.assert_array_equal(evidence(changes, margin, np.ones(12)), evidence(changes, margin))


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.1], [1.0, -0.1], [1.0, float("nan")]])
def test_weights_that_make_no_sense(weights: Any) -> None:
    with pytest.raises(ValueError, match="one number from 0 to 1 for each change"):
        evidence(np.zeros(2), 0.1, np.asarray(weights))


@pytest.mark.parametrize(("margin", "drop"), [(0.0, 0.0), (0.02, 0.02)])
def test_false_alarms_are_rare_however_often_one_looks(margin: float, drop: float) -> None:
    draw = np.random.default_rng(4)
    alarms = sum(first_alarm(one, margin) <= 3000 for one in trinomial(draw, (1000, 3000), drop, 0.1))
    assert alarms <= 50


def test_a_test_that_is_made_for_the_end_would_not_do() -> None:
    """The same runs, looked at every 100 samples with an ordinary one-sided test."""
    changes = trinomial(np.random.default_rng(4), (1000, 3000), 0.0, 0.1)
    looks = np.arange(100, 3001, 100)
    sums, squares = changes.cumsum(axis=1)[:, looks - 1], (changes**2).cumsum(axis=1)[:, looks - 1]
    assert (sums < -1.645 * np.sqrt(squares)).any(axis=1).mean() > 0.15


@pytest.mark.parametrize(("margin", "at_most"), [(0.0, 400), (0.01, 650)])
def test_a_loss_of_five_points_is_found_in_a_few_hundred_samples(margin: float, at_most: int) -> None:
    draw = np.random.default_rng(5)
    for discordance in (0.1, 0.15):
        found = [first_alarm(one, margin) for one in trinomial(draw, (300, 5000), 0.05, discordance)]
        assert np.median(found) <= at_most
        assert max(found) <= 5000


def test_a_margin_that_covers_the_loss_keeps_quiet() -> None:
    changes = trinomial(np.random.default_rng(6), 5000, 0.05, 0.1)
    assert first_alarm(changes) <= 5000 < first_alarm(changes, 0.08)


def test_many_samples_neither_overflow_nor_vanish() -> None:
    worse = evidence(np.full(200_000, -1.0))
    assert worse[-1] == pytest.approx(np.exp(700.0))
    assert np.all(np.diff(worse) >= 0)
    better = evidence(np.concatenate([np.full(200_000, 1.0), np.full(10, -1.0)]))
    assert np.all(np.isfinite(better))
    assert alarm(better, ALPHA) is None


@pytest.mark.parametrize("changes", [[float("nan")], [1.5], [-np.inf], [[0.0]]])
def test_what_is_no_change_is_refused(changes: Any) -> None:
    with pytest.raises(ValueError, match="from -1 to 1"):
        evidence(np.asarray(changes))


@pytest.mark.parametrize("margin", [-0.1, 1.1, float("nan")])
def test_what_is_no_margin_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        evidence(np.zeros(3), margin)


def test_no_observation_is_no_evidence() -> None:
    assert len(evidence(np.zeros(0))) == 0
    assert alarm(np.zeros(0), ALPHA) is None
    seen = by_group(np.zeros(0), np.zeros(0, dtype=np.str_), np.zeros(0, dtype=np.int64))
    assert len(seen.changes) == len(seen.seen) == 0


def test_a_group_counts_once_with_what_its_first_batch_has_of_it() -> None:
    found = by_group(
        np.asarray([-1.0, 0.0, 1.0, 1.0, -1.0, 1.0]),
        np.asarray(["b", "b", "a", "b", "c", "a"]),
        np.asarray([0, 0, 0, 1, 1, 2]),
    )
    assert found.changes.tolist() == [-0.5, 1.0, -1.0]
    assert found.seen.tolist() == [3, 3, 5]


@pytest.mark.parametrize("scattered", [False, True])
def test_five_questions_per_image_raise_no_more_false_alarms(scattered: bool) -> None:
    """Where the questions about an image turn together; each for itself, they raise far more than they may."""
    draw = np.random.default_rng(7)
    alarms = {"groups": 0, "samples": 0}
    names = np.repeat([f"i{place}" for place in range(200)], 5)
    for _ in range(400):
        turned = np.repeat(trinomial(draw, 200, 0.0, 0.3), 5) * (draw.random(1000) < 0.8)
        order = draw.permutation(1000) if scattered else np.arange(1000)
        seen = by_group(turned[order], names[order], np.arange(1000) // 32)
        alarms["groups"] += first_alarm(seen.changes) <= len(seen.changes)
        alarms["samples"] += first_alarm(turned[order]) <= 1000
    assert alarms["groups"] <= 0.05 * 400
    assert alarms["samples"] > 0.1 * 400
