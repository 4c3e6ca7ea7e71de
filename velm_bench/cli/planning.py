"""`velm-bench gate plan`: what a gate could show, before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from velm_bench.cli.options import RESULTS, Json, Output
from velm_bench.cli.output import note, plain, print_facts, print_json, print_table

if TYPE_CHECKING:
    from velm_bench.gate.plans import PlanReport
    from velm_bench.gate.spreads import Spread

HEADERS = ("samples", "detectable drop", "power", "unchanged passes", "worse by margin passes")


def plan(
    n: Annotated[int | None, typer.Option("--n", help="Samples; those of the past runs if left out.")] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", help="How much worse is put up with, in the score's units; as `gate` if left out."),
    ] = None,
    alpha: Annotated[
        float, typer.Option("--alpha", help="The chance of a false alarm, over all required rows.")
    ] = 0.05,
    power: Annotated[float, typer.Option("--power", help="The chance that is aimed at.")] = 0.8,
    rows: Annotated[int, typer.Option("--rows", help="How many required rows (tasks, scores) share alpha.")] = 1,
    discordance: Annotated[
        float | None,
        typer.Option("--discordance", help="Assume this share of samples that only one of two models has right."),
    ] = None,
    per_group: Annotated[
        int | None, typer.Option("--per-group", help="Assume so many samples per group (questions per image).")
    ] = None,
    correlation: Annotated[
        float | None, typer.Option("--correlation", help="Assume this correlation of the differences within a group.")
    ] = None,
    past_runs: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="RUN", help="Two past runs of one task, in the place of assumptions: --from A --from B."
        ),
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="The score of the past runs; their primary one if left out.")
    ] = None,
    drop: Annotated[
        float | None, typer.Option("--drop", help="The true drop that is to be found; the margin if left out.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Plan even where fewer than half of unchanged models would pass.")
    ] = False,
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Tell what a gate could show: the least drop it finds, and the chances that models pass or are called worse.

    Refuses (2) a plan that passes fewer than half of unchanged models.
    """
    from velm_bench.errors import UsageError
    from velm_bench.gate.plans import refused, report

    spread = _spread(past_runs or [], metric, discordance, per_group, correlation, output)
    found = report(spread, n=n, margin=margin, drop=drop, alpha=alpha, wanted=power, rows=rows)
    reason = refused(found, spread)
    if reason and not force:
        raise UsageError(reason)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if reason:
        note(f"Forced: {reason}")


def _spread(
    past_runs: list[str],
    metric: str | None,
    discordance: float | None,
    per_group: int | None,
    correlation: float | None,
    output: Path,
) -> Spread:
    """What is assumed, or was measured; UsageError where neither is said, or something that would change nothing."""
    from velm_bench.errors import UsageError
    from velm_bench.gate.spreads import assumed, past

    assumptions = {"--discordance": discordance, "--per-group": per_group, "--correlation": correlation}
    given = [flag for flag, value in assumptions.items() if value is not None]
    if past_runs:
        if given:
            raise UsageError(f"{given[0]} is told by the past runs of --from: leave one of the two out.")
        return past(past_runs, output, metric, note)
    if metric is not None:
        raise UsageError("--metric is a score of past runs: name two with --from, or leave it out.")
    if discordance is None:
        raise UsageError("Nothing says how much two models differ: name two past runs with --from, or --discordance.")
    if per_group is None and correlation is not None:
        raise UsageError("--correlation is that within a group: say with --per-group how many samples one has.")
    if per_group is not None and per_group > 1 and correlation is None:
        raise UsageError("--per-group changes nothing without --correlation: say how alike the samples of a group are.")
    return assumed(discordance, 1 if per_group is None else per_group, correlation or 0.0)


def _print(found: PlanReport) -> None:
    print_facts(_facts(found))
    print()
    rows = [
        (f"{one.n:,}", _amount(one.detectable), _percent(one.power), _percent(one.unchanged_passes),
         _percent(one.worse_passes))
        for one in found.table
    ]  # fmt: skip
    print_table(HEADERS, rows, frozenset(HEADERS))
    if _rises([one.detectable for one in found.table]):
        note(
            "With many samples a drop is shown to lie within the margin, and passes: the least drop that is called a "
            "regression then rises towards the margin."
        )


def _rises(drops: Sequence[float | None]) -> bool:
    """Whether more samples find a larger drop only."""
    known = [drop for drop in drops if drop is not None]
    return any(later > earlier for earlier, later in pairwise(known))


def _facts(found: PlanReport) -> dict[str, object]:
    wanted = _percent(found.wanted_power)
    shared = f", shared by {found.rows} required rows" if found.rows > 1 else ""
    every = f" (each row {_percent(found.unchanged_passes_row)})" if found.rows > 1 else ""
    likeness = "" if found.correlation is None else f", correlation within {found.correlation:.3f}"
    return {
        "planned from": plain(found.what) or "assumptions",
        "samples": f"{found.n:,} of {found.groups:,} groups",
        "discordance": None if found.discordance is None else f"{found.discordance:.4f}",
        "deviation": f"{found.deviation:.4g} per sample, design effect {found.design_effect:.2f}{likeness}",
        "standard error": f"{found.error:.4g}",
        "alpha": f"{found.alpha:g}{shared}",
        "margin": f"{found.margin:g}",
        "least drop found": f"{_amount(found.detectable)} (with {wanted} power)",
        "power": f"{_percent(found.power)} to call a true drop of {found.drop:g} a regression",
        "unchanged model": f"passes with {_percent(found.unchanged_passes)}{every}",
        "worse by the margin": f"passes with {_percent(found.worse_passes)}",
        "samples for the drop": f"{_count(found.n_to_detect)} for {wanted} power",
        "samples for passing": f"{_count(found.n_to_pass)} to pass {wanted} of unchanged models",
    }


def _amount(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _count(value: int | None) -> str:
    return "no number is enough" if value is None else f"{value:,}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
