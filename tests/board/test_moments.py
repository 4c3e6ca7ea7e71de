"""The times of events: one form, in one order, and none ahead of the clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.small_bundles import said, small_bundle, submitted
from velm_bench.board import folder as folder_module
from velm_bench.board.folder import Board, event_name
from velm_bench.board.moments import after, horizon, in_name, is_ahead, now
from velm_bench.board.schema import Event, EventKind
from velm_bench.board.stores import LocalStore
from velm_bench.schema import parse

NEVER = "2999-01-01T00:00:00.000000Z"


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board with one submission."""
    made = Board(LocalStore(tmp_path))
    made.store.create("board.toml", b"")
    made.publish(small_bundle(), submitted(small_bundle()))
    return made


@pytest.mark.parametrize(
    "at",
    [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.5Z",
        "2024-13-45T99:99:99.000000Z",
        "2023-02-29T00:00:00.000000Z",
        "2024-01-01T00:00:00.000000+00:00",
        "٢٠٢٤-01-01T00:00:00.000000Z",
    ],
)
def test_a_moment_has_one_form(at: str) -> None:
    about = {"submission": "0" * 64, "kind": "submitted", "at": at}
    with pytest.raises(Exception, match="'at'"):
        parse(Event, about, "the event")


def test_whoever_speaks_now_has_the_last_word() -> None:
    earlier, later = (said(small_bundle(), EventKind.FLAGGED, at=f"2024-0{n}-01T00:00:00.999999Z") for n in (1, 2))
    assert after(NEVER, [later, earlier]) == NEVER
    assert after("2024-01-15T00:00:00.000000Z", [later, earlier]) == "2024-02-01T00:00:01.000000Z"
    assert after(later.at, [later]) > later.at
    assert after("2024-01-15T00:00:00.000000Z", []) == "2024-01-15T00:00:00.000000Z"


def test_what_is_ahead_of_the_clock_is_seen_by_its_name() -> None:
    event = said(small_bundle(), EventKind.FLAGGED, at=NEVER)
    assert now() < horizon() < NEVER
    assert is_ahead(event_name(event), in_name(horizon()))
    assert not is_ahead(event_name(event), in_name(NEVER))
    assert not is_ahead(event_name(submitted(small_bundle())), in_name(horizon()))


def test_it_does_not_count_and_is_named_until_its_time_comes(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, events = board.identity(), board.events()
    board.record(said(small_bundle(), EventKind.REJECTED, at=NEVER))
    assert (board.identity(), board.log()) == (identity, (events, []))
    (sentence,) = board.strays(small_bundle().id)
    assert all(part in sentence for part in ("29990101T000000.000000Z.rejected", "ahead of this machine's clock"))
    assert board.strays("f" * 64) == []
    monkeypatch.setattr(folder_module, "horizon", lambda: NEVER)
    assert [event.kind for event in board.events()] == [EventKind.SUBMITTED, EventKind.REJECTED]
    assert board.identity() != identity
    assert board.strays() == []


def test_what_is_not_called_as_an_event_is_named_and_does_not_count(board: Board) -> None:
    for name in ("README.json", f"{small_bundle().id}.junk.json", f"{small_bundle().id}.rejected.jsn"):
        board.store.create(f"events/{name}", b"x")
    assert [event.kind for event in board.log()[0]] == [EventKind.SUBMITTED]
    assert board.log()[1] == []
    assert ["README.json" in one for one in board.strays()].count(True) == 1
    assert len(board.strays(small_bundle().id)) == 2


def test_who_is_gone_is_told_by_the_names_of_events(board: Board) -> None:
    bundle = small_bundle()
    for month, kind, there in (
        ("03", EventKind.REJECTED, False),
        ("04", EventKind.CLEARED, True),
        ("05", EventKind.WITHDRAWN, False),
        ("06", EventKind.REJECTED, False),
        ("07", EventKind.CLEARED, False),
    ):
        board.record(said(bundle, kind, at=f"2024-{month}-01T00:00:00.000000Z"))
        assert board.standing() == ({bundle.id} if there else set())


def test_nor_does_what_is_submitted_ahead_of_it(board: Board) -> None:
    board.publish(small_bundle(1), submitted(small_bundle(1), at=NEVER))
    events, notes = board.log()
    assert {event.submission for event in events} == {small_bundle().id}
    assert "ahead of this machine's clock" in notes[0]
