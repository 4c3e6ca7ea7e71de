"""Worker processes that make batches ahead."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLED = """
import os, signal
from pathlib import Path
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.feeding import Feeder
from velm_bench.reference.parallel import Group
from velm_bench.reference.processing import train_tokenizer
from velm_bench.reference.recipe import Recipe

if __name__ == "__main__":
    recipe = Recipe(name="killed", images=8, batch=4)
    book = open_book(recipe, (), None)
    feeder = Feeder(train_tokenizer(["a red circle"] * 9, 300), book, 4, Group(), 0, 2)
    feeder.next(texts=False)
    print(*feeder.pool._processes, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_workers_do_not_outlive_a_training_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"  # a file, since spawned workers import it
    script.write_text(KILLED)
    with (tmp_path / "said").open("w+") as said:  # no pipe, which the workers would hold open
        done = subprocess.run([sys.executable, script], stdout=said, check=False)
        assert done.returncode == -signal.SIGKILL
        said.seek(0)
        workers = [int(number) for number in said.read().split()]
    assert workers
    until = time.monotonic() + 60
    while any(map(_runs, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(_runs, workers))


def _runs(process: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
