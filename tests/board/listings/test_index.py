"""The index: what it holds, when it is made anew, and that it is the same wherever the board lies."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from tests.board.small_board import at, create, found, pinned, say, submit
from velm_bench.board import folder as folder_module
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.listings import index as index_module
from velm_bench.board.listings import index_rows
from velm_bench.board.listings.board_listing import list_board
from velm_bench.board.listings.index import INDEX, read_index, rebuild
from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS
from velm_bench.board.schema import Card, Event, EventKind, Level, RunEntry
from velm_bench.digests import digest_file

VQA, NER = "scenes_vqa:lite", "scenes_ner:lite"
VQA_RUN, NER_RUN = RunEntry(name="vqa", task=VQA), RunEntry(name="ner", task=NER)
BLANK_RUN = RunEntry(name="vqa_blank", task=VQA, control="blank", shots=2)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """Two submissions of one model, and one of another with a control."""
    made = create(tmp_path / "board", [pinned(VQA, "vqa_accuracy"), pinned(NER, "entity_f1", floor=None)])
    submit(made, "twice", {VQA_RUN: found(0.6, "vqa_accuracy")}, 1)
    submit(made, "twice", {VQA_RUN: found(0.7, "vqa_accuracy"), NER_RUN: found(0.5, "entity_f1")}, 2)
    card = {"revision": "v2", "parameters": 7, "release_date": date(2025, 1, 2), "licence": "MIT", "parent": "older"}
    submit(made, "once", {VQA_RUN: found(0.8, "vqa_accuracy"), BLANK_RUN: None}, 3, **card)
    return made


def identities(board: Board) -> dict[int, str]:
    """Submissions by the second in which they were submitted."""
    return {int(event.at[17:19]): event.submission for event in board.events() if event.kind is EventKind.SUBMITTED}


def test_the_rows_say_what_was_found_out(board: Board) -> None:
    index = read_index(board)
    assert index.notes == ()
    assert {name: str(kind) for name, kind in index.runs.dtypes.items()} == dict(RUN_COLUMNS)
    assert {name: str(kind) for name, kind in index.scores.dtypes.items()} == dict(SCORE_COLUMNS)
    once = identities(board)[3]
    row, blank = (index.runs[index.runs["run"] == f"{once}/{name}"].iloc[0].to_dict() for name in ("vqa", "vqa_blank"))
    expected = {
        "submission": once, "model": "once", "revision": "v2", "parameters": 7, "licence": "MIT", "parent": "older",
        "released": "2025-01-02", "organisation": "", "task": VQA, "kind": "vqa", "control": "",
        "metric": "vqa_accuracy", "score": 0.8, "low": 0.75, "high": pytest.approx(0.85), "higher_is_better": True,
        "corrected": pytest.approx(0.75), "corrected_low": pytest.approx(0.6875),
        "corrected_high": pytest.approx(0.8125), "claimed": pytest.approx(0.81), "n": 200, "samples": 200, "errors": 1,
        "unparsed": 2, "level": "recomputed", "status": "listed", "reason": "", "submitted": "2024-01-02",
        "attempts": 1, "samples_per_second": 7.5, "device": "cpu",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert blank["control"] == "blank, 2 shots"
    assert index.runs["score"].isna().tolist() == (index.runs["run"] == f"{once}/vqa_blank").tolist()
    twice = index.runs[index.runs["model"] == "twice"]
    assert set(twice["attempts"]) == {2}
    assert twice[twice["task"] == NER]["corrected"].isna().all()


def test_the_scores_are_those_of_metrics_and_slices(board: Board) -> None:
    index = read_index(board)
    scores = index.scores[index.scores["run"] == f"{identities(board)[3]}/vqa"]
    assert list(zip(scores["metric"], scores["slice"], strict=True)) == [
        ("vqa_accuracy", ""), ("another", ""), ("vqa_accuracy", "type=count"),
    ]  # fmt: skip
    assert scores["score"].tolist() == pytest.approx([0.8, 0.9, 0.7])
    assert scores["higher_is_better"].tolist() == [True, False, True]
    assert scores["n"].tolist() == [200, 200, 20]
    assert set(index.scores["run"]) == set(index.runs.dropna(subset="score")["run"])


def test_the_same_board_gives_the_same_bytes_anywhere(board: Board, tmp_path: Path) -> None:
    first = rebuild(board)
    assert digest_file(board.derived / INDEX) == first
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(board.place, copy, ignore=shutil.ignore_patterns("derived"))
    for path in sorted(copy.rglob("*.json"), reverse=True):  # another order on the disk
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    assert rebuild(Board.open(str(copy))) == first
    (board.derived / INDEX).unlink()
    assert rebuild(board) == first
    assert str(tmp_path).encode() not in (board.derived / INDEX).read_bytes()


def test_pieces_change_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rebuild(board)
    monkeypatch.setattr(index_module, "PIECE", 1)
    assert rebuild(board) == first


def test_it_is_made_anew_when_something_was_said(board: Board) -> None:
    before, listing = read_index(board), list_board(board)
    stamp = (board.derived / INDEX).stat().st_mtime_ns
    read_index(board)
    assert (board.derived / INDEX).stat().st_mtime_ns == stamp  # nothing was said
    say(board, identities(board)[1], EventKind.REJECTED, 9, reason="A test.")
    after = read_index(board)
    assert set(before.runs["status"]) == {"listed"}
    assert sorted(after.runs["status"]) == ["listed"] * 4 + ["rejected"]
    assert after.runs[after.runs["status"] == "rejected"]["reason"].tolist() == ["A test."]
    assert list_board(board).identity != listing.identity


def test_a_pinned_task_that_changes_makes_it_anew(board: Board) -> None:
    read_index(board)
    file = Path(board.place) / "board.toml"
    file.write_text(file.read_text().replace("floor = 0.2", "floor = 0.5"))
    corrected = read_index(Board.open(board.place)).runs["corrected"].max()
    assert corrected == pytest.approx(0.6)  # (0.8 - 0.5) / (1 - 0.5)


@pytest.mark.parametrize("damage", ["event", "manifest", "absent", "submitted"])
def test_what_cannot_be_read_is_left_out_and_taken_up_once_mended(board: Board, damage: str) -> None:
    one = identities(board)[1]
    events, bundle = Path(board.place) / "events", Path(board.place) / "submissions" / one
    path = {
        "event": next(events.glob(f"{one}.*.verified.*")),
        "submitted": events / f"{one}.submitted.json",
        "manifest": bundle / "manifest.json",
        "absent": bundle / "manifest.json",
    }[damage]
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"a", b"b", 1)) if damage != "absent" else path.unlink()
    for _ in range(2):  # made, then kept
        index = read_index(board)
        assert one not in set(index.runs["submission"])
        assert len(index.runs) == 4
        assert len(index.notes) == 1
        assert one in index.notes[0]
    path.write_bytes(whole)
    mended = read_index(board)
    assert mended.notes == ()
    assert len(mended.runs) == 5


def test_a_run_of_another_boards_task_is_left_out(board: Board) -> None:
    other = submit(board, "odd", {RunEntry(name="gqa", task="gqa"): None}, 8)
    index = read_index(board)
    assert other not in set(index.runs["submission"])
    assert index.notes == (f"The submission {other[:12]} is left out: its run of 'gqa' is of no task of this board.",)


def test_a_number_beyond_all_bounds_harms_nobody_else(board: Board) -> None:
    huge = Card.model_construct(**{**Card(name="huge").model_dump(), "parameters": 10**30})
    one = identities(board)[1]
    manifest = board.manifest(one).model_copy(update={"card": huge})
    bundle = Bundle(manifest, board.bundle(one).files)
    board.publish(bundle, Event(submission=bundle.id, kind=EventKind.SUBMITTED, at=at(9)))
    index = read_index(board)
    assert set(index.runs["model"]) == {"once", "twice"}
    assert len(index.notes) == 1
    assert all(part in index.notes[0] for part in (bundle.id, "card.parameters"))


def test_what_fits_no_column_is_left_out_and_named(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    once, said = identities(board)[3], index_rows._said_of_standing
    monkeypatch.setattr(
        index_rows, "_said_of_standing", lambda one: said(one) | ({"attempts": 2**63} if one.submission == once else {})
    )
    for _ in range(2):  # made, then kept
        index = read_index(board)
        assert set(index.runs["model"]) == {"twice"}
        assert len(index.notes) == 1
        assert f"{once[:12]} is left out: what it says fits no table" in index.notes[0]
    monkeypatch.undo()
    assert len(read_index(board).runs) == 5


def test_what_is_dated_in_the_future_is_named_and_does_not_count(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rebuild(board)
    never = "2999-01-01T00:00:00.000000Z"
    board.record(Event(submission=identities(board)[1], kind=EventKind.REJECTED, at=never))
    index = read_index(board)
    assert set(index.runs["status"]) == {"listed"}
    assert "ahead of this machine's clock" in index.notes[0]
    assert rebuild(board) == first
    monkeypatch.setattr(folder_module, "horizon", lambda: never)
    assert "rejected" in set(read_index(board).runs["status"])


def test_a_board_whose_index_cannot_be_written_is_listed_all_the_same(board: Board) -> None:
    (board.derived / INDEX).mkdir(parents=True)
    assert len(read_index(board).runs) == 5


def test_an_index_that_was_damaged_is_made_anew(board: Board) -> None:
    first = rebuild(board)
    (board.derived / INDEX).write_bytes((board.derived / INDEX).read_bytes()[:-100])
    assert len(read_index(board).runs) == 5
    assert digest_file(board.derived / INDEX) == first


def test_an_empty_board(tmp_path: Path) -> None:
    listing = list_board(create(tmp_path / "board", [pinned(VQA, "vqa_accuracy")]))
    assert len(listing.runs) == len(listing.scores) == 0
    assert listing.runs.dtypes.astype(str).to_dict() == dict(RUN_COLUMNS)
    assert list(listing.tasks) == [VQA]


def test_the_listing_tells_the_tasks(board: Board) -> None:
    listing = list_board(board)
    task = listing.tasks[VQA]
    assert (listing.title, listing.is_board, listing.root) == ("Small", True, board.runs)
    assert (task.kind, task.floor, task.floor_by, task.split) == ("vqa", 0.2, "baseline:majority", "lite")
    assert task.definition["source"]["split"] == "lite"
    assert task.file is not None
    assert task.file.is_file()
    task.file.write_text("name: another\n")
    noted = list_board(board)
    assert "scenes_vqa.yaml" in noted.notes[0]
    assert noted.tasks[VQA].file is None
    assert len(noted.runs) == 5


def test_levels_follow_the_events(board: Board) -> None:
    say(board, identities(board)[3], EventKind.REPRODUCED, 20)
    submit(board, "unchecked", {VQA_RUN: None}, 5)
    levels = read_index(board).runs.groupby("model")["level"].unique()
    assert levels["once"].tolist() == [Level.REPRODUCED]
    assert levels["unchecked"].tolist() == [Level.VALID]
    assert at(5)[:10] == "2024-01-02"
