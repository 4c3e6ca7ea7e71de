"""A new board: what is pinned, and what its scores are measured by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.board.toy_boards import ToyBoard
from tests.engine.toys import make_task, rows_of, settings
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board
from velm_bench.board.yardsticks import BLIND, CONSENSUS, MAXIMUM
from velm_bench.engine.runner import evaluate
from velm_bench.errors import UsageError
from velm_bench.metrics import METRICS, CiderD
from velm_bench.models.base import Setup
from velm_bench.models.baselines import open_baseline
from velm_bench.results.store import read_result
from velm_bench.tasks.registry import Definition, resolve


def test_a_board_pins_what_its_runs_say(real_results: Path, tmp_path: Path) -> None:
    board = create_board(str(tmp_path / "board"), "Real", resolve("vqa:lite,ner:lite"))
    results = [read_result(path.parent) for path in real_results.glob("baseline=majority/*/*/result.json")]
    for result in results:
        pinned = board.tasks.get(result.task.name)
        if pinned:
            assert pinned.digest == result.task.digest
            assert (pinned.fingerprint, pinned.content) == (result.data.fingerprint, result.data.content)
            assert (pinned.samples, pinned.primary, pinned.split) == (result.n, result.primary, "lite")
    assert list(board.tasks) == ["scenes_vqa:lite", "scenes_ner:lite"]
    assert Board.open(str(tmp_path / "board")).file == board.file


def test_a_floor_is_the_best_that_a_blind_baseline_gets_in_an_ordinary_run(tmp_path: Path) -> None:
    definitions = resolve("captioning:lite,vqa:lite,classification:lite,ner:lite")
    board = create_board(str(tmp_path / "board"), "Real", definitions, limit=60)
    for definition in definitions:
        runs = {name: blind(name, definition, tmp_path, limit=60) for name in BLIND}
        best = max(runs, key=lambda name: runs[name])
        pinned = board.tasks[definition.task.name]
        assert (pinned.floor, pinned.floor_by) == (runs[best], f"baseline:{best}")


def blind(name: str, definition: Definition, tmp_path: Path, limit: int | None = None) -> float:
    """The primary score of a baseline."""
    run = evaluate(definition, open_baseline(name, Setup()), settings(tmp_path / "runs", limit=limit))
    assert run.result.score.value is not None
    return run.result.score.value


def test_where_less_is_better_the_floor_is_the_smallest(tmp_path: Path) -> None:
    toys = ToyBoard(tmp_path, metrics=["wer"])
    pinned = toys.board.tasks["toy"]
    scores = {name: blind(name, toys.definition, tmp_path) for name in BLIND}
    assert (pinned.floor, pinned.higher_is_better) == (min(scores.values()), False)
    assert (pinned.ceiling, pinned.ceiling_by) == (0.0, MAXIMUM)


def test_the_ceiling_of_a_consensus_is_what_people_reach(tmp_path: Path) -> None:
    pinned = create_board(str(tmp_path / "b"), "Captions", resolve("captioning:lite")).tasks["scenes_captioning:lite"]
    samples = [list(sample.references) for sample in everything()]
    alone = [
        CiderD().compute([one[place] for one in samples], [one[:place] + one[place + 1 :] for one in samples], samples)
        for place in range(5)
    ]
    assert pinned.ceiling == pytest.approx(sum(one["cider"] for one in alone) / 5)
    assert pinned.ceiling_by == CONSENSUS


def everything() -> Any:
    from velm_bench.engine.opening import open_task

    return open_task(resolve("captioning:lite")[0], settings(Path())).chosen


def test_without_several_references_there_is_no_consensus(tmp_path: Path) -> None:
    rows = [{**row, "gold": ["just one caption"]} for row in rows_of("vqa", 12)]
    pinned = ToyBoard(tmp_path, metrics=["cider"], rows=rows).board.tasks["toy"]
    assert (pinned.ceiling, pinned.ceiling_by) == (None, "")


def test_there_is_no_ceiling_below_the_floor(tmp_path: Path) -> None:
    rows = [{**row, "gold": ["yes"] * 10} for row in rows_of("vqa", 12)]
    pinned = ToyBoard(tmp_path, rows=rows).board.tasks["toy"]
    assert (pinned.floor, pinned.ceiling) == (1.0, None)


@pytest.mark.parametrize(("name", "best"), [("accuracy", 1.0), ("wer", 0.0), ("cider", None), ("brier", 0.0)])
def test_a_metric_says_what_nothing_is_better_than(name: str, best: float | None) -> None:
    assert METRICS.get(name).best == best  # type: ignore[attr-defined]


def test_one_board_to_a_place(tmp_path: Path) -> None:
    toys = ToyBoard(tmp_path)
    before = (tmp_path / "board" / "board.toml").read_bytes()
    with pytest.raises(UsageError, match="There is a board at"):
        create_board(str(tmp_path / "board"), "Another", [toys.definition], data=toys.data)
    assert (tmp_path / "board" / "board.toml").read_bytes() == before


def test_a_board_has_no_secrets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="secret split") as caught:
        create_board(str(tmp_path / "board"), "Secret", resolve("vqa:fresh:hush"))
    assert "hush" not in str(caught.value)
    assert not (tmp_path / "board").exists()


def test_missing_data_is_one_sentence_and_no_board(tmp_path: Path) -> None:
    definition = make_task(tmp_path / "task")
    (tmp_path / "task" / "data.jsonl").unlink()
    with pytest.raises(UsageError, match="--data or VELM_DATA"):
        create_board(str(tmp_path / "board"), "Toys", [definition])
    assert not (tmp_path / "board").exists()


def test_a_picture_that_is_not_there_is_named_and_no_board(tmp_path: Path) -> None:
    definition = make_task(tmp_path / "task")
    next((tmp_path / "task" / "pictures").iterdir()).unlink()
    with pytest.raises(UsageError, match=r"A picture of the sample .* cannot be read"):
        create_board(str(tmp_path / "board"), "Toys", [definition], data=(tmp_path / "task",))
    assert not (tmp_path / "board").exists()


def test_a_yaml_that_is_changed_later_changes_no_board(tmp_path: Path) -> None:
    toys = ToyBoard(tmp_path)
    task = json.loads(toys.definition.path.read_text())
    toys.definition.path.write_text(json.dumps({**task, "prompt": "Guess: {question}"}))
    toys.recomputer.require_intact()


def test_two_splits_of_a_task_share_its_file(tmp_path: Path) -> None:
    board = create_board(str(tmp_path / "board"), "Two", resolve("ner:lite,ner:val"), limit=20)
    assert {task.file for task in board.file.tasks} == {"tasks/scenes_ner.yaml"}
    assert [task.split for task in board.file.tasks] == ["lite", "val"]
