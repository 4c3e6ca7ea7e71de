"""`velm-bench baseline`: set, show, diff and accept, each option, and what is refused with exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.gate.baselines.made_baselines import forge, held, put, release
from tests.made_boards import command
from velm_bench.cli.app import COMMANDS
from velm_bench.cli.baseline import SIGNERS


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "baseline", "velm_bench.cli.baseline")
    for name in SIGNERS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a baseline `base.json` of two tasks and runs of newer releases, kept as baselines too."""
    put(tmp_path / "base.json", release(0), release(0, title="scenes_ner"), by="Ann")
    put(tmp_path / "new.json", release(1))
    put(tmp_path / "short.json", release(2, n=80))
    put(tmp_path / "failing.json", release(3, failed=np.arange(120) < 6), max_error_rate=0.05)
    put(tmp_path / "other.json", release(4, fingerprint="f" * 64))
    return tmp_path


def baseline(folder: Path, *words: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    return command("baseline", *words, folder=folder, expect=expect)


def shown(folder: Path, file: str = "base.json") -> dict[str, dict[str, object]]:
    """The tasks that `show --json` prints."""
    return json.loads(baseline(folder, "show", file, "--json").stdout)["tasks"]


def test_from_runs_to_a_baseline_to_an_accepted_release(real_results: Path, tmp_path: Path) -> None:
    """Real runs, named by their model under --output, all kinds of tasks."""
    baseline(tmp_path, "set", "base.json", "ref:prefix", "--output", real_results, "--by", "Ann")
    listed = baseline(tmp_path, "show", "base.json").stdout
    for word in ("scenes_vqa:lite", "vqa_accuracy", "cider", "entity_f1", "ref:prefix", "Ann", "200", "400"):
        assert word in listed
    words = ("base.json", "ref:concat", "-o", real_results)
    found = json.loads(baseline(tmp_path, "diff", *words, "--json").stdout)
    assert {one["task"]: one["state"] for one in found} == dict.fromkeys(shown(tmp_path), "changed")
    for one in found:
        assert not one["differences"]
        assert all(score["low"] <= score["change"] <= score["high"] for score in one["scores"].values())
    told = baseline(tmp_path, "accept", *words, "--reason", "smaller").stdout
    assert "changed" in told
    assert {task["model"] for task in shown(tmp_path).values()} == {"ref:concat"}
    assert "same" in baseline(tmp_path, "diff", *words).stdout


def test_show_lists_tasks_models_scores_and_who_accepted_them(place: Path) -> None:
    said = baseline(place, "show", "base.json")
    lines = said.stdout.splitlines()
    assert lines[0].split() == "task model metric score 95% interval n errors accepted by".split()
    assert [line.split()[0] for line in lines[1:]] == ["scenes_ner", "scenes_vqa"]
    score = held(place / "base.json").scores["score"]
    assert lines[2].split()[1:4] == ["hf:team/model-0", "score", f"{score.value:.4f}"]
    assert lines[2].endswith("Ann")
    task = shown(place)["scenes_vqa"]
    assert (task["n"], task["n_errors"], task["model"], task["primary"]) == (120, 0, "hf:team/model-0", "score")
    assert task["log"][0]["by"] == "Ann"  # type: ignore[index]


def test_show_log_tells_everything_that_was_accepted(place: Path) -> None:
    baseline(place, "accept", "base.json", "new.json", "--reason", "better by far", "--by", "Bob")
    baseline(place, "accept", "base.json", "other.json", "--reason", "new data", "--by", "Eve")
    put(place / "fewer.json", release(0))
    plain, log = (baseline(place, "show", "base.json", *more).stdout for more in ((), ("--log",)))
    assert "better by far" not in plain
    ours = [line for line in log.splitlines() if line.startswith("scenes_vqa")]
    assert [word in line for word, line in zip(("Ann", "Bob", "Eve"), ours, strict=True)] == [True] * 3
    assert "better by far" in ours[1]
    assert "new data (not the same: the data set differs" in ours[2]
    baseline(place, "accept", "fewer.json", "short.json", "--reason", "fewer", "--fewer")
    assert "fewer (change on the 80 samples of both)" in baseline(place, "show", "fewer.json", "--log").stdout


def test_all_shows_every_score(tmp_path: Path) -> None:
    from dataclasses import replace

    one = release(0)
    scores = dict.fromkeys(("score", "more"), one.scores["score"])
    put(tmp_path / "base.json", replace(one, scores=scores))
    for words in (("show", "base.json"), ("diff", "base.json", "base.json")):
        plain, every = (baseline(tmp_path, *words, *more).stdout for more in ((), ("--all",)))
        assert (" more " in plain, " more " in every) == (False, True)


def test_diff_writes_nothing_and_tells_new_missing_and_changed(place: Path) -> None:
    put(place / "third.json", release(1), release(1, title="third"))
    before = (place / "base.json").read_bytes()
    said = baseline(place, "diff", "base.json", "third.json")
    states = {line.split()[0]: line.split()[-1] for line in said.stdout.splitlines()[1:]}
    assert states == {"scenes_ner": "missing", "scenes_vqa": "changed", "third": "new"}
    assert (place / "base.json").read_bytes() == before
    found = {
        one["task"]: one for one in json.loads(baseline(place, "diff", "base.json", "third.json", "--json").stdout)
    }
    score = found["scenes_vqa"]["scores"]["score"]
    assert score["change"] == pytest.approx(score["candidate"] - score["baseline"])
    assert found["third"]["scores"]["score"]["baseline"] is None


def test_diff_says_what_differs(place: Path) -> None:
    said = baseline(place, "diff", "base.json", "other.json")
    assert "not compared" in said.stdout
    assert "scenes_vqa is not the same in both: the data set differs" in said.stderr
    assert "40 samples of 120 of base.json are not in short.json: compared on the 80 of both" in (
        baseline(place, "diff", "base.json", "short.json").stderr
    )


def test_set_makes_adds_and_replaces_and_says_so(place: Path) -> None:
    said = baseline(place, "set", "fresh.json", "new.json", "--reason", "begin", "--by", "Eve")
    assert "Written to fresh.json: scenes_vqa; other tasks in it, which stay as they were: 0." in said.stderr
    assert shown(place, "fresh.json")["scenes_vqa"]["log"][0]["reason"] == "begin"  # type: ignore[index]
    said = baseline(place, "set", "base.json", "other.json")
    assert "the data set differs" in said.stderr
    assert "scenes_vqa; other tasks in it, which stay as they were: 1." in said.stderr
    said = baseline(place, "set", "base.json", "other.json")
    assert "holds exactly this already: nothing is written" in said.stderr


@pytest.mark.parametrize("verb", [("set",), ("accept", "--reason", "r")])
def test_set_and_accept_print_what_changed(place: Path, verb: tuple[str, ...]) -> None:
    printed = json.loads(baseline(place, *verb, "base.json", "new.json", "--json").stdout)
    assert [(one["task"], one["state"], one["model"]) for one in printed] == [
        ("scenes_vqa", "changed", "hf:team/model-1")
    ]
    assert "changed" in baseline(place, *verb, "base.json", "other.json").stdout or verb


@pytest.mark.parametrize("verb", [("set",), ("accept", "--reason", "r")])
def test_runs_with_errors_are_refused_unless_said(place: Path, verb: tuple[str, ...]) -> None:
    said = baseline(place, *verb, "base.json", "failing.json", expect=2)
    assert "6 errors in 120 samples" in said.stderr
    baseline(place, *verb, "base.json", "failing.json", "--max-error-rate", "0.05")
    assert shown(place)["scenes_vqa"]["n_errors"] == 6


@pytest.mark.parametrize("verb", [("set",), ("accept", "--reason", "r")])
def test_a_baseline_shrinks_only_where_that_is_said(place: Path, verb: tuple[str, ...]) -> None:
    assert "80 samples in the place of 120" in baseline(place, *verb, "base.json", "short.json", expect=2).stderr
    baseline(place, *verb, "base.json", "short.json", "--fewer")
    assert shown(place)["scenes_vqa"]["n"] == 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("accept", "base.json", "new.json"), "--reason"),
        (("accept", "base.json", "new.json", "--reason", " "), "--reason is empty"),
        (("accept", "absent.json", "new.json", "--reason", "r"), "absent.json cannot be read"),
        (("accept", "new.json", "base.json", "--reason", "r"), "has no task scenes_ner to replace"),
        (("accept", "base.json", "new.json", "--reason", "r", "--by", "x" * 201), "--by"),
        (("set", "base.json"), "RUN"),
        (("set", "base.json", "nowhere"), "nowhere"),
        (("set", "base.json", "new.json", "--max-error-rate", "2"), "--max-error-rate"),
        (("set", "no/base.json", "new.json"), "make its folder first"),
        (("set", ".", "new.json"), "cannot be read"),
        (("show", "."), "cannot be read"),
        (("show", "absent.json"), "cannot be read"),
        (("diff", "base.json", "forged.json"), "not what its digest says"),
        (("show", "forged.json"), "not what its digest says"),
        (("set", "forged.json", "new.json"), "not what its digest says"),
    ],
)
def test_what_is_refused_ends_with_2_and_a_sentence(place: Path, words: tuple[str, ...], said: str) -> None:
    text = (place / "base.json").read_text()
    (place / "forged.json").write_text(text.replace('"by": "Ann"', '"by": "Eve"', 1))
    done = baseline(place, *words, expect=2)
    assert said in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert (place / "base.json").read_text() == text


