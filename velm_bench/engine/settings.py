"""What a person may set about a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from velm_bench.engine.treating import find_treatment
from velm_bench.errors import UsageError

DEFAULT_WORKERS = min(8, os.cpu_count() or 1)
FEWEST_REPLICATES = 10
"""An interval over fewer would be the range of a handful of numbers."""


@dataclass(frozen=True)
class RunSettings:
    """Everything about a run besides its task and model; UsageError for a value that makes no sense."""

    output: Path
    """The folder of all results."""
    data: tuple[Path, ...] = ()
    """Where data sets are looked for before the task's own folder."""
    batch_size: int | None = None
    """How many samples are asked at once; None for what the model suggests."""
    limit: int | None = None
    """Ask only so many samples: a seeded choice, and each smaller limit is part of the larger ones."""
    seed: int = 0
    """Decides the samples of a limit, the resamples of the intervals, the worked examples, and what shuffling and
    perturbations draw."""
    max_error_rate: float = 0.0
    """The share of failed samples that is put up with; see `too_many_errors`."""
    fresh: bool = False
    """Ask everything again, whatever an earlier run of the same left; its result stays until the new one stands."""
    generation: tuple[str, ...] = ()
    """The names of the task's generation settings that were replaced for this run."""
    control: str = ""
    """What is done to what the model is shown: a control ("blank", "shuffled", "absent"), a perturbation ("noise:3";
    "noise" becomes "noise:3"), or nothing."""
    shots: int = 0
    """How many worked examples stand before each question, drawn from the task's training data."""
    workers: int = DEFAULT_WORKERS
    """Threads that read pictures and prepare samples."""
    replicates: int = 1000
    """Bootstrap replicates per interval, 10 or more; 0 for no intervals."""

    def __post_init__(self) -> None:
        self._at_least("--limit", self.limit, 1)
        self._at_least("--batch-size", self.batch_size, 1)
        self._at_least("--shots", self.shots, 0)
        self._at_least("--workers", self.workers, 1)
        if self.replicates != 0:
            self._at_least("--replicates", self.replicates, FEWEST_REPLICATES, " (or 0 for no intervals)")
        self._at_least("--seed", self.seed, 0)
        if not 0.0 <= self.max_error_rate <= 1.0:
            raise UsageError(f"--max-error-rate must lie between 0 and 1, not be {self.max_error_rate}.")
        if self.control:
            object.__setattr__(self, "control", find_treatment(self.control).name)

    @staticmethod
    def _at_least(flag: str, value: int | None, least: int, more: str = "") -> None:
        if value is not None and value < least:
            raise UsageError(f"{flag} must be a whole number from {least}{more}, not {value}.")
