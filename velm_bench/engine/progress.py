"""How a run tells the world where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What the runner reports to; the command line shows it as a bar."""

    def start(self, total: int, done: int) -> None:
        """There are `total` samples to answer, of which `done` were answered by an earlier run."""

    def advance(self, n: int = 1) -> None:
        """`n` more samples have an answer or an error."""

    def note(self, text: str) -> None:
        """Something a person may want to know, one sentence."""

    def finish(self) -> None:
        """The answering is over; called once after `start`, also when it was cut short."""


class Silent:
    """Reports nothing."""

    def start(self, total: int, done: int) -> None:
        """Nothing."""

    def advance(self, n: int = 1) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


silent: Progress = Silent()
"""For whoever does not watch."""
