"""`velm-bench train`: a reference model from a recipe."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from velm_bench.cli.options import Data, Device, data_folders
from velm_bench.cli.output import note
from velm_bench.errors import UnavailableError, UsageError
from velm_bench.registry import suggestion
from velm_bench.shipped import shipped

if TYPE_CHECKING:
    from velm_bench.reference.training import Progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

TRAININGS = Path("trainings")
"""Where trainings are kept unless --output says otherwise."""
SECONDS_BETWEEN = 15.0
"""The least time between two lines of progress where standard error is no terminal."""


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a YAML file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The training's folder; trainings/RECIPE if left out.")
    ] = None,
    data: Data = None,
    device: Device = "auto",
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="End after so many minutes.")] = None,
    processes: Annotated[
        int,
        typer.Option("--processes", min=1, help="Processes that share each batch, on a CPU; each takes one thread."),
    ] = 1,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that make batches ahead.")] = 1,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="CPU threads of torch; its own choice.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on where it stopped.")] = False,
) -> None:
    """Train a reference model and print its folder. The same command again goes on where it was stopped."""
    path = recipe_path(recipe)
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise UnavailableError(f"Training needs {package}: run `pip install 'velm-bench[models]'`.")
    from velm_bench.reference.recipe import read_recipe

    settings = read_recipe(path)
    from velm_bench.reference.training import train as train_model

    checkpoint = train_model(
        settings,
        output or TRAININGS / settings.name,
        data=data_folders(data),
        beside=path.parent,
        device=device,
        minutes=minutes,
        processes=processes,
        workers=workers,
        threads=threads,
        fresh=fresh,
        progress=Teller(),
    )
    if os.environ.get("RANK", "0") != "0":  # of torchrun's processes, the first speaks for all
        return
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(checkpoint)


def recipe_path(recipe: str) -> Path:
    """The file of a recipe: a YAML path, or the name of a shipped one; UsageError with the nearest name."""
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe)
    known = {path.stem: path for path in sorted(shipped("recipes").glob("*.yaml"))}
    if recipe not in known:
        raise UsageError(f"Unknown recipe '{recipe}': {suggestion(recipe, list(known))}")
    return known[recipe]


class Teller:
    """Progress as one line that renews itself on a terminal, and as a line now and then elsewhere."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.told = float("-inf")

    def __call__(self, now: Progress) -> None:
        """Tell where the training stands."""
        if self.terminal:
            print(f"\r{_line(now)}\x1b[K", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self.told >= SECONDS_BETWEEN:
            self.told = time.monotonic()
            note(_line(now))


def _line(now: Progress) -> str:
    done = min(1.0, now.done)  # the last step may end after the minutes
    parts = [
        f"{done:6.1%}",
        f"step {now.step:,} of {now.steps:,}",
        f"loss {now.losses.get('total', float('nan')):.3f}",
        f"{now.images_per_second:,.0f} images/s",
        f"{max(0.0, now.seconds_left) / 60:,.0f} min left",
    ]
    if "score" in now.scores:
        parts.append(f"validation {now.scores['score']:.3f}")
    return " · ".join(parts)
