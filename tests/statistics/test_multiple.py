"""Holm's adjustment against its own definition, and against what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.statistics.multiple import holm


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
