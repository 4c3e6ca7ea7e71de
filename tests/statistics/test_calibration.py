"""How often the gate is right, on few simulated releases; `benchmarks/gate_calibration.py` does the same on many."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks.gate_calibration import (
    DROP,
    MARGIN,
    TASKS,
    UNEVEN,
    USUAL,
    Runs,
    called,
    dropped,
    one_point,
    peeked,
    ratchet,
    simulated_mde,
    stopped,
    unchanged,
    uneven,
)
from benchmarks.simulated_releases import Design, answers, changes, findings, quickly, releases, verdicts
from tests.gate.made_evidence import made_evidence
from velm_bench.gate.deciding import decide
from velm_bench.gate.policy import Policy, Rule
from velm_bench.statistics.clustered import clustered
from velm_bench.statistics.planning import chance_pass, samples_to_detect

FEW = Runs(families=100, jobs=1)
MORE = Runs(families=400, jobs=1)


def test_unchanged_models_raise_few_alarms() -> None:
    """Of 800 tasks 5 % +- 2.3 are expected (three standard errors), of 100 families less than 5 % + 6.5."""
    found = FEW.of(partial(unchanged, replicates=400)).mean(axis=0)
    family, task, unclustered, unpaired, any_raw, _, _ = found
    assert family <= 0.115
    assert 0.027 <= task <= 0.073
    assert unclustered > 0.09
    assert unpaired < 0.03
    assert any_raw > 0.2


def test_a_fixed_drop_raises_alarms_on_unchanged_models() -> None:
    one, of_eight = MORE.of(one_point).mean(axis=0)
    assert one == pytest.approx(0.22, abs=0.07)
    assert of_eight == pytest.approx(0.86, abs=0.06)


def test_the_planned_samples_find_the_drop() -> None:
    fewest = samples_to_detect(USUAL.plan(MARGIN, TASKS), DROP)
    assert fewest is not None
    design = replace(USUAL, samples=-(-fewest // 5) * 5, drop=DROP)
    assert FEW.of(partial(dropped, design=design, replicates=800))[:, 0].mean() == pytest.approx(0.81, abs=0.12)
    few = replace(design, samples=design.samples // 5 // 5 * 5)
    assert Runs(50, 1).of(partial(dropped, design=few, replicates=800))[:, 0].mean() < 0.6


@pytest.mark.parametrize(("design", "rows"), [(USUAL, 1), (Design(500, 1, 0.10, 0.0), 1)])
def test_the_detectable_drop_is_the_predicted_one(design: Design, rows: int) -> None:
    predicted, simulated = simulated_mde(Runs(300, 1), design, MARGIN, rows, replicates=600)
    assert simulated == pytest.approx(predicted, rel=0.1)


@pytest.mark.parametrize(
    "design",
    [
        USUAL,
        Design(1000, 1, 0.10, 0.0),
        Design(200, 1, 0.04, 0.0),
        Design(300, 1, 0.021, 0.0),
        Design(600, 1, 0.021, 0.0),
    ],
)
def test_models_worse_by_the_margin_seldom_pass(design: Design) -> None:
    """5 % +- 3.3 of 400 (three standard errors); also where it is all that differs, nothing being won."""
    family = partial(called, design=replace(design, drop=MARGIN), margin=MARGIN, replicates=1000)
    assert MORE.of(family)[:, 1].mean() <= 0.083


@pytest.mark.parametrize("kind", UNEVEN)
def test_images_with_many_questions_let_no_worse_model_pass(kind: str) -> None:
    """5 % +- 6.5 of 100: a few images that hold most of the questions say little, however many others there are."""
    assert FEW.of(partial(uneven, kind=kind, margin=MARGIN, replicates=1000))[:, 0].mean() <= 0.115


@pytest.mark.parametrize("design", [Design(300, 1, 0.021, 0.0), Design(200, 1, 0.04, 0.0), Design(1000, 1, 0.03, 0.0)])
def test_plans_are_right_where_little_differs(design: Design) -> None:
    """Though the bound keeps more for rare losses than they know; 300 families leave +- 8.5 points at worst."""
    found = Runs(300, 1).of(partial(called, design=design, margin=MARGIN, replicates=600))[:, 1].mean()
    assert found == pytest.approx(chance_pass(design.plan(MARGIN)), abs=0.1)


def test_identical_runs_of_few_samples_do_not_pass() -> None:
    """Without the floor of `unseen` every pair that never differs would pass, however small."""
    nothing = np.zeros(100)
    assert quickly(nothing, 1, 500, np.random.default_rng(0)).bound == pytest.approx(-0.0295, abs=1e-3)


def test_the_ratchet_is_stopped_by_the_anchor() -> None:
    found = Runs(25, 1).of(partial(ratchet, replicates=1000))
    assert np.mean(found[:, 1] <= 5) >= 0.95
    assert np.mean(found[:, 2] > 10) > 0.6


def test_a_look_at_every_hundred_raises_few_alarms_and_stops_the_broken() -> None:
    design = Design(5000, 1, 0.10, 0.0)
    assert MORE.of(partial(stopped, design=design))[:, 0].mean() <= 0.05
    assert MORE.of(partial(peeked, design=design))[:, 0].mean() > 0.15
    broken = MORE.of(partial(stopped, design=replace(design, drop=0.05)))
    assert broken[:, 0].all()
    assert np.median(broken[:, 1]) <= 600


def test_changes_are_as_designed() -> None:
    design = replace(USUAL, samples=100_000, drop=0.03)
    change = changes(design, np.random.default_rng(0))
    found = clustered(change, design.groups())
    assert found.mean == pytest.approx(-0.03, abs=0.005)
    assert np.abs(change).mean() == pytest.approx(0.10, abs=0.005)
    assert found.correlation == pytest.approx(0.3, abs=0.02)
    before, after = answers(change, np.random.default_rng(1))
    assert set(before.tolist()) == set(after.tolist()) == {0.0, 1.0}
    assert before.mean() == pytest.approx(0.69, abs=0.03)


def test_a_chain_of_releases_loses_what_it_should() -> None:
    chain = releases(10, Design(200_000, 5, 0.01, 0.3, 0.004), np.random.default_rng(0))
    assert chain[0].mean() - chain[10].mean() == pytest.approx(0.04, abs=0.004)
    assert np.abs(chain[1] - chain[0]).mean() == pytest.approx(0.01, abs=0.001)


def test_quick_draws_are_those_of_the_gate() -> None:
    """Both resample the same change; they differ by chance alone."""
    draw = np.random.default_rng(5)
    change = changes(replace(USUAL, drop=0.02), draw)
    slow = findings([answers(change, draw)], USUAL.groups(), 20_000, 0)[0]
    quick = quickly(change, USUAL.per_group, 20_000, draw)
    assert quick.change == pytest.approx(slow.change)
    assert quick.error == pytest.approx(slow.error, rel=0.03)
    assert quick.bound == pytest.approx(slow.bound, abs=0.0011)
    assert quick.p_worse == pytest.approx(slow.p_worse, abs=0.01)


@pytest.mark.parametrize("drop", [0.0, 0.05])
def test_simulated_verdicts_are_those_of_the_gate(drop: float) -> None:
    draw = np.random.default_rng(7)
    groups = USUAL.groups()
    pairs = {f"task {place}": answers(changes(replace(USUAL, drop=drop), draw), draw) for place in range(3)}
    policy = Policy(tasks={title: {"score": Rule(margin=MARGIN)} for title in pairs}, replicates=2000)
    sides = [[made_evidence(pair[which], title=title, groups=groups.tolist()) for title, pair in pairs.items()]
             for which in (0, 1)]  # fmt: skip
    verdict = decide(sides[1], sides[0], policy)
    rows = [findings([pair], groups, 2000, 0)[0] for pair in pairs.values()]
    assert [str(row.outcome) for row in verdict.rows] == verdicts(rows, [MARGIN] * 3)
    assert [row.p_worse for row in verdict.rows] == pytest.approx([row.p_worse for row in rows])
