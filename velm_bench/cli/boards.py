"""What the commands of `velm-bench board` do and print."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from velm_bench.board.deciding import decide, find_submission
from velm_bench.board.folder import Board
from velm_bench.board.gathering import gather
from velm_bench.board.listings.index import read_index, rebuild
from velm_bench.board.moments import now
from velm_bench.board.schema import COUNTING, Event, EventKind, Manifest, Status, VerifiedRun
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.board.verification.reproducing import reproduce
from velm_bench.board.verification.standing import Standing, stand, standing_of
from velm_bench.board.verification.verifying import SHORT, Verification, unannounced, verify
from velm_bench.cli.output import interval, note, number, plain, print_facts, print_json, print_table
from velm_bench.errors import RunError, UsageError, VelmError
from velm_bench.results.schema import titled

NUMBERS = frozenset({"score", "claimed", "n", "errors", "samples", "floor", "ceiling", "attempts", "equal"})
TASKS = ("task", "metric", "samples", "floor", "whose", "ceiling", "where from")
LISTED = ("submission", "model", "revision", "task", "metric", "score", "95% interval", "level", "status", "attempts")
RUNS = ("run", "metric", "score", "95% interval", "claimed", "n", "errors")


def print_created(board: Board, as_json: bool) -> None:
    """What was pinned."""
    if as_json:
        print_json({"board": board.place, **board.file.model_dump(mode="json")})
        return
    rows = [
        (
            task.name,
            task.primary,
            task.samples,
            number(task.floor),
            task.floor_by or "-",
            number(task.ceiling),
            task.ceiling_by or "-",
        )
        for task in board.file.tasks
    ]
    print_table(TASKS, rows, NUMBERS)
    note(f"`velm-bench submit RUN... --board {board.place}` adds a model.")


def print_list(place: str, everything: bool, as_json: bool) -> None:
    """The runs of a board, those that count unless all are wanted."""
    index = read_index(Board.open(place))
    for sentence in index.notes:
        note(f"Left out: {sentence}")
    runs = index.runs if everything else index.runs[index.runs["status"].isin([str(one) for one in COUNTING])]
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in runs.to_dict("records")]
    if as_json:
        print_json(rows)
        return
    print_table(LISTED, [_listed(row) for row in rows], NUMBERS)


def _plain(value: Any) -> Any:
    """A cell of a frame as JSON has it."""
    import pandas as pd

    return None if value is pd.NA else value


def _listed(row: dict[str, Any]) -> tuple[object, ...]:
    title = f"{row['task']} ({row['control']})" if row["control"] else row["task"]
    scored = (row["metric"], number(row["score"]), interval(row["low"], row["high"]))
    known = (row["submission"][:SHORT], row["model"], row["revision"] or "-", title)
    return (*known, *scored, row["level"], row["status"], row["attempts"])


def print_submission(place: str, word: str, as_json: bool) -> None:
    """A submission and everything that was said about it."""
    board = Board.open(place)
    submission = find_submission(board, word)
    manifest = board.manifest(submission)
    standing = standing_of(board, submission)
    events = sorted(board.events(submission), key=lambda event: (event.at, event.kind is not EventKind.SUBMITTED))
    for sentence in board.strays(submission):
        note(sentence)
    if as_json:
        print_json(_submission_as_json(manifest, standing, events))
        return
    print_facts(_facts(manifest, standing))
    if standing.runs:
        print()
        titles = {entry.name: titled(entry.task, entry.control, entry.shots) for entry in manifest.runs}
        print_table(RUNS, [_run_row(titles.get(name, name), run) for name, run in standing.runs.items()], NUMBERS)
    print()
    print_table(("at", "event", "by", "reason"), [(one.at, one.kind, one.by or "-", _why(one)) for one in events])


def _submission_as_json(manifest: Manifest, standing: Standing, events: Sequence[Event]) -> dict[str, Any]:
    return {
        "submission": standing.submission,
        "level": standing.level,
        "status": standing.status,
        "reason": standing.reason,
        "submitted": standing.submitted,
        "manifest": manifest.model_dump(mode="json"),
        "runs": {name: run.model_dump(mode="json") for name, run in standing.runs.items()},
        "events": [event.model_dump(mode="json", exclude={"runs"}) for event in events],
    }


def _facts(manifest: Manifest, standing: Standing) -> dict[str, object]:
    card = {key.replace("_", " "): value for key, value in manifest.card.model_dump(mode="json").items()}
    return {
        "submission": standing.submission,
        **card,
        "model": manifest.model,
        "model digest": manifest.model_digest,
        "level": standing.level,
        "status": standing.status,
        "reason": standing.reason,
        "submitted": standing.submitted,
    }


def _run_row(title: str, run: VerifiedRun) -> tuple[object, ...]:
    score = run.scores[run.primary]
    value = (number(score.value), interval(score.low, score.high), number(run.claimed.get(run.primary)))
    return (title, run.primary, *value, run.n, run.n_errors)


def _why(event: Event) -> str:
    """What an event says besides its kind."""
    if event.kind is EventKind.VERIFIED:
        return f"{event.level}, {len(event.runs)} runs, velm-bench {event.software}"
    return " ".join(filter(None, [event.reason, event.other and f"({event.other[:SHORT]})"])) or "-"


def verify_all(place: str, words: Sequence[str], data: tuple[Path, ...], by: str, as_json: bool) -> None:
    """Verify the submissions that are named, or all and what is to be adopted; exit with 4 where something failed.

    In the order in which they were submitted, so that a copy is compared with what it was copied from.
    """
    board = Board.open(place)
    recomputer = Recomputer(board, data)
    recomputer.require_intact()
    chosen = [_chosen(board, word) for word in words] or [*board.submissions(), *unannounced(board)]
    since = {one.submission: one.submitted for one in stand(board.events()).values()}
    chosen.sort(key=lambda one: (since.get(one, "later"), one))
    found = [_attempt(board, one, recomputer, by) for one in chosen]
    with suppress(RunError):  # a board that is only to be read has none
        rebuild(board)  # whoever brought events may have brought an index
    if as_json:
        print_json([_verification_as_json(one) for one in found])
    else:
        print_table(("submission", "level", "new"), [_verification_row(one) for one in found])
    for one in found:
        for sentence in filter(None, (one.problem, *one.notes)):
            note(f"{one.submission[:SHORT]}: {sentence}")
    failed = [one for one in found if one.problem and not _is_old_news(board, one)]
    if failed:
        raise RunError(f"{len(failed)} of {len(found)} submissions failed verification.")


def _chosen(board: Board, word: str) -> str:
    """A submission, or a bundle that was never announced, by the beginning of its identity."""
    waiting = [one for one in unannounced(board) if word and one.startswith(word.lower())]
    return waiting[0] if len(waiting) == 1 else find_submission(board, word)


def _attempt(board: Board, submission: str, recomputer: Recomputer, by: str) -> Verification:
    """Verify one; what goes wrong here, and is no fault of the submission, does not stop the others."""
    try:
        return verify(board, submission, recomputer, now(), by)
    except UsageError:
        raise
    except VelmError as error:
        return Verification(submission, problem=str(error))
    except Exception as error:  # whatever it is that only this one brings about
        return Verification(submission, problem=f"It cannot be verified ({type(error).__name__}: {str(error)[:300]}).")


def _is_old_news(board: Board, one: Verification) -> bool:
    """Whether a failing submission was rejected before, so that it did not count anyway."""
    try:
        return not one.events and standing_of(board, one.submission).status is Status.REJECTED
    except UsageError:  # it was never announced, or nobody knows
        return False


def _verification_row(one: Verification) -> tuple[object, ...]:
    new = ", ".join(event.kind for event in one.events) or "-"
    return (one.submission[:SHORT], str(one.level or "failed"), new)


def _verification_as_json(one: Verification) -> dict[str, Any]:
    return {
        "submission": one.submission,
        "level": one.level,
        "problem": one.problem,
        "notes": list(one.notes),
        "events": [event.model_dump(mode="json", exclude={"runs"}) for event in one.events],
    }


def print_rebuilt(place: str, as_json: bool) -> None:
    """Rebuild the index and say what it is."""
    board = Board.open(place)
    digest = rebuild(board)
    count = len(board.submissions())
    if as_json:
        print_json({"board": place, "index": digest, "submissions": count})
    else:
        print(digest)
        note(f"The index of {count} submissions is made anew.")


def decide_one(place: str, word: str, kind: str, reason: str, by: str, as_json: bool, other: str) -> None:
    """Record a decision and say where the submission stands now."""
    board = Board.open(place)
    submission = find_submission(board, word)
    successor = find_submission(board, other) if other else ""
    standing = decide(board, submission, EventKind(kind), reason, now(), by, successor)
    for sentence in board.strays(submission):
        note(sentence)
    if as_json:
        print_json({"submission": submission, "status": standing.status, "reason": standing.reason})
    else:
        print(f"{submission[:SHORT]}: {standing.status}{plain(f' ({standing.reason})') if standing.reason else ''}")


def reproduce_one(
    place: str, word: str, runs: Sequence[str], output: Path, data: tuple[Path, ...], by: str, as_json: bool
) -> None:
    """Compare, record where it holds, and exit with 4 where it does not."""
    board = Board.open(place)
    submission = find_submission(board, word)
    gathered = gather(runs, output)
    if gathered.bundles:
        raise UsageError(f"The bundle {gathered.bundles[0]} is no run: name the folders of new runs.")
    found = reproduce(board, submission, gathered.folders, Recomputer(board, data), now(), by)
    if as_json:
        agreements = [{**asdict(one), "holds": one.holds} for one in found.agreements]
        print_json({"submission": found.submission, "reproduced": found.holds, "runs": agreements})
    else:
        rows = [
            (
                one.run,
                f"{one.equal} of {one.n}",
                number(one.again),
                interval(one.low, one.high),
                "yes" if one.holds else "no",
            )
            for one in found.agreements
        ]
        print_table(("run", "equal", "score", "95% interval", "reproduced"), rows, NUMBERS)
    if not found.holds:
        note("It was not reproduced: nothing is said on the board.")
        raise typer.Exit(RunError.exit_code)
