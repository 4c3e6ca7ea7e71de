"""Verification: files, form and scores of a submission, and what is said about it on the board."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from velm_bench import __version__
from velm_bench.board.bundles.checking import check_contents, check_form
from velm_bench.board.folder import IDENTITY, MANIFEST, SUBMISSIONS, Board, Bundle
from velm_bench.board.moments import after
from velm_bench.board.schema import Event, EventKind, Level, Status, VerifiedRun
from velm_bench.board.verification.claims import ROUNDING
from velm_bench.board.verification.copies import copied
from velm_bench.board.verification.recomputing import Recomputed, Recomputer
from velm_bench.board.verification.standing import stand
from velm_bench.errors import RunError, UnavailableError, UsageError
from velm_bench.results.schema import Record
from velm_bench.results.store import write_run
from velm_bench.schema import parse

SHORT = 12
"""So many digits of a submission's identity are named in sentences."""


@dataclass(frozen=True)
class Judgement:
    """What verification found out about a bundle; nothing is written yet."""

    level: Level
    events: tuple[Event, ...]
    """VERIFIED, and FLAGGED for each other model with the same predictions."""
    runs: tuple[Recomputed, ...]
    notes: tuple[str, ...] = ()
    """Why it got no further."""


@dataclass(frozen=True)
class Verification:
    """What came of verifying a submission of the board again."""

    submission: str
    level: Level | None = None
    """How far it got; None where it failed, or where nothing could be found out."""
    events: tuple[Event, ...] = ()
    """What was added to the board; empty where all was known."""
    problem: str = ""
    """Why it failed, or what is wrong with what was said of it."""
    notes: tuple[str, ...] = field(default=())


def event(submission: str, kind: EventKind, at: str, by: str, **more: Any) -> Event:
    """Something to be said; UsageError naming the field that does not fit."""
    return parse(Event, {"submission": submission, "kind": kind, "at": at, "by": by, **more}, "the event")


def judge(board: Board, bundle: Bundle, recomputer: Recomputer, at: str, by: str = "") -> Judgement:
    """Recompute every run of a bundle whose form was checked.

    UsageError as for `Recomputer.recompute`. Where a task's data is not on this machine its run is only complete, and
    with it the whole.
    """
    runs: list[Recomputed] = []
    notes: list[str] = []
    for entry in bundle.manifest.runs:
        try:
            runs.append(recomputer.recompute(bundle, entry))
        except UnavailableError as error:
            check_contents(bundle, entry, recomputer.pinned(entry))
            notes.append(str(error))
    level = Level.COMPLETE if notes else Level.RECOMPUTED
    found = {run.name: run.verified for run in runs}
    verified = event(bundle.id, EventKind.VERIFIED, at, by, level=level, runs=found, software=__version__)
    flags = [
        event(bundle.id, EventKind.FLAGGED, at, by, other=other, reason=reason)
        for other, reason in copied(board, bundle, found)
    ]
    return Judgement(level, (verified, *flags), tuple(runs), tuple(dict.fromkeys(notes)))


def write_runs(board: Board, submission: str, runs: Sequence[Recomputed]) -> None:
    """Keep recomputed runs where pages read them: made again at any time."""
    for run in runs:
        write_run(board.runs / submission / run.name, run.result, run.table)


def verify(board: Board, submission: str, recomputer: Recomputer, at: str, by: str = "") -> Verification:
    """Hash, check and recompute a submission again, and say on the board what is new, as the last word.

    What fails is rejected, with the reason; nothing is taken back by itself. A submission that was never announced
    (it came with git, say) is adopted if it is whole and sound. Where an event about it is damaged nothing is said:
    that is the problem. Afterwards the board says what was recomputed, or the problem is that it does not. UsageError
    where the board's own files are at fault, RunError where its store cannot be reached: no submission is blamed for
    these.
    """
    recomputer.require_intact()
    said, damaged = board.log(submission)
    if damaged:
        return Verification(submission, problem=" ".join(damaged))
    at = after(at, said)
    try:
        bundle = _bundle(board, submission)
        check_form(bundle, board.tasks)
        judged = judge(board, bundle, recomputer, at, by)
    except UsageError as error:
        return _reject(board, submission, said, str(error), at, by)
    found, *flags = judged.events
    new = [one for one in (*flags, _with_others(found, said, bundle)) if not is_known(one, said)]
    if not is_announced(said):
        new = [event(submission, EventKind.SUBMITTED, at, by), *new]
    write_runs(board, submission, judged.runs)
    for one in new:
        board.record(one)
    problem = " ".join([*_otherwise(board, submission, judged), *board.strays(submission)])
    return Verification(submission, judged.level, tuple(new), problem, (*judged.notes, *_still(said)))


