"""A bundle onto a board: once, whole, with what was found out about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.board.made_bundles import runs_of
from velm_bench.board.bundles.packing import pack
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import Event, EventKind, Level, Status
from velm_bench.board.submitting import Receipt, rehearse, submit
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.board.verification.standing import stand
from velm_bench.errors import RunError, UsageError
from velm_bench.results.store import read_result, read_samples
from velm_bench.tasks.registry import resolve

TASKS = ("scenes_vqa=lite", "scenes_ner=lite")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("submitting") / "board"
    create_board(str(folder), "Small", resolve("vqa:lite,ner:lite"))
    return folder


@pytest.fixture
def board(empty: Path, tmp_path: Path) -> Board:
    """A board of its own for each test."""
    shutil.copytree(empty, tmp_path / "board")
    return Board.open(str(tmp_path / "board"))


def bundle(results: Path, model: str = "ref=prefix", **card: object) -> Bundle:
    return pack([run for run in runs_of(results, model) if run.parent.name in TASKS], card)[0]


def at(second: int) -> str:
    return f"2024-05-01T00:00:{second:02}.000000Z"


def put(board: Board, given: Bundle, second: int = 1, supersedes: str = "") -> Receipt:
    return submit(board, given, Recomputer(board), at=at(second), by="somebody", supersedes=supersedes)


def statuses(board: Board) -> dict[str, Status]:
    return {standing.submission: standing.status for standing in stand(board.events()).values()}


def test_a_submission_is_published_with_recomputed_scores_and_runs(board: Board, real_results: Path) -> None:
    given = bundle(real_results)
    receipt = put(board, given)
    assert (receipt.id, receipt.level, receipt.published) == (given.id, Level.RECOMPUTED, True)
    assert (receipt.attempts, receipt.earlier, receipt.flags) == (1, (), ())
    assert receipt.permalink == f"/model?submission={given.id[:12]}"
    assert receipt.titles["scenes_vqa=lite-blank~e560e3a26fbc"] == "scenes_vqa:lite (blank)"
    assert board.bundle(given.id).files == given.files
    standing = stand(board.events())[given.id]
    assert (standing.level, standing.status, standing.runs) == (Level.RECOMPUTED, Status.LISTED, receipt.runs)
    assert {event.by for event in board.events()} == {"somebody"}
    for run in runs_of(real_results, "ref=prefix"):
        claimed = read_result(run)
        if claimed.control or run.parent.name not in TASKS:
            continue
        kept = read_result(board.runs / given.id / run.parent.name)
        assert kept.scores == claimed.scores
        assert read_samples(board.runs / given.id / run.parent.name).num_rows == claimed.n


def test_a_rehearsal_says_the_same_and_adds_nothing(board: Board, real_results: Path) -> None:
    given = bundle(real_results)
    tried = rehearse(board, given, Recomputer(board), at=at(1))
    assert (tried.level, tried.published, board.events()) == (Level.RECOMPUTED, False, [])
    assert not board.derived.exists() or not list(board.derived.glob("runs/*"))
    assert tried.runs == put(board, given).runs


def test_a_duplicate_is_refused_and_another_card_is_not(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    with pytest.raises(UsageError, match=f"{first.id[:12]}.*already"):
        put(board, bundle(real_results), 2)
    with pytest.raises(UsageError, match="already"):
        rehearse(board, bundle(real_results), Recomputer(board), at=at(2))
    again = put(board, bundle(real_results, notes="the same again"), 3)
    assert (again.attempts, again.earlier) == (2, (first.id,))
    later = put(board, bundle(real_results, revision="2"), 4)
    assert (later.attempts, later.earlier) == (3, ())


def test_one_takes_the_place_of_another(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    second = put(board, bundle(real_results, revision="2"), 2, supersedes=first.id[:8])
    assert (second.superseded, second.earlier) == (first.id, ())
    assert statuses(board) == {first.id: Status.SUPERSEDED, second.id: Status.LISTED}
    third = bundle(real_results, revision="3")
    with pytest.raises(UsageError, match="does not count any more"):
        put(board, third, 3, supersedes=first.id)
    with pytest.raises(UsageError, match=f"those that count are {second.id[:12]}"):
        put(board, third, 3, supersedes="0000")
    with pytest.raises(UsageError, match="fits 0 other submissions of 'ref:concat'"):
        put(board, bundle(real_results, "ref=concat"), 3, supersedes=first.id)
    assert len(board.submissions()) == 2


def test_nobody_takes_the_place_of_what_somebody_else_submitted(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    other = bundle(real_results, "baseline=random", name="ref:prefix")
    with pytest.raises(UsageError, match=r"which 'somebody' submitted.*board supersede"):
        submit(board, other, Recomputer(board), at=at(2), by="a stranger", supersedes=first.id)
    assert statuses(board) == {first.id: Status.LISTED}


def test_the_answers_of_another_model_are_flagged(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    copy = put(board, bundle(real_results, name="Our own work"), 2)
    assert len(copy.flags) == 1
    assert "'ref:prefix'" in copy.flags[0]
    assert first.id[:12] in copy.flags[0]
    assert statuses(board)[copy.id] is Status.FLAGGED


def test_what_was_cut_off_is_finished_by_the_same_submission(
    board: Board, real_results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = bundle(real_results)
    with monkeypatch.context() as patch:
        record = Board.record

        def fail(self: Board, event: Event) -> bool:
            if event.kind is not EventKind.SUBMITTED:
                raise RunError("no room")
            return record(self, event)

        patch.setattr(Board, "record", fail)
        with pytest.raises(RunError, match="no room"):
            put(board, given)
    assert stand(board.events())[given.id].level is Level.VALID
    assert put(board, given, 2).level is Level.RECOMPUTED
    assert stand(board.events())[given.id].submitted == at(1)
    with pytest.raises(UsageError, match="already"):
        put(board, given, 3)


def test_one_that_is_damaged_takes_nobodys_place(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    path = next((Path(board.place) / "events").glob(f"{first.id}.*.verified.*"))
    path.write_bytes(b"{}")
    with pytest.raises(UsageError, match=path.name):
        put(board, bundle(real_results, revision="2"), 2, supersedes=first.id)
    with pytest.raises(UsageError, match=path.name):
        put(board, bundle(real_results), 2)
    assert board.submissions() == [first.id]


def test_whoever_is_later_by_a_moment_is_told(
    board: Board, real_results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = bundle(real_results)
    publish = Board.publish

    def meanwhile(self: Board, one: Bundle, event: Event) -> bool:
        publish(self, one, event.model_copy(update={"at": at(0)}))
        return publish(self, one, event)

    monkeypatch.setattr(Board, "publish", meanwhile)
    with pytest.raises(UsageError, match="already"):
        put(board, given)
    assert [event.at for event in board.events()] == [at(0)]


def test_a_damaged_submission_does_not_keep_others_out(board: Board, real_results: Path) -> None:
    first = put(board, bundle(real_results))
    path = Path(board.place) / "submissions" / first.id / "manifest.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"ref:prefix", b"ref:prefux"))
    assert put(board, bundle(real_results, revision="2"), 2).attempts == 1
