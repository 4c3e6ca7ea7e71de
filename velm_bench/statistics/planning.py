"""What a gate can show, before anything is run: normal theory of the two one-sided questions of `noninferiority`.

The change c of a score is taken as normal about minus the true drop. The gate passes where c lies above `passing`, and
says regression where c lies below both `passing` and `shown_worse`. Everything asked here is the chance of one of
these, or the drop, the margin or the number of samples at which it has a given value.

Of right or wrong answers with a share d that differs between the two runs, the differences -1, 0 and 1 have the mean
square d, so that their variance is d - drop ** 2, and exchanging the runs, which forgets the drop, sees d. This gives
the sample size of the paired test of two shares (Miettinen 1968; Connor 1987): n = ((z_alpha sqrt(d) + z_power sqrt(d -
drop ** 2)) / drop) ** 2. Samples of one group multiply the variance by 1 + (m - 1) rho (Kish 1965, section 5.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

from velm_bench.statistics.noninferiority import unseen

NORMAL = NormalDist()
MOST = 1_000_000_000
"""No plan asks for more samples."""
STEPS = 60
"""How often an interval is halved to find a drop."""


@dataclass(frozen=True)
class Plan:
    """A comparison to be made. ValueError where a number makes no sense (`__post_init__` says which)."""

    n: int
    """Samples, 2 or more."""
    square: float
    """Mean square of the paired differences of single samples, in units of the score squared; of right or wrong answers
    the discordance, the share of samples that only one of the runs has right."""
    margin: float
    """How much worse is put up with, in units of the score, above 0."""
    alpha: float = 0.05
    """The chance of a false alarm, over all rows; also the chance that one worse by the margin passes, of each row."""
    rows: int = 1
    """How many required rows share alpha."""
    design_effect: float = 1.0
    """By how much groups multiply the variance."""
    per_group: float = 1.0
    """Samples per group, on average."""
    binary: bool = True
    """Whether the differences are -1, 0 or 1, so that a drop takes from their variance."""
    span: float = 1.0
    """What is lost where every sample is, in units of the score: 1 for a share."""
    per_loss: float | None = None
    """Samples to one loss of a usual size (`noninferiority.unseen`); those of a group if left out, as where groups are
    of one size and all count for the score."""

    def __post_init__(self) -> None:
        checks = {
            "the samples are 2 or more": self.n >= 2,
            "the mean square of the differences lies above 0": 0.0 < self.square < math.inf,
            "a discordance is at most 1": not self.binary or self.square <= 1.0,
            "the margin lies above 0": 0.0 < self.margin < math.inf,
            "alpha lies between 0 and 0.5": 0.0 < self.alpha < 0.5,
            "the rows are 1 or more": self.rows >= 1,
            "the design effect lies above 0": 0.0 < self.design_effect < math.inf,
            "a group has at least 1 sample": 1.0 <= self.per_group < math.inf,
            "the span lies above 0": 0.0 < self.span < math.inf,
            "a loss takes samples": self.per_loss is None or 0.0 < self.per_loss < math.inf,
        }
        broken = [sentence for sentence, holds in checks.items() if not holds]
        if broken:
            raise ValueError(f"No such plan: {broken[0]}.")

    @property
    def groups(self) -> int:
        """How many groups the samples are of."""
        return max(2, round(self.n / self.per_group))

    @property
    def trials(self) -> float:
        """How many losses of a usual size there could be."""
        return self.n / (self.per_group if self.per_loss is None else self.per_loss)

    @property
    def largest_drop(self) -> float:
        """The largest drop that there can be: of right or wrong answers, all of them."""
        return 1.0 if self.binary else math.inf

    @property
    def step(self) -> float:
        """The least change of a share. Bounds keep half of it and exchanges, which move by two steps, a whole one as a
        correction for continuity (Yates 1934), since a change that is only just as large does not count."""
        return 1.0 / self.n if self.binary else 0.0

    def error(self, drop: float = 0.0) -> float:
        """Standard error of the change of a model that is worse by `drop`.

        Where right or wrong answers drop by more than the discordance, all that differ are taken for losses.
        """
        variance = max(self.square, drop) - drop**2 if self.binary else self.square
        return math.sqrt(self.design_effect * max(variance, 0.0) / self.n)

    def exchange_error(self, drop: float = 0.0) -> float:
        """Standard deviation of the change if the two runs are exchanged at random within groups.

        Exchanging takes the mean difference for noise: it adds drop ** 2 per group to the variance.
        """
        return math.sqrt(self.error(drop) ** 2 + drop**2 * self.per_group / self.n)

    def passing(self, drop: float = 0.0) -> float:
        """The change above which the gate passes: the bound, as far from the change as `unseen` asks, above -margin.

        What the gate's bound keeps for losses that are rare (`noninferiority.sparse`) is not planned with, and the
        correction for continuity is about as much: the chances are right to some five points where 2 to 10 % differ
        (`tests/statistics/test_calibration.py`).
        """
        reach = NORMAL.inv_cdf(1.0 - self.alpha) * self.error(drop) + self.step / 2.0
        return -self.margin + max(reach, unseen(self.trials, self.span, self.alpha))

    def shown_worse(self, drop: float = 0.0) -> float:
        """The change below which the test of equal models rejects, at Holm's first step of `rows`."""
        return -NORMAL.inv_cdf(1.0 - self.alpha / self.rows) * self.exchange_error(drop) - self.step


