"""Releases of which the truth is known: right and wrong answers to several questions about each of many images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.gate.comparing import Measured, Stakes, stakes_of
from velm_bench.gate.deciding import judge
from velm_bench.gate.schema import Compared
from velm_bench.metrics import build
from velm_bench.statistics.contrasts import Contrast, Resampled, resample
from velm_bench.statistics.multiple import holm
from velm_bench.statistics.noninferiority import Finding, assess
from velm_bench.statistics.planning import NORMAL, Plan

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]
ACCURACY = 0.7
"""How often the first release is right."""
METRIC = build("accuracy")


@dataclass(frozen=True)
class Design:
    """One task with two releases."""

    samples: int = 1000
    per_group: int = 5
    discordance: float = 0.10
    """The share of samples that only one release has right."""
    correlation: float = 0.3
    """Of the differences of two samples of one group."""
    drop: float = 0.0
    """By how much the candidate is truly worse."""

    def groups(self) -> NDArray[np.str_]:
        """The image of each sample."""
        count = -(-self.samples // self.per_group)
        return np.repeat([f"image {place:06d}" for place in range(count)], self.per_group)[: self.samples]

    def plan(self, margin: float = 0.02, rows: int = 1, alpha: float = 0.05) -> Plan:
        """The same as it is planned."""
        return Plan(
            n=self.samples,
            square=self.discordance,
            margin=margin,
            alpha=alpha,
            rows=rows,
            design_effect=1.0 + (self.per_group - 1) * self.correlation,
            per_group=self.per_group,
        )


def shared(samples: int, per_group: int | Sizes, correlation: float, chance: np.random.Generator) -> Array:
    """A number in [0, 1) per sample: that of its group with chance sqrt(correlation), else its own.

    Any function of it alone has the given correlation within groups, whatever its distribution. Groups are of one size,
    or each of its own, shape (groups,).
    """
    count = -(-samples // per_group) if isinstance(per_group, int) else len(per_group)
    common = np.repeat(chance.random(count), per_group)[:samples]
    return np.where(chance.random(samples) < math.sqrt(correlation), common, chance.random(samples))


def changes(design: Design, chance: np.random.Generator, sizes: Sizes | None = None) -> Array:
    """The change of each sample: -1 where a right answer became wrong, 1 the other way round, shape (samples,).

    `sizes`, shape (groups,), go before the design's groups of one size.
    """
    place = shared(design.samples, design.per_group if sizes is None else sizes, design.correlation, chance)
    lost = (design.discordance + design.drop) / 2.0
    return np.where(place < lost, -1.0, np.where(place < design.discordance, 1.0, 0.0))


def answers(change: Array, chance: np.random.Generator) -> tuple[Array, Array]:
    """Whether each release is right, shape (samples,) each, as these changes ask."""
    first = np.where(change == 0.0, chance.random(len(change)) < ACCURACY, change < 0.0).astype(np.float64)
    return first, first + change


def releases(length: int, design: Design, chance: np.random.Generator) -> list[Array]:
    """A chain of releases, each `drop` worse than the one before: whether each is right, shape (samples,)."""
    right = (shared(design.samples, design.per_group, design.correlation, chance) < ACCURACY).astype(np.float64)
    chain = [right]
    for _ in range(length):
        place = shared(design.samples, design.per_group, design.correlation, chance)
        level = float(right.mean())
        lost = place < (design.discordance + design.drop) / 2.0 / level
        won = place > 1.0 - (design.discordance - design.drop) / 2.0 / (1.0 - level)
        right = np.where(right == 1.0, ~lost, won).astype(np.float64)
        chain.append(right)
    return chain


def findings(
    pairs: Sequence[tuple[Array, Array]], groups: NDArray[np.str_], replicates: int, seed: int, alpha: float = 0.05
) -> list[Finding]:
    """What the gate finds of pairs (before, after) of right and wrong answers to the same questions."""
    asked = [Contrast(METRIC, _counted(before), _counted(after)) for before, after in pairs]
    found = []
    for one, drawn in zip(asked, resample(asked, groups, replicates, seed), strict=True):
        stakes = stakes_of(METRIC, METRIC.outputs[0], one.baseline, one.candidate, groups, drawn.effective)
        found.append(assess(drawn, 0, True, alpha, stakes.span, stakes.loss))
    return found


def quickly(
    change: Array, per_group: int, replicates: int, chance: np.random.Generator, alpha: float = 0.05
) -> Finding:
    """The same of the changes of one task, some ten times faster: groups of equal size are drawn and exchanged by how
    many there are of each net change, which gives replicates of the same distribution as those of `resample`."""
    nets, counts = np.unique(change.reshape(-1, per_group).sum(axis=1), return_counts=True)
    groups = int(counts.sum())
    drawn = chance.multinomial(groups, counts / groups, replicates) @ nets
    exchanged = (2 * chance.binomial(counts, 0.5, (replicates, len(counts))) - counts) @ nets
    resampled = Resampled(
        values=np.asarray([[0.0], [change.mean()]]),
        drawn=drawn[:, None] / len(change),
        exchanged=exchanged[:, None] / len(change),
        groups=groups,
        effective=float(groups),
        places=(0,),
    )
    return assess(resampled, 0, True, alpha, 1.0)


def verdicts(rows: Sequence[Finding], margins: Sequence[float], alpha: float = 0.05) -> list[str]:
    """pass, regression or inconclusive for each of the required rows, as `velm_bench.gate.deciding` decides."""
    adjusted = holm([row.p_worse for row in rows])
    return [outcome(row, float(p), margin, alpha) for row, margin, p in zip(rows, margins, adjusted, strict=True)]


def outcome(row: Finding, adjusted: float, margin: float, alpha: float = 0.05) -> str:
    """What the gate makes of a row with this adjusted p, there being groups enough."""
    return str(judge(Measured(Compared(task="", metric=""), row, Stakes(1.0, 0.0)), adjusted, alpha, margin))


def unclustered_p(change: Array) -> float:
    """One-sided p of a paired test that takes all samples for independent."""
    spread = float(change.std(ddof=1))
    return NORMAL.cdf(float(change.mean()) / spread * math.sqrt(len(change))) if spread > 0.0 else 1.0


def unpaired_p(before: Array, after: Array) -> float:
    """One-sided p of a test that takes the two releases for independent samples."""
    variance = float(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
    return NORMAL.cdf(float(after.mean() - before.mean()) / math.sqrt(variance)) if variance > 0.0 else 1.0


def _counted(right: Array) -> Array:
    return np.column_stack([right, np.ones(len(right))])
