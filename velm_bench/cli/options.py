"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from velm_bench.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The folder that holds the runs.")]
Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="A folder to look for data in; may be repeated, and goes before VELM_DATA."),
]
MaxErrorRate = Annotated[
    float,
    typer.Option("--max-error-rate", min=0.0, max=1.0, help="The share of failed samples above which to exit with 4."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew: forget what an earlier, interrupted run answered.")]
Replicates = Annotated[
    int, typer.Option("--replicates", min=0, help="Bootstrap replicates per interval; 0 for no intervals.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seeds the choice of --limit, the statistics and the model.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, mps, or auto for the best there is.")]

RESULTS = Path("results")
"""Where runs are kept unless --output says otherwise."""


def data_folders(given: Sequence[Path] | None) -> tuple[Path, ...]:
    """The folders to look for data in: --data, then VELM_DATA; UsageError for a --data that is no folder."""
    chosen = tuple(given or ())
    for folder in chosen:
        if not folder.is_dir():
            raise UsageError(f"The folder '{folder}' given with --data does not exist: name an existing folder.")
    return chosen + environment_folders()


def environment_folders() -> tuple[Path, ...]:
    """The folders of VELM_DATA, separated as in PATH."""
    return tuple(Path(part) for part in os.environ.get("VELM_DATA", "").split(os.pathsep) if part)
