"""Options that several commands share, spelled and explained once."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from velm_bench.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")]


def _folder(text: str) -> Path:
    """A folder that is named; an empty name would mean the current one."""
    if not text:
        raise typer.BadParameter("the name of a folder is empty")
    return Path(text)


Output = Annotated[
    Path, typer.Option("--output", "-o", parser=_folder, metavar="PATH", help="The folder that holds the runs.")
]


def _signed(by: str) -> str:
    if len(by) > LONGEST_BY:
        raise typer.BadParameter(f"it has {len(by)} letters, and at most {LONGEST_BY} are kept: give a shorter one")
    return by


LONGEST_BY = 200
"""How many letters an event keeps of who says so."""
By = Annotated[str, typer.Option("--by", parser=_signed, metavar="TEXT", help="Who says so; everybody can read it.")]
Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="A folder to look for data in; may be repeated, and goes before VELM_DATA."),
]
MaxErrorRate = Annotated[
    float,
    typer.Option("--max-error-rate", min=0.0, max=1.0, help="The share of failed samples above which to exit with 4."),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Ask everything again; an earlier result stays until this one stands.")
]
Replicates = Annotated[
    int,
    typer.Option("--replicates", min=0, help="Bootstrap replicates per interval, 10 or more; 0 for no intervals."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seeds the choice of --limit, the statistics and the model.")]
ResamplingSeed = Annotated[int, typer.Option("--seed", min=0, help="Seeds the resamples of the intervals.")]

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?", re.ASCII)
DTYPES = ("auto", "float32", "bfloat16", "float16")


def _device(word: str) -> str:
    if not DEVICE.fullmatch(word):
        raise typer.BadParameter(f"'{word}' is none of auto, cpu, cuda, cuda:N and mps")
    return word


def _dtype(word: str) -> str:
    if word not in DTYPES:
        raise typer.BadParameter(f"'{word}' is none of {', '.join(DTYPES[:-1])} and {DTYPES[-1]}")
    return word


Device = Annotated[
    str, typer.Option("--device", callback=_device, help="cpu, cuda, cuda:1, mps, or auto for the best there is.")
]
Dtype = Annotated[str, typer.Option("--dtype", callback=_dtype, help="float32, bfloat16, float16, or auto.")]

ModelArgs = Annotated[
    list[str] | None,
    typer.Option(
        "--model-arg",
        metavar="KEY=VALUE",
        help="A setting of the model's own, such as those that `velm-bench models show` lists; may be repeated.",
    ),
]


def assignments(given: Sequence[str] | None, flag: str) -> dict[str, str]:
    """The values by key of a repeated KEY=VALUE; UsageError for a word of another form or a key that comes twice."""
    found: dict[str, str] = {}
    for word in given or ():
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(f"{flag} {word!r:.80} is no KEY=VALUE: write {flag} {key or 'KEY'}=VALUE.")
        if key in found:
            raise UsageError(f"{flag} gives '{key}' twice: leave one out.")
        found[key] = value
    return found


RESULTS = Path("results")
"""Where runs are kept unless --output says otherwise."""


def data_folders(given: Sequence[Path] | None) -> tuple[Path, ...]:
    """The folders to look for data in: --data, then VELM_DATA; UsageError for a --data that is no folder."""
    chosen = tuple(given or ())
    for folder in chosen:
        if not folder.is_dir():
            raise UsageError(f"The folder '{folder}' given with --data {absent(folder)}: name an existing folder.")
    return chosen + environment_folders()


def absent(folder: Path) -> str:
    """What is wrong with a folder that is none."""
    return "is a file" if folder.exists() else "does not exist"


def environment_folders() -> tuple[Path, ...]:
    """The folders of VELM_DATA, separated as in PATH."""
    return tuple(Path(part) for part in os.environ.get("VELM_DATA", "").split(os.pathsep) if part)
