"""`velm-bench submit`: what each word and each flag changes, and what is said where something is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Called, Velm
from velm_bench.board.bundles.archive import read_zip
from velm_bench.board.folder import Board


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from velm_bench.cli.main import execute

    folder = tmp_path_factory.mktemp("submit")
    assert execute(["board", "create", str(folder / "board"), "--tasks", "classification:lite,ner:lite"]) == 0
    return folder / "board"


@pytest.fixture
def place(empty: Path, real_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an empty board of two tasks, and runs of two models on them."""
    shutil.copytree(empty, tmp_path / "board")
    for model in ("ref=prefix", "baseline=oracle"):
        for task in ("scenes_classification=lite", "scenes_ner=lite"):
            shutil.copytree(real_results / model / task, tmp_path / "results" / model / task)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def submitted(velm: Velm, *words: object) -> Called:
    done = velm("submit", *words, "--board", "board")
    assert done.code == 0, done.err
    return done


def there(place: Path) -> dict[str, str]:
    """The names on the board's cards, by submission."""
    board = Board.open(str(place / "board"))
    return {one: board.manifest(one).card.name for one in board.submissions()}


def test_runs_of_two_models_are_two_submissions(velm: Velm, place: Path) -> None:
    done = submitted(velm, "results")
    assert sorted(there(place).values()) == ["baseline:oracle", "ref:prefix"]
    assert done.out.count("recomputed (submitted)") == 2
    assert "entity_f1" in done.out
    assert "velm-bench leaderboard --board board" in done.err
    for submission in there(place):
        assert submission in done.out
        assert f"/model?submission={submission[:12]}" in done.out


def test_json_holds_the_same(velm: Velm, place: Path) -> None:
    (found,) = submitted(velm, "results/ref=prefix", "--json").json["submissions"]
    assert there(place) == {found["id"]: "ref:prefix"}
    run = found["runs"]["scenes_ner=lite"]
    assert run["claimed"]["entity_f1"] == run["scores"]["entity_f1"]["value"]
    assert (found["level"], found["attempts"], found["published"]) == ("recomputed", 1, True)
    assert found["permalink"] == f"/model?submission={found['id'][:12]}"


def test_a_run_is_named_by_its_folder_by_its_task_or_by_its_id(velm: Velm, place: Path) -> None:
    (run,) = (place / "results" / "ref=prefix" / "scenes_ner=lite").iterdir()
    ids = [
        velm("submit", *words, "--board", "board", "--dry-run", "--json").json["submissions"][0]["id"]
        for words in ([run], [run.parent], [run.name[:8]], [run.name, run.parent])
    ]
    assert len(set(ids)) == 1
    shutil.move(place / "results", place / "elsewhere")
    assert velm("submit", run.name, "--board", "board", "--dry-run").code == 2
    assert velm("submit", run.name, "--board", "board", "--dry-run", "--output", "elsewhere").code == 0


def test_what_is_there_already_is_refused_or_passed_over(velm: Velm, place: Path) -> None:
    submitted(velm, "results/ref=prefix")
    again = velm("submit", "results", "--board", "board")
    assert (again.code, len(there(place))) == (2, 2)
    assert "is on the board already" in again.err
    done = submitted(velm, "results", "--new")
    assert done.err.count("is on the board already") == 2
    assert len(there(place)) == 2


def test_a_dry_run_adds_nothing(velm: Velm, place: Path) -> None:
    assert "not submitted" in submitted(velm, "results", "--dry-run").out
    assert there(place) == {}


def test_one_that_is_refused_does_not_keep_the_others_out(velm: Velm, place: Path) -> None:
    (path,) = (place / "results" / "baseline=oracle" / "scenes_ner=lite").glob("*/result.json")
    claims = json.loads(path.read_text())
    claims["scores"]["entity_f1"]["value"] = 1.0
    path.write_text(json.dumps(claims))
    done = velm("submit", "results", "--board", "board", "--json")
    assert done.code == 2
    assert "baseline:oracle" in done.sentence
    assert "'entity_f1'" in done.sentence
    assert list(there(place).values()) == ["ref:prefix"]
    assert [one["model"] for one in done.json["failures"]] == ["baseline:oracle"]


