"""Paired p values against sacrebleu's, clustered standard errors against statsmodels'."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

from velm_bench.metrics import build
from velm_bench.statistics.contrasts import Contrast, Resampled, resample
from velm_bench.statistics.noninferiority import assess

SEGMENTS = 300
REPLICATES = 20_000
THEIRS = 3000
"""How many replicates sacrebleu draws."""
WORDS = [start + end for start in "bcdfgl" for end in ("an", "ot", "il", "en", "ur", "ap", "ism", "olt", "ard", "ick")]
CASES = {"p about .5": (0.02, 0), "p about .06": (0.035, 0), "p about .03": (0.005, 1), "p about .005": (0.015, 1)}
"""By how many more words the second system errs, and a seed."""


@cache
def texts(case: str) -> tuple[list[str], list[str], list[str]]:
    """Two systems' texts and the references: plain words, of which every tokeniser makes the same."""
    worse, seed = CASES[case]
    chance, words = np.random.default_rng(seed), np.asarray(WORDS)
    golden = [chance.choice(words, chance.integers(8, 15)) for _ in range(SEGMENTS)]

    def system(share: float) -> list[str]:
        found = []
        for right in golden:
            wrong = chance.random(len(right)) < share * chance.uniform(0.5, 1.5)
            said = np.where(wrong, chance.choice(words, len(right)), right)
            found.append(" ".join(said[chance.random(len(right)) > 0.05]))
        return found

    return system(0.2), system(0.2 + worse), [" ".join(right) for right in golden]


@cache
def ours(case: str) -> Resampled:
    """Our BLEU of both systems, every segment a group of its own."""
    metric = build("bleu")
    first, second, golden = texts(case)
    rows = [metric.statistics(said, [[right] for right in golden]) for said in (first, second)]
    return resample([Contrast(metric, *rows)], [f"{place:04d}" for place in range(SEGMENTS)], REPLICATES)[0]


def theirs(case: str, test: str) -> tuple[list[float], float]:
    """The two scores and the p of sacrebleu's paired test "ar" or "bs"."""
    first, second, golden = texts(case)
    bleu = BLEU(tokenize="none", smooth_method="none", effective_order=False)
    paired = PairedTest([("first", first), ("second", second)], {"BLEU": bleu}, [golden], test, n_samples=THEIRS)
    mine, other = paired()[1]["BLEU"]
    return [mine.score / 100, other.score / 100], other.p_value


def by_chance(p: float) -> float:
    """How far two shares of replicates may lie apart: four standard errors, and what the one added to each makes."""
    return 4 * (p * (1 - p) * (1 / REPLICATES + 1 / THEIRS)) ** 0.5 + 1 / THEIRS


@pytest.mark.parametrize("case", CASES)
def test_randomisation_of_bleu_gives_the_p_of_sacrebleu(case: str) -> None:
    scores, p = theirs(case, "ar")
    assert ours(case).values[:, 0] == pytest.approx(scores, abs=1e-9)
    found = assess(ours(case), 0, True, 0.05, 1.0)
    assert found.p == pytest.approx(p, abs=by_chance(p))


@pytest.mark.parametrize("case", CASES)
def test_the_bootstrap_of_bleu_gives_the_p_of_sacrebleu(case: str) -> None:
    """sacrebleu asks how often an absolute difference lies farther above its mean than the observed one above zero
    (Riezler and Maxwell 2005)."""
    _, p = theirs(case, "bs")
    drawn, observed = np.abs(ours(case).drawn[:, 0]), abs(ours(case).observed[0])
    same = (np.count_nonzero(drawn - drawn.mean() > observed) + 1) / (REPLICATES + 1)
    assert same == pytest.approx(p, abs=by_chance(p))


@pytest.mark.parametrize("case", list(CASES)[1:])
def test_our_bootstrap_p_has_two_sides_where_that_of_sacrebleu_has_one(case: str) -> None:
    """Where the difference is clear, only one side of the distribution lies beyond: theirs is half of ours."""
    _, p = theirs(case, "bs")
    found = assess(ours(case), 0, True, 0.05, 1.0)
    assert found.p_bootstrap == pytest.approx(2 * p, abs=2 * by_chance(p) + 0.1 * p)


@pytest.mark.parametrize("size", [1, 5])
def test_the_standard_error_is_the_clustered_one_of_statsmodels(size: int) -> None:
    linear_model = pytest.importorskip("statsmodels.regression.linear_model")
    chance = np.random.default_rng(size)
    count = 1500
    groups = np.repeat(np.arange(count // size), size)
    ease = chance.normal(0, 0.3, count // size)[groups]
    first, second = (np.clip(chance.random(count) + ease * by, 0, 1).round(1) for by in (0, 1))
    rows = [np.column_stack([part, np.ones(count)]) for part in (first, second)]
    found = assess(resample([Contrast(build("accuracy"), *rows)], groups.astype(str))[0], 0, True, 0.05, 1.0)
    fitted = linear_model.OLS(second - first, np.ones(count))
    clustered = fitted.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert found.change == pytest.approx(clustered.params[0])
    assert found.error == pytest.approx(clustered.bse[0], rel=4 / (2 * 10_000) ** 0.5)
    interval = clustered.conf_int()[0]
    assert [found.low, found.high] == pytest.approx(interval, abs=0.1 * (interval[1] - interval[0]))
    if size > 1:
        assert found.error > 1.3 * fitted.fit().bse[0]
