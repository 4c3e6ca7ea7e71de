"""More threads where they help, one where they do not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from velm_bench.engine import gate as room
from velm_bench.engine.gate import PIECES, Gate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only the test moves."""
    now = [0.0]
    monkeypatch.setattr(room.time, "perf_counter", lambda: now[0])
    return now


def work(gate: Gate, clock: list[float], seconds: float) -> None:
    """Enough pieces of four items to judge a level, each taking so long."""

    def step(item: int) -> int:
        clock[0] += seconds / 4
        return item

    for _ in range(PIECES):
        assert gate.work(step, range(4)) == [0, 1, 2, 3]
    gate.starved()


def test_threads_are_added_while_each_piece_takes_as_long_as_alone(clock: list[float]) -> None:
    gate = Gate(6)
    levels = []
    for _ in range(5):
        levels.append(gate.level)
        work(gate, clock, 1.0)
    assert levels == [1, 2, 4, 6, 6]


def test_threads_that_only_wait_for_each_other_are_taken_back(clock: list[float]) -> None:
    gate = Gate(8)
    for _ in range(5):
        work(gate, clock, float(gate.level))
    assert (gate.level, gate.settled) == (1, True)


def test_nothing_changes_unless_the_model_waits(clock: list[float]) -> None:
    gate = Gate(8)
    for _ in range(20):
        gate.work(abs, [1])
    assert gate.level == 1


def test_no_more_threads_than_the_level_work_at_once() -> None:
    gate, lock, running, most = Gate(4), threading.Lock(), 0, 0

    def step(item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(gate.work, step, [1]) for _ in range(20)]:
            future.result()
    assert most == 1
