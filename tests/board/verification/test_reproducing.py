"""Reproduction: another run of the same model, and what may differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.board.toy_boards import AT, ToyBoard
from tests.engine.toys import Toy, rows_of
from velm_bench.board.schema import EventKind, Level
from velm_bench.board.submitting import submit
from velm_bench.board.verification.reproducing import Agreement, Reproduction, reproduce
from velm_bench.board.verification.standing import stand
from velm_bench.errors import UsageError
from velm_bench.samples import TextAnswer


@pytest.fixture
def toys(tmp_path: Path) -> ToyBoard:
    rows = [{**row, "image": f"pictures/{place % 20}.png"} for place, row in enumerate(rows_of("vqa", 120))]
    return ToyBoard(tmp_path, rows=rows)


def again(toys: ToyBoard, submission: str, model: Toy) -> Reproduction:
    run = toys.run(model, "again")
    return reproduce(toys.board, submission, [run.folder], toys.recomputer, AT.format(30), by="somebody else")


def differing(samples: int) -> Toy:
    """The toy, but for its answers to the first samples."""
    model = Toy()
    model.spoil = lambda sample, answer: TextAnswer("else") if int(sample[1:]) < samples else answer
    return model


def test_the_same_answers_reproduce(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    found = again(toys, submission, Toy())
    assert (found.holds, found.recorded) == (True, True)
    assert [(one.run, one.equal, one.n) for one in found.agreements] == [("toy", 120, 120)]
    assert stand(toys.board.events())[submission].level is Level.REPRODUCED
    event = next(event for event in toys.board.events() if event.kind is EventKind.REPRODUCED)
    assert (event.by, "120 of 120 predictions equal" in event.reason) == ("somebody else", True)


@pytest.mark.parametrize(("samples", "holds"), [(1, True), (2, False)])
def test_one_in_a_hundred_may_differ(toys: ToyBoard, samples: int, holds: bool) -> None:
    submission = toys.submitted(Toy())
    found = again(toys, submission, differing(samples))
    assert (found.holds, found.recorded) == (holds, holds)
    assert found.agreements[0].equal == 120 - samples
    level = Level.REPRODUCED if holds else Level.RECOMPUTED
    assert stand(toys.board.events())[submission].level is level


@pytest.mark.parametrize(("score", "holds"), [(0.5, True), (0.39, False), (0.61, False), (None, False)])
def test_the_score_must_lie_within_the_interval(score: float | None, holds: bool) -> None:
    assert Agreement("toy", 1000, 999, 0.5, 0.4, 0.6, score).holds is holds


@pytest.mark.parametrize(("again", "holds"), [(1.0, True), (0.999, True), (0.99, False)])
def test_an_interval_without_width_allows_for_what_differs(again: float, holds: bool) -> None:
    assert Agreement("toy", 1000, 999, 1.0, 1.0, 1.0, again).holds is holds


def test_the_submitted_run_itself_reproduces_nothing(toys: ToyBoard) -> None:
    model = Toy()
    submission = toys.submitted(model)
    folders = [path.parent for path in toys.folder.glob("results of*/*/*/*/result.json")]
    with pytest.raises(UsageError, match="is the one that was submitted"):
        reproduce(toys.board, submission, folders, toys.recomputer, AT.format(30))


def test_another_model_reproduces_nothing(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    with pytest.raises(UsageError, match="another model"):
        again(toys, submission, Toy(weights=2))


def test_every_run_is_needed(toys: ToyBoard) -> None:
    submission = toys.submitted(Toy())
    run = toys.run(Toy(), "again", control="blank")
    with pytest.raises(UsageError, match="'toy' of the submission is not among those run again"):
        reproduce(toys.board, submission, [run.folder], toys.recomputer, AT.format(30))


def test_another_task_reproduces_nothing(toys: ToyBoard, tmp_path: Path) -> None:
    submission = toys.submitted(Toy())
    other = ToyBoard(tmp_path / "other", prompt="Guess: {question}")
    run = other.run(Toy())
    assert json.loads((run.folder / "result.json").read_text())["task"]["name"] == "toy"
    with pytest.raises(UsageError, match=r"prompt|task"):
        reproduce(toys.board, submission, [run.folder], toys.recomputer, AT.format(30))


def test_answers_of_an_earlier_run_reproduce_nothing(toys: ToyBoard) -> None:
    """The same command again, with other intervals, writes another result of the old answers."""
    bundle = toys.bundle(Toy(), "toy")
    submission = submit(toys.board, bundle, toys.recomputer, at=AT.format(0)).id
    run = toys.run(Toy(), "results of toy", replicates=40)
    with pytest.raises(UsageError, match="'toy' did not ask the model for 120 of its answers"):
        reproduce(toys.board, submission, [run.folder], toys.recomputer, AT.format(30))
