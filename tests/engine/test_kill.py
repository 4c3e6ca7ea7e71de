"""Killed at any moment and run again, a run ends in the same files, and no kept answer is asked for twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from tests.engine.toys import Toy, make_task, saying, settings
from velm_bench.engine.runner import evaluate
from velm_bench.results.store import read_result
from velm_bench.tasks.registry import Definition

REPOSITORY = Path(__file__).resolve().parents[2]


def start(*words: object, delay: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engine.killed", *map(str, words)]
    environment = {**os.environ, "TOY_DELAY": str(delay)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=REPOSITORY)


Live = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A run in a process of its own that ends at an event: its exit code and what it printed."""
    server, alone = start("serve"), Lock()
    assert server.stdin
    assert server.stdout

    def ask(task: Definition, output: Path, log: Path, event: int = 0, fresh: bool = False) -> tuple[int, str]:
        words = [str(task.path), str(output), str(log), str(event), "fresh" if fresh else ""]
        with alone:
            print(json.dumps(words), file=server.stdin, flush=True)
            code, said = json.loads(server.stdout.readline())
        assert code in (0, -signal.SIGKILL)
        return code, said

    yield ask
    server.communicate(timeout=60)
    assert server.returncode == 0


def files(output: Path) -> tuple[Any, bytes]:
    """What must not depend on kills: the result without timing and provenance, and the samples' bytes."""
    (folder,) = [path.parent for path in output.glob("*/*/*/result.json")]
    assert sorted(path.name for path in folder.iterdir()) == ["result.json", "samples.parquet"]
    return read_result(folder).stable(), (folder / "samples.parquet").read_bytes()


def kept(output: Path) -> set[str]:
    """The ids that the journal, whole lines only, holds answers for."""
    found: set[str] = set()
    for path in output.glob("*/*/*/journal.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            found |= {row[0] for row in json.loads(line).get("rows", []) if not row[3]}
    return found


def asked(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Definition:
    return make_task(tmp_path_factory.mktemp("data"), 10)


@pytest.fixture(scope="module")
def whole(task: Definition, live: Live, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Any, bytes]:
    """An uninterrupted run: how many events it had, and its files."""
    folder = tmp_path_factory.mktemp("whole")
    _, said = live(task, folder / "out", folder / "log")
    return (int(said), *files(folder / "out"))


def test_a_kill_at_each_event(task: Definition, live: Live, whole: Any, tmp_path: Path) -> None:
    events, result, samples = whole
    assert events == 3 * 5 + 2 * 3 + 2

    def die_and_resume(event: int) -> None:
        output, log = tmp_path / str(event), tmp_path / f"{event}.log"
        code, _ = live(task, output, log, event)
        assert code == -signal.SIGKILL
        answered, model = kept(output), Toy()
        evaluate(task, model, settings(output))
        assert not answered & set(model.asked)
        assert files(output) == (result, samples)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(die_and_resume, range(1, events + 1)))


def test_a_kill_of_a_fresh_run_at_each_event(task: Definition, live: Live, whole: Any, tmp_path: Path) -> None:
    """The earlier result stays readable until the new one is written, and none of its answers come back."""
    before = 2 + 2  # moments before the mark of the new beginning is whole, those of the note among them
    first = evaluate(task, saying("old"), settings(tmp_path / "old")).result.stable()

    def die_and_resume(event: int) -> None:
        output, log = tmp_path / str(event), tmp_path / f"{event}.log"
        shutil.copytree(tmp_path / "old", output)
        assert live(task, output, log, event, fresh=True)[0] == -signal.SIGKILL
        (folder,) = [path.parent for path in output.glob("*/*/*/result.json")]
        assert read_result(folder).stable() in (first, whole[1])
        answered, model = kept(output), Toy()
        evaluate(task, model, settings(output))
        if event <= before:
            assert (model.asked, read_result(folder).stable()) == ([], first)
            return
        assert not answered & set(model.asked)
        assert files(output) == whole[1:]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(die_and_resume, range(1, 3 + whole[0] + 1)))


def test_kills_again_and_again(task: Definition, live: Live, whole: Any, tmp_path: Path) -> None:
    dice = random.Random(3)
    output, log = tmp_path / "out", tmp_path / "log"
    for _ in range(40):
        answered, before = kept(output), asked(log)
        code, _ = live(task, output, log, dice.randint(1, 12))
        assert not answered & set(asked(log)[len(before) :])
        if code == 0:
            break
    assert code == 0
    assert files(output) == whole[1:]


def test_kills_from_outside(task: Definition, live: Live, whole: Any, tmp_path: Path) -> None:
    dice = random.Random(4)
    output, log = tmp_path / "out", tmp_path / "log"
    for _ in range(3):
        answered, before = kept(output), asked(log)
        process = start(task.path, output, log, 0, delay=0.1)
        time.sleep(dice.uniform(0.3, 1.0))
        process.kill()
        process.communicate()
        assert not answered & set(asked(log)[len(before) :])
    assert live(task, output, log)[0] == 0
    assert files(output) == whole[1:]
