"""What people decide about a submission: withdrawn, rejected, flagged, cleared, superseded. Nothing is deleted."""

from __future__ import annotations

from velm_bench.board.folder import Board
from velm_bench.board.moments import after
from velm_bench.board.schema import Event, EventKind, Status
from velm_bench.board.verification.standing import Standing, standing_of
from velm_bench.errors import RunError, UsageError
from velm_bench.schema import parse

DONE = {
    EventKind.WITHDRAWN: (Status.WITHDRAWN,),
    EventKind.REJECTED: (Status.REJECTED,),
    EventKind.SUPERSEDED: (Status.SUPERSEDED,),
}
"""Where a decision has been made already."""
CLEARABLE = (Status.FLAGGED, Status.REJECTED, Status.SUPERSEDED)
LEADS_TO = {
    EventKind.WITHDRAWN: (Status.WITHDRAWN, Status.REJECTED),
    EventKind.REJECTED: (Status.REJECTED,),
    EventKind.SUPERSEDED: (Status.SUPERSEDED, Status.WITHDRAWN, Status.REJECTED),
    EventKind.FLAGGED: (Status.FLAGGED, Status.SUPERSEDED, Status.WITHDRAWN, Status.REJECTED),
    EventKind.CLEARED: (Status.LISTED, Status.WITHDRAWN),
}
"""Where a submission can stand once a decision holds: something graver may hold as well."""


def find_submission(board: Board, word: str) -> str:
    """The one submission whose identity begins so; UsageError where there is none, or several."""
    matching = [one for one in board.submissions() if one.startswith(word.lower())] if word else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"The id '{word:.64}' fits {len(matching)} submissions: give more of it.")
    raise UsageError(
        f"There is no submission '{word:.64}' on the board {board.place}: `velm-bench board list` shows their ids."
    )


def decide(
    board: Board, submission: str, kind: EventKind, reason: str, at: str, by: str = "", other: str = ""
) -> Standing:
    """Record a decision and give back where the submission stands now.

    UsageError where it gives no reason, would change nothing, names a successor that does not count, or where a
    damaged event hides how things stand. RunError where something else was said in the same moment, and holds.
    """
    if not reason.strip():
        raise UsageError("A decision needs its reason: say it with --reason.")
    _require_change(standing_of(board, submission), kind)
    if kind is EventKind.SUPERSEDED:
        _require_successor(submission, standing_of(board, other))
    at = after(at, board.events(submission))
    said = {"submission": submission, "kind": kind, "at": at, "by": by, "reason": reason.strip(), "other": other}
    board.record(parse(Event, said, "the decision"))
    standing = standing_of(board, submission)
    if standing.status not in LEADS_TO[kind]:
        raise RunError(
            f"The submission {submission[:12]} is {standing.status} although it was {kind}: `velm-bench board show` "
            "tells what else was said of it."
        )
    return standing


def _require_change(standing: Standing, kind: EventKind) -> None:
    if standing.status in DONE.get(kind, ()):
        raise UsageError(f"The submission {standing.submission[:12]} is {standing.status} already: {standing.reason}")
    if kind is EventKind.CLEARED and standing.status not in CLEARABLE:
        raise UsageError(
            f"The submission {standing.submission[:12]} is {standing.status}: only flags, rejections and successors "
            "can be cleared."
        )


def _require_successor(submission: str, successor: Standing) -> None:
    other = successor.submission
    if other == submission:
        raise UsageError("A submission cannot take its own place: name another with --with.")
    if not successor.counts:
        raise UsageError(f"The submission {other[:12]} is {successor.status} itself: name one that counts with --with.")
