"""Speed and memory of two runs: on the same terms, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.gate.made_evidence import made_evidence
from velm_bench.gate.costs import costs
from velm_bench.gate.evidence import Circumstances, Evidence
from velm_bench.gate.policy import CostRule
from velm_bench.gate.schema import Against, Cost, Outcome, Tier
from velm_bench.results.schema import Timing

PLACE = Circumstances("cpu", "float32", 8, "Linux x86_64")
SAMPLES = 800


def timed(rate: float, noise: float = 0.1, pieces: int = 100, seed: int = 0, **changes: Any) -> Evidence:
    """A run of 800 samples at about so many a second."""
    seconds = SAMPLES / pieces / rate * (1.0 + noise * np.random.default_rng(seed).uniform(-1, 1, pieces))
    timing = Timing(
        asked=SAMPLES,
        answering=float(seconds.sum()),
        pieces=[(SAMPLES // pieces, float(one)) for one in seconds],
        process_memory=10**9,
    )
    timing = timing.model_copy(update=changes)
    return made_evidence([1.0] * SAMPLES, timing=timing, circumstances=PLACE)


def speed(candidate: Evidence, baseline: Evidence, slowdown: float = 0.1) -> Cost:
    (found,) = costs(candidate, baseline, CostRule(slowdown=slowdown), Against.BASELINE)
    return found


@pytest.mark.parametrize(
    ("now", "before", "noise", "outcome"),
    [
        (100, 100, 0.1, "pass"),
        (120, 100, 0.1, "pass"),
        (95, 100, 0.1, "pass"),
        (80, 100, 0.1, "regression"),
        (100, 100, 0.99, "inconclusive"),
        (96, 100, 0.6, "inconclusive"),
    ],
)
def test_speed(now: float, before: float, noise: float, outcome: str) -> None:
    found = speed(timed(now, noise, seed=1), timed(before, noise, seed=2))
    assert found.outcome == outcome
    assert found.low is not None
    assert found.high is not None
    assert found.change is not None
    assert found.low <= found.change <= found.high
    assert found.change == pytest.approx(now / before - 1, abs=3 * noise / 10)
    assert found.candidate == pytest.approx(SAMPLES / timed(now, noise, seed=1).timing.answering)


def test_the_interval_covers_the_ratio_of_rates_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(100):
        found = speed(timed(90, 0.5, 40, seed), timed(100, 0.5, 40, seed + 10_000))
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= -0.1 <= found.high
    assert 89 <= inside <= 99


def retimed(one: Evidence, **changes: Any) -> Evidence:
    """The same run with another timing."""
    return replace(one, timing=one.timing.model_copy(update=changes))


def slowed(seed: int, pieces: int = 100) -> Evidence:
    """An unchanged run on a machine that others slow down for a while: neighbouring pieces are alike."""
    draw, level, levels = np.random.default_rng(seed), 0.0, []
    for shock in draw.normal(size=pieces):
        level = 0.8 * level + 0.6 * shock
        levels.append(1.0 + 0.1 * level)
    seconds = np.clip(levels, 0.2, None) * SAMPLES / pieces / 100
    return retimed(
        timed(100), answering=float(seconds.sum()), pieces=[(SAMPLES // pieces, float(one)) for one in seconds]
    )


def test_a_busy_while_is_seldom_taken_for_a_slower_model() -> None:
    """Were pieces taken for independent, 28 of 100 would be."""
    found = [speed(slowed(2 * seed), slowed(2 * seed + 1), 0.02).outcome for seed in range(200)]
    assert found.count(Outcome.REGRESSION) <= 24


@pytest.mark.parametrize(
    "odd", [{"answering": 5e-324}, {"asked": 10**400}, {"pieces": [(8, 1e308)] * 10}, {"pieces": [(8, 5e-324)] * 10}]
)
def test_timings_out_of_all_bounds_are_no_crash(odd: dict[str, Any]) -> None:
    for pair in ((retimed(timed(100), **odd), timed(100)), (timed(100), retimed(timed(100), **odd))):
        assert speed(*pair).outcome in ("invalid", "inconclusive")


@pytest.mark.parametrize("odd", [10**400, 2**63])
def test_memory_out_of_all_bounds_is_no_crash(odd: int) -> None:
    (found,) = costs(timed(100, process_memory=odd), timed(100), CostRule(memory=0.1), Against.BASELINE)
    assert found.outcome == "invalid"


def test_the_same_memory_neither_grew_nor_shrank() -> None:
    (found,) = costs(timed(100), timed(100), CostRule(memory=0.1), Against.BASELINE)
    assert "of the process is the same" in found.why


def test_few_pieces_give_no_interval() -> None:
    found = speed(timed(50, pieces=4), timed(100, pieces=100))
    assert (found.outcome, found.low, found.high) == ("inconclusive", None, None)
    assert found.change == pytest.approx(-0.5, abs=0.1)
    assert "4 pieces" in found.why


@pytest.mark.parametrize("pieces", [[], [(8, 0.0)] * 10, [(8, 1e309)] * 10])
def test_pieces_that_no_clock_could_measure_give_no_interval(pieces: Any) -> None:
    assert speed(timed(100), timed(100)).outcome == "pass"
    found = speed(timed(100), replace(timed(100), timing=timed(100).timing.model_copy(update={"pieces": pieces})))
    assert (found.outcome, found.low) == ("inconclusive", None)


APART: dict[str, Callable[[Evidence], Evidence]] = {
    "device differs": lambda one: replace(one, circumstances=replace(PLACE, device="cuda:0 (NVIDIA H100)")),
    "precision differs": lambda one: replace(one, circumstances=replace(PLACE, dtype="bfloat16")),
    "batch size differs": lambda one: replace(one, circumstances=replace(PLACE, batch_size=16)),
    "platform differs": lambda one: replace(one, circumstances=replace(PLACE, platform="")),
    "40 answers are from an earlier session": lambda _: timed(100, reused=40),
    "was not timed": lambda one: replace(one, timing=Timing()),
    "samples and the baseline": lambda one: replace(one, ids=one.ids[:-1]),
}


@pytest.mark.parametrize("why", APART)
@pytest.mark.parametrize("swapped", [False, True])
def test_runs_on_other_terms_are_not_compared(why: str, swapped: bool) -> None:
    pair = [timed(100), APART[why](timed(100))]
    candidate, baseline = reversed(pair) if swapped else pair
    found = costs(candidate, baseline, CostRule(slowdown=0.1, memory=0.1, tier=Tier.REQUIRED), Against.ANCHOR)
    assert [one.what for one in found] == ["speed", "memory"]
    for one in found:
        assert (one.outcome, one.tier, one.against, one.change) == ("invalid", "required", "anchor", None)
        assert why in one.why


@pytest.mark.parametrize(
    ("now", "outcome"), [(10**9, "pass"), (1_100_000_000, "pass"), (1_101_000_000, "regression"), (5, "pass")]
)
def test_memory(now: int, outcome: str) -> None:
    rule = CostRule(memory=0.1)
    (found,) = costs(timed(100, process_memory=now), timed(100), rule, Against.BASELINE)
    assert (found.outcome, found.low, found.high, found.what) == (outcome, None, None, "memory")
    assert found.change == pytest.approx(1 - now / 10**9)


def test_the_memory_of_the_device_goes_before_that_of_the_process() -> None:
    pair = timed(100, device_memory=200), timed(100, device_memory=100)
    (found,) = costs(*pair, CostRule(memory=0.1), Against.BASELINE)
    assert (found.outcome, found.candidate, found.baseline) == ("regression", 200.0, 100.0)
    assert "device" in found.why


@pytest.mark.parametrize("known", [None, 0])
def test_memory_that_nobody_measured_is_invalid(known: int | None) -> None:
    (found,) = costs(timed(100, process_memory=known), timed(100), CostRule(memory=0.1), Against.BASELINE)
    assert found.outcome == "invalid"
    assert "memory" in found.why


def test_nothing_is_compared_unasked() -> None:
    assert costs(timed(1), timed(100), CostRule(), Against.BASELINE) == []
