"""`velm-bench baseline`: what releases are compared with, as one small file in git."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from velm_bench.cli.options import RESULTS, By, Json, Output
from velm_bench.cli.output import interval, note, number, print_json, print_table, signed

if TYPE_CHECKING:
    from velm_bench.gate.baselines import Baseline, Change, Event
    from velm_bench.gate.evidence import Evidence

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="Make, show, compare and accept the baseline of a release gate."
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The baseline file.")]
Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Runs: folders, one that holds runs, runs' ids, a model's name, or another baseline."
    ),
]
MaxErrorRate = Annotated[
    float,
    typer.Option("--max-error-rate", min=0.0, max=1.0, help="The share of failed samples above which to refuse a run."),
]
Fewer = Annotated[
    bool, typer.Option("--fewer", help="Let a task be replaced by a run of fewer samples or scores than it has.")
]
All = Annotated[bool, typer.Option("--all", help="Every score, not only the first of each metric.")]

SIGNERS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "GIT_AUTHOR_NAME")
"""Where the environment says who works, before the system's own name of the user."""
SHOWN = ("task", "model", "metric", "score", "95% interval", "n", "errors", "accepted", "by")
LOGGED = ("task", "at", "by", "did", "model", "metric", "from", "to", "change", "95% interval", "reason")
CHANGED = ("task", "metric", "baseline", "new", "change", "95% interval", "p worse", "n", "state")
NUMBERS = frozenset({"score", "n", "errors", "from", "to", "change", "baseline", "new", "p worse"})


@app.command("set")
def set_baseline(
    file: File,
    runs: Runs,
    by: By = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
    max_error_rate: MaxErrorRate = 0.0,
    fewer: Fewer = False,
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Make a baseline of runs, or put their tasks into one, beside the others or in their place.

    Without --by the log has the user's name as GitHub, GitLab, git or the system gives it.
    """
    _put("set", file, runs, by, reason, max_error_rate, fewer, output, as_json)


@app.command("accept")
def accept(
    file: File,
    runs: Runs,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; everybody can read it in the log.")],
    by: By = "",
    max_error_rate: MaxErrorRate = 0.0,
    fewer: Fewer = False,
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Replace tasks of a baseline by those of a new release; the log keeps who, why, and what changed.

    Without --by the log has the user's name as GitHub, GitLab, git or the system gives it.
    """
    _put("accept", file, runs, by, reason, max_error_rate, fewer, output, as_json)


@app.command("show")
def show(
    file: File,
    log: Annotated[bool, typer.Option("--log", help="Everything that was accepted, when, by whom and why.")] = False,
    every: All = False,
    as_json: Json = False,
) -> None:
    """Show what a baseline holds: tasks, models, scores, and who accepted them when."""
    from velm_bench.gate.baselines import load_baseline

    baseline = load_baseline(file)
    if as_json:
        print_json(_as_json(baseline))
    elif log:
        print_table(LOGGED, list(_log_rows(baseline)), NUMBERS)
    else:
        print_table(SHOWN, list(_rows(baseline, every)), NUMBERS)


@app.command("diff")
def diff(file: File, runs: Runs, output: Output = RESULTS, every: All = False, as_json: Json = False) -> None:
    """Show what runs would change in a baseline, score by score with intervals; nothing is written or decided.

    Above zero the runs are better. The interval covers 95 %, and p is the one-sided chance that equal models differ
    so much to the worse.
    """
    from velm_bench.gate.baselines import changes, load_baseline

    _print_changes(changes(load_baseline(file), _opened(runs, output)), every, as_json)


def _put(
    did: Literal["set", "accept"],
    file: Path,
    runs: Sequence[str],
    by: str,
    reason: str,
    max_error_rate: float,
    fewer: bool,
    output: Path,
    as_json: bool,
) -> None:
    from velm_bench.gate.baselines import Entry, comparable, load_baseline, open_or_begin, update

    baseline = load_baseline(file) if did == "accept" else open_or_begin(file)
    entry = Entry(did, by or _user(), reason, max_error_rate, fewer)
    found = update(baseline, comparable(_opened(runs, output), note), entry)
    _print_changes(found, every=False, as_json=as_json)
    written = [change.title for change in found if change.state != "same"]
    if written:
        others = len({*baseline.tasks} - {*written})
        note(f"Written to {file}: {', '.join(written)}; other tasks in it, which stay as they were: {others}.")
    else:
        note(f"{file} holds exactly this already: nothing is written.")


def _user() -> str:
    """Who works here, as far as the environment or the system says."""
    from velm_bench.cli.options import LONGEST_BY

    known = next((os.environ[name] for name in SIGNERS if os.environ.get(name)), "")
    try:
        return (known or getpass.getuser())[:LONGEST_BY]
    except (OSError, KeyError):
        return ""


def _opened(runs: Sequence[str], output: Path) -> list[Evidence]:
    from velm_bench.gate.opening import open_side

    return open_side(runs, output, note)


def _print_changes(found: Sequence[Change], every: bool, as_json: bool) -> None:
    if as_json:
        print_json([change.as_json() for change in found])
        return
    print_table(CHANGED, [row for change in found for row in _change_rows(change, every)], NUMBERS)
    for change in found:
        if change.differences:
            note(f"{change.title} is not the same in both: {'; '.join(change.differences)}.")
        for sentence in change.notes:
            note(f"{change.title}: {sentence}.")


def _change_rows(change: Change, every: bool) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name in change.outputs if every else change.main_outputs:
        row = change.row(name)
        before, after = map(number, change.values(name))
        compared: tuple[object, ...] = ("-", "", "-", "-")
        if row is not None:
            compared = (signed(row.change), _interval(row.low, row.high), number(row.p_worse), row.n)
        state = change.state if row is not None or change.state != "changed" else "not compared"
        rows.append((change.title, name, before, after, *compared, state))
    return rows


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else interval(low, high)


def _rows(baseline: Baseline, every: bool) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for title, kept in baseline.tasks.items():
        one, last = kept.evidence, kept.log[-1]
        for name in one.scores if every else one.main_outputs:
            score = one.scores[name]
            span = interval(score.low, score.high)
            rows.append((title, one.model, name, number(score.value), span, score.n, score.n_errors, last.at, last.by))
    return rows


def _log_rows(baseline: Baseline) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for title, kept in baseline.tasks.items():
        for event in kept.log:
            for name, move in event.scores.items():
                moved = (number(move.before), number(move.after), signed(move.change), _interval(move.low, move.high))
                rows.append((title, event.at, event.by, event.did, event.model, name, *moved, _why(event)))
    return rows


def _why(event: Event) -> str:
    """The reason, why the two could not be compared where they could not, and on what where not on all."""
    said = event.reason
    if event.common is not None:
        said += f" (change on the {event.common} samples of both)"
    return f"{said} (not the same: {'; '.join(event.differences)})" if event.differences else said


def _as_json(baseline: Baseline) -> dict[str, Any]:
    tasks = {}
    for title, kept in baseline.tasks.items():
        one = kept.evidence
        tasks[title] = {
            **{name: kept.block[name] for name in ("kind", "model", "model_digest", "run_id", "task_digest")},
            **{name: kept.block[name] for name in ("fingerprint", "limit", "imported", "primary", "n", "n_errors")},
            "scores": {name: score.model_dump(mode="json") for name, score in one.scores.items()},
            "log": [event.model_dump(mode="json") for event in kept.log],
        }
    return {"file": str(baseline.path), "tasks": tasks}
