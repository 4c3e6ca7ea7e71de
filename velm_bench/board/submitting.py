"""A bundle onto a board: checked, its scores recomputed, published, and what was found out written beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from velm_bench.board.bundles.checking import check_form
from velm_bench.board.bundles.differences import definitions
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.moments import after
from velm_bench.board.schema import Card, Event, EventKind, Level, VerifiedRun
from velm_bench.board.verification.standing import stand, standing_of
from velm_bench.board.verification.verifying import Judgement, event, is_announced, is_known, judge, write_runs
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
    by: str
    """Who submitted it, if they said so."""
    replaced: bool
    """Whether it is said already that the one being submitted takes its place."""


def submit(
    board: Board, bundle: Bundle, recomputer: Recomputer, *, at: str, by: str = "", supersedes: str = ""
) -> Receipt:
    """Put a bundle on a board.

    UsageError, and nothing is added, where it is there already (DuplicateError), is not what it should be, or claims
    what its answers do not give. One whose submission was cut off after it was published is finished: the last that
    is said of it is what verification found.
    """
    said = _require_new(board, bundle)
    others = _others(board, bundle)
    old = _successor(board, others, bundle, supersedes, by)
    judged = _judged(board, bundle, recomputer, after(at, said), by)
    submitted = event(bundle.id, EventKind.SUBMITTED, at, by)
    write_runs(board, bundle.id, judged.runs)  # first: what cannot be written is not published
    if not board.publish(bundle, submitted) and not is_announced(said):  # somebody else was faster
        raise _duplicate(bundle)
    verified, *flags = judged.events
    for one in (*flags, *_replacement(board, bundle, old, at, by), verified):
        if not is_known(one, board.events(one.submission)):
            board.record(one)
    return _receipt(bundle, judged, others, old, published=True)


def rehearse(
    board: Board, bundle: Bundle, recomputer: Recomputer, *, at: str, by: str = "", supersedes: str = ""
) -> Receipt:
    """All that `submit` does and says, but nothing is added."""
    said = _require_new(board, bundle)
    others = _others(board, bundle)
    old = _successor(board, others, bundle, supersedes, by)
    judged = _judged(board, bundle, recomputer, after(at, said), by)
    return _receipt(bundle, judged, others, old, published=False)


def _judged(board: Board, bundle: Bundle, recomputer: Recomputer, at: str, by: str) -> Judgement:
    """What verification finds: first what needs no data, last what cannot name the sample that is at fault."""
    check_form(bundle, board.tasks, definitions(board))
    return judge(board, bundle, recomputer, at, by)


def _replacement(board: Board, bundle: Bundle, old: str, at: str, by: str) -> list[Event]:
    """That the bundle takes the place of the old submission, if there is one."""
    if not old:
        return []
    reason = f"The submission {bundle.id[:SHORT]} takes its place."
    at = after(at, board.events(old))
    return [event(old, EventKind.SUPERSEDED, at, by, other=bundle.id, reason=reason)]


def _require_new(board: Board, bundle: Bundle) -> list[Event]:
    """What was said of the bundle, if its submission was cut off; UsageError for one that was finished, or where a
    damaged event hides whether it was."""
    said, damaged = board.log(bundle.id)
    if damaged:
        raise UsageError(damaged[0])
    if is_announced(said) and any(one.kind is EventKind.VERIFIED for one in said):
        raise _duplicate(bundle)
    return said


def _duplicate(bundle: Bundle) -> DuplicateError:
    return DuplicateError(
        f"The submission {bundle.id[:SHORT]} of '{bundle.manifest.card.name}' is on the board already, with the same "
        "runs and the same card: nothing is added."
    )


def _others(board: Board, bundle: Bundle) -> list[Entrant]:
    """The other submissions of the same name, whatever became of them; those whose manifest is damaged have none."""
    cards = {submission: manifest.card for submission, manifest in board.manifests()[0].items()}
    name, present = bundle.manifest.card.name, board.standing()
    same = [one for one, card in cards.items() if card.name == name and one != bundle.id]
    return [_entrant(board, bundle, submission, cards[submission], present) for submission in same]


def _entrant(board: Board, bundle: Bundle, submission: str, card: Card, present: Collection[str]) -> Entrant:
    said = board.events(submission)
    standing = stand(said, present).get(submission)
    return Entrant(
        id=submission,
        card=card,
        counts=standing is not None and standing.counts,
        by=next((one.by for one in said if one.kind is EventKind.SUBMITTED), ""),
        replaced=any(one.kind is EventKind.SUPERSEDED and one.other == bundle.id for one in said),
    )


def _successor(board: Board, others: Sequence[Entrant], bundle: Bundle, supersedes: str, by: str) -> str:
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
    standing = standing_of(board, matching[0].id)
    if not standing.counts and not matching[0].replaced:
        raise UsageError(f"--supersedes names {matching[0].id[:SHORT]}, which does not count any more: leave it out.")
    if matching[0].by not in ("", by):
        raise UsageError(
            f"--supersedes names {matching[0].id[:SHORT]}, which '{matching[0].by}' submitted: who keeps the board can "
            "replace it with `velm-bench board supersede`."
        )
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
