"""`velm-bench gate`: the release decision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from velm_bench.cli.compare import print_flips
from velm_bench.cli.options import RESULTS, Data, Json, Output, data_folders
from velm_bench.cli.output import interval, note, number, plain, print_json, print_table, signed
from velm_bench.cli.planning import plan
from velm_bench.cli.sides import Sided
from velm_bench.cli.verdicts import publish, publishing_refusals
from velm_bench.errors import UsageError

if TYPE_CHECKING:
    from velm_bench.gate.schema import Cost, Row, Verdict

UNHEEDED = ("--anchor", "--policy", "--report", "--flips")
"""The flags that only a verdict heeds."""
HEADERS = (
    "task", "", "metric", "against", "tier", "baseline", "candidate", "change", "interval", "at worst", "margin",
    "p worse", "wins/losses", "n", "errors", "outcome",
)  # fmt: skip
NUMBERS = frozenset(HEADERS[5:8] + HEADERS[9:15])


app = typer.Typer(cls=Sided, add_completion=False, rich_markup_mode=None, invoke_without_command=True)
app.command("plan")(plan)


@app.callback()
def gate(
    context: typer.Context,
    candidate: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate",
            help="The release to judge: runs' folders or ids, a model's name, a folder of runs, "
            "or other harnesses' results.",
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None, typer.Option("--baseline", help="The previous release: a baseline file, or as above.")
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option("--anchor", help="A pinned release, with the policy's budget for all that was lost since."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="What must hold (YAML); every primary score if left out.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            help="Without a policy: how much worse is put up with, in the scores' units (with --fail-fast: a share).",
        ),
    ] = None,
    flips: Annotated[
        int, typer.Option("--flips", min=0, help="Tell so many samples that became worse per task, worst first.")
    ] = 10,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="A folder for verdict.json, summary.md, comment.md, junit.xml and report.html."),
    ] = None,
    fail_fast: Annotated[
        bool,
        typer.Option(
            "--fail-fast",
            help="Of a run in progress: exit 1 where it is clearly broken already, else 3. Never the verdict.",
        ),
    ] = False,
    data: Data = None,
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Decide whether a release got worse. Exit codes: 0 pass, 1 regression, 3 inconclusive, 2 invalid.

    A score passes where it is shown to be not worse than its margin, and is a regression where it is shown to be worse.
    `velm-bench gate plan` says beforehand how many samples that takes.
    """  # fmt: skip
    if context.invoked_subcommand:
        _require_alone(context)
        return
    words = (candidate or [], baseline or [], anchor or [])
    with publishing_refusals(report, *words):
        _require_sides(*words[:2])
        if margin is not None and not 0.0 <= margin < float("inf"):
            raise UsageError(f"--margin must be a number of 0 or more, not {margin:g}.")
        if fail_fast:
            _require_heeded(_given(context))
            _peek(*words[:2], margin or 0.0, output, data, as_json)
        if policy is not None and margin is not None:
            raise UsageError("--policy says the margins: leave out --margin, or the policy.")
        if report is None and "--data" in _given(context):
            raise UsageError(
                "--data serves the pictures of --report: name a folder with --report, or leave out --data."
            )
        verdict = _judge(words, policy, margin, output, flips, report, data)
    if as_json:
        print_json(verdict.model_dump(mode="json"))
    else:
        _print(verdict)
    raise typer.Exit(verdict.exit_code)


def _require_sides(candidate: Sequence[str], baseline: Sequence[str]) -> None:
    """UsageError where nobody says what is to be compared."""
    for flag, given in (("--candidate", candidate), ("--baseline", baseline)):
        if not given:
            raise UsageError(f"{flag} is missing: name what is judged and what it is compared with.")


def _judge(
    words: tuple[list[str], list[str], list[str]],
    policy: Path | None,
    margin: float | None,
    root: Path,
    flips: int,
    report: Path | None,
    data: list[Path] | None,
) -> Verdict:
    """The verdict, published."""
    from velm_bench.gate.release import open_sides

    folders = data_folders(data) if report is not None else ()
    sides = open_sides(*words, policy, margin, root, note)
    verdict = sides.verdict(flips)
    pictures = None
    if report is not None:
        from velm_bench.gate.pictures import find_pictures

        pictures = find_pictures(sides.candidate, verdict.flips, folders)
    publish(verdict, report, pictures)
    return verdict


def _given(context: typer.Context) -> list[str]:
    """The flags that stand in the command line, as they are written there."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    named = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    return [f"--{name.replace('_', '-')}" for name in named]


def _require_heeded(given: Sequence[str]) -> None:
    """UsageError where a flag is given that does nothing for a look at a run in progress."""
    for flag in UNHEEDED:
        if flag in given:
            raise UsageError(f"--fail-fast gives no verdict and heeds no {flag}: leave one of them out.")


def _require_alone(context: typer.Context) -> None:
    """UsageError where flags of the decision stand before a subcommand, which would not heed them."""
    for flag in _given(context):
        raise UsageError(f"{flag} stands before '{context.invoked_subcommand}', which has no such flag there: "
                         "leave it out.")  # fmt: skip


def _print(verdict: Verdict) -> None:
    from velm_bench.gate.reports.wording import named, telling
    from velm_bench.gate.schema import Outcome, Tier

    worse = [row for row in verdict.slices if row.outcome is Outcome.REGRESSION]
    print_table(HEADERS, [_row(row) for row in (*verdict.rows, *worse)], NUMBERS)
    for one in verdict.costs:
        print(plain(_cost(one)))
    if verdict.slices and not worse:
        print(f"None of {len(verdict.slices)} slices is shown to be worse.")
    print_flips(verdict.flips, ("baseline", "candidate"))
    for row in verdict.rows:
        if telling(row, verdict.alpha):
            note(f"{named(row)}: {row.why}")
    for cost in verdict.costs:
        if cost.outcome is Outcome.INVALID and cost.tier is Tier.REQUIRED:
            note(f"{cost.task} {cost.what}: {cost.why}")
    for text in verdict.notes:
        note(text)
    print(f"\n{plain(verdict.summary)}")


def _row(row: Row) -> tuple[object, ...]:
    return (
        row.task,
        row.slice or "all",
        row.metric,
        row.against,
        row.tier,
        number(row.baseline),
        number(row.candidate),
        signed(row.change),
        interval(row.low, row.high),
        signed(row.bound),
        "-" if row.margin is None else f"{row.margin:g}",
        number(row.p_adjusted),
        "-" if row.wins is None else f"{row.wins}/{row.losses}",
        row.n,
        f"{row.baseline_errors}/{row.candidate_errors}",
        row.outcome.upper() if row.outcome != "pass" else row.outcome,
    )


def _cost(one: Cost) -> str:
    change = "" if one.change is None else f" {one.change:+.1%}"
    return f"{one.task}: {one.what}{change}: {one.outcome} ({one.why})"


def _peek(
    candidate: Sequence[str],
    baseline: Sequence[str],
    margin: float,
    root: Path,
    data: list[Path] | None,
    as_json: bool,
) -> NoReturn:
    """What can be said of runs in progress; ends the command, with 1 where any is broken."""
    from dataclasses import asdict

    from velm_bench.gate.failfast import ALPHA, peek
    from velm_bench.gate.opening import open_side

    known = open_side(baseline, root, note)
    folders = data_folders(data)
    found = [peek(Path(word), known, margin, ALPHA / len(candidate), folders) for word in candidate]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        for one in found:
            print(plain(one.summary))
    raise typer.Exit(min(one.exit_code for one in found))
