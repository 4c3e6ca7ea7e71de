"""Somebody who looks at the answers while they come, and may stop the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from velm_bench.engine.opening import Opened
from velm_bench.engine.plan import Row
from velm_bench.engine.scoring import Metrics
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import Judged
from velm_bench.errors import VelmError
from velm_bench.results.schema import titled


@dataclass(frozen=True)
class Watched:
    """A run that is about to ask."""

    opened: Opened
    metrics: Metrics
    plan: Sequence[Row]
    settings: RunSettings

    @property
    def title(self) -> str:
        """The task as its run will be titled."""
        return titled(self.opened.task.name, self.settings.control, self.settings.shots)


class StoppedError(VelmError):
    """A run was stopped by who watches it; its journal is kept, so that the same run can go on."""

    exit_code = 1


class Watch(Protocol):
    """What a run tells who watches it."""

    def begin(self, run: Watched) -> None:
        """A run is about to ask; UsageError where it cannot be watched."""

    def see(self, rows: Sequence[Judged]) -> None:
        """What came of the samples of one batch, in their order; answers from an earlier journal come first.

        StoppedError ends the run. Not told of the last batch, after which there is nothing left to stop.
        """
