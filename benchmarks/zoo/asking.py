"""The family asked, through the command that anybody would use; what stands already is not asked again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zoo.family import NOVEL, Member
from benchmarks.zoo.runs import on_split, read_zoo

COMMAND = (str(Path(sys.executable).parent / "velm-bench"),)


@dataclass(frozen=True)
class Asking:
    """How everything is asked."""

    results: Path
    limit: int | None = None
    controls: int | None = None
    """How many samples of each task are asked once more under every control, and on unseen pairs; None for all."""
    device: str = "auto"
    threads: int = 1
    """Of each command: torch's, and those that prepare samples."""
    jobs: int = 1
    """Commands at a time."""

    def flags(self, limit: int | None) -> list[str]:
        """As the command takes them."""
        limited = [] if limit is None else ["--limit", str(limit)]
        return ["--output", str(self.results), "--device", self.device, "--workers", str(self.threads), *limited]


def commands(members: Sequence[Member], how: Asking) -> Iterator[list[str]]:
    """What is left to be run: per member the test split, some of it under all controls, and the pairs never seen."""
    for member in members:
        zoo = read_zoo(how.results, [member], how.limit, how.controls)
        for split, tasks, limit, more in (
            ("", zoo.missing(member), how.limit, []),
            ("", zoo.uncontrolled(member), how.controls, ["--controls"]),
            (NOVEL, zoo.missing(member, NOVEL), how.controls, []),
        ):
            if tasks:
                words = [*COMMAND, "run", "--model", member.reference]
                words += ["--tasks", ",".join(on_split(task, split) for task in tasks)]
                yield [*words, *more, *how.flags(limit)]


def ask(members: Sequence[Member], how: Asking) -> int:
    """Run what is left; the worst exit code. One that fails does not stop the others."""

    def run(words: Sequence[str]) -> int:
        print("$", *words, file=sys.stderr, flush=True)
        return subprocess.run(words, check=False, stdout=sys.stderr, env=threads).returncode

    threads = {**os.environ, "OMP_NUM_THREADS": str(how.threads)}
    with ThreadPoolExecutor(how.jobs) as pool:
        return max(pool.map(run, list(commands(members, how))), default=0)
