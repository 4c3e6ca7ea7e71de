"""How a running evaluation is shown: a bar on a terminal, lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any

from velm_bench.cli.output import note

QUIET_SECONDS = 10.0
"""The least time between two lines where standard error is no terminal."""


class Lines:
    """A line at the start and the end, and now and then between: for logs."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.total = self.done = self.already = 0
        self.started = self.said = time.monotonic()

    def start(self, total: int, done: int) -> None:
        """There are `total` samples, of which `done` were answered by an earlier run."""
        self.total, self.done, self.already = total, done, done
        self.started = self.said = time.monotonic()
        resumed = f", {done:,} of them answered before" if done else ""
        note(f"{self.label}: {total:,} samples{resumed}")

    def advance(self, n: int = 1) -> None:
        """`n` more samples are answered."""
        self.done += n
        now = time.monotonic()
        if now - self.said >= QUIET_SECONDS and self.done < self.total:
            self.said = now
            left = (self.total - self.done) / self._rate(now)
            note(f"{self.label}: {self.done:,} of {self.total:,}, {self._rate(now):,.0f}/s, {left:,.0f} s left")

    def note(self, text: str) -> None:
        """A remark of the engine."""
        note(f"{self.label}: {text}")

    def finish(self) -> None:
        """All that could be answered is answered."""
        now = time.monotonic()
        note(f"{self.label}: {self.done:,} of {self.total:,} in {now - self.started:.1f} s, {self._rate(now):,.0f}/s")

    def _rate(self, now: float) -> float:
        return max(self.done - self.already, 1e-9) / max(now - self.started, 1e-9)


class Bar:
    """A progress bar with rate and time left."""

    def __init__(self, label: str) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn(escape(label)),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self.task: Any = None
        self.already = self.done = 0
        self.started = time.monotonic()

    def start(self, total: int, done: int) -> None:
        """There are `total` samples, of which `done` were answered by an earlier run."""
        self.already = self.done = done
        self.started = time.monotonic()
        self.task = self.progress.add_task("", total=total, completed=done, rate="")
        self.progress.start()

    def advance(self, n: int = 1) -> None:
        """`n` more samples are answered."""
        self.done += n
        rate = (self.done - self.already) / max(time.monotonic() - self.started, 1e-9)
        self.progress.update(self.task, advance=n, rate=f"{rate:,.0f}/s")

    def note(self, text: str) -> None:
        """A remark of the engine, above the bar."""
        from rich.text import Text

        self.progress.console.print(Text(text))

    def finish(self) -> None:
        """Leave the bar as it stands."""
        self.progress.stop()


def progress(label: str) -> Lines | Bar:
    """A bar where standard error is a terminal, lines where it is not."""
    return Bar(label) if sys.stderr.isatty() else Lines(label)
