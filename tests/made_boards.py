"""Real runs on the small splits of the embedded tasks, made once for all tests that look at boards."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

TASKS = "captioning:lite,vqa:lite,classification:lite,ner:lite"
MODELS = ("baseline:constant", "baseline:majority", "baseline:random", "baseline:oracle", "ref:prefix", "ref:concat")


def command(*arguments: str | Path, folder: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """`velm-bench` with these arguments, as a person calls it."""
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "velm_bench.cli.main", *map(str, arguments)]
    done = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


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
    for model in MODELS:
        command("run", "--model", model, "--tasks", TASKS, "--output", "results", folder=place)
    blank = ("run", "--model", "ref:prefix", "--tasks", "vqa:lite", "--control", "blank", "--output", "results")
    command(*blank, folder=place)


def make_board(place: Path, results: Path) -> None:
    """A board (`board/`) of the four small tasks, to which every run of a results folder is submitted."""
    command("board", "create", "board", "--tasks", TASKS, "--title", "The small board", folder=place)
    command("submit", results, "--board", "board", "--by", "tests", folder=place)
