"""Is it worse, and is it not worse than a margin: two one-sided questions about one difference.

Differences are turned so that above zero the candidate is better. "Worse" is tested by exchanging the runs (exact for
an unchanged model), "not worse than the margin" by the lower bootstrap bound. That every required comparison must pass
for the whole to pass needs no adjustment (an intersection-union test, Berger 1982); that any may raise the alarm does
(`multiple.holm`).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.statistics.contrasts import Resampled
from velm_bench.statistics.paired import NOISE, two_sided

Array = NDArray[np.float64]
MOST = 1e15
"""More samples than this is no advice."""


class Finding(NamedTuple):
    """What resampling says of one difference, turned so that above zero the candidate is better; NaN where unknown."""

    change: float
    """The difference itself."""
    low: float
    """Lower bound of its two-sided interval of coverage 1 - alpha, widened to hold it."""
    high: float
    """Upper bound."""
    bound: float
    """One-sided lower bound at level alpha, never nearer to the change than `unseen` and `sparse` losses allow."""
    error: float
    """Its standard error."""
    p: float
    """Two-sided, by exchange."""
    p_bootstrap: float
    """Two-sided, by the bootstrap."""
    p_worse: float
    """One-sided, by exchange: the chance that equal models differ so much to the candidate's disadvantage."""


def unseen(groups: float, span: float, alpha: float) -> float:
    """The loss that may have escaped so few groups: span * (1 - alpha ** (1 / groups)).

    With a chance of q per group to lose `span`, none of n groups shows it with chance (1 - q) ** n; the bound is the q
    at which that is alpha (Hanley and Lippman-Hand 1983: about 3 / n for alpha .05). Where the runs never differ, the
    bootstrap alone would call any number of samples enough.
    """
    return span * (1.0 - alpha ** (1.0 / groups)) if groups > 0 else math.inf


def sparse(drawn: Array, groups: float, span: float, alpha: float) -> float:
    """How far below the change the bound must lie where few groups differ, and mostly to the worse.

    A model that is worse by the bound has more losses than the one observed, and with them a larger variance. Along the
    exponential family through the data the variance changes with the mean by the third cumulant over the second (Efron
    1981, nonparametric tilting), here of one group's share and with one more group that loses `span`, so that s is
    `span` where nothing differs. The distance t solves t ** 2 = z ** 2 / groups * (variance + t s), as Wilson's and
    Tango's (1998) scores do for shares; with as many wins as losses it is the normal one. `drawn` are the bootstrap's
    differences, above zero better, shape (replicates,).
    """
    second = groups * float(drawn.var())
    third = groups**2 * float(((drawn - drawn.mean()) ** 3).mean())
    slope = max(0.0, (span**3 / groups - third) / (span**2 / groups + second)) if span > 0.0 else 0.0
    part = NormalDist().inv_cdf(1.0 - alpha) ** 2 / groups
    return (part * slope + math.sqrt((part * slope) ** 2 + 4.0 * part * second)) / 2.0


def assess(found: Resampled, place: int, higher: bool, alpha: float, span: float) -> Finding:
    """What resampling says of one output, the `place`-th of its metric.

    `span` is the most that one group can lose, in units of the score: 1 for a share. Replicates in which the score is
    undefined are left out. Sums in another order differ in their last digits: differences below 1e-12 of what scores
    and replicates are like count as none. ValueError where no replicates of the output were kept.
    """
    if place not in found.places:
        raise ValueError(f"No replicates were kept of output {place}, only of {list(found.places)}.")
    sign, column = 1.0 if higher else -1.0, found.places.index(place)
    change = sign * float(found.observed[place])
    drawn, exchanged = _defined(sign * found.drawn[:, column]), _defined(sign * found.exchanged[:, column])
    if not math.isfinite(change) or not len(drawn) or not len(exchanged):
        return Finding(change if math.isfinite(change) else math.nan, *[math.nan] * 7)
    like = max(float(np.abs(part).max()) for part in (found.values[:, place], drawn, exchanged)) or 1.0
    noise = NOISE * like
    low, bound, high = np.quantile(drawn, (alpha / 2, alpha, 1 - alpha / 2))
    return Finding(
        change=change,
        low=min(float(low), change),
        high=max(float(high), change),
        bound=min(float(bound), change - like * _least(drawn / like, found.effective, span / like, alpha)),
        error=float((drawn / like).std()) * like,
        p=_share(np.abs(exchanged) >= abs(change) - noise),
        p_bootstrap=float(two_sided((drawn / like)[:, None])[0]),
        p_worse=_share(exchanged <= change + noise),
    )


def _least(drawn: Array, groups: float, span: float, alpha: float) -> float:
    return max(unseen(groups, span, alpha), sparse(drawn, groups, span, alpha))


def _defined(replicates: Array) -> Array:
    return replicates[np.isfinite(replicates)]


def _share(hits: NDArray[np.bool_]) -> float:
    """The share of hits, the observed one counted as one of them, so that it is never 0."""
    return (int(np.count_nonzero(hits)) + 1.0) / (len(hits) + 1.0)


def samples_needed(
    finding: Finding, n: int, groups: float, margin: float, alpha: float, power: float, span: float
) -> int:
    """About how many samples of this kind would decide, with chance `power`, where the change is what it seems to be; 0
    where no number would, or nobody could ask so many.

    n ((z_alpha + z_power) error / distance) ** 2, the distance being the farther of those to -margin (beyond it, it
    passes) and to zero (below it, it is found worse); and enough groups that a loss of the margin cannot stay unseen.
    """
    distance = max(margin + finding.change, -finding.change)
    if not distance > 0.0 or not groups or not math.isfinite(finding.error):
        return 0
    normal = NormalDist()
    ratio = (normal.inv_cdf(1.0 - alpha) + normal.inv_cdf(power)) * finding.error / distance
    needed = max(n * ratio * ratio, n + 1.0)
    if margin + finding.change >= distance:
        share = min(margin / span, 1.0 - 1e-9) if span > 0 else 1.0 - 1e-9
        needed = max(needed, math.log(alpha) / math.log1p(-share) * n / groups if share > 0.0 else math.inf)
    return math.ceil(needed) if needed < MOST else 0
