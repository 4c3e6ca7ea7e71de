"""How often the gate is right, on simulated releases of which the truth is known.

    python benchmarks/gate_calibration.py [--families 2000] [--jobs 2]

Printed as Markdown: what is promised, what was found with its 95 % interval (Wilson), and what a gate without pairing,
groups, margins or correction does to the same releases. Every simulated comparison goes through the gate's own
resampling. 2,000 families take about thirteen minutes of one processor.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.simulated_releases import (
    Array,
    Design,
    Sizes,
    answers,
    changes,
    findings,
    outcome,
    quickly,
    releases,
    unclustered_p,
    unpaired_p,
    verdicts,
)
from velm_bench.statistics.planning import NORMAL, chance_pass, detectable, samples_to_detect
from velm_bench.statistics.sequential import evidence

TASKS = 8
ALPHA = 0.05
POWER = 0.8
REPLICATES = 2000
MARGIN = 0.02
DROP = 0.03
"""The true drop of the planned gate, 3 points."""
USUAL = Design()
"""1,000 samples, 5 questions about each of 200 images, differences on 10 % that correlate by 0.3 within an image."""
RATCHET = Design(samples=10_000, discordance=0.01, drop=0.004)
STEP_MARGIN, BUDGET = 0.01, 0.015
"""Of the ratchet: what each release may lose against the previous one, and all of them against the anchor."""
MDE_DESIGNS = (
    (USUAL, MARGIN, 1),
    (USUAL, MARGIN, TASKS),
    (Design(500, 1, 0.10, 0.0), MARGIN, 1),
    (Design(5000, 1, 0.10, 0.0), MARGIN, 1),
    (Design(5000, 5, 0.05, 0.5), 0.01, TASKS),
)
"""Releases, a margin and a number of required rows."""
MARGIN_DESIGNS = (
    (USUAL, 0.02),
    (Design(1000, 5, 0.05, 0.3), 0.02),
    (Design(1000, 1, 0.10, 0.0), 0.02),
    (Design(1000, 1, 0.03, 0.0), 0.02),
    (Design(1000, 1, 0.02, 0.0), 0.02),
    (Design(300, 1, 0.021, 0.0), 0.0205),
    (Design(200, 1, 0.04, 0.0), 0.02),
    (Design(200, 1, 0.02, 0.0), 0.02),
    (Design(200, 5, 0.05, 0.3), 0.05),
    (Design(100, 1, 0.10, 0.0), 0.05),
    (Design(100, 1, 0.05, 0.0), 0.05),
    (Design(50, 1, 0.06, 0.0), 0.06),
)
"""Releases and the margin by which they are worse; where it is all that differs, nothing was won."""
UNEVEN: dict[str, Callable[[np.random.Generator], Sizes]] = {
    "300 images with 1 to some 100 questions (Pareto)": lambda chance: (
        1 + np.minimum(chance.pareto(1.2, 300) * 2, 100).astype(np.int64)
    ),
    "1,000 images with one question and 5 with 200": lambda _: np.repeat([1, 200], [1000, 5]).astype(np.int64),
}
"""How many questions each image has."""
GAPS = (0.8, 0.9, 1.0, 1.1, 1.2)
"""The drops tried, as multiples of the predicted one."""
PEEK = 100
Family = Callable[[int], Sequence[float]]
Line = tuple[str, str, str]
"""What was asked, what is promised, what was found."""


def unchanged(seed: int, design: Design = USUAL, tasks: int = TASKS, replicates: int = REPLICATES) -> list[float]:
    """One family of tasks on which nothing changed: whether it is called a regression, and the shares of its tasks on
    which the gate's test, an unclustered one and an unpaired one raise the alarm, and the share that passes."""
    chance = np.random.default_rng([seed, 1])
    rows, naive, unpaired = [], [], []
    for task in range(tasks):
        change = changes(design, chance)
        pair = answers(change, chance)
        rows += findings([pair], design.groups(), replicates, seed * tasks + task)
        naive.append(unclustered_p(change) < ALPHA)
        unpaired.append(unpaired_p(*pair) < ALPHA)
    said = verdicts(rows, [MARGIN] * tasks)
    alarms = [row.p_worse < ALPHA for row in rows]
    return [
        "regression" in said, np.mean(alarms), np.mean(naive), np.mean(unpaired), any(alarms), any(naive),
        said.count("pass") / tasks,
    ]  # fmt: skip


