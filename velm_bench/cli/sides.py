"""The command line of `gate`: several words behind the flag of a side, and refusals that reach the report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from velm_bench.cli.verdicts import publish_refusal
from velm_bench.errors import UsageError

SIDES = ("--candidate", "--baseline", "--anchor")


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


def _reports(arguments: Sequence[str]) -> list[str]:
    """What is given as --report."""
    named = [after for word, after in pairwise(arguments) if word == "--report"]
    return named + [word.partition("=")[2] for word in arguments if word.startswith("--report=")]


def _report_of(arguments: Sequence[str]) -> Path | None:
    """The folder of --report in a command line that may make no sense."""
    named = _reports(arguments)
    return Path(named[-1]) if named and named[-1] and not named[-1].startswith("-") else None


class Sided(TyperGroup):
    """A command that decides, with `plan` below it; several words may follow the flag of a side."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, spread; where they make no sense, --report says so as well."""
        if "" in _reports(args):  # which would be the current folder
            raise UsageError("--report has no name (is a variable not set?): name a folder, or leave it out.")
        try:
            return super().parse_args(ctx, spread(args))
        except typer.Exit:  # --help
            raise
        except Exception as error:
            publish_refusal(error, _report_of(args))
            raise

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command below; UsageError for a word that is neither one nor behind a flag."""
        if args and self.get_command(ctx, args[0]) is None:
            error = UsageError(
                f"'{args[0]:.80}' stands alone: --candidate names what is judged, --baseline what it is compared with "
                f"(below there is only {', '.join(self.list_commands(ctx))})."
            )
            publish_refusal(error, ctx.params.get("report"))
            raise error
        return super().resolve_command(ctx, args)
