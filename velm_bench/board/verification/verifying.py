"""Verification: files, form and scores of a submission, and what is said about it on the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from velm_bench import __version__
from velm_bench.board.bundles.checking import check_contents, check_form
from velm_bench.board.folder import SUBMISSIONS, Board, Bundle
from velm_bench.board.schema import LEVELS, Event, EventKind, Level, Status, VerifiedRun
from velm_bench.board.verification.recomputing import Recomputed, Recomputer
from velm_bench.board.verification.standing import stand
from velm_bench.errors import RunError, UnavailableError, UsageError
from velm_bench.results.schema import titled
from velm_bench.results.store import write_run

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
    """How far it got; None where it failed."""
    events: tuple[Event, ...] = ()
    """What was added to the board; empty where all was known."""
    problem: str = ""
    """Why it failed."""
    notes: tuple[str, ...] = field(default=())


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
    verified = Event(
        submission=bundle.id, kind=EventKind.VERIFIED, at=at, by=by, level=level, runs=found, software=__version__
    )
    flags = [
        Event(submission=bundle.id, kind=EventKind.FLAGGED, at=at, by=by, other=other, reason=reason)
        for other, reason in copied(board, bundle, found)
    ]
    return Judgement(level, (verified, *flags), tuple(runs), tuple(dict.fromkeys(notes)))


def copied(board: Board, bundle: Bundle, found: Mapping[str, VerifiedRun]) -> list[tuple[str, str]]:
    """The earlier submissions of models of another name whose predictions are the same somewhere, each with a sentence.

    Predictions that say too little (see predictions.says_too_little) are nobody's own.
    """
    standings = stand(board.events())
    mine = {name: run.answers for name, run in found.items() if not run.blank}
    since = (standings[bundle.id].submitted, bundle.id) if bundle.id in standings else None
    titles = {entry.name: titled(entry.task, entry.control, entry.shots) for entry in bundle.manifest.runs}
    copies = []
    for other, standing in standings.items():
        same = [name for name, run in standing.runs.items() if mine.get(name) == run.answers]
        if not same or other == bundle.id or (since and (standing.submitted, other) > since):
            continue
        known = _name(board, other)
        if known.casefold() != bundle.manifest.card.name.casefold():
            tasks = ", ".join(titles[name] for name in same)
            copies.append((other, f"Its predictions on {tasks:.1000} are those of '{known}' ({other[:SHORT]})."))
    return copies


def _name(board: Board, submission: str) -> str:
    """What a submission's model is called; its identity where its manifest was damaged."""
    try:
        return board.manifest(submission).card.name
    except UsageError:
        return submission


def write_runs(board: Board, submission: str, runs: Sequence[Recomputed]) -> None:
    """Keep recomputed runs where pages read them: made again at any time."""
    for run in runs:
        write_run(board.runs / submission / run.name, run.result, run.table)


def verify(board: Board, submission: str, recomputer: Recomputer, at: str, by: str = "") -> Verification:
    """Hash, check and recompute a submission again, and say on the board what is new.

    What fails is rejected, with the reason; nothing is taken back by itself. A submission that was never announced
    (it came with git, say) is adopted if it is whole and sound. UsageError where the board's own files are at fault,
    RunError where its store cannot be reached: no submission is blamed for these.
    """
    recomputer.require_intact()
    said, damaged = board.log(submission)
    try:
        bundle = _bundle(board, submission)
        check_form(bundle, board.tasks)
        judged = judge(board, bundle, recomputer, at, by)
        for entry in bundle.manifest.runs:
            check_contents(bundle, entry, board.tasks[entry.task])
    except UsageError as error:
        return _reject(board, submission, said, str(error), at, by)
    new = [event for event in judged.events if not _is_known(event, said)]
    if not said:
        new = [Event(submission=submission, kind=EventKind.SUBMITTED, at=at, by=by), *new]
    for event in new:
        board.record(event)
    write_runs(board, submission, judged.runs)
    return Verification(submission, judged.level, tuple(new), notes=(*judged.notes, *damaged, *_still(said)))


def unannounced(board: Board) -> list[str]:
    """The bundles that lie on the board without an event that says so, sorted."""
    return sorted(set(board.store.names(SUBMISSIONS)) - set(board.submissions()))


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
    if not said:
        return Verification(submission, problem=problem, notes=("It was never announced, and is left alone.",))
    event = Event(submission=submission, kind=EventKind.REJECTED, at=at, by=by, reason=problem[:2000])
    if _is_known(event, said):
        return Verification(submission, problem=problem)
    board.record(event)
    return Verification(submission, events=(event,), problem=problem)


def _is_known(event: Event, said: Sequence[Event]) -> bool:
    """Whether an event would say nothing new."""
    if event.kind is EventKind.VERIFIED:
        before = next((one for one in reversed(said) if one.kind is EventKind.VERIFIED), None)
        return before is not None and (_rank(event) < _rank(before) or _content(event) == _content(before))
    since = max((place for place, one in enumerate(said) if one.kind is EventKind.CLEARED), default=-1)
    if event.kind is EventKind.FLAGGED:  # a flag that was taken back is not put up again
        since = -1
    return any((one.kind, one.reason) == (event.kind, event.reason) for one in said[since + 1 :])


def _rank(event: Event) -> int:
    """How far a verification got; one without the data does not take back what one with it found."""
    return LEVELS.index(event.level or Level.VALID)


def _content(event: Event) -> tuple[Level | None, Mapping[str, VerifiedRun]]:
    return event.level, event.runs


def _still(said: Sequence[Event]) -> tuple[str, ...]:
    """That a rejection stands although nothing is wrong now."""
    standing = next(iter(stand(said).values()), None)
    if standing is None or standing.status is not Status.REJECTED:
        return ()
    return ("It was rejected before and verifies now: `velm-bench board clear` puts it back.",)
