"""What `run` and `score` have in common: tasks one after the other, none lost to another's error, one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from velm_bench.cli.gains import gains_as_json, print_gains
from velm_bench.cli.output import interval, note, number, plain, print_json, print_table
from velm_bench.cli.progress import progress
from velm_bench.engine.perturbations import perturbation
from velm_bench.engine.runner import evaluate, too_many_errors
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.treating import find_control
from velm_bench.engine.watching import StoppedError, Watch
from velm_bench.errors import RunError, UsageError, VelmError
from velm_bench.metrics import METRICS, split_name
from velm_bench.models.base import Model
from velm_bench.results.gain import Gain, measure_gain
from velm_bench.results.schema import CONTROLS, titled
from velm_bench.results.store import read_samples
from velm_bench.tasks.registry import Definition, resolve

if TYPE_CHECKING:
    from velm_bench.results.schema import Result

HEADERS = ("task", "metric", "score", "95% interval", "n", "errors", "unparsed")
NUMBERS = frozenset({"score", "n", "errors", "unparsed"})


@dataclass
class Report:
    """What came of each task."""

    runs: list[Any] = field(default_factory=list)
    failures: list[tuple[str, VelmError]] = field(default_factory=list)
    gains: list[tuple[Any, list[Gain]]] = field(default_factory=list)
    """The runs that were made under controls or perturbations as well, with what came of comparing."""

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


def with_generation(definitions: Sequence[Definition], given: Mapping[str, str]) -> list[Definition]:
    """The tasks with some of their generation settings replaced; UsageError for one that makes no sense.

    A number is one as people write it, 1e-3 and 010 too; one text to stop at may stand as it is, several make a list.
    """
    if not given:
        return list(definitions)
    settings = {key: _value(key, value) for key, value in given.items()}
    return [
        replace(one, task=one.task.with_generation(settings, f"--generation for task '{one.task.name}'"))
        for one in definitions
    ]


def _value(key: str, value: str) -> Any:
    import yaml

    if key == "stop" and not value.startswith("["):
        return [value]
    with suppress(ValueError):  # before YAML, to which 010 is eight and 1e-3 is a text
        found = float(value)
        return int(found) if found.is_integer() else found
    if ":" in value:  # to YAML 12:30 is 750
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UsageError(f"--generation {key}={value!r:.80} is no valid YAML value: put it in quotes.") from error


def chosen_treatments(control: str, controls: bool, perturbations: Sequence[str]) -> list[str]:
    """The further runs that the flags ask for, each once; UsageError for an unknown name, or flags at odds."""
    if control:
        find_control(control)
        if controls or perturbations:
            raise UsageError(
                "--control asks under that control alone, and --controls and --perturb compare with the run as it is: "
                "leave out one or the other."
            )
    spoilt = [perturbation(text).name for text in perturbations]
    return list(dict.fromkeys([*(CONTROLS if controls else ()), *spoilt]))


def evaluate_all(
    definitions: Sequence[Definition],
    model: Model,
    settings: RunSettings,
    further: Sequence[str] = (),
    watch: Watch | None = None,
) -> Report:
    """Run the model on each task, and again under each further control or perturbation, and compare.

    An error of one task is kept for the report and does not stop the others; only who watches the runs (not the
    further ones) can stop them all.
    """
    report = Report()
    for definition in definitions:
        try:
            sighted = _evaluate(definition, model, settings, report, watch)
            if further:
                _compare(definition, model, settings, further, sighted, report)
        except StoppedError as error:
            report.failures.append((definition.task.name, error))
            break
        except VelmError as error:
            report.failures.append((definition.task.name, error))
        except Exception as error:  # whatever it is, the other tasks go on; the trace is behind --debug
            if len(definitions) == 1:
                raise
            report.failures.append((definition.task.name, _unforeseen(error)))
    return report


def _evaluate(
    definition: Definition, model: Model, settings: RunSettings, report: Report, watch: Watch | None = None
) -> Any:
    """One run, with what is wrong about it in the report."""
    name = definition.task.name
    run = evaluate(definition, model, settings, progress(titled(name, settings.control, settings.shots)), watch)
    report.runs.append(run)
    report.failures += [(name, _broken(run, metric)) for metric in run.broken]
    if run.result.score.value is None and not run.broken:
        report.failures.append((name, _unscored(run)))
    if too_many_errors(run.result, settings.max_error_rate):
        report.failures.append((name, _too_many(run, settings.max_error_rate)))
    return run


def _compare(
    definition: Definition, model: Model, settings: RunSettings, further: Sequence[str], sighted: Any, report: Report
) -> None:
    """The same run under each control or perturbation, and the gain over it.

    One that the task or the model refuses, or breaks under, does not stop the others; what several would say is said
    once.
    """
    gains: list[Gain] = []
    refusals: dict[str, VelmError] = {}
    for control in further:
        try:
            other = _evaluate(definition, model, replace(settings, control=control), report)
            gains.append(measure_gain(sighted.folder, other.folder))
        except VelmError as error:
            refusals.setdefault(str(error), error)
        except Exception as error:  # as above; an adapter may never have met a request without a picture
            unforeseen = _unforeseen(error, control)
            refusals[str(unforeseen)] = unforeseen
    report.failures += [(definition.task.name, error) for error in refusals.values()]
    if gains:
        report.gains.append((sighted, gains))


def _unforeseen(error: Exception, control: str = "") -> RunError:
    said = " ".join(str(error).split())
    where = f" under '{control}'" if control else ""
    return RunError(
        f"something unforeseen happened{where} ({type(error).__name__}: {said:.300}): run it alone with --debug."
    )


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
    task = result.title
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
        for name, score in result.main_scores.items()
    ]


def _print_scores(report: Report) -> None:
    rows = [row for run in report.runs for row in result_rows(run.result)]
    if rows:
        print_table(HEADERS, rows, NUMBERS)
    for run in report.runs:
        task = run.result.title
        print(f"{plain(task)}: {plain(str(run.folder))}")
        for name, reason in run.result.skipped.items():
            note(f"{task}: {name} is not scored: {reason}")
    for run, gains in report.gains:
        print()
        print_gains(run.result.task.name, gains, slices=False)
    if rows:
        note("`velm-bench results show RUN` shows every score and slice.")


def _as_json(report: Report) -> dict[str, Any]:
    runs = [{"folder": str(run.folder), "result": run.result.model_dump(mode="json")} for run in report.runs]
    failures = [{"task": task, "error": str(error), "exit_code": error.exit_code} for task, error in report.failures]
    gains = [
        {"folder": str(run.folder), "task": run.result.task.name, **gains_as_json(found)} for run, found in report.gains
    ]
    return {"runs": runs, "failures": failures, "gains": gains}


def _too_many(run: Any, allowed: float) -> RunError:
    result = run.result
    return RunError(
        f"{result.n_errors} of {result.n} samples of {result.title} failed, more than "
        f"--max-error-rate {allowed:g} allows; the first: {_first_error(run.folder)}. The results are written to "
        f"{run.folder}."
    )


def _broken(run: Any, metric: str) -> RunError:
    task = run.result.title
    return RunError(
        f"The metric '{metric}' of {task} failed: {run.broken[metric].rstrip('.')}. All else is "
        f"written to {run.folder}; the same command scores again without asking again."
    )


def _unscored(run: Any) -> RunError:
    result = run.result
    why = result.skipped.get(result.score.metric, "It is undefined.").rstrip(".")
    return RunError(
        f"The primary metric '{result.primary}' of {result.title} could not be computed: "
        f"{why}. All else is written to {run.folder}."
    )


def _first_error(folder: Path) -> str:
    rows = read_samples(folder).select(["id", "error"]).to_pylist()
    return next((f"'{row['id']}': {row['error'].rstrip('.')}" for row in rows if row["error"]), "")