def one_point(seed: int, samples: int = 500, discordance: float = 0.10, tasks: int = TASKS) -> list[float]:
    """Whether "the score drops by more than one point" rejects an unchanged model: its first task, or any."""
    chance = np.random.default_rng([seed, 2])
    design = Design(samples, 1, discordance, 0.0)
    drops = [-changes(design, chance).sum() / samples > 0.01 + 1e-9 for _ in range(tasks)]
    return [drops[0], any(drops)]


def dropped(seed: int, design: Design, tasks: int = TASKS, replicates: int = REPLICATES) -> list[float]:
    """A family of which one task is worse: whether that task is called a regression, and whether the whole is."""
    chance = np.random.default_rng([seed, 3])
    drawn = [changes(replace(design, drop=0.0) if task else design, chance) for task in range(tasks)]
    rows = [quickly(change, design.per_group, replicates, chance) for change in drawn]
    said = verdicts(rows, [MARGIN] * tasks)
    return [said[0] == "regression", "regression" in said]


def uneven(seed: int, kind: str, margin: float, replicates: int = REPLICATES) -> list[float]:
    """Whether one row of groups of unequal sizes passes that is worse by the margin, and whether it is called a
    regression; through all that the gate does to a score."""
    chance = np.random.default_rng([seed, 7])
    sizes = UNEVEN[kind](chance)
    design = Design(int(sizes.sum()), 1, 0.10, 0.3, margin)
    change = changes(design, chance, sizes)
    groups = np.repeat([f"image {place:06d}" for place in range(len(sizes))], sizes)
    row = findings([answers(change, chance)], groups, replicates, seed)[0]
    said = outcome(row, row.p_worse, margin)
    return [said == "pass", said == "regression"]


def called(seed: int, design: Design, margin: float, rows: int = 1, replicates: int = REPLICATES) -> list[float]:
    """Whether one worse row is called a regression at Holm's first step, and whether it passes."""
    chance = np.random.default_rng([seed, 4])
    row = quickly(changes(design, chance), design.per_group, replicates, chance)
    said = outcome(row, min(1.0, row.p_worse * rows), margin)
    return [said == "regression", said == "pass"]


def ratchet(seed: int, design: Design = RATCHET, steps: int = 10, replicates: int = REPLICATES) -> list[float]:
    """A chain of releases that each lose a little: the first step that does not pass with the anchor, the first that is
    a regression with it, and the first that does not pass without it; steps + 1 where all pass."""
    chance = np.random.default_rng([seed, 5])
    chain = releases(steps, design, chance)
    lost = [chain[step] - chain[step - 1] for step in range(1, steps + 1)]
    lost += [chain[step] - chain[0] for step in range(1, steps + 1)]
    rows = [quickly(change, design.per_group, replicates, chance) for change in lost]
    both = [verdicts([rows[step], rows[steps + step]], [STEP_MARGIN, BUDGET]) for step in range(steps)]
    alone = [verdicts([rows[step]], [STEP_MARGIN]) for step in range(steps)]
    return [
        _first(said != ["pass", "pass"] for said in both),
        _first("regression" in said for said in both),
        _first(said != ["pass"] for said in alone),
    ]


def _first(stops: Iterator[bool]) -> int:
    """The number of the first that stops, from 1; one more than there are where none does."""
    held = list(stops)
    return held.index(True) + 1 if True in held else len(held) + 1


