from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.made_runs import FORMULA, HOSTILE, made_board, made_result, made_score, write_made
from velm_bench.board.frames import RUN_COLUMNS, SCORE_COLUMNS, inert, read_board, snapshot
from velm_bench.results.schema import WorkedExamples


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made_board(tmp_path / "results")


def test_a_row_per_run_best_first_within_each_task(root: Path) -> None:
    runs = read_board(root).runs
    assert list(runs.columns) == list(RUN_COLUMNS)
    vqa = runs[runs["task"] == "scenes_vqa"]
    assert len(vqa) == 6
    assert list(vqa["score"]) == sorted(vqa["score"], reverse=True)
    assert vqa.iloc[0]["model"] == "baseline:oracle"
    assert list(runs["task"]) == sorted(runs["task"])


def test_lower_is_better_puts_the_smallest_first_and_the_undefined_last(tmp_path: Path) -> None:
    for model, value in (("a", 0.5), ("b", None), ("c", 0.1)):
        write_made(tmp_path, made_result(model, "t", "classification", {"ece": made_score(value, "ece", higher=False)}))
    assert list(read_board(tmp_path).runs["model"]) == ["c", "a", "b"]


def test_a_row_per_run_and_metric(root: Path) -> None:
    scores = read_board(root).scores
    assert list(scores.columns) == list(SCORE_COLUMNS)
    assert set(scores[scores["task"] == "scenes_classification"]["metric"]) == {"accuracy", "ece"}
    assert not scores[scores["metric"] == "ece"]["higher_is_better"].any()


def test_metrics_keep_their_order_and_runs_are_best_first(root: Path) -> None:
    scores = read_board(root).scores
    of_task = scores[scores["task"] == "scenes_classification"]
    assert list(dict.fromkeys(of_task["metric"])) == ["accuracy", "ece"]
    for metric, best_first in (("accuracy", True), ("ece", False)):
        values = list(of_task[of_task["metric"] == metric]["score"])
        assert values == sorted(values, reverse=best_first)


def test_labels_tell_runs_of_a_task_apart(root: Path) -> None:
    twin = made_result("ref:prefix", "scenes_vqa", "vqa", {"vqa_accuracy": made_score(0.5, "vqa_accuracy")})
    write_made(root, twin.model_copy(update={"run_id": "0123456789ab"}))
    scores = read_board(root).scores
    vqa = scores[(scores["task"] == "scenes_vqa") & (scores["metric"] == "vqa_accuracy")]
    assert vqa["label"].is_unique
    assert "ref:prefix 0123456789ab" in set(vqa["label"])
    assert "ref:prefix (blank)" in set(vqa["label"])
    shown = twin.model_copy(
        update={"shots": WorkedExamples(count=2, split="train", fingerprint="4"), "run_id": "f" * 12}
    )
    write_made(root, shown)
    board = read_board(root)
    assert "ref:prefix (2 shots)" in set(board.scores["label"])
    assert "2 shots" in set(board.runs["control"])
    assert "ref:prefix" in set(scores[scores["task"] == "scenes_ner"]["label"])


def test_a_limited_run_says_so(tmp_path: Path) -> None:
    made = made_result("ours", "t", "vqa", {"vqa_accuracy": made_score(0.5, "vqa_accuracy")})
    limited = {"run_id": "0123456789ab", "n": 50, "data": made.data.model_copy(update={"limit": 50})}
    for one in (made, made.model_copy(update=limited)):
        write_made(tmp_path, one)
    board = read_board(tmp_path)
    assert sorted(zip(board.runs["n"], board.runs["samples"], strict=True)) == [(50, 200), (200, 200)]
    assert set(board.scores["label"]) == {"ours", "ours (50 of 200)"}


def test_runs_of_one_id_are_two_runs_with_their_own_labels(tmp_path: Path) -> None:
    for model in ("ours", "theirs"):
        made = made_result(model, "t", "vqa", {"vqa_accuracy": made_score(0.5, "vqa_accuracy")})
        write_made(tmp_path, made.model_copy(update={"run_id": "0123456789ab"}))
    board = read_board(tmp_path)
    assert dict(zip(board.scores["label"], board.scores["model"], strict=True)) == {"ours": "ours", "theirs": "theirs"}
    assert list(board.runs["run"]) == ["ours/t/0123456789ab", "theirs/t/0123456789ab"]


def test_a_copied_run_has_a_label_of_its_own(tmp_path: Path) -> None:
    made = made_result("ours", "t", "vqa", {"vqa_accuracy": made_score(0.5, "vqa_accuracy")})
    folder = write_made(tmp_path, made)
    shutil.copytree(folder, folder.parent / "copy")
    assert set(read_board(tmp_path).scores["label"]) == {f"ours ours/t/{made.run_id}", "ours ours/t/copy"}


def test_an_empty_or_absent_folder_gives_empty_frames(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        board = read_board(place)
        assert board.runs.empty
        assert board.scores.empty
        assert list(board.runs.columns) == list(RUN_COLUMNS)


def test_a_damaged_result_is_left_out_and_said_so(root: Path) -> None:
    path = sorted(root.glob("*/*/*/result.json"))[0]
    path.write_text("{", encoding="utf-8")
    board = read_board(root)
    assert len(board.runs) == 16
    assert len(board.damaged) == 1
    assert path.name in board.damaged[0]


def test_a_formula_is_text_and_other_names_stay_as_they_are(root: Path) -> None:
    models = set(read_board(root).runs["model"])
    assert f"'{FORMULA}" in models
    assert HOSTILE in models


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_what_a_spreadsheet_would_calculate_is_quoted(text: str) -> None:
    assert inert(text).startswith("'")


def test_control_characters_become_spaces() -> None:
    assert inert("a\x1b[31mb\nc") == "a [31mb c"


def test_a_snapshot_changes_with_any_result_and_only_then(root: Path) -> None:
    before = snapshot(root)
    assert snapshot(root) == before
    path = sorted(root.glob("*/*/*/result.json"))[0]
    os.utime(path, ns=(1, 1))
    touched = snapshot(root)
    assert touched != before
    path.unlink()
    assert snapshot(root) not in (before, touched)
