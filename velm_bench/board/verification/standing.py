"""What the events say about each submission: a fold over them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from velm_bench.board.schema import COUNTING, Event, EventKind, Level, Status, VerifiedRun


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


def stand(events: Sequence[Event], published: Collection[str] | None = None) -> Mapping[str, Standing]:
    """Where every submission stands, by its identity, after these events in their order.

    - VERIFIED replaces what an earlier one said; REPRODUCED raises the level while that one says RECOMPUTED, whichever
      of the two was said first.
    - CLEARED takes back the flags and rejections said before it, never a withdrawal.
    - SUPERSEDED holds if the successor is itself published, so that nobody disappears behind what is not there.
    - The status is the gravest that holds: rejected, withdrawn, superseded, flagged, listed.

    What was never SUBMITTED is no submission. `published` names all submissions where `events` are not about all.
    """
    said: dict[str, _Said] = {}
    for event in events:
        said[event.submission] = _FOLDS[event.kind](said.get(event.submission, _Said()), event)
    there = {name for name, one in said.items() if one.submitted} if published is None else published
    return {name: _standing(name, one, there) for name, one in said.items() if one.submitted}


def _standing(submission: str, said: _Said, published: Collection[str]) -> Standing:
    status, reasons = _status(submission, said, published)
    raised = said.reproduced and said.level is Level.RECOMPUTED
    return Standing(
        submission=submission,
        level=Level.REPRODUCED if raised else said.level,
        status=status,
        reason=" ".join(dict.fromkeys(filter(None, reasons))),
        submitted=said.submitted,
        runs=said.runs,
    )


def _status(submission: str, said: _Said, published: Collection[str]) -> tuple[Status, Sequence[str]]:
    """The gravest status that holds, with the reasons given for it."""
    successors = [(other, why) for other, why in said.successors if other in published and other != submission]
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
    EventKind.CLEARED: lambda said, _: replace(said, flags=(), rejections=()),
    EventKind.REJECTED: lambda said, event: replace(said, rejections=(*said.rejections, event.reason)),
    EventKind.WITHDRAWN: lambda said, event: replace(said, withdrawals=(*said.withdrawals, event.reason)),
    EventKind.SUPERSEDED: lambda said, event: replace(said, successors=(*said.successors, (event.other, event.reason))),
}
"""What each kind of event adds to what was said."""
