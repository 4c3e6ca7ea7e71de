"""What `run` and `score` have in common: tasks one after the other, none lost to another's error, one report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from velm_bench.cli.output import interval, note, number, plain, print_json, print_table
from velm_bench.cli.progress import progress
from velm_bench.engine.runner import evaluate, too_many_errors
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import RunError, VelmError
from velm_bench.metrics import METRICS, split_name
from velm_bench.models.base import Model
from velm_bench.results.store import read_samples
from velm_bench.tasks.registry import Definition, resolve

if TYPE_CHECKING:
    from velm_bench.results.schema import Result, Score

HEADERS = ("task", "metric", "score", "95% interval", "n", "errors", "unparsed")
NUMBERS = frozenset({"score", "n", "errors", "unparsed"})


@dataclass
class Report:
    """What came of each task."""

    runs: list[Any] = field(default_factory=list)
    failures: list[tuple[str, VelmError]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The worst of all exit codes; 0 where nothing failed."""
        return max((error.exit_code for _, error in self.failures), default=0)


def named_tasks(words: str) -> list[Definition]:
    """The tasks that the words name, each valid as far as can be told without its data; UsageError otherwise."""
    chosen = resolve(words)
    for definition in chosen:
        definition.task.source_settings()
        for metric in definition.task.metrics:
            METRICS.target(split_name(metric)[0])
    return chosen


def evaluate_all(definitions: Sequence[Definition], model: Model, settings: RunSettings) -> Report:
    """Run the model on each task; an error of one task is kept for the report and does not stop the others."""
    report = Report()
    for definition in definitions:
        try:
            run = evaluate(definition, model, settings, progress(definition.task.name))
            report.runs.append(run)
            report.failures += [(definition.task.name, _broken(run, name)) for name in run.broken]
            if run.result.score.value is None and not run.broken:
                report.failures.append((definition.task.name, _unscored(run)))
            if too_many_errors(run.result, settings.max_error_rate):
                report.failures.append((definition.task.name, _too_many(run, settings.max_error_rate)))
        except VelmError as error:
            report.failures.append((definition.task.name, error))
        except Exception as error:  # whatever it is, the other tasks go on; the trace is behind --debug
            if len(definitions) == 1:
                raise
            report.failures.append((definition.task.name, _unforeseen(error)))
    return report


def _unforeseen(error: Exception) -> RunError:
    said = " ".join(str(error).split())
    return RunError(f"something unforeseen happened ({type(error).__name__}: {said:.300}): run it alone with --debug.")


def finish(report: Report, as_json: bool) -> None:
    """Print scores, then failures; exit with the worst code."""
    if as_json:
        print_json(_as_json(report))
    else:
        _print_scores(report)
    for task, error in report.failures:
        note(f"Error: {error}" if task in str(error) else f"Error in {task}: {error}")
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def result_rows(result: Result) -> list[tuple[str, ...]]:
    """A row per metric with its main output, the primary one first; the rest is for `results show`."""
    task = f"{result.task.name} ({result.control})" if result.control else result.task.name
    return [
        (
            task,
            name,
            number(score.value),
            interval(score.low, score.high),
            str(score.n),
            str(score.n_errors),
            str(result.parse_failures),
        )
        for name, score in _main_scores(result).items()
    ]


def _main_scores(result: Result) -> dict[str, Score]:
    """The first output of each metric: an NER report alone has dozens."""
    chosen = {result.primary: result.scores[result.primary]}
    seen = {chosen[result.primary].metric}
    for name, score in result.scores.items():
        if not score.metric or score.metric not in seen:
            chosen[name] = score
            seen.add(score.metric)
    return chosen


def _print_scores(report: Report) -> None:
    rows = [row for run in report.runs for row in result_rows(run.result)]
    if rows:
        print_table(HEADERS, rows, NUMBERS)
    for run in report.runs:
        print(f"{plain(run.result.task.name)}: {plain(str(run.folder))}")
        for name, reason in run.result.skipped.items():
            note(f"{run.result.task.name}: {name} is not scored: {reason}")
    if rows:
        note("`velm-bench results show RUN` shows every score and slice.")


def _as_json(report: Report) -> dict[str, Any]:
    runs = [{"folder": str(run.folder), "result": run.result.model_dump(mode="json")} for run in report.runs]
    failures = [{"task": task, "error": str(error), "exit_code": error.exit_code} for task, error in report.failures]
    return {"runs": runs, "failures": failures}


def _too_many(run: Any, allowed: float) -> RunError:
    result = run.result
    return RunError(
        f"{result.n_errors} of {result.n} samples of {result.task.name} failed, more than --max-error-rate {allowed:g} "
        f"allows; the first: {_first_error(run.folder)}. The results are written to {run.folder}."
    )


def _broken(run: Any, metric: str) -> RunError:
    return RunError(
        f"The metric '{metric}' of {run.result.task.name} failed: {run.broken[metric].rstrip('.')}. All else is "
        f"written to {run.folder}; the same command scores again without asking again."
    )


def _unscored(run: Any) -> RunError:
    result = run.result
    why = result.skipped.get(result.score.metric, "It is undefined.").rstrip(".")
    return RunError(
        f"The primary metric '{result.primary}' of {result.task.name} could not be computed: {why}. All else is "
        f"written to {run.folder}."
    )


def _first_error(folder: Path) -> str:
    rows = read_samples(folder).select(["id", "error"]).to_pylist()
    return next((f"'{row['id']}': {row['error'].rstrip('.')}" for row in rows if row["error"]), "")
