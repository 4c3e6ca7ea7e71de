"""`velm-bench compare`: two runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from velm_bench.cli.options import RESULTS, Json, Output, ResamplingSeed
from velm_bench.cli.output import interval, note, number, print_json, print_table, signed

if TYPE_CHECKING:
    from velm_bench.gate.schema import Compared, Comparison, Flip

app = typer.Typer(add_completion=False, rich_markup_mode=None)

HEADERS = (
    "task",
    "",
    "metric",
    "first",
    "second",
    "change",
    "95% interval",
    "p",
    "McNemar",
    "wins",
    "losses",
    "ties",
    "n",
    "errors",
)
NUMBERS = frozenset({"first", "second", "change", "p", "McNemar", "wins", "losses", "ties", "n", "errors"})
SHOWN = 60
"""How many letters of an answer stand in the table of flips."""
EVERY_SLICE = "all"


@app.command()
def compare(
    first: Annotated[
        str,
        typer.Argument(
            help="A run's folder or id, a model's name, a folder of runs, a baseline "
            "file, or results of lm-eval, lmms-eval, Inspect, CSV or JSONL."
        ),
    ],
    second: Annotated[
        str, typer.Argument(help="The same of the other; differences are above zero where it is better.")
    ],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this score; may be repeated. All if left out.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help=f"Also by this slice, or a value of it (NAME=VALUE); '{EVERY_SLICE}' for every one."),
    ] = None,
    flips: Annotated[
        int,
        typer.Option(
            "--flips",
            min=0,
            help="Show so many samples that became worse, worst first, and as many that became better.",
        ),
    ] = 0,
    output: Output = RESULTS,
    alpha: Annotated[float, typer.Option("--alpha", help="The intervals cover 1 - alpha.")] = 0.05,
    replicates: Annotated[
        int, typer.Option("--replicates", min=1000, max=1_000_000, help="How many resamples are drawn.")
    ] = 10_000,
    seed: ResamplingSeed = 0,
    as_json: Json = False,
) -> None:
    """Compare two runs, or two models on several tasks: paired differences, intervals, p values, wins and losses.

    Both must have been asked the same; whatever differs is listed and refused. A sample that one lacks counts as wrong.
    Change is above zero where the second is better, also for scores of which less is better. p is two-sided, by
    exchange of the two runs within groups; McNemar's, where samples are right or wrong, takes no account of groups.
    """  # fmt: skip
    from velm_bench.errors import UsageError
    from velm_bench.gate.comparing import Settings
    from velm_bench.gate.opening import open_side
    from velm_bench.gate.side_by_side import Asked
    from velm_bench.gate.side_by_side import compare as side_by_side

    if not 0.0 < alpha < 0.5:
        raise UsageError(f"--alpha must lie between 0 and 0.5, not be {alpha:g}.")
    asked = Asked(
        metrics=tuple(dict.fromkeys(metric or ())),
        by=None if by and EVERY_SLICE in by else tuple(dict.fromkeys(by or ())),
        flips=flips,
        settings=Settings(alpha, replicates, seed),
    )
    found = side_by_side(open_side([first], output, note), open_side([second], output, note), asked)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _print(found)


def _print(found: Comparison) -> None:
    headers = [f"{1 - found.alpha:.0%} interval" if name == "95% interval" else name for name in HEADERS]
    print_table(headers, [_row(row) for row in (*found.rows, *found.slices)], NUMBERS)
    print_flips(found.flips)
    for text in found.notes:
        note(text)


def _row(row: Compared) -> tuple[object, ...]:
    return (
        row.task,
        row.slice or "all",
        row.metric,
        number(row.baseline),
        number(row.candidate),
        signed(row.change),
        interval(row.low, row.high),
        number(row.p),
        number(row.p_mcnemar),
        *("-" if count is None else count for count in (row.wins, row.losses, row.ties)),
        row.n,
        f"{row.baseline_errors}/{row.candidate_errors}",
    )


def print_flips(flips: list[Flip], sides: tuple[str, str] = ("first", "second")) -> None:
    """The samples that became worse or better, a row each; nothing where there are none.

    `sides` are what the two are called; an answer that is not known is a dash.
    """
    if not flips:
        return
    print()
    from velm_bench.gate.reports.wording import told

    rows = []
    for one in flips:
        right, before, after = told(one, SHOWN)
        failed = f"error: {one.candidate_error:.{SHOWN}}" if one.candidate_error else ""
        rows.append((one.task, one.id, f"{one.change:+.3f}", right or "-", before or "-", failed or after or "-"))
    print_table(("task", "sample", "change", "right", *sides), rows, frozenset({"change"}))
