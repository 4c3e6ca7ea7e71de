"""Verification: what is said on a board about its submissions, and when nothing new is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.board.made_bundles import changed_line, runs_of, with_claims, with_lines
from tests.board.toy_boards import AT, ToyBoard, wrong
from tests.engine.toys import Toy, saying
from velm_bench.board.bundles.packing import pack
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import Card, Event, EventKind, Level, Status
from velm_bench.board.stores import LocalStore
from velm_bench.board.submitting import submit
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.board.verification.standing import stand
from velm_bench.board.verification.verifying import judge, unannounced, verify
from velm_bench.errors import RunError, UsageError
from velm_bench.results.store import read_result, read_samples
from velm_bench.tasks.registry import resolve

LATER = AT.format(30)


@pytest.fixture
def toys(tmp_path: Path) -> ToyBoard:
    return ToyBoard(tmp_path)


def kinds(board: Board) -> list[str]:
    """What was said, without when."""
    return sorted(event.kind for event in board.events())


def test_what_is_recomputed_stands_beside_the_submission(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    standing = stand(toys.board.events())[submission]
    assert (standing.level, standing.status) == (Level.RECOMPUTED, Status.LISTED)
    folder = toys.board.runs / submission / "toy"
    assert read_result(folder).scores["vqa_accuracy"] == standing.runs["toy"].scores["vqa_accuracy"]
    assert len(read_samples(folder)) == 12


def test_without_the_data_a_bundle_is_complete_and_has_no_scores(toys: ToyBoard) -> None:
    judged = judge(toys.board, toys.bundle(Toy()), Recomputer(toys.board), AT.format(0))
    assert (judged.level, judged.runs, judged.events[0].runs) == (Level.COMPLETE, (), {})
    assert "cannot be had here" in judged.notes[0]


def test_without_the_data_another_content_is_still_refused(toys: ToyBoard) -> None:
    bundle = with_lines(toys.bundle(Toy()), "toy", changed_line(2, content="0" * 64))
    with pytest.raises(UsageError, match="content"):
        judge(toys.board, bundle, Recomputer(toys.board), AT.format(0))


def test_verifying_again_says_nothing_new_and_makes_the_runs_again(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    before = toys.board.events()
    shutil.rmtree(toys.board.runs)
    found = verify(toys.board, submission, toys.recomputer, LATER)
    assert (found.level, found.events, found.problem) == (Level.RECOMPUTED, (), "")
    assert toys.board.events() == before
    assert read_result(toys.board.runs / submission / "toy").n == 12


def test_a_machine_without_the_data_takes_nothing_back(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    found = verify(toys.board, submission, Recomputer(toys.board), LATER)
    assert (found.level, found.events) == (Level.COMPLETE, ())
    assert stand(toys.board.events())[submission].level is Level.RECOMPUTED


def test_a_machine_with_the_data_gets_further(toys: ToyBoard) -> None:
    bundle = toys.bundle(Toy())
    submit(toys.board, bundle, Recomputer(toys.board), at=AT.format(0))
    assert stand(toys.board.events())[bundle.id].level is Level.COMPLETE
    found = verify(toys.board, bundle.id, toys.recomputer, LATER)
    assert [event.kind for event in found.events] == [EventKind.VERIFIED]
    assert stand(toys.board.events())[bundle.id].level is Level.RECOMPUTED


@pytest.mark.parametrize("path", ["manifest.json", "runs/toy/result.json", "runs/toy/answers.jsonl.gz"])
def test_a_tampered_byte_is_rejected_once_and_named(toys: ToyBoard, path: str) -> None:
    submission = toys.submitted(Toy())
    file = Path(toys.board.place) / "submissions" / submission / path
    data = file.read_bytes()
    file.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    found = verify(toys.board, submission, toys.recomputer, LATER)
    assert path in found.problem
    assert [event.kind for event in found.events] == [EventKind.REJECTED]
    standing = stand(toys.board.events())[submission]
    assert (standing.status, path in standing.reason) == (Status.REJECTED, True)
    again = verify(toys.board, submission, toys.recomputer, AT.format(40))
    assert (again.events, again.problem) == ((), found.problem)
    file.write_bytes(data)
    restored = verify(toys.board, submission, toys.recomputer, AT.format(50))
    assert (restored.problem, restored.events) == ("", ())
    assert any("board clear" in note for note in restored.notes)


def test_a_lost_file_is_rejected(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    (Path(toys.board.place) / "submissions" / submission / "runs" / "toy" / "result.json").unlink()
    assert "result.json" in verify(toys.board, submission, toys.recomputer, LATER).problem
    assert stand(toys.board.events())[submission].status is Status.REJECTED


def test_a_store_that_cannot_be_reached_is_nobodys_fault(toys: ToyBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = toys.submitted(Toy())
    read = LocalStore.read

    def failing(store: LocalStore, path: str) -> bytes:
        if path.startswith("submissions/"):
            raise ConnectionResetError("the line is dead")
        return read(store, path)

    monkeypatch.setattr(LocalStore, "read", failing)
    with pytest.raises(RunError):
        verify(toys.board, submission, toys.recomputer, LATER)
    assert stand(toys.board.events())[submission].status is Status.LISTED


def test_a_changed_task_is_nobodys_fault(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    path = Path(toys.board.place) / "tasks" / "toy.yaml"
    path.write_text(path.read_text().replace('"vqa"', '"vqa", "prompt": "Guess: {question}"'))
    with pytest.raises(UsageError, match=r"toy\.yaml"):
        verify(toys.board, submission, toys.recomputer, LATER)
    assert stand(toys.board.events())[submission].status is Status.LISTED


def test_a_bundle_that_came_with_git_is_adopted(toys: ToyBoard) -> None:
    bundle = toys.bundle(Toy())
    lay_down(toys.board, bundle)
    assert unannounced(toys.board) == [bundle.id]
    found = verify(toys.board, bundle.id, toys.recomputer, LATER)
    assert [event.kind for event in found.events] == [EventKind.SUBMITTED, EventKind.VERIFIED]
    assert (toys.board.submissions(), unannounced(toys.board)) == ([bundle.id], [])


def test_a_bundle_that_is_not_whole_is_left_alone(toys: ToyBoard) -> None:
    bundle = toys.bundle(Toy())
    lay_down(toys.board, bundle)
    (Path(toys.board.place) / "submissions" / bundle.id / "runs" / "toy" / "answers.jsonl.gz").unlink()
    found = verify(toys.board, bundle.id, toys.recomputer, LATER)
    assert "answers.jsonl.gz" in found.problem
    assert (toys.board.submissions(), toys.board.events()) == ([], [])


def lay_down(board: Board, bundle: Bundle) -> None:
    """Put the files of a bundle where a board has them, without a word."""
    for path, data in {**bundle.files, "manifest.json": bundle.encoded}.items():
        board.store.create(f"submissions/{bundle.id}/{path}", data)


def test_a_submission_with_a_false_claim_is_rejected_when_it_comes_with_git(toys: ToyBoard) -> None:
    bundle = with_claims(toys.bundle(Toy()), "toy", lambda claims: claims["scores"]["vqa_accuracy"].update(value=0.9))
    toys.board.publish(bundle, Event(submission=bundle.id, kind=EventKind.SUBMITTED, at=AT.format(0)))
    found = verify(toys.board, bundle.id, toys.recomputer, LATER)
    assert all(part in found.problem for part in ("'toy'", "'vqa_accuracy' of 0.9"))
    assert stand(toys.board.events())[bundle.id].status is Status.REJECTED


def test_another_models_predictions_are_flagged_on_the_later_one(toys: ToyBoard) -> None:
    first = toys.submitted(wrong("one"), name="one", second=1)
    model = wrong("one")
    second = toys.submitted(model, name="two", second=2)
    standings = stand(toys.board.events())
    assert standings[first].status is Status.LISTED
    assert standings[second].status is Status.FLAGGED
    assert all(part in standings[second].reason for part in ("toy", "'one'", first[:12]))
    for submission in (first, second):
        assert verify(toys.board, submission, toys.recomputer, LATER).events == ()


def test_a_flag_that_was_cleared_is_not_put_up_again(toys: ToyBoard) -> None:
    toys.submitted(wrong("one"), name="one", second=1)
    second = toys.submitted(wrong("one"), name="two", second=2)
    toys.board.record(Event(submission=second, kind=EventKind.CLEARED, at=AT.format(3), reason="A fork, and says so."))
    assert verify(toys.board, second, toys.recomputer, LATER).events == ()
    assert stand(toys.board.events())[second].status is Status.LISTED


def test_the_same_model_again_is_no_copy_of_itself(toys: ToyBoard) -> None:
    toys.submitted(wrong("one"), name="one", second=1)
    bundle = toys.bundle(wrong("one"), name="one")
    card = Card(name="One", revision="2")
    again = Bundle(bundle.manifest.model_copy(update={"card": card}), bundle.files)
    submit(toys.board, again, toys.recomputer, at=AT.format(2))
    assert EventKind.FLAGGED not in kinds(toys.board)


def test_models_that_say_nothing_are_no_copies(toys: ToyBoard) -> None:
    toys.submitted(saying("1"), name="one", second=1)
    toys.submitted(saying("1"), name="two", second=2)
    assert EventKind.FLAGGED not in kinds(toys.board)


def test_of_real_models_only_a_copy_is_flagged(real_results: Path, tmp_path: Path) -> None:
    board = create_board(str(tmp_path / "board"), "Real", resolve("vqa:lite,ner:lite"), replicates=10)
    recomputer = Recomputer(board)
    for model in ("baseline=constant", "baseline=majority", "baseline=oracle", "baseline=random", "ref=prefix"):
        submit(board, pack(chosen(real_results, model), {})[0], recomputer, at=AT.format(1))
    assert EventKind.FLAGGED not in kinds(board)
    copy = pack(chosen(real_results, "ref=prefix"), {"name": "My own model"})[0]
    flags = submit(board, copy, recomputer, at=AT.format(2)).flags
    assert len(flags) == 1
    assert all(part in flags[0] for part in ("scenes_ner:lite", "scenes_vqa:lite", "'ref:prefix'"))


def chosen(results: Path, model: str) -> list[Path]:
    """The runs of a model on the two tasks."""
    return [run for run in runs_of(results, model) if run.parent.name in ("scenes_vqa=lite", "scenes_ner=lite")]
