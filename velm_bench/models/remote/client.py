"""Asks a server: many requests at a time, each until it is answered or given up."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from velm_bench.errors import SampleError
from velm_bench.models.remote.health import Health
from velm_bench.models.remote.keys import Key
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.pace import Gate, Pace
from velm_bench.models.remote.reading import Reply, read_reply
from velm_bench.models.remote.retrying import Policy
from velm_bench.models.remote.troubles import Sort, Trouble
from velm_bench.samples import TextAnswer


class Transport(Protocol):
    """Sends one request."""

    async def post(self, body: bytes) -> Reply | Trouble: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Time:
    """What the client knows of time and chance; tests put their own here."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, never going back."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    """A random number from [0, 1): jitter needs no seed, no answer depends on it."""


class Client:
    """One server. All methods are for one event loop, and called there."""

    def __init__(self, transport: Transport, url: str, key: Key, options: RemoteOptions, when: Time | None = None):
        self.sent = 0
        """How many requests were sent, retries among them."""
        self._transport = transport
        self._url = url
        self._key = key
        self._options = options
        self._time = when or Time()
        self._policy = Policy(options.retries, options.backoff, options.longest_wait)
        self._numbers = itertools.count()
        self._running: set[asyncio.Task[TextAnswer]] = set()
        self.begin()

    def begin(self) -> None:
        """Forget how the server did so far; called before each task, when nothing is under way."""
        self._health = Health(self._options.patience)
        self.pace = Pace(self._options.concurrency)
        self._gate = Gate(self.pace, self._time.clock, self._time.sleep)

    def start(self, body: bytes) -> asyncio.Task[TextAnswer]:
        """Put a request in line. The task ends with the answer, or with the SampleError of why there is none."""
        task = asyncio.get_running_loop().create_task(self._ask(body, next(self._numbers)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def close(self) -> None:
        """Stop what is under way and let go of all connections."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._transport.close()

    async def _ask(self, body: bytes, number: int) -> TextAnswer:
        try:
            for sent in itertools.count(1):
                outcome = await self._attempt(body, number)
                if isinstance(outcome, TextAnswer):
                    return TextAnswer(self._key.hide(outcome.text), outcome.tokens)
                wait = self._policy.wait(outcome, sent, self._time.draw())
                if wait is None:
                    raise self._failed(outcome, sent)
                await self._time.sleep(wait)
        except asyncio.CancelledError:
            self._require_health()
            raise
        raise AssertionError("counting does not end")

    async def _attempt(self, body: bytes, number: int) -> TextAnswer | Trouble:
        async with self._gate.place(number):
            self._require_health()
            self._require_budget()
            self.sent += 1
            started = self._time.clock()
            reply = await self._transport.post(body)
            if isinstance(reply, Reply):
                outcome = read_reply(replace(reply, body=self._key.hide_in(reply.body)))
            else:
                outcome = reply
            self._learn(outcome, number, started)
        self._require_health()
        return outcome

    def _learn(self, outcome: TextAnswer | Trouble, number: int, started: float) -> None:
        """What one outcome says about the server."""
        if isinstance(outcome, TextAnswer):
            self._health.success()
            self.pace.grow()
            return
        now = self._time.clock()
        if outcome.sort.crowds:
            self.pace.shrink(started, now)
        if outcome.sort is Sort.CROWDED and outcome.after:
            self._gate.close(min(outcome.after, self._options.longest_wait))
        self._health.failure(outcome, number, now)
        if self._health.given_up:
            self._give_up()

    def _give_up(self) -> None:
        """End what else is under way: each learns from `_require_health` why."""
        for task in self._running - {asyncio.current_task()}:
            task.cancel()

    def _require_health(self) -> None:
        if self._health.given_up:
            raise SampleError(
                f"The server at {self._url} is given up, as {self._key.hide(self._health.given_up)}: once it answers, "
                "run the same command again."
            )

    def _require_budget(self) -> None:
        most = self._options.max_requests
        if most is not None and self.sent >= most:
            raise SampleError(
                f"The budget of {most} requests is spent: run the same command again for as many more, or raise "
                "--model-arg max_requests."
            )

    def _failed(self, trouble: Trouble, sent: int) -> SampleError:
        times = f"after {sent} requests: " if sent > 1 else "to this request: "
        return SampleError(f"The server at {self._url} gave no answer {times}{self._key.hide(trouble.said)}.")
