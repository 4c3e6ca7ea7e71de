"""What a candidate costs against a baseline: speed and memory, where both were measured on the same terms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from velm_bench.gate.evidence import Evidence
from velm_bench.gate.policy import CostRule
from velm_bench.gate.schema import Against, Cost, Outcome
from velm_bench.results.schema import Timing
from velm_bench.statistics.paired import NOISE
from velm_bench.statistics.resampling import group_weights

Array = NDArray[np.float64]

FEWEST_PIECES = 5
"""With fewer pieces of a run no interval is given: it would be that of a handful of numbers."""
MOST = 2**63
"""No machine has so much memory, and no piece of a run so many samples or seconds."""
MOST_PIECES = 10
"""More pieces are put together, one after the other, to so many: what slows a run down for a while slows several small
pieces, which then say the same thing several times."""
REPLICATES = 10_000


def costs(candidate: Evidence, baseline: Evidence, rule: CostRule, against: Against, alpha: float = 0.05) -> list[Cost]:
    """Speed and memory of one task, those that the rule asks for; invalid where they were not measured alike.

    A change is the share by which the candidate is better. Its interval of coverage 1 - alpha is that of the batches
    of these two runs: what another hour, another machine or a busy neighbour would change is not in it, and belongs
    into the margin.
    """
    found = []
    apart = differing(candidate, baseline)
    for what, margin, judge in (("speed", rule.slowdown, _speed), ("memory", rule.memory, _memory)):
        if margin is None:
            continue
        one = Cost(task=candidate.title, what=what, against=against, tier=rule.tier, outcome=Outcome.INVALID,
                   why=apart, margin=margin)  # fmt: skip
        found.append(one if apart else judge(one, candidate.timing, baseline.timing, margin, alpha))
    return found


def differing(candidate: Evidence, baseline: Evidence) -> str:
    """Why two runs cannot be compared in speed or memory, in a sentence; empty where they can."""
    mine, other = candidate.circumstances, baseline.circumstances
    for what, first, second in (
        ("device", mine.device, other.device),
        ("precision", mine.dtype, other.dtype),
        ("batch size", mine.batch_size, other.batch_size),
        ("platform", mine.platform, other.platform),
    ):
        if first != second:
            return f"The {what} differs: {first or 'unknown'} now, {second or 'unknown'} before."
    for who, timing in (("candidate", candidate.timing), ("baseline", baseline.timing)):
        if timing.reused:
            return f"Of the {who} {timing.reused} answers are from an earlier session: run it with --fresh."
        if not timing.asked or not timing.answering > 0.0 or not math.isfinite(_per_second(timing)):
            return f"The {who} was not timed: its answers were given elsewhere."
    if candidate.n != baseline.n:
        return f"The candidate was asked {candidate.n} samples and the baseline {baseline.n}."
    return ""


def _speed(one: Cost, mine: Timing, other: Timing, margin: float, alpha: float) -> Cost:
    """Samples per second: shown to be slow enough, shown to be slower, or neither."""
    now, before = _per_second(mine), _per_second(other)
    change = now / before - 1.0
    if not math.isfinite(change):
        return one.model_copy(update={"why": "The two speeds are beyond all comparison: run both again."})
    figures = {"candidate": now, "baseline": before, "change": change}
    parts = _rates(mine), _rates(other)
    fewest = min(map(len, parts))
    if fewest < FEWEST_PIECES:
        why = f"It was measured in {fewest} pieces, and an interval takes {FEWEST_PIECES}: ask more samples."
        return one.model_copy(update={**figures, "outcome": Outcome.INCONCLUSIVE, "why": why})
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        drawn = change + _widened(_drawn(parts[0], 0) / _drawn(parts[1], 1) - 1.0 - change, fewest)
    if not np.isfinite(drawn).all():
        return one.model_copy(update={"why": "The two speeds are beyond all comparison: run both again."})
    low, bound, high = map(float, np.quantile(drawn, (alpha / 2, alpha, 1 - alpha / 2)).clip(min=-1.0))
    figures |= {"low": min(low, change), "high": max(high, change)}
    if bound > -margin:
        outcome, why = Outcome.PASS, f"It is shown to lose less than {margin:.1%} of its speed."
    elif max(high, change) < 0.0:
        outcome, why = Outcome.REGRESSION, f"It is slower, and not shown to lose less than {margin:.1%}."
    else:
        outcome, why = Outcome.INCONCLUSIVE, f"Neither is it shown to be slower, nor to lose less than {margin:.1%}."
    return one.model_copy(update={**figures, "outcome": outcome, "why": why})


def _per_second(timing: Timing) -> float:
    """Samples per second; infinite where a number is out of all bounds."""
    try:
        return timing.asked / timing.answering
    except OverflowError:
        return math.inf


def _rates(timing: Timing) -> Array:
    """Samples and seconds of each piece, shape (pieces, 2); none where one took no time that a clock could see."""
    pieces = np.asarray(timing.pieces, dtype=np.float64).reshape(-1, 2)
    sound = (pieces > 0.0).all() and (pieces < MOST).all()
    if not sound or not len(pieces):
        return pieces[:0]
    starts = np.arange(min(len(pieces), MOST_PIECES)) * len(pieces) // min(len(pieces), MOST_PIECES)
    return np.asarray(np.add.reduceat(pieces, starts, axis=0))


def _widened(deviations: Array, pieces: int) -> Array:
    """Deviations as far as so few pieces leave open: they spread by (k - 1) / k too little in square, and Student's t
    with k - 1 degrees of freedom has longer tails than the bootstrap, by about (z ** 2 + 1) / 4 (k - 1) at z = 2."""
    rest = pieces - 1
    return deviations * math.sqrt(pieces / rest) * (1.0 + 1.25 / rest)


def _drawn(pieces: Array, seed: int) -> Array:
    """Samples per second of pieces drawn with replacement, shape (replicates,)."""
    totals = np.concatenate([weights @ pieces for weights in group_weights(len(pieces), REPLICATES, seed)])
    return np.asarray(totals[:, 0] / totals[:, 1])


def _memory(one: Cost, mine: Timing, other: Timing, margin: float, alpha: float) -> Cost:
    """The peak of the device's memory where both know it, else of the process: one measurement each, no interval."""
    pairs: Sequence[tuple[str, int | None, int | None]] = (
        ("the device", mine.device_memory, other.device_memory),
        ("the process", mine.process_memory, other.process_memory),
    )
    for where, now, before in pairs:
        if now and before and max(now, before) < MOST:
            grown = now / before - 1.0
            within = grown <= margin + NOISE
            moved = f"{'grew' if grown > 0 else 'shrank'} by {abs(grown):.1%}" if abs(grown) >= 5e-4 else "is the same"
            why = f"The peak of {where} {moved}, measured once in each."
            outcome = Outcome.PASS if within else Outcome.REGRESSION
            return one.model_copy(
                update={"candidate": float(now), "baseline": float(before), "change": -grown, "outcome": outcome,
                        "why": why}
            )  # fmt: skip
    return one.model_copy(update={"why": "One of the two runs has no measurement of its memory: run both again."})
