"""`velm-bench results import`: runs of other harnesses, taken over as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from velm_bench.cli.options import RESULTS, Json, Output, Replicates
from velm_bench.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from velm_bench.errors import VelmError
    from velm_bench.results.foreign.base import ForeignRun


class Harness(StrEnum):
    """Whose files can be read."""

    LM_EVAL = "lm-eval"
    LMMS_EVAL = "lmms-eval"
    VLMEVALKIT = "vlmevalkit"
    INSPECT = "inspect"
    TABLE = "table"


def import_results(
    paths: Annotated[list[Path], typer.Argument(help="Result files or tables, or folders that hold some.")],
    harness: Annotated[Harness, typer.Option("--from", help="The harness that wrote them.")],
    model: Annotated[str, typer.Option("--model", help="What to call the model; what the files say if left out.")] = "",
    output: Output = RESULTS,
    replicates: Replicates = 1000,
    as_json: Json = False,
) -> None:
    """Take over runs of lm-eval or lmms-eval (with --log_samples), logs of Inspect, scored tables of VLMEvalKit, or any
    table (CSV, TSV, JSONL) of `id, score[, group]`.

    Their scores are kept, not computed again, and marked as imported; they get intervals and can be compared. One file
    that cannot be read does not stop the others.
    """
    from velm_bench.cli.evaluation import HEADERS, NUMBERS, result_rows
    from velm_bench.errors import VelmError
    from velm_bench.results.foreign.converting import import_run, unscored
    from velm_bench.results.store import read_result

    worst = 0
    folders: list[Path] = []
    for found in _runs(paths, harness, model):
        try:
            if isinstance(found, VelmError):
                raise found
            folders.append(import_run(output, found, sys.argv, replicates))
            for sentence in (*found.notes, *unscored(found, read_result(folders[-1]))):
                note(sentence)
        except VelmError as error:
            note(f"Error: {error}")
            worst = max(worst, error.exit_code)
    results = [read_result(folder) for folder in folders]
    if as_json:
        runs = zip(folders, results, strict=True)
        print_json([{"folder": str(folder), "result": result.model_dump(mode="json")} for folder, result in runs])
    elif results:
        print_table(HEADERS, [row for result in results for row in result_rows(result)], NUMBERS)
    if worst:
        raise typer.Exit(worst)


def _runs(paths: list[Path], harness: Harness, model: str) -> Iterator[ForeignRun | VelmError]:
    """Every run that the paths name, or why there is none."""
    from velm_bench.errors import UsageError, VelmError
    from velm_bench.results.foreign import inspect, lm_eval, tables, vlmevalkit

    readers = {Harness.VLMEVALKIT: vlmevalkit, Harness.INSPECT: inspect, Harness.TABLE: tables}
    reader = readers.get(harness, lm_eval)
    for path in paths:
        try:
            found = reader.find_results(path)
            if not found:
                raise UsageError(f"There is no result of {harness} at {path}: name the folder or file that it wrote.")
        except VelmError as error:
            yield error
            continue
        for one in found:
            try:
                yield from reader.read_runs(one, model)
            except VelmError as error:
                yield error