def is_announced(said: Sequence[Event]) -> bool:
    """Whether events about a bundle make it a submission."""
    return any(one.kind is EventKind.SUBMITTED for one in said)


def _otherwise(board: Board, submission: str, judged: Judgement) -> list[str]:
    """That the board says something else than was recomputed: somebody says so at the same time."""
    standing = stand(board.events(submission)).get(submission)
    runs = standing.runs if standing else {}
    wrong = [run.name for run in judged.runs if run.name not in runs or not _alike(runs[run.name], run.verified)]
    if not wrong:
        return []
    return [f"What the board says of its run '{wrong[0]}' is not what was recomputed here: verify it again."]


def unannounced(board: Board) -> list[str]:
    """The bundles that lie on the board without an event that says so, sorted; the manifest is the last of their files
    to be written, without which they are nothing."""
    waiting = sorted(set(board.store.names(SUBMISSIONS)) - set(board.submissions()))
    return [one for one in waiting if IDENTITY.fullmatch(one) and MANIFEST in board.store.names(f"{SUBMISSIONS}/{one}")]


def _bundle(board: Board, submission: str) -> Bundle:
    """The submission's files, all of them as its manifest says; RunError where it cannot be known whether they are."""
    try:
        return board.bundle(submission)
    except UsageError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError | NotADirectoryError):
            raise RunError(str(error)) from error
        raise


def _reject(board: Board, submission: str, said: Sequence[Event], problem: str, at: str, by: str) -> Verification:
    """The verdict on what fails; an unannounced bundle is left alone, as somebody may be writing it."""
    notes = tuple(board.strays(submission))
    if not is_announced(said):
        return Verification(submission, problem=problem, notes=(*notes, "It was never announced, and is left alone."))
    verdict = event(submission, EventKind.REJECTED, at, by, reason=problem[:2000])
    if is_known(verdict, said):
        return Verification(submission, problem=problem, notes=notes)
    board.record(verdict)
    return Verification(submission, events=(verdict,), problem=problem, notes=notes)


def is_known(new: Event, said: Sequence[Event]) -> bool:
    """Whether an event would say nothing new."""
    if new.kind is EventKind.VERIFIED:
        before = next((one for one in reversed(said) if one.kind is EventKind.VERIFIED), None)
        return before is not None and new.level is before.level and _same_runs(new.runs, before.runs)
    since = max((place for place, one in enumerate(said) if one.kind is EventKind.CLEARED), default=-1)
    if new.kind is EventKind.FLAGGED:  # a flag that was taken back is not put up again
        since = -1
    return any((one.kind, one.reason) == (new.kind, new.reason) for one in said[since + 1 :])


def _same_runs(some: Mapping[str, VerifiedRun], others: Mapping[str, VerifiedRun]) -> bool:
    return some.keys() == others.keys() and all(_alike(run, others[name]) for name, run in some.items())


def _alike(one: Any, other: Any) -> bool:
    """Whether two records are the same but for rounding: another number of threads adds in another order."""
    if isinstance(one, Record):
        one, other = dict(one), dict(other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=ROUNDING)
    return bool(one == other)


def _with_others(found: Event, said: Sequence[Event], bundle: Bundle) -> Event:
    """A verification, with what is known already of the runs whose data is not on this machine."""
    before = next((one.runs for one in reversed(said) if one.kind is EventKind.VERIFIED), {})
    names = [entry.name for entry in bundle.manifest.runs]
    runs = {name: found.runs.get(name) or before[name] for name in names if name in found.runs or name in before}
    level = Level.RECOMPUTED if len(runs) == len(names) else Level.COMPLETE
    return found.model_copy(update={"level": level, "runs": runs})


def _still(said: Sequence[Event]) -> tuple[str, ...]:
    """That a rejection stands although nothing is wrong now."""
    standing = next(iter(stand(said).values()), None)
    if standing is None or standing.status is not Status.REJECTED:
        return ()
    return ("It was rejected before and verifies now: `velm-bench board clear` puts it back.",)
