"""`velm-bench board`: as a person calls it, on a real board."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.made_boards import command
from velm_bench.board.folder import Board


@pytest.fixture
def board(real_board: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(real_board, tmp_path / "board"))


def call(board: Path, *words: str | Path, expect: int = 0) -> Any:
    """The JSON that `board WORD ... --board BOARD --json` prints."""
    done = command("board", *words, "--board", board, "--json", folder=board.parent, expect=expect)
    return json.loads(done.stdout) if done.stdout else done.stderr


def submission_of(board: Path, model: str) -> str:
    """The identity of a model's submission."""
    rows = call(board, "list", "--all")
    return str(next(row["submission"] for row in rows if row["model"] == model))


def test_a_board_is_made_and_says_what_it_measures_by(tmp_path: Path) -> None:
    made = command("board", "create", "b", "--tasks", "ner:lite", "--title", "Names", "--limit", "50", folder=tmp_path)
    assert all(word in made.stdout for word in ("scenes_ner:lite", "entity_f1", "50", "baseline:random", "1.0000"))
    assert "velm-bench submit" in made.stderr
    assert Board.open(str(tmp_path / "b")).file.title == "Names"
    again = command("board", "create", "b", "--tasks", "ner:lite", folder=tmp_path, expect=2)
    assert "There is a board at b already" in again.stderr


def test_create_as_json_with_another_seed_and_replicates(tmp_path: Path) -> None:
    words = ("--tasks", "ner:lite", "--limit", "20", "--seed", "5", "--replicates", "20", "--json")
    made = json.loads(command("board", "create", "b", *words, folder=tmp_path).stdout)
    assert (made["replicates"], made["tasks"][0]["seed"], made["tasks"][0]["samples"]) == (20, 5, 20)
    other = ("--tasks", "ner:lite", "--limit", "20", "--seed", "6", "--json")
    assert (
        json.loads(command("board", "create", "c", *other, folder=tmp_path).stdout)["tasks"][0]["content"]
        != made["tasks"][0]["content"]
    )


def test_a_secret_split_is_refused(tmp_path: Path) -> None:
    refused = command("board", "create", "b", "--tasks", "ner:fresh:hush", folder=tmp_path, expect=2)
    assert "secret split" in refused.stderr
    assert "hush" not in refused.stderr


def test_list_shows_every_run_with_where_it_stands(board: Path) -> None:
    rows = call(board, "list")
    assert len(rows) == 25
    assert {(row["level"], row["status"], row["attempts"]) for row in rows} == {("recomputed", "listed", 1)}
    shown = command("board", "list", "--board", board, folder=board.parent).stdout
    assert "scenes_vqa:lite (blank)" in shown
    assert all(row["submission"][:12] in shown for row in rows)


def test_a_decision_needs_a_reason_and_is_shown(board: Path) -> None:
    submission = submission_of(board, "baseline:random")
    command("board", "withdraw", submission[:8], "--board", board, folder=board.parent, expect=2)
    blank = command(
        "board", "withdraw", submission[:8], "--board", board, "--reason", " ", folder=board.parent, expect=2
    )
    assert "--reason" in blank.stderr
    said = call(board, "withdraw", submission[:8], "--reason", "A mistake.", "--by", "Ada")
    assert said == {"submission": submission, "status": "withdrawn", "reason": "A mistake."}
    assert submission not in {row["submission"] for row in call(board, "list")}
    assert submission in {row["submission"] for row in call(board, "list", "--all")}
    shown = call(board, "show", submission)
    assert [(one["kind"], one["by"]) for one in shown["events"]][-1] == ("withdrawn", "Ada")
    twice = call(board, "withdraw", submission[:8], "--reason", "Again.", expect=2)
    assert "is withdrawn already: A mistake." in twice


@pytest.mark.parametrize(("word", "status"), [("flag", "flagged"), ("reject", "rejected")])
def test_what_is_cleared_counts_again(board: Path, word: str, status: str) -> None:
    submission = submission_of(board, "ref:concat")
    assert call(board, word, submission[:8], "--reason", "It looks odd.")["status"] == status
    assert call(board, "clear", submission[:8], "--reason", "It is not.") == {
        "submission": submission, "status": "listed", "reason": "",
    }  # fmt: skip
    assert "only flags, rejections" in call(board, "clear", submission[:8], "--reason", "Again.", expect=2)


