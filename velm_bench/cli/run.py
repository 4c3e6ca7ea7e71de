"""`velm-bench run`: a model on tasks, into one Run per task."""

from __future__ import annotations

from typing import Annotated

import typer

from velm_bench.cli.options import (
    RESULTS,
    Data,
    Device,
    Dtype,
    Fresh,
    Json,
    MaxErrorRate,
    ModelArgs,
    Output,
    Replicates,
    Seed,
    assignments,
    data_folders,
)
from velm_bench.cli.output import stdout_aside

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _batch_size(text: str) -> int | None:
    """`auto` is None; anything else must be a whole number from 1."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"'{text}' is neither 'auto' nor a whole number from 1", param_hint="'--batch-size'")
    return int(text)


@app.command()
def run(
    model: Annotated[str, typer.Option("--model", "-m", help="SCHEME:NAME, such as ref:prefix or baseline:majority.")],
    tasks: Annotated[str, typer.Option("--tasks", "-t", help="Names, kinds, globs or YAML paths, comma-separated.")],
    output: Output = RESULTS,
    batch_size: Annotated[str, typer.Option("--batch-size", help="Samples per batch, or auto.")] = "auto",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many samples, a seeded choice.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "auto",
    model_arg: ModelArgs = None,
    shots: Annotated[
        int,
        typer.Option("--shots", min=0, help="Worked examples before each question, drawn from the training data."),
    ] = 0,
    generation: Annotated[
        list[str] | None,
        typer.Option(
            "--generation",
            metavar="KEY=VALUE",
            help="Instead of the task's own generation setting, such as max_new_tokens=64; may be repeated.",
        ),
    ] = None,
    data: Data = None,
    fresh: Fresh = False,
    max_error_rate: MaxErrorRate = 0.0,
    control: Annotated[
        str, typer.Option("--control", help="Instead with the pictures blank, shuffled or absent: a run of its own.")
    ] = "",
    controls: Annotated[
        bool, typer.Option("--controls", help="Also under every control, and what the pictures are worth.")
    ] = False,
    perturb: Annotated[
        list[str] | None,
        typer.Option(
            "--perturb",
            help="Also spoilt, and what is lost: noise, blur, jpeg, rotate, occlude or typos, with :1 to :5 for the "
            "strength (3 if left out); may be repeated.",
        ),
    ] = None,
    fail_fast: Annotated[
        str,
        typer.Option(
            "--fail-fast",
            metavar="BASELINE",
            help="Stop, with exit code 1, as soon as the answers are clearly worse than those of this run, model or "
            "baseline file; no verdict.",
        ),
    ] = "",
    fail_fast_margin: Annotated[
        float | None,
        typer.Option("--fail-fast-margin", help="With --fail-fast: how much worse is put up with; 0 if left out."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads that prepare samples ahead; one per core, up to 8.")
    ] = None,
    replicates: Replicates = 1000,
    as_json: Json = False,
) -> None:
    """Run a model on tasks, score it, and write each Run to a folder of its own.

    Scores are shown as they are (0 to 1 for shares). The same command again goes on where it was stopped. With
    --controls or --perturb each is one more run of the same samples, and the paired differences are shown and kept.
    """
    size = _batch_size(batch_size)
    from velm_bench.cli.evaluation import chosen_treatments, evaluate_all, finish, named_tasks, with_generation
    from velm_bench.cli.watching import watcher
    from velm_bench.engine.settings import DEFAULT_WORKERS, RunSettings
    from velm_bench.models import Setup, open_model

    further = chosen_treatments(control, controls, perturb or [])
    replaced = assignments(generation, "--generation")
    settings = RunSettings(
        output=output,
        data=data_folders(data),
        batch_size=size,
        limit=limit,
        seed=seed,
        max_error_rate=max_error_rate,
        fresh=fresh,
        control=control,
        shots=shots,
        generation=tuple(replaced),
        workers=workers or DEFAULT_WORKERS,
        replicates=replicates,
    )
    definitions = with_generation(named_tasks(tasks), replaced)
    options = assignments(model_arg, "--model-arg")
    with stdout_aside():
        watch = watcher(fail_fast, fail_fast_margin, definitions, settings)
        opened = open_model(model, Setup(device=device, dtype=dtype, seed=seed, options=options))
        report = evaluate_all(definitions, opened, settings, further, watch)
    finish(report, as_json)
