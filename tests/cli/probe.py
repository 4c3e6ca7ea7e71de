"""A model that tells how it was called: `probe:anything`."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from velm_bench.models.base import Identity, Model, Setup
from velm_bench.samples import Ability, Request, TextAnswer

THREADS: set[int] = set()
"""The threads that prepared something."""
BATCHES: list[int] = []
"""The sizes of the batches asked."""


class Probe(Model):
    """Answers the mean brightness of the picture."""

    abilities = frozenset({Ability.GENERATE})
    batch_size = 4

    def __init__(self, name: str, setup: Setup) -> None:
        self.setup, self.device = setup, setup.device
        self.identity = Identity(f"probe:{name}", "0" * 64, dtype=setup.dtype, details={"seed": setup.seed})

    def prepare(self, request: Request) -> Any:
        THREADS.add(threading.get_ident())
        time.sleep(0.02)
        return float(request.images[0].decode().mean())

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        if self.identity.name == "probe:broken":
            raise ValueError("it is broken")
        if self.identity.name == "probe:stopped":
            raise KeyboardInterrupt
        if self.identity.name == "probe:late" and BATCHES:
            raise KeyboardInterrupt
        BATCHES.append(len(prepared))
        if self.identity.name == "probe:chatty":
            print("thinking")
        return [TextAnswer(f"{level:.0f}") for level in prepared]


def open_probe(name: str, setup: Setup) -> Model:
    """The probe."""
    THREADS.clear()
    BATCHES.clear()
    if name == "chatty":
        print("opening")
    return Probe(name, setup)