def stopped(seed: int, design: Design) -> list[float]:
    """A run that is looked at every `PEEK` samples: whether it is stopped, and after how many. A bet is on the mean
    change of a group."""
    change = changes(design, np.random.default_rng([seed, 6])).reshape(-1, design.per_group).mean(axis=1)
    every = PEEK // design.per_group
    looked = np.maximum.accumulate(evidence(change, 0.0))[every - 1 :: every] >= 1.0 / ALPHA
    return [looked.any(), PEEK * (int(looked.argmax()) + 1) if looked.any() else math.inf]


def peeked(seed: int, design: Design) -> list[float]:
    """The same with a test that is made for one look, made at every look; it takes no account of groups."""
    change = changes(design, np.random.default_rng([seed, 6]))
    return [any(unclustered_p(change[:stop]) < ALPHA for stop in range(PEEK, design.samples + 1, PEEK))]


@dataclass(frozen=True)
class Runs:
    """How many families are drawn, on how many processors."""

    families: int
    jobs: int

    def of(self, family: Family) -> Array:
        """What each family gives, shape (families, values)."""
        if self.jobs == 1:
            return np.asarray([family(seed) for seed in range(self.families)], dtype=np.float64)
        with ProcessPoolExecutor(self.jobs) as pool:
            return np.asarray(list(pool.map(family, range(self.families), chunksize=20)), dtype=np.float64)


def simulated_mde(
    runs: Runs, design: Design, margin: float, rows: int, replicates: int = REPLICATES
) -> tuple[float, float]:
    """The predicted minimum detectable effect at 80 % power and the simulated one: a line through the simulated powers
    about it, both as normal quantiles, is read off there."""
    predicted = detectable(design.plan(margin, rows), POWER)
    assert predicted is not None
    drops = [gap * predicted for gap in GAPS]
    families = [
        partial(called, design=replace(design, drop=drop), margin=margin, rows=rows, replicates=replicates)
        for drop in drops
    ]
    edge = 0.5 / runs.families
    powers = np.clip([runs.of(family)[:, 0].mean() for family in families], edge, 1.0 - edge)
    slope, level = np.polyfit(drops, [NORMAL.inv_cdf(float(one)) for one in powers], 1)
    return predicted, float((NORMAL.inv_cdf(POWER) - level) / slope)


def share(values: Array, each: int = 1) -> str:
    """A share of families, or of what each has so many of, with its 95 % interval (Wilson 1927)."""
    n, p, z = len(values) * each, float(np.mean(values)), 1.96
    middle = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / (1 + z * z / n)
    return f"{100 * p:.1f} % [{100 * (middle - half):.1f}, {100 * (middle + half):.1f}]"


def alarms(runs: Runs) -> Iterator[Line]:
    """Unchanged models."""
    found = runs.of(unchanged)
    any_drop = runs.of(one_point)
    yield "unchanged, 8 tasks: called a regression", "at most 5 %", share(found[:, 0])
    yield "the same, one task, the gate's test", "3 to 7 %", share(found[:, 1], TASKS)
    yield "the same, one task, paired but unclustered", "above 9 %", share(found[:, 2], TASKS)
    yield "the same, one task, unpaired", "", share(found[:, 3], TASKS)
    yield "the same, any of 8 tasks, the gate's test without Holm", "", share(found[:, 4])
    yield "the same, any of 8 tasks, paired but unclustered", "", share(found[:, 5])
    yield (
        "the same, one task: passes with a margin of 2 points",
        _percent(chance_pass(USUAL.plan(MARGIN))),
        share(found[:, 6], TASKS),
    )
    yield '500 samples, "drops by more than 1 point", one task', "", share(any_drop[:, 0])
    yield '500 samples, "drops by more than 1 point", any of 8 tasks', "", share(any_drop[:, 1])


