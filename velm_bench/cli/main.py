"""`velm-bench`: turns every outcome of a command into one exit code, and every error into one sentence."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

from velm_bench import __version__

INTERRUPTED = 130
"""The exit code of a command that was stopped with Ctrl-C (128 + SIGINT)."""
RESUMED = frozenset({"run", "train", "tasks"})
"""The commands that go on where they were stopped."""
PIPE_CLOSED = 141
"""The exit code where the reader of standard output went away (128 + SIGPIPE)."""
UNWRITABLE = frozenset({errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, errno.EDQUOT})
"""What the system says where standard output cannot take more; files of a run have sentences of their own."""
FAILED = 4
"""The exit code of an error that nobody foresaw."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: run one command and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the locale cannot write is no error
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    sys.exit(execute([word for word in given if word != "--debug"], debug))


def execute(arguments: Sequence[str], debug: bool = False) -> int:
    """Run one command; its exit code, after the sentence on standard error where it failed."""
    try:
        code = _invoke(list(arguments) or ["--help"])
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        again = "it again without --fresh" if "--fresh" in arguments else "the same command again"
        resumed = f": run {again} to resume" if arguments and arguments[0] in RESUMED else ""
        return _say(f"Interrupted{resumed}.", INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _explain_os(error) if isinstance(error, OSError) else _explain(error)


def _invoke(arguments: list[str]) -> int:
    """The exit code of a command that ended without an error."""
    if arguments == ["--version"]:  # answered before anything is imported
        print(f"velm-bench {__version__}")
        return 0
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


def _explain_os(error: OSError) -> int:
    """What the system refused: to write standard output, or to do something with a file."""
    why = error.strerror or str(error)
    if error.filename is None and error.errno in UNWRITABLE:
        _forget_stdout()  # what is left in its buffer would fail once more
        return _say(f"Error: The output cannot be written ({why}): make room, or send it elsewhere.", FAILED)
    if error.filename is None:
        return _explain(error)
    wrong = error.errno == errno.ENAMETOOLONG
    return _say(f"Error: The file or folder '{error.filename!s:.80}' cannot be used: {why}.", 2 if wrong else FAILED)


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
