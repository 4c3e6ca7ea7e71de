"""The group of all commands; a command's module is imported when the command is called."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from velm_bench import __version__
from velm_bench.registry import suggestion

COMMANDS = {
    "run": "velm_bench.cli.run",
    "score": "velm_bench.cli.score",
    "results": "velm_bench.cli.results",
    "compare": "velm_bench.cli.compare",
    "gate": "velm_bench.cli.gate",
    "baseline": "velm_bench.cli.baseline",
    "tasks": "velm_bench.cli.tasks",
    "models": "velm_bench.cli.models",
    "train": "velm_bench.cli.train",
    "submit": "velm_bench.cli.submit",
    "board": "velm_bench.cli.board",
    "leaderboard": "velm_bench.cli.leaderboard",
    "doctor": "velm_bench.cli.doctor",
}
"""Each command and the module that holds it as `app`."""


class LazyGroup(TyperGroup):
    """Commands that are imported when they are called, or when the help lists them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments begin with; a usage error with the nearest name if there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"There is no command '{args[0]}': {suggestion(args[0], list(COMMANDS))}")
        return super().resolve_command(ctx, args)


def command() -> Any:
    """The whole command line."""
    app = typer.Typer(
        cls=LazyGroup,
        name="velm-bench",
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(overview)
    return typer.main.get_command(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"velm-bench {__version__}")
        raise typer.Exit


def overview(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the trace of an error; accepted anywhere on the line.")
    ] = False,
) -> None:
    """Evaluate vision-enhanced language models: exact metrics, honest denominators, intervals on every score.

    Exit codes: 0 done or pass, 1 regression, 2 usage or invalid input, 3 inconclusive, 4 the run failed or too many
    errors, 130 interrupted with Ctrl-C.
    """
