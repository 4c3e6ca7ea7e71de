"""`velm-bench gate plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.made_boards import command

USUAL = ("--discordance", "0.1", "--n", "5000")


def plan(folder: Path, *words: str | Path, expect: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("gate", "plan", *words, "--json", folder=folder, expect=expect).stdout)
    return found


def refused(folder: Path, *words: str | Path) -> str:
    done = command("gate", "plan", *words, folder=folder, expect=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_prints_what_a_gate_could_show(tmp_path: Path) -> None:
    said = command("gate", "plan", *USUAL, folder=tmp_path).stdout
    for word in ("least drop found", "unchanged model", "worse by the margin", "samples for passing", "10,000"):
        assert word in said


@pytest.mark.parametrize(
    ("words", "field", "grows"),
    [
        (("--margin", "0.03"), "unchanged_passes", True),
        (("--alpha", "0.1"), "worse_passes", True),
        (("--power", "0.9"), "n_to_pass", True),
        (("--rows", "3"), "unchanged_passes", False),
        (("--per-group", "5", "--correlation", "0.3"), "error", True),
        (("--drop", "0.01"), "power", False),
    ],
)
def test_each_option_changes_the_plan(tmp_path: Path, words: tuple[str, ...], field: str, grows: bool) -> None:
    usual, other = plan(tmp_path, *USUAL)[field], plan(tmp_path, *USUAL, *words)[field]
    assert other > usual if grows else other < usual


def test_discordance_and_samples_change_the_plan(tmp_path: Path) -> None:
    usual = plan(tmp_path, *USUAL)["error"]
    assert plan(tmp_path, "--discordance", "0.2", "--n", "5000")["error"] > usual
    assert plan(tmp_path, "--discordance", "0.1", "--n", "10000")["error"] < usual


def test_refuses_a_plan_that_seldom_passes_unless_forced(tmp_path: Path) -> None:
    words = ("--discordance", "0.1", "--n", "500", "--margin", "0.01")
    said = refused(tmp_path, *words)
    assert "would pass" in said
    assert "--n" in said
    assert "--margin" in said
    assert "--force" in said
    forced = command("gate", "plan", *words, "--force", "--json", folder=tmp_path)
    assert json.loads(forced.stdout)["unchanged_passes"] < 0.5
    assert "Forced" in forced.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--n", "500"), "--discordance"),
        (("--discordance", "0.1"), "--n"),
        (("--discordance", "1.1", "--n", "500"), "--discordance 1.1"),
        (("--discordance", "0", "--n", "500"), "--discordance 0"),
        (("--discordance", "nan", "--n", "500"), "--discordance nan"),
        ((*USUAL, "--margin", "0"), "--margin 0"),
        ((*USUAL, "--margin", "-0.01"), "--margin -0.01"),
        ((*USUAL, "--margin", "inf"), "--margin inf"),
        ((*USUAL, "--margin", "1.5"), "--margin 1.5"),
        (("--discordance", "0.1", "--n", "1"), "--n 1"),
        ((*USUAL, "--drop", "0.2"), "--drop 0.2 is more than the discordance"),
        ((*USUAL, "--drop", "0"), "--drop 0"),
        ((*USUAL, "--alpha", "0.5"), "--alpha 0.5"),
        ((*USUAL, "--power", "1"), "--power 1"),
        ((*USUAL, "--rows", "0"), "--rows 0"),
        ((*USUAL, "--per-group", "0", "--correlation", "0.1"), "--per-group 0"),
        ((*USUAL, "--per-group", "5", "--correlation", "1.5"), "--correlation 1.5"),
        ((*USUAL, "--per-group", "5"), "--correlation"),
        ((*USUAL, "--correlation", "0.3"), "--per-group"),
        ((*USUAL, "--metric", "accuracy"), "--metric"),
        (("--from", "a", "--discordance", "0.1"), "leave one of the two out"),
        (("--from", "a"), "name two"),
        (("--from", "a", "--from", "b"), "'a'"),
    ],
)
def test_refuses_nonsense_in_a_sentence(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refused(tmp_path, *words)


def run_of(results: Path, model: str, task: str) -> Path:
    """The folder of a model's plain run of a task."""
    for file in sorted(results.glob("**/result.json")):
        found = json.loads(file.read_text())
        if found["model"]["name"] == model and found["task"]["name"] == task and not found.get("control"):
            return file.parent
    raise AssertionError((model, task))


def vqa_of(results: Path) -> str:
    """The name of the task of questions about pictures."""
    names = {json.loads(file.read_text())["task"]["name"] for file in results.glob("**/result.json")}
    return next(name for name in sorted(names) if "vqa" in name)


def test_plans_from_two_past_runs(real_results: Path, tmp_path: Path) -> None:
    task = vqa_of(real_results)
    words = [word for model in ("ref:prefix", "ref:concat") for word in ("--from", run_of(real_results, model, task))]
    found = plan(tmp_path, *words, "--force")
    samples = json.loads((Path(words[1]) / "result.json").read_text())["n"]
    assert found["n"] == samples
    assert task in found["what"]
    assert found["design_effect"] >= 1.0
    assert plan(tmp_path, *words, "--n", "100000")["n"] == 100_000
    scores = json.loads((Path(words[1]) / "result.json").read_text())["scores"]
    other = next(name for name in scores if f"{name} of" not in found["what"])
    assert other in plan(tmp_path, *words, "--metric", other, "--force")["what"]
    assert "no score 'nonsense'" in refused(tmp_path, *words, "--metric", "nonsense")


def test_refuses_past_runs_of_two_tasks(real_results: Path, tmp_path: Path) -> None:
    names = sorted({json.loads(file.read_text())["task"]["name"] for file in real_results.glob("**/result.json")})
    words = [word for name in names[:2] for word in ("--from", run_of(real_results, "ref:prefix", name))]
    assert "two tasks" in refused(tmp_path, *words)


def test_finds_past_runs_below_the_output_folder(real_results: Path, tmp_path: Path) -> None:
    folders = [run_of(real_results, model, vqa_of(real_results)) for model in ("ref:prefix", "ref:concat")]
    words = [word for folder in folders for word in ("--from", folder.name)]
    assert vqa_of(real_results) in plan(tmp_path, *words, "--output", real_results, "--force")["what"]
    assert folders[0].name in refused(tmp_path, *words, "--force")


def test_a_least_drop_that_rises_with_the_samples_is_explained(tmp_path: Path) -> None:
    """So many samples show it to lie within the margin."""
    said = [
        command(
            "gate", "plan", "--discordance", "0.1", "--n", "1000", "--margin", margin, "--force", folder=tmp_path
        ).stderr
        for margin in ("0.02", "0.01")
    ]
    assert ["shown to lie within the margin, and passes" in one for one in said] == [True, False]
