"""McNemar's exact test against scipy and statsmodels, and where it may be asked."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.statistics.made_contrasts import made
from velm_bench.metrics import build
from velm_bench.statistics.exact import binary_scores, mcnemar


@given(st.integers(0, 60), st.integers(0, 60))
def test_it_is_the_sum_of_the_chances(wins: int, losses: int) -> None:
    total = wins + losses
    tail = sum(Fraction(comb(total, count), 2**total) for count in range(min(wins, losses) + 1))
    assert mcnemar(wins, losses) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-12)
    assert mcnemar(wins, losses) == mcnemar(losses, wins)


@pytest.mark.parametrize(
    ("wins", "losses"),
    [(0, 0), (1, 0), (5, 5), (8, 7), (31, 12), (400, 300), (50_000, 50_000), (50_400, 49_600), (48_000, 52_000),
     (100_000, 2), (0, 1000), (107_000, 107_354)],
)  # fmt: skip
def test_it_agrees_with_scipy_and_statsmodels(wins: int, losses: int) -> None:
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    found = mcnemar(wins, losses)
    assert 0.0 <= found <= 1.0
    assert found == pytest.approx(contingency.mcnemar([[9, wins], [losses, 9]], exact=True).pvalue, rel=1e-8)
    if wins + losses:
        assert found == pytest.approx(binomtest(wins, wins + losses).pvalue, rel=1e-8)


def test_counts_without_end_are_no_trouble() -> None:
    assert mcnemar(10**9, 10**9) == 1.0
    assert mcnemar(10**9 + 10**5, 10**9) == pytest.approx(0.0253, abs=1e-4)  # as 1e5 / sqrt(2e9 + 1e5) is normal
    assert mcnemar(10**9, 10**3) == 0.0
    with pytest.raises(ValueError, match="-1"):
        mcnemar(3, -1)


@pytest.mark.parametrize(("name", "binary"), [("accuracy", True), ("bleu", False), ("macro_f1", False)])
def test_right_or_wrong_is_told_from_other_scores(name: str, binary: bool) -> None:
    metric, rows, _ = made(name, 30, 1)
    found = binary_scores(metric, rows, 0)
    assert (found is not None) == binary
    if found is not None:
        assert found.tolist() == rows[:, 0].tolist()


def test_a_grade_is_neither_right_nor_wrong() -> None:
    rows = np.column_stack([[0.0, 1.0, 0.3], np.ones(3)])
    assert binary_scores(build("vqa_accuracy"), rows, 0) is None
    assert binary_scores(build("vqa_accuracy"), rows[:2], 0) is not None
    assert binary_scores(build("vqa_accuracy"), rows[:0], 0) is None


def test_a_score_that_is_no_mean_of_its_samples_is_not_binary() -> None:
    metric = build("wer")
    rows = metric.statistics(["a b c", "x"], [["a b c"], ["y"]])
    assert metric.per_sample(rows)[:, 0].tolist() == [0.0, 1.0]
    assert metric.values(rows)[0] == 0.25
    assert binary_scores(metric, rows, 0) is None


def test_an_undefined_sample_is_not_binary() -> None:
    rows = np.asarray([[0.0, 0.0], [1.0, 1.0]])
    assert binary_scores(build("accuracy"), rows, 0) is None
