"""A model that tells how it was called: `probe:anything`."""

from __future__ import annotations

import os
import signal
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
PROMPTS: list[str] = []
"""What was asked, in no particular order."""


class Probe(Model):
    """Answers the mean brightness of the picture, 0 where it sees none."""

    abilities = frozenset({Ability.GENERATE})
    batch_size = 4

    def __init__(self, name: str, setup: Setup) -> None:
        self.setup, self.device = setup, setup.device
        self.identity = Identity(f"probe:{name}", "0" * 64, dtype=setup.dtype, details={"seed": setup.seed})

    def prepare(self, request: Request) -> Any:
        THREADS.add(threading.get_ident())
        PROMPTS.append(request.prompt)
        if self.identity.name == "probe:x":
            time.sleep(0.02)  # long enough for a second thread to be worth its while
        if self.identity.name == "probe:text":  # it reads the question and never looks
            return 255.0 * ("Is this light?" in request.prompt and len(request.prompt) % 2)
        if self.identity.name == "probe:needy" and not request.images:
            raise ValueError("it needs a picture")
        return float(request.images[0].decode().mean()) if request.images else 0.0

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        if self.identity.name == "probe:broken":
            raise ValueError("it is broken")
        if self.identity.name == "probe:stopped":
            raise KeyboardInterrupt
        if self.identity.name == "probe:late" and BATCHES:
            raise KeyboardInterrupt
        if os.environ.get("PROBE_DIES_AFTER") == str(len(BATCHES)):
            os.kill(os.getpid(), signal.SIGKILL)
        BATCHES.append(len(prepared))
        if self.identity.name == "probe:chatty":
            print("thinking")
        if self.identity.name in ("probe:sighted", "probe:text", "probe:needy"):
            return [TextAnswer("yes" if level >= 120 else "no") for level in prepared]
        return [TextAnswer(f"{level:.0f}") for level in prepared]


def open_probe(name: str, setup: Setup) -> Model:
    """The probe."""
    THREADS.clear()
    BATCHES.clear()
    PROMPTS.clear()
    if name == "chatty":
        print("opening")
    return Probe(name, setup)