def test_supersede_names_a_successor_that_counts(board: Path) -> None:
    old, new = submission_of(board, "ref:concat"), submission_of(board, "ref:prefix")
    assert "own place" in call(board, "supersede", old, "--with", old, "--reason", "x", expect=2)
    assert call(board, "supersede", old[:8], "--with", new[:8], "--reason", "Better.")["status"] == "superseded"
    assert "is superseded itself" in call(board, "supersede", new, "--with", old, "--reason", "x", expect=2)


def test_an_id_must_fit_one_submission(board: Path) -> None:
    assert "no submission 'zz'" in call(board, "show", "zz", expect=2)
    submission = Board.open(str(board)).submissions()[0]
    twin = f"{submission[:-1]}{'0' if submission[-1] != '0' else '1'}"
    said = board / "events" / f"{submission}.submitted.json"
    (board / "events" / f"{twin}.submitted.json").write_text(said.read_text().replace(submission, twin))
    assert "fits 2 submissions: give more of it" in call(board, "show", submission[:-1], expect=2)


def test_show_tells_claims_from_what_was_recomputed(board: Path) -> None:
    submission = submission_of(board, "ref:prefix")
    shown = call(board, "show", submission[:12])
    run = shown["runs"]["scenes_vqa=lite"]
    assert run["claimed"]["vqa_accuracy"] == run["scores"]["vqa_accuracy"]["value"]
    assert [one["kind"] for one in shown["events"]] == ["submitted", "verified"]
    assert shown["manifest"]["card"]["name"] == "ref:prefix"
    text = command("board", "show", submission[:12], "--board", board, folder=board.parent).stdout
    assert all(word in text for word in ("claimed", "scenes_vqa:lite (blank)", "verified", "recomputed"))


def test_verify_says_nothing_new_and_exits_with_four_where_something_fails(board: Path) -> None:
    events = sorted((board / "events").iterdir())
    assert {one["level"] for one in call(board, "verify")} == {"recomputed"}
    assert sorted((board / "events").iterdir()) == events
    submission = submission_of(board, "ref:concat")
    path = board / "submissions" / submission / "runs" / "scenes_ner=lite" / "answers.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1])
    failed = command("board", "verify", "--board", board, "--json", folder=board.parent, expect=4)
    verdicts = {one["submission"]: one for one in json.loads(failed.stdout)}
    assert "scenes_ner=lite/answers.jsonl.gz" in verdicts[submission]["problem"]
    assert [one for one in verdicts.values() if one["problem"]] == [verdicts[submission]]
    assert submission not in {row["submission"] for row in call(board, "list")}
    assert call(board, "verify", submission[:8])[0]["events"] == []  # it counts no more: no news, no failure


def test_verify_makes_what_is_derived_again(board: Path) -> None:
    before = sorted(path.relative_to(board) for path in (board / "derived" / "runs").rglob("*"))
    shutil.rmtree(board / "derived")
    call(board, "verify")
    assert sorted(path.relative_to(board) for path in (board / "derived" / "runs").rglob("*")) == before


def test_rebuild_gives_the_same_digest_for_every_copy(board: Path, real_board: Path, tmp_path: Path) -> None:
    first = call(board, "rebuild")
    assert (first["submissions"], len(first["index"])) == (6, 64)
    shutil.rmtree(board / "derived")
    other = Path(shutil.copytree(board, tmp_path / "elsewhere" / "copy"))
    assert call(other, "rebuild")["index"] == first["index"]
    assert command("board", "rebuild", "--board", board, folder=tmp_path).stdout.strip() == first["index"]


def test_reproduce_compares_with_new_runs(board: Path, real_results: Path) -> None:
    submission = submission_of(board, "baseline:random")
    itself = call(board, "reproduce", submission[:8], real_results, expect=2)
    assert "is the one that was submitted" in itself
    tasks = "captioning:lite,vqa:lite,classification:lite,ner:lite"
    command("run", "--model", "baseline:random", "--tasks", tasks, "--output", "again", folder=board.parent)
    found = call(board, "reproduce", submission[:8], board.parent / "again", "--by", "Ada")
    assert found["reproduced"]
    assert {(one["equal"], one["n"]) for one in found["runs"]} == {(200, 200), (400, 400)}
    assert call(board, "show", submission)["level"] == "reproduced"
    other = call(board, "reproduce", submission_of(board, "ref:prefix"), board.parent / "again", expect=2)
    assert "another model" in other


def test_there_must_be_a_board(tmp_path: Path) -> None:
    for words in (["list"], ["verify"], ["rebuild"], ["show", "ab"]):
        refused = command("board", *words, "--board", "nowhere", folder=tmp_path, expect=2)
        assert "There is no board at nowhere" in refused.stderr
        assert not (tmp_path / "nowhere").exists()
