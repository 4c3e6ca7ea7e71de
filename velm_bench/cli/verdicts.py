"""Where a verdict stands besides the terminal: the files of --report, and the pages of GitHub Actions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from velm_bench.cli.output import note

if TYPE_CHECKING:
    from velm_bench.gate.pictures import Pictures
    from velm_bench.gate.schema import Verdict


def publish(verdict: Verdict, folder: Path | None, pictures: Pictures | None = None) -> None:
    """Write the files of --report, if there is a folder, and what GitHub Actions shows where this runs there.

    UsageError where the folder cannot be written; by then GitHub has been told.
    """
    from velm_bench.gate.reports import annotations

    if annotations.on_actions():
        for line in annotations.annotations(verdict):
            print(line, file=sys.stderr, flush=True)  # escaped by GitHub's rules; `plain` would make it no command
        problem = annotations.append_summary(verdict)
        if problem:
            note(problem)
    if folder is not None:
        from velm_bench.gate.reports.files import write_reports

        for path in write_reports(folder, verdict, pictures):
            note(f"Written: {path}")


@contextmanager
def publishing_refusals(
    folder: Path | None, candidate: Sequence[str], baseline: Sequence[str], anchor: Sequence[str]
) -> Iterator[None]:
    """Publish whatever ends the block without a verdict as an invalid one, and raise it again.

    An earlier report is removed first: no call, and were it killed, leaves one that says what it did not find.
    """
    try:
        if folder is not None:
            from velm_bench.gate.reports.files import remove_reports

            remove_reports(folder)
        yield
    except typer.Exit:  # a verdict was given
        raise
    except Exception as error:
        publish_refusal(error, folder, candidate, baseline, anchor)
        raise


def publish_refusal(
    error: Exception,
    folder: Path | None,
    candidate: Sequence[str] = (),
    baseline: Sequence[str] = (),
    anchor: Sequence[str] = (),
) -> None:
    """Tell an error where a verdict would stand; what cannot be written is said, and never hides the error."""
    from velm_bench.errors import VelmError
    from velm_bench.gate.reports.refusals import refused

    sentence, code = _explained(error)
    try:
        publish(refused(sentence, candidate, baseline, anchor, code), folder)
    except VelmError as other:
        if str(other) != str(error):
            note(str(other))


def _explained(error: Exception) -> tuple[str, int]:
    """The sentence of an error, and what the command exits with."""
    from velm_bench.cli.main import FAILED
    from velm_bench.cli.usage import usage_sentence
    from velm_bench.errors import UsageError, VelmError

    if isinstance(error, VelmError):
        return " ".join(str(error).split()), error.exit_code
    misused = usage_sentence(error)
    if misused:
        return misused, UsageError.exit_code
    said = " ".join(str(error).split())
    return f"something unforeseen happened ({type(error).__name__}: {said:.300}).", FAILED
