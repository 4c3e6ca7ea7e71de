"""What people decide about a submission: withdrawn, rejected, flagged, cleared, superseded. Nothing is deleted."""

from __future__ import annotations

from velm_bench.board.folder import Board
from velm_bench.board.schema import Event, EventKind, Status
from velm_bench.board.verification.standing import Standing, stand
from velm_bench.errors import UsageError
from velm_bench.schema import parse

DONE = {
    EventKind.WITHDRAWN: (Status.WITHDRAWN,),
    EventKind.REJECTED: (Status.REJECTED,),
    EventKind.SUPERSEDED: (Status.SUPERSEDED,),
}
"""Where a decision has been made already."""


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

    UsageError where it gives no reason, would change nothing, or names a successor that does not count.
    """
    if not reason.strip():
        raise UsageError("A decision needs its reason: say it with --reason.")
    standings = stand(board.events())
    _require_change(standings[submission], kind)
    if kind is EventKind.SUPERSEDED:
        _require_successor(submission, other, standings[other])
    said = {"submission": submission, "kind": kind, "at": at, "by": by, "reason": reason.strip(), "other": other}
    board.record(parse(Event, said, "the decision"))
    return stand(board.events())[submission]


def _require_change(standing: Standing, kind: EventKind) -> None:
    if standing.status in DONE.get(kind, ()):
        raise UsageError(f"The submission {standing.submission[:12]} is {standing.status} already: {standing.reason}")
    if kind is EventKind.CLEARED and standing.status not in (Status.FLAGGED, Status.REJECTED):
        raise UsageError(
            f"The submission {standing.submission[:12]} is {standing.status}: only flags and rejections can be cleared."
        )


def _require_successor(submission: str, other: str, successor: Standing) -> None:
    if other == submission:
        raise UsageError("A submission cannot take its own place: name another with --with.")
    if not successor.counts:
        raise UsageError(f"The submission {other[:12]} is {successor.status} itself: name one that counts with --with.")
