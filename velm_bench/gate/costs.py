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
        if not timing.asked or not timing.answering > 0.0:
            return f"The {who} was not timed: its answers were given elsewhere."
    if candidate.n != baseline.n:
        return f"The candidate was asked {candidate.n} samples and the baseline {baseline.n}."
    return ""


def _speed(one: Cost, mine: Timing, other: Timing, margin: float, alpha: float) -> Cost:
    """Samples per second: shown to be slow enough, shown to be slower, or neither."""
    now, before = mine.asked / mine.answering, other.asked / other.answering
    change = now / before - 1.0
    figures = {"candidate": now, "baseline": before, "change": change}
    parts = _rates(mine), _rates(other)
    fewest = min(map(len, parts))
    if fewest < FEWEST_PIECES:
        why = f"It was measured in {fewest} pieces, and an interval takes {FEWEST_PIECES}: ask more samples."
        return one.model_copy(update={**figures, "outcome": Outcome.INCONCLUSIVE, "why": why})
    drawn = _drawn(parts[0], 0) / _drawn(parts[1], 1) - 1.0
    low, bound, high = map(float, np.quantile(drawn, (alpha / 2, alpha, 1 - alpha / 2)))
    figures |= {"low": min(low, change), "high": max(high, change)}
    if bound > -margin:
        outcome, why = Outcome.PASS, f"It is shown to lose less than {margin:.1%} of its speed."
    elif high < 0.0:
        outcome, why = Outcome.REGRESSION, f"It is slower, and not shown to lose less than {margin:.1%}."
    else:
        outcome, why = Outcome.INCONCLUSIVE, f"Neither is it shown to be slower, nor to lose less than {margin:.1%}."
    return one.model_copy(update={**figures, "outcome": outcome, "why": why})


def _rates(timing: Timing) -> Array:
    """Samples and seconds of each piece, shape (pieces, 2); none where one took no time that a clock could see."""
    pieces = np.asarray(timing.pieces, dtype=np.float64).reshape(-1, 2)
    sound = np.isfinite(pieces).all() and (pieces > 0.0).all()
    return pieces if sound else pieces[:0]


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
        if now and before and math.isfinite(now / before):
            grown = now / before - 1.0
            within = grown <= margin + NOISE
            why = f"The peak of {where} {'grew' if grown > 0 else 'shrank'} by {abs(grown):.1%}, measured once in each."
            outcome = Outcome.PASS if within else Outcome.REGRESSION
            return one.model_copy(
                update={"candidate": float(now), "baseline": float(before), "change": -grown, "outcome": outcome,
                        "why": why}
            )  # fmt: skip
    return one.model_copy(update={"why": "One of the two runs has no measurement of its memory: run both again."})
