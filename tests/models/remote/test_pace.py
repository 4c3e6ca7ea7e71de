"""How the number of requests under way follows what the server can do."""

from __future__ import annotations

import asyncio

from velm_bench.models.remote.pace import Gate, Pace


def test_the_pace_halves_once_for_all_that_were_under_way_together() -> None:
    pace = Pace(16)
    for _ in range(16):
        pace.shrink(started=0.0, now=1.0)
    assert pace.places == 8
    pace.shrink(started=2.0, now=3.0)
    assert pace.places == 4


def test_the_pace_never_falls_below_one_and_grows_back_to_the_most() -> None:
    pace = Pace(16)
    for time in range(20):
        pace.shrink(started=2.0 * time, now=2.0 * time + 1)
    assert pace.places == 1
    pace.grow()
    assert pace.places == 2
    answers = 0
    while pace.places < 16:
        pace.grow()
        answers += 1
    assert 100 < answers < 150  # a place more after as many answers as there are places
    for _ in range(100):
        pace.grow()
    assert pace.places == 16


class Hours:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def run_through(gate: Gate, numbers: list[int]) -> tuple[list[int], int]:
    """The order in which requests got their places, and the most at a time."""
    order: list[int] = []
    most = running = 0

    async def one(number: int) -> None:
        nonlocal most, running
        async with gate.place(number):
            order.append(number)
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async def everything() -> None:
        await asyncio.gather(*map(one, numbers))

    asyncio.run(everything())
    return order, most


def test_the_gate_lets_as_many_through_as_there_are_places_the_oldest_first() -> None:
    hours = Hours()
    pace = Pace(4)
    pace.shrink(0.0, 1.0)
    order, most = run_through(Gate(pace, hours.clock, hours.sleep), [9, 8, 5, 3, 7, 1])
    assert most == 2
    assert order == [9, 8, 1, 3, 5, 7]  # the first two met an empty gate


def test_a_closed_gate_opens_after_its_time_and_not_before() -> None:
    hours = Hours()

    async def go() -> float:
        gate = Gate(Pace(4), hours.clock, hours.sleep)
        gate.close(5.0)
        gate.close(7.0)
        async with gate.place(1):
            return hours.now

    assert asyncio.run(go()) == 7.0
    assert sum(hours.slept) == 7.0


def test_a_request_that_is_cancelled_gives_its_place_to_the_next() -> None:
    hours = Hours()

    async def go() -> list[int]:
        gate = Gate(Pace(1), hours.clock, hours.sleep)
        through: list[int] = []

        async def one(number: int) -> None:
            async with gate.place(number):
                through.append(number)
                await asyncio.sleep(0 if number else 60)

        tasks = [asyncio.ensure_future(one(number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # waits for a place
        tasks[0].cancel()  # has it
        await asyncio.sleep(0)
        tasks[2].cancel()  # was given it, and has not noticed yet
        await asyncio.wait_for(tasks[3], 5)
        return through

    assert asyncio.run(go()) == [0, 3]
