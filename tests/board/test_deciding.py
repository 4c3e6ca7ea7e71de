"""Decisions: each takes effect, or is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.small_board import at, create, found, pinned, say, submit
from velm_bench.board import deciding
from velm_bench.board.deciding import decide
from velm_bench.board.folder import Board
from velm_bench.board.listings.index import read_index
from velm_bench.board.moments import horizon, now
from velm_bench.board.schema import EventKind, RunEntry, Status
from velm_bench.board.verification.standing import standing_of
from velm_bench.errors import RunError, UsageError

VQA = "scenes_vqa:lite"
RUN = RunEntry(name="vqa", task=VQA)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return create(tmp_path / "board", [pinned(VQA, "vqa_accuracy")])


@pytest.fixture
def submission(board: Board) -> str:
    return submit(board, "one", {RUN: found(0.6, "vqa_accuracy")}, 1)


def test_every_decision_holds_at_once_even_behind_a_clock_that_is_fast(board: Board, submission: str) -> None:
    assert board.record(board.events()[0].model_copy(update={"kind": EventKind.CLEARED, "at": horizon()}))
    assert decide(board, submission, EventKind.REJECTED, "A cheat.", now()).status is Status.REJECTED
    assert decide(board, submission, EventKind.CLEARED, "None.", now()).status is Status.LISTED
    assert decide(board, submission, EventKind.FLAGGED, "Odd.", at(1)).status is Status.FLAGGED
    assert decide(board, submission, EventKind.WITHDRAWN, "Enough.", at(1)).status is Status.WITHDRAWN
    assert board.log()[1] == []


def test_whoever_was_replaced_can_be_put_back(board: Board, submission: str) -> None:
    other = submit(board, "other", {RUN: found(0.5, "vqa_accuracy")}, 2)
    replaced = decide(board, submission, EventKind.SUPERSEDED, "Newer.", now(), other=other)
    assert (replaced.status, replaced.reason) == (Status.SUPERSEDED, "Newer.")
    assert decide(board, submission, EventKind.CLEARED, "No.", now()).status is Status.LISTED
    decide(board, submission, EventKind.SUPERSEDED, "Newer.", now(), other=other)
    decide(board, other, EventKind.REJECTED, "It hijacked a name.", now())
    assert standing_of(board, submission).status is Status.LISTED
    assert read_index(board).runs.set_index("submission")["status"].to_dict() == {
        submission: "listed", other: "rejected",
    }  # fmt: skip


def test_what_is_dated_in_the_future_takes_nothing_back(board: Board, submission: str) -> None:
    never = board.events()[0].model_copy(update={"kind": EventKind.CLEARED, "at": "2999-01-01T00:00:00.000000Z"})
    assert board.record(never)
    assert decide(board, submission, EventKind.REJECTED, "A cheat.", now()).status is Status.REJECTED
    with pytest.raises(UsageError, match="is rejected already"):
        decide(board, submission, EventKind.REJECTED, "A cheat.", now())


@pytest.mark.parametrize("damaged", ["submitted", "rejected"])
def test_a_damaged_event_is_named_before_anything_is_decided(board: Board, submission: str, damaged: str) -> None:
    other = submit(board, "other", {RUN: found(0.5, "vqa_accuracy")}, 2)
    say(board, other, EventKind.REJECTED, 3, reason="A cheat.")
    path = next((Path(board.place) / "events").glob(f"{other}*.{damaged}.*"))
    path.write_text("{")
    files = board.store.names("events")
    for call in (
        lambda: standing_of(board, other),
        lambda: decide(board, other, EventKind.FLAGGED, "Odd.", now()),
        lambda: decide(board, submission, EventKind.SUPERSEDED, "Newer.", now(), other=other),
    ):
        with pytest.raises(UsageError, match=rf"{other[:12]} stands cannot be known: .*{path.name}"):
            call()
    assert board.store.names("events") == files


def test_a_decision_without_effect_is_an_error(board: Board, submission: str, monkeypatch: pytest.MonkeyPatch) -> None:
    say(board, submission, EventKind.CLEARED, 30)
    monkeypatch.setattr(deciding, "after", lambda at, _: at)  # as if the last were said in the same moment
    with pytest.raises(RunError, match="is listed although it was rejected"):
        decide(board, submission, EventKind.REJECTED, "A cheat.", at(2))
