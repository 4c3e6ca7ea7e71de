"""A bundle onto a board: checked, its scores recomputed, published, and what was found out written beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from velm_bench.board.bundles.checking import check_contents, check_form
from velm_bench.board.bundles.differences import definitions
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import Card, Event, EventKind, Level, VerifiedRun
from velm_bench.board.verification.standing import stand
from velm_bench.board.verification.verifying import Judgement, judge, write_runs
from velm_bench.errors import UsageError
from velm_bench.results.schema import titled

if TYPE_CHECKING:
    from velm_bench.board.verification.recomputing import Recomputer

SHORT = 12
"""How many digits of a submission's identity stand in addresses."""


class DuplicateError(UsageError):
    """The same runs with the same card are on the board already."""


@dataclass(frozen=True)
class Receipt:
    """What became of a submission."""

    id: str
    card: Card
    level: Level
    published: bool
    """False where it was only tried."""
    runs: Mapping[str, VerifiedRun] = field(default_factory=dict)
    """What was recomputed, by the run's name; those whose data is not on this machine are not among them."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What each run is of, by its name: "vqa (blank)"."""
    notes: tuple[str, ...] = ()
    """Why verification got no further."""
    flags: tuple[str, ...] = ()
    """Reasons for doubt."""
    attempts: int = 1
    """How many submissions of this name there are now, this one included, whatever became of them."""
    earlier: tuple[str, ...] = ()
    """Others of the same name and revision that count beside it."""
    superseded: str = ""
    """The one whose place it took."""

    @property
    def permalink(self) -> str:
        """Where the leaderboard shows it."""
        return f"/model?submission={self.id[:SHORT]}"


@dataclass(frozen=True)
class Entrant:
    """A submission that is there already."""

    id: str
    card: Card
    counts: bool


def submit(
    board: Board, bundle: Bundle, recomputer: Recomputer, *, at: str, by: str = "", supersedes: str = ""
) -> Receipt:
    """Put a bundle on a board.

    UsageError, and nothing is added, where it is there already (DuplicateError), is not what it should be, or claims
    what its answers do not give. One whose submission was cut off after it was published is finished.
    """
    events = board.events()
    resumed = _require_new(bundle, events)
    others = _others(board, bundle, events)
    old = _successor(others, bundle, supersedes)
    judged = _judged(board, bundle, recomputer, at, by)
    submitted = Event(submission=bundle.id, kind=EventKind.SUBMITTED, at=at, by=by)
    if not board.publish(bundle, submitted) and not resumed:  # somebody else was faster
        raise _duplicate(bundle)
    for event in judged.events:
        board.record(event)
    if old:
        reason = f"The submission {bundle.id[:SHORT]} takes its place."
        board.record(Event(submission=old, kind=EventKind.SUPERSEDED, at=at, by=by, other=bundle.id, reason=reason))
    write_runs(board, bundle.id, judged.runs)
    return _receipt(bundle, judged, others, old, published=True)


def rehearse(
    board: Board, bundle: Bundle, recomputer: Recomputer, *, at: str, by: str = "", supersedes: str = ""
) -> Receipt:
    """All that `submit` does and says, but nothing is added."""
    events = board.events()
    _require_new(bundle, events)
    others = _others(board, bundle, events)
    old = _successor(others, bundle, supersedes)
    judged = _judged(board, bundle, recomputer, at, by)
    return _receipt(bundle, judged, others, old, published=False)


def _judged(board: Board, bundle: Bundle, recomputer: Recomputer, at: str, by: str) -> Judgement:
    """What verification finds: first what needs no data, last what cannot name the sample that is at fault."""
    check_form(bundle, board.tasks, definitions(board))
    judged = judge(board, bundle, recomputer, at, by)
    for entry in bundle.manifest.runs:
        check_contents(bundle, entry, board.tasks[entry.task])
    return judged


def _require_new(bundle: Bundle, events: Sequence[Event]) -> bool:
    """Whether the bundle is there and nobody came to verify it; UsageError for one that is there with a verdict."""
    said = {event.kind for event in events if event.submission == bundle.id}
    if EventKind.SUBMITTED in said and said - {EventKind.SUBMITTED}:
        raise _duplicate(bundle)
    return EventKind.SUBMITTED in said


def _duplicate(bundle: Bundle) -> DuplicateError:
    return DuplicateError(
        f"The submission {bundle.id[:SHORT]} of '{bundle.manifest.card.name}' is on the board already, with the same "
        "runs and the same card: nothing is added."
    )


def _others(board: Board, bundle: Bundle, events: Sequence[Event]) -> list[Entrant]:
    """The other submissions of the same name, whatever became of them; those whose manifest is damaged have none."""
    standings = stand(events)
    cards = {submission: manifest.card for submission, manifest in board.manifests()[0].items()}
    return [
        Entrant(submission, card, submission in standings and standings[submission].counts)
        for submission, card in cards.items()
        if card.name == bundle.manifest.card.name and submission != bundle.id
    ]


def _successor(others: Sequence[Entrant], bundle: Bundle, supersedes: str) -> str:
    """The identity of the submission that this one replaces; UsageError where there is none, or none to replace."""
    if not supersedes:
        return ""
    name = bundle.manifest.card.name
    matching = [one for one in others if one.id.startswith(supersedes.lower())]
    if len(matching) != 1:
        held = ", ".join(one.id[:SHORT] for one in others if one.counts) or "none"
        raise UsageError(
            f"--supersedes '{supersedes:.64}' fits {len(matching)} other submissions of '{name}' on the board: those "
            f"that count are {held}."
        )
    if not matching[0].counts:
        raise UsageError(f"--supersedes names {matching[0].id[:SHORT]}, which does not count any more: leave it out.")
    return matching[0].id


def _receipt(bundle: Bundle, judged: Judgement, others: Sequence[Entrant], old: str, published: bool) -> Receipt:
    card = bundle.manifest.card
    earlier = [one.id for one in others if one.counts and one.card.revision == card.revision and one.id != old]
    return Receipt(
        id=bundle.id,
        card=card,
        level=judged.level,
        published=published,
        runs={name: run for event in judged.events for name, run in event.runs.items()},
        titles={run.name: titled(run.task, run.control, run.shots) for run in bundle.manifest.runs},
        notes=judged.notes,
        flags=tuple(event.reason for event in judged.events if event.kind is EventKind.FLAGGED),
        attempts=len(others) + 1,
        earlier=tuple(earlier),
        superseded=old,
    )
