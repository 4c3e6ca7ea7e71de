"""`run --fail-fast`: exit codes and sentences, and what the flags change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Called, Velm
from tests.conftest import REPOSITORY

BEFORE = "baseline:oracle"
WORSE = "baseline:constant"


@pytest.fixture
def place(velm: Velm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the best there can be has answered the small questions."""
    monkeypatch.chdir(tmp_path)
    assert run(velm, BEFORE).code == 0
    (folder,) = tmp_path.glob("results/*/*/*")
    return folder.relative_to(tmp_path)


def run(velm: Velm, model: str, *more: object, tasks: str = "vqa:lite") -> Called:
    return velm("run", "-m", model, "-t", tasks, "--batch-size", 20, "--replicates", 0, *more)


def test_a_broken_candidate_ends_with_1_and_goes_on_without_the_flag(velm: Velm, place: Path) -> None:
    done = run(velm, WORSE, "--fail-fast", place)
    assert done.code == 1
    assert "This is no verdict" in done.sentence
    (stopped,) = Path("results/baseline=constant").glob("*/*")
    assert not (stopped / "result.json").exists()
    done = run(velm, WORSE, "--json")
    assert done.code == 0
    timing = done.json["runs"][0]["result"]["timing"]
    assert timing["reused"] >= 40
    assert timing["asked"] == 400 - timing["reused"]


def test_json_says_why_there_is_no_run(velm: Velm, place: Path) -> None:
    done = run(velm, WORSE, "--fail-fast", place, "--json")
    assert done.code == 1
    assert done.json["runs"] == []
    (failure,) = done.json["failures"]
    assert (failure["task"], failure["exit_code"]) == ("scenes_vqa:lite", 1)


def test_an_unchanged_candidate_ends_with_0(velm: Velm, place: Path) -> None:
    assert run(velm, BEFORE, "--fresh", "--fail-fast", place).code == 0


def test_the_margin_puts_up_with_a_loss(velm: Velm, place: Path) -> None:
    assert run(velm, WORSE, "--fail-fast", place, "--fail-fast-margin", "1").code == 0


def test_a_stop_ends_the_other_tasks_too(velm: Velm, place: Path) -> None:
    assert run(velm, BEFORE, tasks="ner:lite").code == 0
    Path("results").rename("before")
    done = run(velm, WORSE, "--fail-fast", "before", tasks="vqa:lite,ner:lite")
    assert done.code == 1
    assert "scenes_vqa:lite was found worse" in done.sentence
    assert not list(Path("results").glob("*/scenes_ner*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fail-fast-margin", "0.1"], "--fail-fast-margin does nothing without --fail-fast"),
        (["--fail-fast", "nothing"], "nothing"),
        (["--fail-fast", "PLACE", "--fail-fast-margin", "2"], "--fail-fast-margin must lie between 0 and 1"),
        (["--fail-fast", "PLACE", "--control", "blank"], "no task scenes_vqa:lite (blank)"),
    ],
)
def test_what_makes_no_sense_ends_with_2_before_anything_is_asked(
    words: list[str], said: str, velm: Velm, place: Path
) -> None:
    done = run(velm, WORSE, *[str(place) if word == "PLACE" else word for word in words])
    assert done.code == 2
    assert said in done.sentence
    assert not list(Path("results").glob("baseline=constant/*/*/*"))


def test_a_task_that_the_baseline_lacks_is_refused_before_the_others_are_asked(velm: Velm, place: Path) -> None:
    done = run(velm, BEFORE, "--fresh", "--fail-fast", place, tasks="vqa:lite,ner:lite")
    assert done.code == 2
    assert "no task scenes_ner:lite" in done.sentence


def test_another_task_of_the_same_name_is_refused(velm: Velm, place: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "tasks" / "vqa" / "scenes_vqa.yaml").read_text(encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("Question:", "Now:"), encoding="utf-8")
    done = run(velm, WORSE, "--fail-fast", place, tasks=f"{other}:lite")
    assert done.code == 2
    assert "the task differs" in done.sentence


def test_further_runs_are_not_watched(velm: Velm, place: Path) -> None:
    """What is spoilt on purpose need not be in the baseline, and is not meant by it."""
    done = run(velm, BEFORE, "--fresh", "--fail-fast", place, "--perturb", "blur")
    assert done.code == 0
