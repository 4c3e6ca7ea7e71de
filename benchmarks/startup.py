"""How long the commands that need no model take, best of five after one warm-up, and the memory of a small run."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = str(Path(sys.executable).parent / "velm-bench")
ROUNDS = 5


def once(arguments: list[str]) -> float:
    """Seconds of one whole process."""
    start = time.perf_counter()
    subprocess.run([COMMAND, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def best(arguments: list[str]) -> float:
    """The fastest of five, after one to warm the file cache."""
    once(arguments)
    return min(once(arguments) for _ in range(ROUNDS))


def main() -> None:
    """Print a line per command."""
    for words, limit in (("--version", 0.3), ("tasks list", 0.5)):
        print(f"velm-bench {words:<12} {best(words.split()):6.3f} s   (promise: under {limit} s)")
    for task, said in (
        ("vqa:lite", "promise: under 2 s and 200 MB"),
        ("vqa", "11,790 questions and twins are made first"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            run = f"run --model baseline:majority --tasks {task} --limit 200 --fresh --output {folder}"
            seconds = best(run.split())
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"baseline:majority, 200 samples of {task:<8} {seconds:6.3f} s, peak {peak:.0f} MB   ({said})")


if __name__ == "__main__":
    main()
