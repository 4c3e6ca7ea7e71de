"""More threads where they help, one where they do not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from velm_bench.engine import throttle as room
from velm_bench.engine.throttle import PIECES, Throttle


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only the test moves."""
    now = [0.0]
    monkeypatch.setattr(room.time, "perf_counter", lambda: now[0])
    return now


def work(throttle: Throttle, clock: list[float], seconds: float) -> None:
    """Enough pieces of four items to judge a level, each taking so long."""

    def step(item: int) -> int:
        clock[0] += seconds / 4
        return item

    for _ in range(PIECES):
        assert throttle.work(step, range(4)) == [0, 1, 2, 3]
    throttle.starved()


def test_threads_are_added_while_each_piece_takes_as_long_as_alone(clock: list[float]) -> None:
    throttle = Throttle(6)
    levels = []
    for _ in range(5):
        levels.append(throttle.level)
        work(throttle, clock, 1.0)
    assert levels == [1, 2, 4, 6, 6]


def test_threads_that_only_wait_for_each_other_are_taken_back(clock: list[float]) -> None:
    throttle = Throttle(8)
    for _ in range(5):
        work(throttle, clock, float(throttle.level))
    assert (throttle.level, throttle.settled) == (1, True)


def test_nothing_changes_unless_the_model_waits(clock: list[float]) -> None:
    throttle = Throttle(8)
    for _ in range(20):
        throttle.work(abs, [1])
    assert throttle.level == 1


def test_no_more_threads_than_the_level_work_at_once() -> None:
    throttle, lock, running, most = Throttle(4), threading.Lock(), 0, 0

    def step(item: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(throttle.work, step, [1]) for _ in range(20)]:
            future.result()
    assert most == 1


def test_pieces_are_worked_on_in_the_order_in_which_they_were_handed_in() -> None:
    throttle, order = Throttle(4), []

    def step(item: int) -> None:
        order.append(item)
        threading.Event().wait(0.001)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(throttle.work, step, [piece]) for piece in range(60)]:
            future.result()
    assert sorted(order) == list(range(60))
    late = max(place - piece for place, piece in enumerate(order))
    assert late < 8  # a thread may be interrupted before it stands in line, never be overtaken again and again there