def test_a_card_and_flags_say_more_about_the_model(velm: Velm, place: Path) -> None:
    card = "name: Ours\nlicence: MIT\nrelease_date: 2026-05-01\nparent: theirs\nrevision: '1'\n"
    (place / "card.yaml").write_text(card)
    words = ("results/ref=prefix", "--card", "card.yaml", "--revision", "2", "--by", "the makers", "--json")
    (found,) = submitted(velm, *words).json["submissions"]
    said = found["card"]
    assert (said["name"], said["licence"], said["revision"]) == ("Ours", "MIT", "2")
    assert (said["release_date"], said["parent"]) == ("2026-05-01", "theirs")
    assert {event.by for event in Board.open("board").events()} == {"the makers"}
    named = submitted(velm, "results/baseline=oracle", "--name", "The truth", "--json").json["submissions"][0]
    assert named["card"]["name"] == "The truth"


def test_an_earlier_submission_is_pointed_out_and_superseded(velm: Velm, place: Path) -> None:
    submitted(velm, "results/ref=prefix")
    (first,) = there(place)
    (place / "card.yaml").write_text("notes: once more\n")
    done = submitted(velm, "results/ref=prefix", "--card", "card.yaml", "--dry-run")
    assert f"--supersedes {first[:12]}" in done.err
    assert "2 under this name" in done.out
    done = submitted(velm, "results/ref=prefix", "--card", "card.yaml", "--supersedes", first[:12])
    assert first in done.out
    assert "--supersedes" not in done.err


def test_bundles_are_packed_and_submitted_elsewhere(velm: Velm, place: Path) -> None:
    done = velm("submit", "results/ref=prefix", "--pack", "out/ours.zip")
    assert done.code == 0
    packed = read_zip((place / "out" / "ours.zip").read_bytes(), "ours.zip")
    assert packed.id in done.out
    assert there(place) == {}
    submitted(velm, "out/ours.zip")
    assert list(there(place)) == [packed.id]
    both = velm("submit", "results", "--pack", "out/all.zip", "--json").json["packed"]
    assert [one["file"] for one in both] == ["out/all-baseline=oracle.zip", "out/all-ref=prefix.zip"]
    assert both[1]["submission"] == packed.id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["results"], ["--board", "--pack"]),
        (["results", "--board", "board", "--pack", "x.zip"], ["--board", "--pack"]),
        (["results", "--pack", "x.zip", "--by", "me"], ["--by", "--pack"]),
        (["results", "--pack", "x.zip", "--dry-run"], ["--dry-run", "--pack"]),
        (["results", "--board", "board", "--dry-run", "--by", "me"], ["--by", "--dry-run"]),
        (["results", "--pack", "x"], ["--pack 'x'", ".zip"]),
        (["results", "--pack", "x.zip", "--data", "results"], ["--data", "--pack"]),
        (["results", "--board", "board", "--by", "a" * 201], ["--by", "201 letters"]),
        (["results", "--board", "nowhere"], ["nowhere", "board create"]),
        (["results", "--board", "board", "--name", "Ours"], ["2 models", "baseline:oracle", "ref:prefix"]),
        (["results", "--board", "board", "--supersedes", "abc"], ["--supersedes", "2"]),
        (["results", "--board", "board", "--card", "absent.yaml"], ["absent.yaml"]),
        (["results/ref=prefix", "--board", "board", "--card", "bad.yaml"], ["bad.yaml", "licence"]),
        (["results", "--board", "board", "--data", "absent"], ["absent", "--data"]),
        (["absent", "--board", "board"], ["absent", "results"]),
        (["board", "--board", "board"], ["'board'", "no finished run"]),
        (["bad.zip", "--board", "board"], ["bad.zip", "zip"]),
        (["bad.zip", "--board", "board", "--name", "x"], ["bad.zip", "--name"]),
    ],
)
def test_a_wrong_word_is_one_sentence_and_exit_2(velm: Velm, place: Path, words: list[str], said: list[str]) -> None:
    (place / "bad.yaml").write_text("license: MIT\n")
    (place / "bad.zip").write_bytes(b"PK no archive at all, whatever it says")
    done = velm("submit", *words)
    assert done.code == 2
    assert all(word in done.sentence for word in said), done.sentence
    assert there(place) == {}
