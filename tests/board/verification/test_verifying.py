"""Verification: what is said on a board about its submissions, and when nothing new is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.board.made_bundles import changed_line, runs_of, with_claims, with_lines
from tests.board.toy_boards import AT, ToyBoard, wrong
from tests.engine.toys import Toy, make_task, saying, settings
from velm_bench.board.bundles.packing import pack
from velm_bench.board.creating import create_board
from velm_bench.board.encoding import event_name
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.moments import horizon, now
from velm_bench.board.schema import Card, Event, EventKind, Level, RunEntry, Status
from velm_bench.board.stores import LocalStore
from velm_bench.board.submitting import submit
from velm_bench.board.verification import verifying
from velm_bench.board.verification.recomputing import Recomputed, Recomputer
from velm_bench.board.verification.standing import stand
from velm_bench.board.verification.verifying import judge, unannounced, verify
from velm_bench.engine.runner import evaluate
from velm_bench.errors import RunError, UnavailableError, UsageError
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


def forged(board: Board, submission: str, at: str, value: float = 0.99, **changed: Any) -> Event:
    """A verification that was never made: everything in it is right but the score."""
    (true,) = [event for event in board.events(submission) if event.kind is EventKind.VERIFIED]
    runs = {
        name: run.model_copy(
            update={"scores": {metric: one.model_copy(update={"value": value}) for metric, one in run.scores.items()}}
        )
        for name, run in true.runs.items()
    }
    return true.model_copy(update={"runs": runs, "at": at, **changed})


@pytest.mark.parametrize("when", [lambda: LATER, horizon], ids=["past", "a fast clock"])
def test_what_was_recomputed_here_has_the_last_word(toys: ToyBoard, when: Callable[[], str]) -> None:
    submission = toys.submitted(wrong("one"))
    true = stand(toys.board.events())[submission]
    assert toys.board.record(forged(toys.board, submission, when()))
    assert stand(toys.board.events())[submission].runs["toy"].scores["vqa_accuracy"].value == 0.99
    found = verify(toys.board, submission, toys.recomputer, now())
    assert ([event.kind for event in found.events], found.problem) == ([EventKind.VERIFIED], "")
    assert stand(toys.board.events())[submission] == true
    assert verify(toys.board, submission, toys.recomputer, now()).events == ()


def test_a_verification_of_the_future_is_named_and_does_not_count(toys: ToyBoard) -> None:
    submission = toys.submitted(wrong("one"))
    true = stand(toys.board.events())[submission]
    assert toys.board.record(forged(toys.board, submission, "2999-01-01T00:00:00.000000Z"))
    for _ in range(2):
        found = verify(toys.board, submission, toys.recomputer, now())
        assert (found.level, found.events) == (Level.RECOMPUTED, ())
        assert "29990101" in found.problem
        assert stand(toys.board.events())[submission] == true


@pytest.mark.parametrize("level", [None, Level.VALID, Level.REPRODUCED])
def test_no_verification_says_that_a_model_was_reproduced(toys: ToyBoard, level: Level | None) -> None:
    submission = toys.submitted(wrong("one"))
    event = forged(toys.board, submission, LATER, level=level)
    assert toys.board.record(event)
    found = verify(toys.board, submission, toys.recomputer, now())
    assert (found.level, found.events) == (None, ())
    assert all(part in found.problem for part in (event_name(event), "'complete' or 'recomputed'"))


@pytest.mark.parametrize("kind", ["submitted", "verified"])
def test_a_damaged_event_is_a_problem_and_nothing_is_said(toys: ToyBoard, kind: str) -> None:
    submission = toys.submitted(Toy())
    path = next((Path(toys.board.place) / "events").glob(f"{submission}*.{kind}.*"))
    path.write_bytes(b"{}")
    files = toys.board.store.names("events")
    found = verify(toys.board, submission, toys.recomputer, LATER)
    assert (found.level, found.events, path.name in found.problem) == (None, (), True)
    assert toys.board.store.names("events") == files


def test_a_bundle_of_which_only_something_else_is_said_is_adopted(toys: ToyBoard) -> None:
    bundle = toys.bundle(Toy())
    lay_down(toys.board, bundle)
    toys.board.record(Event(submission=bundle.id, kind=EventKind.FLAGGED, at=AT.format(1), reason="Odd."))
    verify(toys.board, bundle.id, toys.recomputer, LATER)
    assert stand(toys.board.events())[bundle.id].status is Status.FLAGGED


def test_machines_with_different_data_add_up(toys: ToyBoard, tmp_path: Path) -> None:
    other = make_task(tmp_path / "task2", kind="vqa", name="toy2")
    both = (tmp_path / "task", tmp_path / "task2")
    board = create_board(str(tmp_path / "two"), "Two", [toys.definition, other], data=both, replicates=50)
    folders = [toys.run(wrong("one")).folder, evaluate(other, wrong("one"), settings(tmp_path / "results")).folder]
    bundle = pack(folders, {})[0]
    submit(board, bundle, Part(board, "toy2", both), at=AT.format(1))
    standing = stand(board.events())[bundle.id]
    assert (standing.level, set(standing.runs)) == (Level.COMPLETE, {"toy"})
    assert verify(board, bundle.id, Recomputer(board), LATER).events == ()
    verify(board, bundle.id, Part(board, "toy", both), LATER)
    standing = stand(board.events())[bundle.id]
    assert (standing.level, set(standing.runs)) == (Level.RECOMPUTED, {"toy", "toy2"})
    for recomputer in (Part(board, "toy", both), Part(board, "toy2", both), Recomputer(board, both)):
        assert verify(board, bundle.id, recomputer, LATER).events == ()


class Part(Recomputer):
    """A machine that lacks the data of one task."""

    def __init__(self, board: Board, lacks: str, data: tuple[Path, ...]) -> None:
        super().__init__(board, data)
        self.lacks = lacks

    def recompute(self, bundle: Bundle, entry: RunEntry) -> Recomputed:
        if entry.task == self.lacks:
            raise UnavailableError("no data")
        return super().recompute(bundle, entry)


def test_a_score_off_by_rounding_is_nothing_new(toys: ToyBoard) -> None:
    submission = toys.submitted(wrong("one"))
    assert verify(toys.board, submission, toys.recomputer, LATER).events == ()
    (true,) = [event for event in toys.board.events(submission) if event.kind is EventKind.VERIFIED]
    for digit, new in ((1e-13, []), (1e-3, [EventKind.VERIFIED])):
        toys.board.record(forged(toys.board, submission, LATER, value=digit))
        assert [one.kind for one in verify(toys.board, submission, toys.recomputer, LATER).events] == new
        for path in (Path(toys.board.place) / "events").glob("*.verified.*"):
            if path.name != event_name(true):
                path.unlink()


def test_what_somebody_else_says_at_the_same_time_is_a_problem(toys: ToyBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = toys.submitted(wrong("one"))
    toys.board.record(forged(toys.board, submission, LATER))
    monkeypatch.setattr(verifying, "after", lambda at, _: at)
    found = verify(toys.board, submission, toys.recomputer, AT.format(20))
    assert "says of its run 'toy' is not what was recomputed here" in found.problem


def test_a_name_that_is_too_long_is_a_sentence(toys: ToyBoard) -> None:
    with pytest.raises(UsageError, match="'by'"):
        submit(toys.board, toys.bundle(Toy()), toys.recomputer, at=AT.format(1), by="x" * 201)
    assert toys.board.submissions() == []
