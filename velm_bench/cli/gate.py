"""`velm-bench gate`: the release decision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from velm_bench.cli.compare import print_flips, signed
from velm_bench.cli.options import RESULTS, Data, Json, Output, data_folders
from velm_bench.cli.output import interval, note, number, plain, print_json, print_table
from velm_bench.cli.planning import plan

if TYPE_CHECKING:
    from velm_bench.gate.release import Sides
    from velm_bench.gate.schema import Cost, Row, Verdict

SIDES = ("--candidate", "--baseline", "--anchor")
HEADERS = (
    "task", "", "metric", "against", "tier", "before", "now", "change", "interval", "at worst", "margin", "p", "-/+",
    "n", "outcome",
)  # fmt: skip
NUMBERS = frozenset({"before", "now", "change", "at worst", "margin", "p", "-/+", "n"})


def spread(arguments: Sequence[str]) -> list[str]:
    """The arguments with the flag of a side before each of the words behind it, so that `--candidate A B` names two."""
    found: list[str] = []
    side = ""
    for place, word in enumerate(arguments):
        if word.startswith("-"):
            side = word if word in SIDES else ""
        elif side and arguments[place - 1] != side:
            found.append(side)
        found.append(word)
    return found


class Gate(TyperGroup):
    """A command that decides, with `plan` below it; several words may follow the flag of a side."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, spread."""
        return super().parse_args(ctx, spread(args))


app = typer.Typer(cls=Gate, add_completion=False, rich_markup_mode=None, invoke_without_command=True)
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
        typer.Option("--margin", help="Without a policy: how much worse is put up with, in the scores' units."),
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
    from velm_bench.errors import UsageError
    from velm_bench.gate.release import open_sides

    for flag, given in (("--candidate", candidate), ("--baseline", baseline)):
        if not given:
            raise UsageError(f"{flag} is missing: name what is judged and what it is compared with.")
    if policy is not None and margin is not None:
        raise UsageError("--policy says the margins: leave out --margin, or the policy.")
    if margin is not None and not 0.0 <= margin < float("inf"):
        raise UsageError(f"--margin must be a number of 0 or more, not {margin:g}.")
    if fail_fast:
        for flag, unheeded in (("--anchor", anchor), ("--policy", policy), ("--report", report)):
            if unheeded:
                raise UsageError(f"--fail-fast gives no verdict and heeds no {flag}: leave one of them out.")
        _peek(candidate or [], baseline or [], margin or 0.0, output, data, as_json)
    sides = open_sides(candidate or [], baseline or [], anchor or [], policy, margin, output, note)
    verdict = sides.verdict(flips)
    _report(verdict, sides, report, data)
    if as_json:
        print_json(verdict.model_dump(mode="json"))
    else:
        _print(verdict)
    raise typer.Exit(verdict.exit_code)


def _require_alone(context: typer.Context) -> None:
    """UsageError where flags of the decision stand before a subcommand, which would not heed them."""
    from velm_bench.errors import UsageError

    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} stands before '{context.invoked_subcommand}', which has no "
                         "such flag there: leave it out.")  # fmt: skip


def _report(verdict: Verdict, sides: Sides, folder: Path | None, data: list[Path] | None) -> None:
    """The files of --report, and what GitHub Actions shows where this runs there."""
    from velm_bench.gate.reports import annotations

    if folder is not None:
        from velm_bench.gate.pictures import find_pictures
        from velm_bench.gate.reports.files import write_reports

        pictures = find_pictures(sides.candidate, verdict.flips, data_folders(data))
        for path in write_reports(folder, verdict, pictures):
            note(f"Written: {path}")
    if annotations.on_actions():
        for line in annotations.annotations(verdict):
            note(line)
        problem = annotations.append_summary(verdict)
        if problem:
            note(problem)


def _print(verdict: Verdict) -> None:
    from velm_bench.gate.schema import Outcome

    worse = [row for row in verdict.slices if row.outcome is Outcome.REGRESSION]
    print_table(HEADERS, [_row(row) for row in (*verdict.rows, *worse)], NUMBERS)
    for one in verdict.costs:
        print(plain(_cost(one)))
    if verdict.slices and not worse:
        print(f"None of {len(verdict.slices)} slices is shown to be worse.")
    print_flips(verdict.flips)
    for row in verdict.rows:
        if row.outcome is not Outcome.PASS:
            note(f"{row.task} {row.metric}: {row.why}")
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
        "-" if row.wins is None else f"{row.losses}/{row.wins}",
        row.n,
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
