"""`velm-bench board`: make a leaderboard, look at it, verify it, and decide about its submissions."""

from __future__ import annotations

from typing import Annotated

import typer

from velm_bench.cli.exporting import export
from velm_bench.cli.options import RESULTS, By, Data, Json, Output, data_folders
from velm_bench.cli.output import stdout_aside

app = typer.Typer(
    rich_markup_mode=None,
    help="Make a leaderboard, look at it, verify it, and decide about its submissions. `velm-bench submit` adds one.",
)
app.command("export")(export)

Place = Annotated[str, typer.Option("--board", "-b", help="The board: a folder, or an address such as s3://...")]
Submission = Annotated[str, typer.Argument(metavar="ID", help="A submission's id, or the beginning of it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence; everybody can read it.")]


@app.command("create")
def create(
    place: Annotated[str, typer.Argument(metavar="DIR", help="Where the board is to lie: a folder, or an address.")],
    tasks: Annotated[str, typer.Option("--tasks", "-t", help="What it asks: names, kinds, globs, YAML paths.")],
    title: Annotated[str, typer.Option("--title", help="What it is called.")] = "Leaderboard",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Ask only so many samples of each task.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the samples of --limit, and the intervals.")] = 0,
    replicates: Annotated[
        int, typer.Option("--replicates", min=10, max=100_000, help="Bootstrap replicates per interval.")
    ] = 1000,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a board: its tasks are pinned, and the blind baselines are run over them to find their floors."""
    from velm_bench.board.creating import create_board
    from velm_bench.cli.boards import print_created
    from velm_bench.cli.evaluation import named_tasks

    with stdout_aside():
        made = create_board(place, title, named_tasks(tasks), limit, seed, data_folders(data), replicates)
    print_created(made, as_json)


@app.command("list")
def list_submissions(
    board: Place,
    everything: Annotated[bool, typer.Option("--all", help="Those that do not count as well.")] = False,
    as_json: Json = False,
) -> None:
    """List the runs of a board with their scores, as recomputed, and where their submissions stand."""
    from velm_bench.cli.boards import print_list

    print_list(board, everything, as_json)


@app.command("show")
def show(submission: Submission, board: Place, as_json: Json = False) -> None:
    """Show a submission: its card, its scores and what they were claimed to be, and all that was said about it."""
    from velm_bench.cli.boards import print_submission

    print_submission(board, submission, as_json)


@app.command("verify")
def verify(
    board: Place,
    submissions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Submissions; all of them if left out.")
    ] = None,
    by: By = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hash, check and recompute submissions again; what fails is rejected, with the reason.

    Bundles that nobody announced (they came with git, say) are adopted if they are sound. Exit codes: 0 all that counts
    holds, 2 the board itself is damaged, 4 something failed that counted until now, or that wanted to be adopted.
    """
    from velm_bench.cli.boards import verify_all

    verify_all(board, submissions or [], data_folders(data), by, as_json)


@app.command("rebuild")
def rebuild(board: Place, as_json: Json = False) -> None:
    """Make the index anew from the bundles and events, and print its digest: the same for every copy of the board."""
    from velm_bench.cli.boards import print_rebuilt

    print_rebuilt(board, as_json)


@app.command("withdraw")
def withdraw(submission: Submission, board: Place, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Take a submission back: it is kept, and counts no more."""
    _decide(board, submission, "withdrawn", reason, by, as_json)


@app.command("reject")
def reject(submission: Submission, board: Place, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Say that a submission does not count; `clear` takes it back."""
    _decide(board, submission, "rejected", reason, by, as_json)


@app.command("flag")
def flag(submission: Submission, board: Place, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Put a reason for doubt beside a submission, which still counts; `clear` takes it back."""
    _decide(board, submission, "flagged", reason, by, as_json)


@app.command("clear")
def clear(submission: Submission, board: Place, reason: Reason, by: By = "", as_json: Json = False) -> None:
    """Take back the flags and rejections of a submission, and that another took its place."""
    _decide(board, submission, "cleared", reason, by, as_json)


@app.command("supersede")
def supersede(
    submission: Submission,
    board: Place,
    other: Annotated[str, typer.Option("--with", metavar="ID", help="The submission that takes its place.")],
    reason: Reason,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Say that another submission takes the place of this one, which is kept and counts no more."""
    _decide(board, submission, "superseded", reason, by, as_json, other)


@app.command("reproduce")
def reproduce(
    submission: Submission,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="New runs of the same model: folders, one that holds runs, or runs' ids."
        ),
    ],
    board: Place,
    by: By = "",
    output: Output = RESULTS,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Compare a submission with the same model run again, and say on the board that it was reproduced.

    It was where, on every task, 99 % of the predictions are the same and the score lies within the interval. Exit code
    4 where it was not.
    """
    from velm_bench.cli.boards import reproduce_one

    reproduce_one(board, submission, runs, output, data_folders(data), by, as_json)


def _decide(board: str, submission: str, kind: str, reason: str, by: str, as_json: bool, other: str = "") -> None:
    from velm_bench.cli.boards import decide_one

    decide_one(board, submission, kind, reason, by, as_json, other)
