"""What the events say about each submission: a fold over them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from velm_bench.board.folder import Board
from velm_bench.board.schema import COUNTING, Event, EventKind, Level, Status, VerifiedRun
from velm_bench.errors import UsageError


@dataclass(frozen=True)
class Standing:
    """Where a submission stands."""

    submission: str
    level: Level = Level.VALID
    status: Status = Status.LISTED
    reason: str = ""
    """Why it is flagged, or does not count."""
    submitted: str = ""
    """When, UTC, ISO 8601."""
    runs: Mapping[str, VerifiedRun] = field(default_factory=dict)
    """What was recomputed last, by the run's name."""

    @property
    def counts(self) -> bool:
        """Whether it stands on the board unless one asks for the others."""
        return self.status in COUNTING


@dataclass(frozen=True)
class _Said:
    """Everything said so far about one submission."""

    submitted: str = ""
    level: Level = Level.VALID
    runs: Mapping[str, VerifiedRun] = field(default_factory=dict)
    reproduced: bool = False
    flags: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    withdrawals: tuple[str, ...] = ()
    successors: tuple[tuple[str, str], ...] = ()
    """Each with the reason given."""


def stand(events: Sequence[Event], present: Collection[str] | None = None) -> Mapping[str, Standing]:
    """Where every submission stands, by its identity, after these events in their order.

    - VERIFIED replaces what an earlier one said; REPRODUCED raises the level while that one says RECOMPUTED, whichever
      of the two was said first.
    - CLEARED takes back the flags, rejections and successors named before it, never a withdrawal.
    - SUPERSEDED holds while the successor is there, neither rejected nor withdrawn: nobody disappears behind what is
      gone itself.
    - The status is the gravest that holds: rejected, withdrawn, superseded, flagged, listed.

    What was never SUBMITTED is no submission. `present` names those that can be successors where `events` are not
    about all (see `Board.standing`).
    """
    said: dict[str, _Said] = {}
    for event in events:
        said[event.submission] = _FOLDS[event.kind](said.get(event.submission, _Said()), event)
    if present is None:
        present = {name for name, one in said.items() if one.submitted and not one.rejections and not one.withdrawals}
    return {name: _standing(name, one, present) for name, one in said.items() if one.submitted}


def standing_of(board: Board, submission: str) -> Standing:
    """Where one submission of a board stands.

    UsageError where there is none, and naming a file of an event about it that is damaged: that might be the one
    which rejects it.
    """
    events, damaged = board.log(submission)
    if damaged:
        raise UsageError(f"Where the submission {submission[:12]} stands cannot be known: {damaged[0]}")
    standings = stand(events, board.standing())
    if submission not in standings:
        raise UsageError(f"There is no submission {submission[:12]} on the board {board.place}.")
    return standings[submission]


def _standing(submission: str, said: _Said, present: Collection[str]) -> Standing:
    status, reasons = _status(submission, said, present)
    raised = said.reproduced and said.level is Level.RECOMPUTED
    return Standing(
        submission=submission,
        level=Level.REPRODUCED if raised else said.level,
        status=status,
        reason=" ".join(dict.fromkeys(filter(None, reasons))),
        submitted=said.submitted,
        runs=said.runs,
    )


def _status(submission: str, said: _Said, present: Collection[str]) -> tuple[Status, Sequence[str]]:
    """The gravest status that holds, with the reasons given for it."""
    successors = [(other, why) for other, why in said.successors if other in present and other != submission]
    if said.rejections:
        return Status.REJECTED, said.rejections
    if said.withdrawals:
        return Status.WITHDRAWN, said.withdrawals
    if successors:
        other, why = successors[-1]
        return Status.SUPERSEDED, (why or f"The submission {other[:12]} takes its place.",)
    if said.flags:
        return Status.FLAGGED, said.flags
    return Status.LISTED, ()


_FOLDS: Mapping[EventKind, Callable[[_Said, Event], _Said]] = {
    EventKind.SUBMITTED: lambda said, event: replace(said, submitted=said.submitted or event.at),
    EventKind.VERIFIED: lambda said, event: replace(said, level=event.level or Level.VALID, runs=event.runs),
    EventKind.REPRODUCED: lambda said, _: replace(said, reproduced=True),
    EventKind.FLAGGED: lambda said, event: replace(said, flags=(*said.flags, event.reason)),
    EventKind.CLEARED: lambda said, _: replace(said, flags=(), rejections=(), successors=()),
    EventKind.REJECTED: lambda said, event: replace(said, rejections=(*said.rejections, event.reason)),
    EventKind.WITHDRAWN: lambda said, event: replace(said, withdrawals=(*said.withdrawals, event.reason)),
    EventKind.SUPERSEDED: lambda said, event: replace(said, successors=(*said.successors, (event.other, event.reason))),
}
"""What each kind of event adds to what was said."""
