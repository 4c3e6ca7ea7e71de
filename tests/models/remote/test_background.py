"""The thread that requests run on ends with the model, and leaves nothing open."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError

import pytest

from velm_bench.models.remote.background import Background
from velm_bench.models.remote.client import Client
from velm_bench.models.remote.keys import Key
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.reading import Reply


class Silence:
    """A wire on which no answer ever comes."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = False

    async def post(self, body: bytes) -> Reply:
        await asyncio.sleep(3600)
        raise AssertionError

    async def close(self) -> None:
        self.closed = True


def test_closing_ends_what_is_under_way_and_leaves_nothing_open() -> None:
    wires: list[Silence] = []

    def client() -> Client:
        wires.append(Silence())
        return Client(wires[0], "http://there", Key(), RemoteOptions(concurrency=2))

    before = set(threading.enumerate())
    background = Background(client)
    asked = [background.start(b"{}") for _ in range(5)]
    started = time.monotonic()
    background.close()
    assert time.monotonic() - started < 2
    for future in asked:
        with pytest.raises(CancelledError):
            future.result(0)
    assert wires[0].closed
    assert wires[0].loop.is_closed()
    assert set(threading.enumerate()) <= before
