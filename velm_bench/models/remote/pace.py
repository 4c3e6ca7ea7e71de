"""How many requests are under way at a time: fewer when the server has too much to do, more again when it copes."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Pace:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989), as in TCP; starts at its most.

    Times are seconds of any steady clock.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._limit = float(most)
        self._shrunk = -math.inf

    @property
    def places(self) -> int:
        """How many requests may be under way."""
        return int(self._limit)

    def grow(self) -> None:
        """A request was answered: one place more after as many answers as there are places."""
        self._limit = min(self.most, self._limit + 1 / self._limit)

    def shrink(self, started: float, now: float) -> None:
        """A request that started then was too much: half the places, once for all that started before that."""
        if started >= self._shrunk:
            self._limit = max(1.0, self._limit / 2)
            self._shrunk = now


class Gate:
    """Lets as many requests through as the pace allows, the oldest first. For use on one event loop."""

    def __init__(self, pace: Pace, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.pace = pace
        self._clock = clock
        self._sleep = sleep
        self._running = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._closed_until = -math.inf
        self._opening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def place(self, number: int) -> AsyncIterator[None]:
        """A place among those under way, for the request of that number (lower ones go first)."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, turn))
        self._admit()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._running -= 1
            self._admit()

    def close(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._closed_until = max(self._closed_until, self._clock() + seconds)
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open_again())

    async def _open_again(self) -> None:
        while (left := self._closed_until - self._clock()) > 0:
            await self._sleep(left)
        self._opening = None
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._running < self.pace.places and self._clock() >= self._closed_until:
            _, turn = heapq.heappop(self._waiting)
            if not turn.done():  # a request that was cancelled meanwhile takes no place
                self._running += 1
                turn.set_result(None)
