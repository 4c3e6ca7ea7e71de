"""An event loop on a thread of its own, so that requests go on while the caller does something else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from velm_bench.models.remote.client import Client
from velm_bench.samples import TextAnswer

T = TypeVar("T")

CLOSING = 5.0
"""Seconds that ending may take."""


class Background:
    """Runs a client; its methods may be called from any thread."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="requests", daemon=True)
        self._thread.start()
        self._client = self._call(make)

    @property
    def sent(self) -> int:
        """How many requests were sent so far."""
        return self._client.sent

    def begin(self) -> None:
        """See Client.begin."""
        self._call(self._client.begin)

    def start(self, body: bytes) -> Future[TextAnswer]:
        """Put a request in line; the future holds its answer, or raises the SampleError of why there is none."""
        return asyncio.run_coroutine_threadsafe(self._answer(body), self._loop)

    def close(self) -> None:
        """Stop whatever is under way; the thread ends."""
        if threading.current_thread() is self._thread:  # collected as garbage there: it cannot wait for itself
            self._loop.stop()
            return
        closing = asyncio.run_coroutine_threadsafe(self._client.close(), self._loop)
        with suppress(Exception):
            closing.result(CLOSING)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSING)
        if not self._thread.is_alive():
            self._loop.close()

    async def _answer(self, body: bytes) -> TextAnswer:
        return await self._client.start(body)

    def _call(self, function: Callable[[], T]) -> T:
        """The function's result, called on the loop."""

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()
