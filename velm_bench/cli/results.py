"""`velm-bench results`: the runs of a folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from velm_bench.cli.importing import import_results
from velm_bench.cli.options import RESULTS, Json, Output, absent
from velm_bench.cli.output import interval, note, number, print_facts, print_json, print_table

if TYPE_CHECKING:
    from velm_bench.results.schema import Result

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="List the runs of a results folder, show one, or import others'."
)
app.command("import")(import_results)

HEADERS = ("model", "task", "metric", "score", "95% interval", "n", "errors", "run")
NUMBERS = frozenset({"score", "n", "errors"})


@app.command("list")
def list_results(output: Output = RESULTS, as_json: Json = False) -> None:
    """List the finished runs of a results folder with their primary scores."""
    runs = _runs(output)
    if as_json:
        print_json([{"folder": str(folder), **_summary(result)} for folder, result in runs])
        return
    print_table(HEADERS, [_row(result) for _, result in runs], NUMBERS)


@app.command("show")
def show_result(
    run: Annotated[str, typer.Argument(help="A run's folder, or its id or the beginning of it.")],
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Show all scores and slices of a run, where it comes from, and what the pictures are worth where it was compared
    (run --controls, run --perturb)."""
    from velm_bench.cli.gains import gains_as_json, print_gains
    from velm_bench.results.gain import read_gains

    folder, result = _find(run, output)
    gains, notes = read_gains(folder)
    for sentence in notes:
        note(f"Left out: {sentence}")
    if as_json:
        print_json({"folder": str(folder), **result.model_dump(mode="json"), **gains_as_json(gains)})
        return
    print_facts(_facts(folder, result))
    print()
    print_table(("", "metric", "score", "95% interval", "answered only", "n", "errors"), _score_rows(result), NUMBERS)
    if gains:
        print()
        print_gains(result.task.name, gains, slices=True)
    for name, reason in result.skipped.items():
        note(f"{name} is not scored: {reason}")


def _runs(root: Path) -> list[tuple[Path, Result]]:
    from velm_bench.errors import UsageError
    from velm_bench.results.store import list_runs

    if not root.is_dir():
        raise UsageError(f"The results folder '{root}' {absent(root)}: name one with --output.")
    return list_runs(root, lambda sentence: note(f"Left out: {sentence}"))


def _find(run: str, root: Path) -> tuple[Path, Result]:
    """The run in that folder, or the only one whose id begins so."""
    from velm_bench.errors import UsageError
    from velm_bench.results.store import RESULT, read_result

    folder = Path(run)
    with suppress(OSError):  # no path can be as long as what somebody may type
        if (folder / RESULT).is_file():
            return folder, read_result(folder)
    matching = [(path, result) for path, result in _runs(root) if result.run_id.startswith(run)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"The id '{run}' fits {len(matching)} runs in '{root}': give more of it, or the folder.")
    raise UsageError(f"There is no run '{run:.80}' in '{root}': `velm-bench results list` shows the ids.")


def _row(result: Result) -> tuple[object, ...]:
    score = result.score
    return (
        result.model.name,
        result.title,
        result.primary,
        number(score.value),
        interval(score.low, score.high),
        _asked(result),
        result.n_errors,
        result.run_id,
    )


def _asked(result: Result) -> str:
    """How many samples were asked, and of how many where not of all."""
    return str(result.n) if result.n == result.data.samples else f"{result.n} of {result.data.samples}"


def _summary(result: Result) -> dict[str, Any]:
    return {
        "run_id": result.run_id,
        "model": result.model.name,
        "task": result.task.name,
        "kind": result.task.kind,
        "control": result.control,
        "shots": result.shots.count if result.shots else 0,
        "primary": result.primary,
        "n": result.n,
        "samples": result.data.samples,
        "n_errors": result.n_errors,
        "parse_failures": result.parse_failures,
        "scores": {name: score.model_dump(mode="json") for name, score in result.scores.items()},
        "created": result.provenance.created,
    }


def _facts(folder: Path, result: Result) -> dict[str, object]:
    return {
        "model": result.model.name,
        "task": result.task.name,
        "control": result.control,
        "shots": f"{result.shots.count} from {result.shots.split}" if result.shots else None,
        "generation": _generation(result),
        "samples": f"{_asked(result)}, {result.n_errors} failed, {result.parse_failures} answers not parsed",
        "limit": result.data.limit,
        "device": result.provenance.device,
        "created": result.provenance.created,
        "command": " ".join(result.provenance.command),
        "folder": folder,
    }


def _generation(result: Result) -> str | None:
    """How text was generated, where it was and not as it is by default: runs of one task may differ in that alone."""
    from velm_bench.tasks.definition import GenerationSettings

    said = result.task.definition.get("generation")
    if not isinstance(said, dict):
        return None
    usual = GenerationSettings().model_dump(mode="json")
    return ", ".join(f"{key} {value}" for key, value in said.items() if usual.get(key) != value) or None


def _score_rows(result: Result) -> list[tuple[object, ...]]:
    parts = [("all", result.scores)]
    parts += [
        (f"{name}={value}", part.scores) for name, values in result.slices.items() for value, part in values.items()
    ]
    return [
        (part, name, number(one.value), interval(one.low, one.high), number(one.answered), one.n, one.n_errors)
        for part, scores in parts
        for name, one in scores.items()
    ]
