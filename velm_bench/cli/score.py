"""`velm-bench score`: answers that were produced elsewhere, into a Run like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from velm_bench.cli.options import (
    RESULTS,
    Data,
    Fresh,
    Json,
    MaxErrorRate,
    Output,
    Replicates,
    ResamplingSeed,
    data_folders,
)
from velm_bench.cli.output import stdout_aside

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def score(
    task: Annotated[str, typer.Option("--task", "-t", help="The task that the answers belong to.")],
    predictions: Annotated[
        Path, typer.Option("--predictions", "-p", help="COCO or VQA results, JSON lines, or CoNLL columns.")
    ],
    name: Annotated[str, typer.Option("--name", help="What to call the model; answers:FILE if left out.")] = "",
    output: Output = RESULTS,
    data: Data = None,
    max_error_rate: MaxErrorRate = 0.0,
    fresh: Fresh = False,
    seed: ResamplingSeed = 0,
    replicates: Replicates = 1000,
    as_json: Json = False,
) -> None:
    """Score answers from a file: COCO results, VQA results, JSON lines of {id, prediction}, or CoNLL columns.

    A sample without an answer counts as an error; an id that the task lacks ends the command.
    """
    from velm_bench.cli.evaluation import evaluate_all, finish, named_tasks
    from velm_bench.engine.settings import RunSettings
    from velm_bench.models.answers import Answers

    settings = RunSettings(
        output=output,
        data=data_folders(data),
        batch_size=None,
        limit=None,
        seed=seed,
        max_error_rate=max_error_rate,
        fresh=fresh,
        workers=1,
        replicates=replicates,
    )
    definitions = named_tasks(task)
    with stdout_aside():
        report = evaluate_all(definitions, Answers(predictions, name), settings)
    finish(report, as_json)