def chance_pass(plan: Plan, drop: float = 0.0) -> float:
    """The chance that one row of a model that is worse by `drop` passes; of an unchanged model if left out."""
    return 1.0 - _below(plan.passing(drop), drop, plan.error(drop))


def chance_all_pass(plan: Plan) -> float:
    """The chance that all rows of an unchanged model pass, the rows being independent of each other: `rows` tasks."""
    return chance_pass(plan) ** plan.rows


def power(plan: Plan, drop: float) -> float:
    """The chance that a row that is worse by `drop` is called a regression: shown worse, and not shown within the
    margin."""
    return _below(min(plan.shown_worse(drop), plan.passing(drop)), drop, plan.error(drop))


def detectable(plan: Plan, wanted: float = 0.8) -> float | None:
    """The minimum detectable effect: the least drop that is called a regression with the chance `wanted`.

    None where not even the loss of all right answers is.
    """
    high = plan.largest_drop
    if math.isinf(high):
        high = plan.margin
        while power(plan, high) < wanted and high < 1e300:
            high *= 2.0
    if power(plan, high) < wanted:
        return None
    low = 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if power(plan, middle) >= wanted else (middle, high)
    return high


def samples_to_detect(plan: Plan, drop: float, wanted: float = 0.8) -> int | None:
    """The fewest samples with which a drop is called a regression with the chance `wanted`.

    None where no number is enough, or more than `MOST`: a drop well within the margin passes with many samples.
    """

    def seen(n: int) -> bool:
        other = replace(plan, n=n)
        return _below(other.shown_worse(drop), drop, other.error(drop)) >= wanted

    fewest = _fewest(seen)
    if fewest is None or power(replace(plan, n=fewest), drop) >= wanted:
        return fewest
    if drop < plan.margin:
        return None  # more samples only show that it lies within the margin
    return _fewest(lambda n: power(replace(plan, n=n), drop) >= wanted)


def samples_to_pass(plan: Plan, wanted: float = 0.8) -> int | None:
    """The fewest samples with which all rows of an unchanged model pass with the chance `wanted`; None above `MOST`."""
    return _fewest(lambda n: chance_all_pass(replace(plan, n=n)) >= wanted)


def margin_to_pass(plan: Plan, wanted: float = 0.8) -> float:
    """The least margin with which all rows of an unchanged model pass with the chance `wanted`."""
    reach = plan.passing() + plan.margin
    return reach + NORMAL.inv_cdf(wanted ** (1.0 / plan.rows)) * plan.error()


def _below(place: float, drop: float, error: float) -> float:
    """The chance that a change about -drop lies below a place."""
    if error <= 0.0:
        return float(-drop < place)
    return NORMAL.cdf((place + drop) / error)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The least n from 2 to `MOST` that is enough, where all above it are as well."""
    high = 2
    while not enough(high):
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = high // 2 if high > 2 else 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high
