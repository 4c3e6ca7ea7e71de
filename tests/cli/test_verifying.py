"""`velm-bench board verify` over a whole board: in which order, and what one submission cannot do to the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.board.toy_boards import AT, ToyBoard, wrong
from velm_bench.board.deciding import decide
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.listings.index import INDEX, rebuild
from velm_bench.board.moments import now
from velm_bench.board.schema import Card, EventKind, Status
from velm_bench.board.submitting import submit
from velm_bench.board.verification import verifying
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.board.verification.standing import standing_of
from velm_bench.cli.boards import verify_all
from velm_bench.errors import RunError


@pytest.fixture
def toys(tmp_path: Path) -> ToyBoard:
    return ToyBoard(tmp_path)


def verified(toys: ToyBoard, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `board verify --json` prints, by submission."""
    capsys.readouterr()
    verify_all(toys.board.place, (), toys.data, "", True)
    return {one["submission"]: one for one in json.loads(capsys.readouterr().out)}


def test_a_copy_is_found_out_whichever_identity_comes_first(toys: ToyBoard, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, without = toys.bundle(wrong("one")), Recomputer(toys.board)
    names = [f"name {number}" for number in range(4)]
    bundles = [Bundle(bundle.manifest.model_copy(update={"card": Card(name=name)}), bundle.files) for name in names]
    bundles.sort(key=lambda one: one.id, reverse=True)
    for second, one in enumerate(bundles):
        submit(toys.board, one, without, at=AT.format(second))
    assert set(verified(toys, capsys)) == {one.id for one in bundles}
    statuses = [standing_of(toys.board, one.id).status for one in bundles]
    assert statuses == [Status.LISTED, *[Status.FLAGGED] * 3]
    assert all(one["events"] == [] for one in verified(toys, capsys).values())


def test_one_that_cannot_be_verified_does_not_stop_the_others(
    toys: ToyBoard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = toys.submitted(wrong("one"), second=1), toys.submitted(wrong("two"), second=2)
    whole = verifying.write_runs

    def failing(board: Board, submission: str, runs: Any) -> None:
        if submission == first:
            raise ValueError("too deep")
        whole(board, submission, runs)

    monkeypatch.setattr(verifying, "write_runs", failing)
    with pytest.raises(RunError, match="1 of 2 submissions failed"):
        verified(toys, capsys)
    told = {one["submission"]: one for one in json.loads(capsys.readouterr().out)}
    assert "ValueError: too deep" in told[first]["problem"]
    assert told[second]["level"] == "recomputed"


def test_a_rejection_that_was_cleared_is_no_excuse(toys: ToyBoard, capsys: pytest.CaptureFixture[str]) -> None:
    submission = toys.submitted(wrong("one"))
    decide(toys.board, submission, EventKind.REJECTED, "Odd.", now())
    path = next((Path(toys.board.place) / "events").glob("*.verified.*"))
    whole = path.read_bytes()
    assert verified(toys, capsys)[submission]["notes"] != []
    decide(toys.board, submission, EventKind.CLEARED, "Not so odd.", now())
    path.write_bytes(b"{}")
    with pytest.raises(RunError, match="1 of 1 submissions failed"):
        verified(toys, capsys)
    path.write_bytes(whole)
    verified(toys, capsys)


def test_an_index_that_somebody_brought_is_made_anew(toys: ToyBoard, capsys: pytest.CaptureFixture[str]) -> None:
    toys.submitted(wrong("one"))
    digest = rebuild(toys.board)
    index = toys.board.derived / INDEX
    whole = index.read_bytes()
    index.write_bytes(b"forged")
    verified(toys, capsys)
    assert index.read_bytes() == whole
    assert rebuild(toys.board) == digest


def test_what_a_killed_writer_left_is_nothing(toys: ToyBoard, capsys: pytest.CaptureFixture[str]) -> None:
    toys.board.store.create(f"submissions/{'e' * 64}/runs/toy/result.json", b"{}")
    toys.board.store.create("submissions/README.md", b"Ours.")
    assert verified(toys, capsys) == {}
