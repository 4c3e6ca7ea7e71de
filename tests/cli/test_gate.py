"""`velm-bench gate`: exit codes, options, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.made_boards import command
from velm_bench.cli.gate import spread


def table(path: Path, right: list[float], header: str = "id,score") -> Path:
    """A table of scores, a row per sample."""
    rows = [f"q{place},{score:g}" for place, score in enumerate(right)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def losing(count: int, of: int = 600) -> list[float]:
    """Two of three right, of which so many are wrong."""
    right = [float(place % 3 != 0) for place in range(of)]
    lost = list(range(1, of, 9))[:count]  # who loses more loses these as well
    return [0.0 if place in lost else one for place, one in enumerate(right)]


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """Tables of a baseline and of candidates that are the same, worse, and hard to tell."""
    for name, count in {"before": 0, "same": 0, "worse": 40, "hard": 4}.items():
        table(tmp_path / f"{name}.csv", losing(count))
    return tmp_path


def verdict(*words: str | Path, folder: Path, expect: int) -> dict[str, Any]:
    """What `gate --json` prints."""
    found: dict[str, Any] = json.loads(command("gate", *words, "--json", folder=folder, expect=expect).stdout)
    return found


@pytest.mark.parametrize(
    ("candidate", "margin", "code", "outcome"),
    [("same", "0.02", 0, "pass"), ("worse", "0.02", 1, "regression"), ("hard", "0.008", 3, "inconclusive")],
)
def test_exit_codes(sides: Path, candidate: str, margin: str, code: int, outcome: str) -> None:
    words = ("--candidate", f"{candidate}.csv", "--baseline", "before.csv", "--margin", margin)
    found = verdict(*words, folder=sides, expect=code)
    assert (found["outcome"], found["exit_code"]) == (outcome, code)
    shown = command("gate", *words, folder=sides, expect=code)
    assert found["summary"] in shown.stdout


def test_the_whole_command_in_a_process_of_its_own(sides: Path) -> None:
    """The real entry point, and nothing heavy loaded."""
    program = (
        "import sys; from velm_bench.cli.main import execute; code = execute(sys.argv[1:]);"
        "heavy = {'torch', 'transformers', 'streamlit', 'datasets'} & set(sys.modules); assert not heavy, heavy;"
        "sys.exit(code)"
    )
    words = ["gate", "--candidate", "worse.csv", "--baseline", "before.csv", "--margin", "0.02", "--report", "out"]
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=sides, env=settings, capture_output=True, text=True
    )
    assert found.returncode == 1, found.stderr
    assert (sides / "out" / "report.html").exists()


def test_a_policy_decides_margins_tiers_and_what_inconclusive_means(sides: Path) -> None:
    def judged(text: str, candidate: str, expect: int) -> dict[str, Any]:
        (sides / "gate.yaml").write_text(text)
        words = ("--candidate", f"{candidate}.csv", "--baseline", "before.csv", "--policy", "gate.yaml")
        return verdict(*words, folder=sides, expect=expect)

    (task,) = {
        row["task"]
        for row in verdict("--candidate", "same.csv", "--baseline", "before.csv", folder=sides, expect=0)["rows"]
    }
    strict = f"tasks: {{{task}: {{score: {{margin: 0.008}}}}}}\n"
    assert judged(strict, "hard", 3)["rows"][0]["margin"] == 0.008
    assert judged(strict + "on_inconclusive: pass\n", "hard", 0)["outcome"] == "inconclusive"
    assert judged(strict + "on_inconclusive: fail\n", "hard", 1)["outcome"] == "inconclusive"
    assert judged(f"tasks: {{{task}: {{score: {{margin: 0.2}}}}}}\n", "worse", 0)["outcome"] == "pass"
    assert judged(strict + "replicates: 2000\nseed: 7\nalpha: 0.1\n", "worse", 1)["replicates"] == 2000


def test_the_anchor_stops_what_the_previous_release_lets_pass(sides: Path) -> None:
    table(sides / "now.csv", losing(44))
    words = ("--candidate", "now.csv", "--baseline", "worse.csv", "--margin", "0.03")
    assert verdict(*words, folder=sides, expect=0)["anchor"] is None
    found = verdict(*words, "--anchor", "before.csv", folder=sides, expect=1)
    assert [(row["against"], row["outcome"]) for row in found["rows"]] == [
        ("baseline", "pass"),
        ("anchor", "regression"),
    ]


def test_flips_are_as_many_as_asked_for(sides: Path) -> None:
    words = ("--candidate", "worse.csv", "--baseline", "before.csv")
    for count in ("0", "3"):
        assert len(verdict(*words, "--flips", count, folder=sides, expect=1)["flips"]) == int(count)


def test_reports_are_written_where_asked(sides: Path) -> None:
    words = ("--candidate", "worse.csv", "--baseline", "before.csv", "--report", "out")
    said = verdict(*words, folder=sides, expect=1)
    names = {"verdict.json", "summary.md", "comment.md", "junit.xml", "report.html"}
    assert {path.name for path in (sides / "out").iterdir()} == names
    assert json.loads((sides / "out" / "verdict.json").read_text())["summary"] == said["summary"]


def test_on_actions_annotations_and_the_job_summary_are_given(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(sides / "step.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(sides / "step.txt"))
    words = ("gate", "--candidate", "worse.csv", "--baseline", "before.csv", "--json")
    found = command(*words, folder=sides, expect=1)
    assert "::error " in found.stderr
    assert json.loads(found.stdout)["outcome"] == "regression"
    assert "Regression" in (sides / "step.md").read_text()
    assert "outcome=regression" in (sides / "step.txt").read_text()


def test_several_words_may_follow_a_side(real_results: Path) -> None:
    folders = [str(next((real_results / "ref=prefix").glob(f"{task}*/*/result.json")).parent)
               for task in ("scenes_ner", "scenes_classification")]  # fmt: skip
    words = ("--candidate", *folders, "--baseline", *folders, "--margin", "0.1")
    found = verdict(*words, folder=real_results.parent, expect=0)
    assert len(found["rows"]) == 2


def test_words_are_spread_over_their_flag() -> None:
    assert spread(["--candidate", "a", "b", "--json", "--anchor", "c", "d", "--margin", "1"]) == [
        "--candidate", "a", "--candidate", "b", "--json", "--anchor", "c", "--anchor", "d", "--margin", "1",
    ]  # fmt: skip
    assert spread(["plan", "--n", "5"]) == ["plan", "--n", "5"]


def test_models_are_found_in_the_folder_of_output(real_results: Path) -> None:
    words = ("--candidate", "ref:concat", "--baseline", "ref:prefix", "--flips", "1")
    found = verdict(*words, "--output", real_results, folder=real_results, expect=1)
    assert found["candidate"]["models"] == ["ref:concat"]
    assert {row["task"].partition(":")[0] for row in found["rows"]} == {
        "scenes_captioning", "scenes_classification", "scenes_ner", "scenes_vqa",
    }  # fmt: skip
    assert found["slices"], "real tasks have slices"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--candidate is missing"),
        (("--candidate", "same.csv"), "--baseline is missing"),
        (("--candidate", "same.csv", "--baseline", "nowhere"), "nowhere"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--margin", "-1"), "--margin must be"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--margin", "nan"), "--margin must be"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--policy", "absent.yaml"), "absent.yaml"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--policy", "empty.yaml"), "empty.yaml"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--policy", "known.yaml"), "no run of"),
        (
            ("--candidate", "same.csv", "--baseline", "before.csv", "--policy", "known.yaml", "--margin", "1"),
            "--policy says",
        ),
        (("--candidate", "nan.csv", "--baseline", "before.csv"), "nan.csv"),
        (("--candidate", "none.csv", "--baseline", "before.csv"), "none.csv"),
        (("--candidate", "other.csv", "--baseline", "before.csv"), "in common"),
        (("--margin", "1", "plan"), "stands before 'plan'"),
        (("--fail-fast", "--candidate", "x", "--baseline", "y", "--report", "z"), "heeds no --report"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--flips", "-1"), "--flips"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_2(sides: Path, words: tuple[str, ...], said: str) -> None:
    (sides / "empty.yaml").write_text("")
    (sides / "known.yaml").write_text("tasks: {other: {score: {margin: 0.1}}}")
    (sides / "nan.csv").write_text("id,score\nq0,nan\nq1,1\n")
    (sides / "none.csv").write_text("id,score\n")
    table(sides / "other.csv", [1.0] * 5)
    (sides / "other.csv").write_text((sides / "other.csv").read_text().replace("q", "z"))
    found = command("gate", *words, folder=sides, expect=2)
    assert said in found.stderr + found.stdout
    assert "Traceback" not in found.stderr
