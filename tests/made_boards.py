"""Real runs on the small splits of the embedded tasks, made once for all tests that look at boards."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

TASKS = "captioning:lite,vqa:lite,classification:lite,ner:lite"
MODELS = ("baseline:constant", "baseline:majority", "baseline:random", "baseline:oracle", "ref:prefix", "ref:concat")


def command(*arguments: str | Path, folder: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """`velm-bench` with these arguments, called in a folder; in this process, which knows the libraries already."""
    from velm_bench.cli.main import execute

    out, err = io.StringIO(), io.StringIO()
    words = [str(word) for word in arguments]
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = execute(words)
    assert code == expect, f"{words}: {code}\n{out.getvalue()}\n{err.getvalue()}"
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first of all test processes fills; the others wait for it. Nobody may change it."""
    root = factory.getbasetemp()
    base = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    place = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / ".done").exists():
            place.mkdir(exist_ok=True)
            make(place)
            (place / ".done").touch()
    return place


def make_results(place: Path) -> None:
    """Runs of six models on four tasks of 200 samples (`results/`), and one with grey pictures."""
    runs = [["--model", model, "--tasks", TASKS] for model in MODELS]
    runs.append(["--model", "ref:prefix", "--tasks", "vqa:lite", "--control", "blank"])
    make_runs(place, runs)


def make_runs(place: Path, runs: Sequence[Sequence[str]]) -> None:
    """`velm-bench run` with each of these arguments, in two processes side by side: other tests wait for the runs.

    In processes of their own, so that those of the tests need no torch.
    """

    def make(part: Sequence[Sequence[str]]) -> None:
        program = f"from velm_bench.cli.main import execute\nfor words in {part!r}: assert not execute(['run', *words])"
        settings = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", program], cwd=place, env=settings, capture_output=True, check=True)

    with ThreadPoolExecutor(2) as both:
        list(both.map(make, (runs[::2], runs[1::2])))


def make_board(place: Path, results: Path) -> None:
    """A board (`board/`) of the four small tasks, to which every run of a results folder is submitted."""
    command("board", "create", "board", "--tasks", TASKS, "--title", "The small board", folder=place)
    command("submit", results, "--board", "board", "--by", "tests", folder=place)
