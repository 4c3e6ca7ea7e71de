"""What the events say about a submission, whatever their order."""

from __future__ import annotations

from itertools import permutations

import pytest

from velm_bench.board.schema import Event, EventKind, Level, Status, VerifiedRun
from velm_bench.board.verification.standing import Standing, stand
from velm_bench.results.schema import Score

ONE, OTHER = "1" * 64, "2" * 64


def said(kind: str, at: int = 0, about: str = ONE, **more: object) -> Event:
    """An event at a second of the first day."""
    when = f"2024-01-01T00:00:{at:02d}.000000Z"
    level = Level.COMPLETE if kind == "verified" else None
    return Event.model_validate(
        {"submission": about, "kind": kind, "at": when, "reason": f"{kind} {at}", "level": level, **more}
    )


def verified(level: Level, n: int = 10, at: int = 0) -> Event:
    score = Score(value=0.5, n=n, n_errors=0, signature="accuracy")
    run = VerifiedRun(answers="3" * 64, n=n, n_errors=0, primary="accuracy", scores={"accuracy": score})
    return said("verified", at, level=level, runs={"vqa": run})


def after(*events: Event) -> Standing:
    """Where the submission stands after it was submitted and these were said."""
    return stand([said("submitted"), *events])[ONE]


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        ([], Status.LISTED),
        (["flagged"], Status.FLAGGED),
        (["rejected"], Status.REJECTED),
        (["withdrawn"], Status.WITHDRAWN),
        (["flagged", "cleared"], Status.LISTED),
        (["rejected", "cleared"], Status.LISTED),
        (["cleared", "rejected"], Status.REJECTED),
        (["cleared", "flagged"], Status.FLAGGED),
        (["withdrawn", "cleared"], Status.WITHDRAWN),
        (["flagged", "rejected", "cleared", "flagged"], Status.FLAGGED),
        (["rejected", "withdrawn", "cleared"], Status.WITHDRAWN),
    ],
)
def test_a_later_word_takes_back_what_it_can(kinds: list[str], status: Status) -> None:
    standing = after(*(said(kind, place) for place, kind in enumerate(kinds, 1)))
    assert standing.status is status
    assert standing.counts is (status in (Status.LISTED, Status.FLAGGED))


@pytest.mark.parametrize(
    ("kinds", "status"),
    [
        (["flagged", "rejected"], Status.REJECTED),
        (["rejected", "withdrawn", "verified"], Status.REJECTED),
        (["withdrawn", "flagged", "reproduced"], Status.WITHDRAWN),
        (["flagged", "verified"], Status.FLAGGED),
        (["superseded", "flagged", "verified"], Status.SUPERSEDED),
        (["superseded", "rejected", "flagged"], Status.REJECTED),
        (["superseded", "withdrawn", "flagged"], Status.WITHDRAWN),
    ],
)
def test_without_clearing_every_order_says_the_same(kinds: list[str], status: Status) -> None:
    events = [said("submitted"), said("submitted", about=OTHER)]
    events += [said(kind, place, other=OTHER) for place, kind in enumerate(kinds)]
    for order in permutations(events):
        standing = stand(order)[ONE]
        assert standing.status is status
        assert standing.reason.startswith(status.value)


def test_the_reasons_of_the_status_are_told() -> None:
    assert after(said("flagged", 1), said("flagged", 2), said("flagged", 2)).reason == "flagged 1 flagged 2"
    assert after(said("flagged", 1), said("rejected", 2)).reason == "rejected 2"
    assert after(said("flagged", 1), said("cleared", 2)).reason == ""


def test_superseded_only_by_what_is_published() -> None:
    event = said("superseded", 1, other=OTHER)
    assert after(event).status is Status.LISTED
    assert stand([said("submitted"), event, said("submitted", 2, OTHER)])[ONE].status is Status.SUPERSEDED
    assert stand([said("submitted"), event], present=[ONE, OTHER])[ONE].status is Status.SUPERSEDED
    assert after(said("superseded", 1, other=ONE)).status is Status.LISTED  # by itself


@pytest.mark.parametrize("kind", ["rejected", "withdrawn"])
def test_nobody_disappears_behind_what_is_gone_itself(kind: str) -> None:
    events = [said("submitted"), said("submitted", about=OTHER), said("superseded", 1, other=OTHER)]
    assert stand(events)[ONE].status is Status.SUPERSEDED
    assert stand([*events, said(kind, 2, OTHER)])[ONE].status is Status.LISTED
    assert stand([*events, said("cleared", 2)])[ONE].status is Status.LISTED


def test_what_was_never_submitted_is_no_submission() -> None:
    assert stand([verified(Level.RECOMPUTED), said("flagged", 1)]) == {}
    assert stand([said("superseded", 1, other=OTHER), said("submitted"), said("flagged", 1, OTHER)])[ONE].counts


def test_a_later_verification_replaces_an_earlier_one() -> None:
    standing = after(verified(Level.RECOMPUTED, 10, 1), verified(Level.COMPLETE, 20, 2))
    assert (standing.level, standing.runs["vqa"].n) == (Level.COMPLETE, 20)
    assert after().level is Level.VALID
    assert after().submitted == "2024-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("level", "raised"),
    [
        (Level.COMPLETE, Level.COMPLETE),
        (Level.RECOMPUTED, Level.REPRODUCED),
    ],
)
def test_only_what_was_recomputed_can_be_reproduced(level: Level, raised: Level) -> None:
    for events in permutations([verified(level), said("reproduced")]):
        assert after(*events).level is raised


def test_every_kind_of_event_is_known() -> None:
    for kind in EventKind:
        assert after(said(kind.value, other=OTHER)).submission == ONE
