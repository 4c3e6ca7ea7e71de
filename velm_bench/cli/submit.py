"""`velm-bench submit`: runs onto a board, or into bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from velm_bench.cli.options import RESULTS, By, Data, Json, Output, data_folders
from velm_bench.cli.output import stdout_aside
from velm_bench.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def submit(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="A run's folder, one that holds runs, a run's id, or a packed bundle."),
    ],
    board: Annotated[str, typer.Option("--board", "-b", help="The board: a folder, or an address.")] = "",
    card: Annotated[
        Path | None,
        typer.Option("--card", metavar="FILE", help="YAML: name, revision, parameters, licence, training_data, ..."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the model on the board.")] = "",
    revision: Annotated[str, typer.Option("--revision", help="Its version, release or commit.")] = "",
    by: By = "",
    supersedes: Annotated[
        str, typer.Option("--supersedes", metavar="ID", help="The earlier submission whose place this one takes.")
    ] = "",
    pack: Annotated[
        Path | None,
        typer.Option("--pack", metavar="FILE.zip", help="Only pack, to be submitted elsewhere; a file per model."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and recompute, but add nothing.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Pass over what the board holds already.")] = False,
    output: Output = RESULTS,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Submit runs to a board: one submission per model, its scores recomputed from its answers.

    A submission that is refused is no reason to refuse the others; the exit code is the worst. Nothing on a board is
    ever deleted.
    """
    if bool(board) == bool(pack):
        raise UsageError("Give either --board, where to submit to, or --pack, to write bundles only.")
    idle = {"--dry-run": dry_run, "--supersedes": supersedes, "--by": by, "--new": new, "--data": data}
    given = [flag for flag, value in idle.items() if value]
    if pack and given:
        raise UsageError(f"{given[0]} means nothing with --pack, which looks at no board: leave it out.")
    from velm_bench.board.gathering import BUNDLE

    if dry_run and by:
        raise UsageError("--by means nothing with --dry-run, which adds nothing: leave it out.")
    if pack and pack.suffix.lower() != BUNDLE:
        raise UsageError(f"--pack '{pack}' is no name that `submit` takes for a bundle: let it end with {BUNDLE}.")
    from velm_bench.cli.submissions import Report, finish, pack_all, read_all, submit_all

    folders = data_folders(data)
    told = {key: value for key, value in {"name": name, "revision": revision}.items() if value}
    report = Report()
    with stdout_aside():
        bundles = read_all(runs, output, card, told, report)
        if pack:
            pack_all(bundles, pack, report)
        else:
            submit_all(bundles, board, folders, report, by=by, supersedes=supersedes, dry_run=dry_run, new=new)
    finish(report, board, as_json)
