"""`velm-bench`: turns every outcome of a command into one exit code, and every error into one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from velm_bench import __version__

INTERRUPTED = 130
"""The exit code of a command that was stopped with Ctrl-C (128 + SIGINT)."""
PIPE_CLOSED = 141
"""The exit code where the reader of standard output went away (128 + SIGPIPE)."""
FAILED = 4
"""The exit code of an error that nobody foresaw."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: run one command and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:  # answered before anything is imported
        print(f"velm-bench {__version__}")
        sys.exit(0)
    debug = "--debug" in given
    sys.exit(execute([word for word in given if word != "--debug"], debug))


def execute(arguments: Sequence[str], debug: bool = False) -> int:
    """Run one command; its exit code, after the sentence on standard error where it failed."""
    try:
        code = _invoke(list(arguments) or ["--help"])
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _say("Interrupted: run the same command again to resume.", INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _explain(error)


def _invoke(arguments: list[str]) -> int:
    """The exit code of a command that ended without an error."""
    import typer

    from velm_bench.cli.app import command

    group = command()
    try:
        with group.make_context("velm-bench", arguments) as context:
            group.invoke(context)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    return 0


def _explain(error: Exception) -> int:
    from velm_bench.cli.usage import usage_sentence
    from velm_bench.errors import VelmError

    if isinstance(error, VelmError):
        return _say(f"Error: {error}", error.exit_code)
    sentence = usage_sentence(error)
    if sentence:
        return _say(f"Error: {sentence}", 2)
    said = " ".join(str(error).split())
    return _say(
        f"Error: something unforeseen happened ({type(error).__name__}: {said:.300}): "
        "run the command again with --debug to see where.",
        FAILED,
    )


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
