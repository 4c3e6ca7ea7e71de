"""`velm-bench tasks`: what can be measured, whether its data is in order, and how to get it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from velm_bench.cli.options import Data, Json, data_folders, environment_folders
from velm_bench.cli.output import note, print_facts, print_json, print_table

if TYPE_CHECKING:
    from velm_bench.tasks.registry import Definition

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="List tasks, show one, check that its data is in order, or fetch it.",
)


@app.command("list")
def list_tasks(
    kind: Annotated[str, typer.Option("--kind", help="Only tasks of this kind.")] = "", as_json: Json = False
) -> None:
    """List the tasks that come with velm-bench."""
    from velm_bench.tasks.kinds import KINDS
    from velm_bench.tasks.registry import definitions

    if kind:
        KINDS.target(kind)
    chosen = [one.task for one in definitions().values() if kind in ("", one.task.kind)]
    if as_json:
        print_json([task.model_dump(mode="json") for task in chosen])
        return
    print_table(
        ("task", "kind", "metrics", "description"),
        [(task.name, task.kind, ", ".join(task.metrics), task.description) for task in chosen],
    )


@app.command("show")
def show_task(
    name: Annotated[str, typer.Argument(help="A task's name, kind, or YAML path.")], as_json: Json = False
) -> None:
    """Show what a task asks and how it is scored."""
    from velm_bench.tasks.registry import resolve

    shown = [_facts(definition) for definition in resolve(name)]
    if as_json:
        print_json(shown if len(shown) > 1 else shown[0])
        return
    for facts in shown:
        print_facts({key: ", ".join(value) if isinstance(value, list) else value for key, value in facts.items()})


@app.command("check")
def check_tasks(
    names: Annotated[list[str] | None, typer.Argument(help="Tasks or YAML files; the embedded ones if none.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Open a task's data and check it: samples, ids, prompt fields, slices, metrics, expected number.

    Defects of single samples are counted, and become error rows of a run; anything else ends with exit code 2.
    """
    from velm_bench.cli.checking import check
    from velm_bench.tasks.registry import embedded, resolve

    folders = data_folders(data)
    chosen = resolve(",".join(names)) if names else embedded()
    checks = [check(definition, folders) for definition in chosen]
    if as_json:
        print_json([vars(one) for one in checks])
    else:
        print_table(
            ("task", "samples", "problems", "verdict"),
            [(one.task, one.samples, one.problems, "ok" if one.ok else "not valid") for one in checks],
            frozenset({"samples", "problems"}),
        )
    for one in checks:
        for sentence in one.complaints:
            note(f"{'Note' if one.ok else 'Error'}: {one.task}: {sentence}")
    if not all(one.ok for one in checks):
        raise typer.Exit(2)


@app.command("fetch")
def fetch_tasks(
    names: Annotated[list[str], typer.Argument(help="Tasks, globs such as 'vqa/*', or YAML files.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The folder to fill, made if absent; the first of VELM_DATA if left out."),
    ] = None,
    splits: Annotated[
        str, typer.Option("--splits", help="Other splits of the data than the tasks' own, separated by commas.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Fetch tasks' data from the Hugging Face hub into a data folder, where runs find it without a network.

    What is there and sound is left alone. Each file is checked, and so is the number of samples.
    """
    from velm_bench.cli.fetching import destination, fetch_all, on_splits
    from velm_bench.tasks.registry import resolve

    wanted = [word.strip() for word in splits.split(",") if word.strip()]
    chosen = on_splits(resolve(",".join(names)), wanted)
    outcomes = list(fetch_all(chosen, destination(data, environment_folders())))
    if as_json:
        print_json([vars(one) for one in outcomes])
    else:
        print_table(
            ("task", "files", "fetched", "MB", "samples", "verdict"),
            [
                (
                    one.task,
                    str(one.files),
                    str(one.fetched),
                    f"{one.size / 1e6:.1f}",
                    "" if one.samples is None else str(one.samples),
                    "not complete" if one.problem else "ok",
                )
                for one in outcomes
            ],
            frozenset({"files", "fetched", "MB", "samples"}),
        )
    for one in outcomes:
        if one.problem:
            note(f"Error: {one.problem}" if one.task in one.problem else f"Error: {one.task}: {one.problem}")
    if worst := max(one.exit_code for one in outcomes):
        raise typer.Exit(worst)


def _facts(definition: Definition) -> dict[str, Any]:
    task = definition.task
    task.source_settings()
    return {**task.model_dump(mode="json"), "file": str(definition.path), "digest": task.digest()}