def test_results_of_which_nothing_is_known_make_no_baseline(place: Path) -> None:
    """No task, or none with more than a value: exit 2 and no file."""
    (place / "nothing.json").write_text('{"results": {}, "configs": {}}')
    done = baseline(place, "set", "made.json", "nothing.json", expect=2)
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (place / "made.json").exists()
    value = '{"results": {"wiki": {"alias": "wiki", "word_perplexity,none": 9.5}}, "configs": {"wiki": {}}}'
    (place / "value.json").write_text(value)
    done = baseline(place, "set", "made.json", "value.json", expect=2)
    assert not (place / "made.json").exists()


def test_a_pipe_is_no_baseline(place: Path) -> None:
    """Nobody waits for a writer that may never come."""
    os.mkfifo(place / "pipe")
    for words in (("show", "pipe"), ("set", "pipe", "new.json")):
        assert "cannot be read (it is no regular file" in baseline(place, *words, expect=2).stderr


def test_names_cannot_steer_a_terminal(place: Path) -> None:
    forge(place / "base.json", lambda block: block.update(model="evil\x1b[31m\u202e"))
    for words in (("show", "base.json"), ("diff", "base.json", "base.json")):
        done = baseline(place, *words)
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr


def test_the_log_has_a_name_where_none_is_given(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    words = ("accept", "base.json", "new.json", "--reason", "r")
    baseline(place, *words)
    assert shown(place)["scenes_vqa"]["log"][-1]["by"] == "somebody"  # type: ignore[index]
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    baseline(place, "accept", "base.json", "other.json", "--reason", "r")
    assert shown(place)["scenes_vqa"]["log"][-1]["by"] == "octocat"  # type: ignore[index]


def test_the_commands_need_no_torch(place: Path) -> None:
    program = (
        "import sys; from velm_bench.cli.app import COMMANDS; COMMANDS['baseline'] = 'velm_bench.cli.baseline'\n"
        "from velm_bench.cli.main import execute\n"
        "words = ['accept base.json new.json --reason r', 'show base.json', 'diff base.json other.json']\n"
        "assert not any(execute(['baseline', *line.split()]) for line in words)\n"
        "assert not {'torch', 'transformers', 'streamlit', 'pandas'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=place, capture_output=True, check=True)