def planned(runs: Runs) -> Iterator[Line]:
    """What plans promise."""
    plan = USUAL.plan(MARGIN, TASKS)
    fewest = samples_to_detect(plan, DROP)
    assert fewest is not None
    samples = -(-fewest // USUAL.per_group) * USUAL.per_group
    found = runs.of(partial(dropped, design=replace(USUAL, samples=samples, drop=DROP)))
    yield (
        f"one of 8 tasks drops by 3 points, {samples:,} samples as planned: regression",
        "at least 80 %",
        share(found[:, 0]),
    )
    for design, margin, rows in MDE_DESIGNS:
        predicted, simulated = simulated_mde(runs, design, margin, rows)
        kind = f"{describe(design)}, {rows} rows, margin {margin:g}"
        yield (
            f"minimum detectable effect, {kind}: {100 * predicted:.2f} points planned",
            "within 10 %",
            f"{100 * simulated:.2f} points ({100 * (simulated / predicted - 1):+.1f} %)",
        )


def at_margin(runs: Runs) -> Iterator[Line]:
    """Models that are worse by exactly the margin."""
    for design, margin in MARGIN_DESIGNS:
        found = runs.of(partial(called, design=replace(design, drop=margin), margin=margin))
        yield f"worse by the margin of {margin:g}, {describe(design)}: passes", "at most 5 %", share(found[:, 1])
    for kind in UNEVEN:
        found = runs.of(partial(uneven, kind=kind, margin=MARGIN))
        yield f"worse by the margin of {MARGIN:g}, {kind}, 10 % differ: passes", "at most 5 %", share(found[:, 0])


def creeping(runs: Runs) -> Iterator[Line]:
    """The ratchet."""
    found = runs.of(ratchet)
    yield (
        "ten releases lose 0.4 points each, with anchor: not passed by step 5",
        "at least 95 %",
        share(found[:, 0] <= 5),
    )
    yield "the same: called a regression by step 5", "", share(found[:, 1] <= 5)
    yield "the same: stopped at step (median)", "", f"{np.median(found[:, 0]):.0f}"
    yield "the same, without anchor: all ten pass", "", share(found[:, 2] > 10)


def early(runs: Runs) -> Iterator[Line]:
    """`--fail-fast`, looked at every 100 of 5,000 samples."""
    for design in (Design(5000, 1, 0.10, 0.0), replace(USUAL, samples=5000)):
        worse = runs.of(partial(stopped, design=replace(design, drop=0.05)))
        what = f"--fail-fast, {describe(design)}"
        yield f"{what}: unchanged model stopped", "at most 5 %", share(runs.of(partial(stopped, design=design))[:, 0])
        yield "the same with a paired test at every look", "", share(runs.of(partial(peeked, design=design))[:, 0])
        yield f"{what}, 5 points worse: stopped", "", share(worse[:, 0])
        yield "the same: after samples (median)", "", f"{np.median(worse[:, 1]):.0f}"


def describe(design: Design) -> str:
    """A design in a few words."""
    grouped = f", {design.per_group} per image" if design.per_group > 1 else ""
    return f"{design.samples:,} samples{grouped}, {100 * design.discordance:g} % differ"


def main() -> None:
    """Prints the table, a part at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=sorted(PARTS), help="one part of the table")
    words = parser.parse_args()
    runs = Runs(words.families, words.jobs)
    print(f"{runs.families:,} families each\n\n| asked | promised | found |\n|---|---|---|", flush=True)
    for name, part in PARTS.items():
        if words.only not in (None, name):
            continue
        began = time.time()
        for asked, promised, result in part(runs):
            print(f"| {asked} | {promised} | {result} |", flush=True)
        print(f"{name}: {time.time() - began:.0f} s", file=sys.stderr, flush=True)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} % planned"


PARTS: dict[str, Callable[[Runs], Iterator[Line]]] = {
    "alarms": alarms, "planned": planned, "at_margin": at_margin, "creeping": creeping, "early": early,
}  # fmt: skip

if __name__ == "__main__":
    main()
