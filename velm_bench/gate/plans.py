"""What a gate can show before anything is run: how much two models differ becomes a table of chances."""

from __future__ import annotations

import math
from dataclasses import replace

from velm_bench.errors import UsageError
from velm_bench.gate.spreads import Spread, demand
from velm_bench.results.schema import Record
from velm_bench.statistics.planning import (
    MOST,
    Plan,
    chance_all_pass,
    chance_pass,
    detectable,
    margin_to_pass,
    power,
    samples_to_detect,
    samples_to_pass,
)

LEAST = 0.5
"""A plan that passes fewer than this share of unchanged models is refused."""
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The table shows so many times the planned samples."""


class Point(Record):
    """What one number of samples would show."""

    n: int
    """Samples."""
    detectable: float | None
    """The least true drop that is called a regression with the wanted power; null where there is none."""
    power: float
    """The chance that the drop asked about is called a regression."""
    unchanged_passes: float
    """The chance that an unchanged model passes, in all required rows."""
    worse_passes: float
    """The chance that one row of a model that is worse by the margin passes."""


class PlanReport(Record):
    """What `gate plan --json` prints."""

    what: str
    """The task and the score of the past runs; empty where all is assumed."""
    n: int
    """Samples."""
    groups: int
    """Of how many groups."""
    margin: float
    """How much worse is put up with, in units of the score."""
    drop: float
    """The true drop whose detection is asked about."""
    alpha: float
    """The chance of a false alarm over all required rows."""
    wanted_power: float
    """The chance that is aimed at."""
    rows: int
    """How many required rows share alpha."""
    discordance: float | None
    """The share of samples that only one of the runs has right; null where samples are not right or wrong."""
    deviation: float
    """Standard deviation of a sample's difference."""
    design_effect: float
    """By how much groups multiply the variance."""
    correlation: float | None
    """Intra-group correlation of the differences; null where it is not known."""
    error: float
    """Standard error of the change of an unchanged model."""
    detectable: float | None
    """As in the table, at n."""
    power: float
    """As in the table, at n."""
    unchanged_passes: float
    """As in the table, at n."""
    unchanged_passes_row: float
    """The chance that an unchanged model passes in one row."""
    worse_passes: float
    """As in the table, at n."""
    n_to_detect: int | None
    """The fewest samples that find the drop with the wanted power; null where no number does."""
    n_to_pass: int | None
    """The fewest samples with which an unchanged model passes with the wanted power."""
    table: list[Point]
    """The same for fewer and more samples."""


def report(
    spread: Spread,
    *,
    n: int | None,
    margin: float | None = None,
    drop: float | None = None,
    alpha: float = 0.05,
    wanted: float = 0.8,
    rows: int = 1,
) -> PlanReport:
    """All that a plan is asked; UsageError for a number that makes no sense, naming its flag."""
    samples = spread.n if n is None else n
    if samples is None:
        raise UsageError("Nothing says how many samples there are: give --n, or past runs with --from.")
    allowed = spread.margin if margin is None else margin
    demand(2 <= samples <= MOST, "--n", samples, f"2 to {MOST:,} samples")
    demand(0.0 < allowed < math.inf, "--margin", allowed, "a number above 0, in units of the score")
    demand(0.0 < alpha < 0.5, "--alpha", alpha, "a number between 0 and 0.5")
    demand(0.0 < wanted < 1.0, "--power", wanted, "a number between 0 and 1")
    demand(1 <= rows <= 1e6, "--rows", rows, "1 row or more")
    asked = allowed if drop is None else drop
    demand(0.0 < asked < math.inf, "--drop", asked, "a number above 0, in units of the score")
    demand(not spread.binary or allowed < 1.0, "--margin", allowed, "a share below 1: answers are right or wrong")
    if spread.binary and drop is not None and drop > spread.square:
        raise UsageError(
            f"--drop {drop:g} is more than the discordance {spread.square:g}, and of so few answers that differ no "
            "such drop can come: give a smaller --drop, or a larger --discordance."
        )
    plan = _plan(spread, samples, allowed, alpha, rows)
    here = _point(plan, asked, wanted)
    return PlanReport(
        what=spread.what,
        n=samples,
        groups=plan.groups,
        margin=allowed,
        drop=asked,
        alpha=alpha,
        wanted_power=wanted,
        rows=rows,
        discordance=spread.square if spread.binary else None,
        deviation=math.sqrt(spread.square),
        design_effect=spread.design_effect,
        correlation=spread.correlation,
        error=plan.error(),
        **here.model_dump(exclude={"n"}),
        unchanged_passes_row=chance_pass(plan),
        n_to_detect=samples_to_detect(plan, asked, wanted),
        n_to_pass=samples_to_pass(plan, wanted),
        table=[_point(replace(plan, n=max(2, round(samples * scale))), asked, wanted) for scale in SCALES],
    )


def refused(found: PlanReport, spread: Spread) -> str | None:
    """Why a plan is not worth running, with what would do; None where it passes at least half of unchanged models."""
    if found.unchanged_passes >= LEAST:
        return None
    plan = _plan(spread, found.n, found.margin, found.alpha, found.rows)
    fewest = samples_to_pass(plan, LEAST)
    ask = f"ask {fewest:,} samples or more (--n)" if fewest else "no number of samples would do"
    margin = math.ceil(margin_to_pass(plan, LEAST) * 10_000) / 10_000
    allow = f", allow {margin:g} (--margin)" if margin < 1.0 else ""
    return (
        f"Of unchanged models only {100 * found.unchanged_passes:.0f} % would pass with {found.n:,} samples and the "
        f"margin {found.margin:g}: {ask}{allow}, or plan so all the same with --force."
    )


def _point(plan: Plan, drop: float, wanted: float) -> Point:
    return Point(
        n=plan.n,
        detectable=detectable(plan, wanted),
        power=power(plan, drop),
        unchanged_passes=chance_all_pass(plan),
        worse_passes=chance_pass(plan, plan.margin),
    )


def _plan(spread: Spread, n: int, margin: float, alpha: float, rows: int) -> Plan:
    return Plan(
        n=n,
        square=spread.square,
        margin=margin,
        alpha=alpha,
        rows=rows,
        design_effect=spread.design_effect,
        per_group=spread.per_group,
        binary=spread.binary,
        span=spread.span,
        per_loss=spread.per_loss,
    )
