"""Is it worse, and is it not worse than a margin: two one-sided questions about one difference.

Differences are turned so that above zero the candidate is better. "Worse" is tested by exchanging the runs (exact for
an unchanged model), "not worse than the margin" by a lower bound: the lowest of the bootstrap's quantile, of what its
skewness says (`sparse`), and of what so few groups cannot show (`unseen`). That every required comparison must pass
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
    """One-sided lower bound at level alpha: the lowest of the bootstrap's quantile, `unseen` and `sparse`; minus
    infinity where undefined replicates may hide any loss."""
    error: float
    """Its standard error."""
    p: float
    """Two-sided, by exchange."""
    p_bootstrap: float
    """Two-sided, by the bootstrap."""
    p_worse: float
    """One-sided, by exchange: the chance that equal models differ so much to the candidate's disadvantage."""


def unseen(trials: float, span: float, alpha: float) -> float:
    """The loss that may have escaped so few trials: span * (1 - alpha ** (1 / trials)).

    With a chance of q per trial to be lost, none of n shows it with chance (1 - q) ** n; the bound is the q at which
    that is alpha (Hanley and Lippman-Hand 1983: about 3 / n for alpha .05), times `span`, what is lost where all are.
    Where the runs never differ, the bootstrap alone would call any number of samples enough.
    """
    return span * (1.0 - alpha ** (1.0 / trials)) if trials > 0 else math.inf


def sparse(drawn: Array, loss: float, alpha: float) -> float:
    """How far below the change the bound must lie where few groups differ, and mostly to the worse.

    A model that is worse by the bound has more losses than the one observed, and with them a larger variance. Along the
    exponential family through the data the variance changes with the mean by the third cumulant over the second (Efron
    1981, nonparametric tilting), here with one more `loss`, so that the slope s is the loss where nothing differs. The
    distance t solves t ** 2 = z ** 2 (variance + t s), as Wilson's and Tango's (1998) scores do for shares; with as
    many wins as losses it is the normal one. `drawn` are the bootstrap's differences, above zero better, shape
    (replicates,).
    """
    variance = float(drawn.var())
    third = float(((drawn - drawn.mean()) ** 3).mean())
    slope = max(0.0, (loss**3 - third) / (loss**2 + variance)) if loss > 0.0 else 0.0
    square = NormalDist().inv_cdf(1.0 - alpha) ** 2
    return (square * slope + math.sqrt((square * slope) ** 2 + 4.0 * square * variance)) / 2.0


def assess(found: Resampled, place: int, higher: bool, alpha: float, span: float, loss: float | None = None) -> Finding:
    """What resampling says of one output, the `place`-th of its metric.

    `span` is what is lost where every sample is, in units of the score: 1 for a share. `loss` is what is lost where one
    group of a usual size is; the span over the number of groups if left out. Replicates in which the score is undefined
    count against the candidate where they could hide a loss, and for the exchange as being as extreme as what was seen;
    where more than half are, nothing is known. Sums in another order differ in their last digits: differences below
    1e-12 of what scores and replicates are like count as none. ValueError where no replicates of the output were kept.
    """
    if place not in found.places:
        raise ValueError(f"No replicates were kept of output {place}, only of {list(found.places)}.")
    sign, column = 1.0 if higher else -1.0, found.places.index(place)
    change = sign * float(found.observed[place])
    drawn, exchanged = _defined(sign * found.drawn[:, column]), _defined(sign * found.exchanged[:, column])
    lost = len(found.drawn) - len(drawn)
    if not math.isfinite(change) or 2 * len(drawn) <= len(found.drawn) or 2 * len(exchanged) <= len(found.exchanged):
        return Finding(change if math.isfinite(change) else math.nan, *[math.nan] * 7)
    like = max(float(np.abs(part).max()) for part in (found.values[:, place], drawn, exchanged)) or 1.0
    noise = NOISE * like
    low, high = np.quantile(drawn, (alpha / 2, 1 - alpha / 2))
    one = (span / found.effective if loss is None else loss) / like
    least = like * max(sparse(drawn / like, one, alpha), unseen(span / like / one if one else 0.0, span / like, alpha))
    undefined = len(found.exchanged) - len(exchanged)
    return Finding(
        change=change,
        low=min(float(low), change),
        high=max(float(high), change),
        bound=min(_quantile(drawn, lost, alpha), change - least),
        error=float((drawn / like).std()) * like,
        p=_share(np.abs(exchanged) >= abs(change) - noise, undefined),
        p_bootstrap=float(two_sided((drawn / like)[:, None])[0]),
        p_worse=_share(exchanged <= change + noise, undefined),
    )


def _defined(replicates: Array) -> Array:
    return replicates[np.isfinite(replicates)]


def _quantile(drawn: Array, lost: int, alpha: float) -> float:
    """The alpha-quantile of the replicates, of which so many more lie below all others."""
    rest = alpha * (len(drawn) + lost) - lost
    return float(np.quantile(drawn, rest / len(drawn))) if rest > 0.0 else -math.inf


def _share(hits: NDArray[np.bool_], more: int) -> float:
    """The share of hits, `more` of which were not seen and the observed one among them, so that it is never 0."""
    return (int(np.count_nonzero(hits)) + more + 1.0) / (len(hits) + more + 1.0)


def samples_needed(
    finding: Finding,
    n: int,
    trials: float,
    margin: float,
    alpha: float,
    power: float,
    span: float,
    alarm: float | None = None,
    groups: int = 0,
) -> int:
    """About how many samples of this kind would decide, with chance `power`, where the change is what it seems to be; 0
    where no number would, or nobody could ask so many. `trials` is how many losses there could have been, span / loss;
    `alarm` the level at which it is called worse, below alpha where several comparisons share that (alpha if left out;
    0 where it never can be); `groups` how many there are, where their number is to allow for an alarm.

    The fewer of what it takes to pass and to be found worse: n ((z_level + z_power) error / distance) ** 2, with alpha
    and the distance to -margin for the one, `alarm` and that to zero for the other; and enough groups, to pass that a
    loss of the margin cannot stay unseen, to be found worse that a test by exchange can reject (`fewest_groups`).
    """
    if not trials or not math.isfinite(finding.error):
        return 0
    normal = NormalDist()

    def enough(level: float, distance: float) -> float:
        if not distance > 0.0:
            return math.inf
        ratio = max(0.0, normal.inv_cdf(power) - normal.inv_cdf(level)) * finding.error / distance
        return n * ratio * ratio

    share = min(margin / span, 1.0 - 1e-9) if span > 0 else 1.0 - 1e-9
    seen = math.log(alpha) / math.log1p(-share) * n / trials if share > 0.0 else math.inf
    passing = max(enough(alpha, margin + finding.change), seen)
    level = alpha if alarm is None else alarm
    fewest = fewest_groups(1, level) * n / groups if groups and level > 0.0 else 0.0
    found_worse = max(enough(level, -finding.change), fewest) if level > 0.0 else math.inf
    needed = max(min(passing, found_worse), n + 1.0)
    return math.ceil(needed) if needed < MOST else 0


def fewest_groups(rows: int, alpha: float) -> int:
    """How many groups a test by exchange takes to reject at Holm's first step of so many rows: 2 ** -groups < alpha /
    rows."""
    return math.floor(math.log2(rows / alpha)) + 1
