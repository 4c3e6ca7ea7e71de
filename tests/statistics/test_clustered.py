"""Standard errors of grouped differences, against statsmodels and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.statistics.clustered import clustered


def drawn(seed: int, n: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    codes = draw.integers(groups, size=n)
    values = draw.normal(size=groups)[codes] + draw.normal(size=n)
    return values, np.asarray([f"g{code}" for code in codes])


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_statsmodels(seed: int) -> None:
    from statsmodels.regression.linear_model import OLS

    values, groups = drawn(seed, 300, 40)
    model = OLS(values, np.ones(len(values)))
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": np.unique(groups, return_inverse=True)[1]})
    found = clustered(values, groups)
    assert found.mean == pytest.approx(float(fitted.params[0]))
    assert found.error == pytest.approx(float(fitted.bse[0]), rel=1e-10)
    assert found.plain == pytest.approx(float(model.fit().bse[0]), rel=1e-10)
    assert found.groups == len(set(groups.tolist())) < found.n == 300


def test_groups_of_one_cost_nothing() -> None:
    values = np.random.default_rng(0).normal(size=50)
    found = clustered(values, [f"g{place}" for place in range(50)])
    assert found.error == pytest.approx(found.plain)
    assert found.design_effect == pytest.approx(1.0)
    assert math.isnan(found.correlation)


def test_copies_cost_all_that_they_add() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=100), 5)
    groups = np.repeat([f"g{place}" for place in range(100)], 5)
    found = clustered(values, groups)
    assert found.correlation == pytest.approx(1.0)
    assert found.design_effect == pytest.approx(5.0, rel=0.02)


def test_tells_the_correlation_that_was_drawn() -> None:
    draw = np.random.default_rng(3)
    values = np.sqrt(0.3) * np.repeat(draw.normal(size=4000), 5) + np.sqrt(0.7) * draw.normal(size=20_000)
    found = clustered(values, np.repeat([f"g{place}" for place in range(4000)], 5))
    assert found.correlation == pytest.approx(0.3, abs=0.02)
    assert found.design_effect == pytest.approx(1 + 4 * 0.3, rel=0.05)


def test_what_cannot_be_known_is_nan() -> None:
    alone = clustered(np.asarray([1.0, 2.0]), ["a", "a"])
    assert math.isnan(alone.error)
    assert math.isnan(alone.design_effect)
    still = clustered(np.zeros(4), ["a", "a", "b", "b"])
    assert still.error == 0.0
    assert still.design_effect == 1.0
    assert math.isnan(still.correlation)


@pytest.mark.parametrize(("values", "groups"), [([], []), ([1.0], ["a", "b"])])
def test_refuses_other_lengths(values: list[float], groups: list[str]) -> None:
    with pytest.raises(ValueError, match="One difference per sample"):
        clustered(np.asarray(values), groups)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from("abcde")), min_size=2, max_size=30))
def test_order_and_names_of_groups_do_not_matter(rows: list[tuple[float, str]]) -> None:
    values, names = np.asarray([row[0] for row in rows]), [row[1] for row in rows]
    found = clustered(values, names)
    turned = clustered(values[::-1].copy(), [f"the {name}" for name in names[::-1]])
    scale = float(np.abs(values).max()) + 1.0
    assert turned.mean == pytest.approx(found.mean, abs=1e-9 * scale)
    assert turned.error == pytest.approx(found.error, abs=1e-9 * scale, nan_ok=True)
