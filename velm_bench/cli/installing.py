"""`velm-bench doctor --install NAME`: fetches what a metric needs and no package carries."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

from velm_bench.cli.output import note
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion

RESOURCES = {"spice": "velm_bench.metrics.captions.spice_resources"}
"""What can be fetched, and the module whose `install` does it."""
MEGABYTE = 1_000_000
STOPS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process without an exception, so that nobody would clean up."""
STEPS = 10
"""How many lines a download is worth where its size is known; a line per 50 MB where it is not."""


def install(name: str) -> None:
    """Fetch a resource into the cache, telling how far it is; UsageError for an unknown one."""
    if name not in RESOURCES:
        raise UsageError(f"--install knows no '{name}': {suggestion(name, list(RESOURCES))}")
    module = import_module(RESOURCES[name])
    with stops_raised():
        folder = module.install(Progress(name))
    note(f"{name}: installed in {folder}")


@contextmanager
def stops_raised() -> Iterator[None]:
    """Being told to end raises SystemExit meanwhile; a signal that is ignored or handled already stays so."""

    def stop(number: int, _: FrameType | None) -> None:
        for one in former:
            signal.signal(one, signal.SIG_IGN)  # whoever cleans up is not stopped again
        raise SystemExit(128 + number)

    former = {number: signal.SIG_DFL for number in STOPS if signal.getsignal(number) is signal.SIG_DFL}
    try:
        for number in former:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class Progress:
    """A line on standard error whenever another part has come."""

    def __init__(self, label: str) -> None:
        self.label, self.said = label, 0

    def __call__(self, done: int, total: int) -> None:
        """`done` bytes have come, of `total`; 0 where that is unknown."""
        step = STEPS * done // total if total else done // (50 * MEGABYTE)
        if step > self.said:
            self.said = step
            of = f" of {total / MEGABYTE:,.0f}" if total else ""
            note(f"{self.label}: {done / MEGABYTE:,.0f}{of} MB")
