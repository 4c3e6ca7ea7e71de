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
from velm_bench.cli.sides import spread


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
    lines = found.stderr.splitlines()
    assert [line for line in lines if line.startswith("::error title=Release gate%3A table score::regression: ")]
    assert lines[-1].startswith("::notice title=Release gate::Regression: ")
    assert not [line for line in lines if line.startswith("'")]
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
        (("same.csv", "before.csv"), "'same.csv' stands alone: --candidate names"),
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
        (("--fail-fast", "--candidate", "x", "--baseline", "y", "--flips", "10"), "heeds no --flips"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--data", "."), "--data serves the pictures"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--flips", "-1"), "--flips"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--report", ""), "--report has no name"),
        (("--candidate", "same.csv", "--baseline", "before.csv", "--report="), "--report has no name"),
        (("--candidate", "", "--baseline", "before.csv"), "An empty name stands for no run"),
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


REFUSED = {
    "absent candidate": ("--candidate", "nowhere.csv", "--baseline", "before.csv"),
    "absent baseline": ("--candidate", "same.csv"),
    "a word alone": ("same.csv", "before.csv"),
    "no number": ("--candidate", "same.csv", "--baseline", "before.csv", "--margin", "two"),
    "no such flag": ("--candidate", "same.csv", "--baseline", "before.csv", "--marjin", "2"),
    "bad margin": ("--candidate", "same.csv", "--baseline", "before.csv", "--margin", "-1"),
    "unknown flag's value": ("--candidate", "same.csv", "--baseline", "before.csv", "--policy", "absent.yaml"),
    "flag without effect": ("--candidate", "same.csv", "--baseline", "before.csv", "--fail-fast"),
}


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_a_call_that_is_refused_leaves_no_old_verdict_but_its_sentence(
    sides: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    report = sides / "out"
    verdict("--candidate", "same.csv", "--baseline", "before.csv", "--report", report, folder=sides, expect=0)
    assert json.loads((report / "verdict.json").read_text())["outcome"] == "pass"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(sides / "step.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(sides / "step.txt"))
    found = command("gate", "--report", report, *words, folder=sides, expect=2)
    sentence = found.stderr.splitlines()[-1].removeprefix("Error: ")
    left = json.loads((report / "verdict.json").read_text())
    assert (left["outcome"], left["exit_code"], left["rows"]) == ("invalid", 2, [])
    assert left["summary"] == f"Invalid: {sentence}"
    assert 'errors="1"' in (report / "junit.xml").read_text()
    for name in ("summary.md", "comment.md", "report.html", "junit.xml"):
        assert "Pass:" not in (report / name).read_text()
        assert "Invalid" in (report / name).read_text()
    assert "Release gate: invalid" in (sides / "step.md").read_text()
    assert (sides / "step.txt").read_text() == "outcome=invalid\nexit-code=2\n"
    assert [line for line in found.stderr.splitlines() if line.startswith("::error title=Release gate::Invalid: ")]


def test_what_nobody_foresaw_leaves_no_old_verdict_either(sides: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from velm_bench.gate import release

    words = ("--candidate", "same.csv", "--baseline", "before.csv", "--report", "out")
    verdict(*words, folder=sides, expect=0)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("gone")

    monkeypatch.setattr(release, "open_sides", broken)
    command("gate", *words, folder=sides, expect=4)
    left = json.loads((sides / "out" / "verdict.json").read_text())
    assert (left["outcome"], left["exit_code"]) == ("invalid", 4)
    assert "ZeroDivisionError: gone" in left["summary"]


def test_a_folder_that_takes_no_report_is_said_before_anything_is_read(sides: Path) -> None:
    words = ("gate", "--candidate", "nowhere.csv", "--baseline", "before.csv", "--report", "same.csv")
    found = command(*words, folder=sides, expect=2)
    assert found.stderr.splitlines() == [
        "Error: The folder same.csv cannot be written (it is a file): give another with --report."
    ]
    (sides / "out" / "junit.xml").mkdir(parents=True)
    found = command(*words[:-1], "out", folder=sides, expect=2)
    assert "earlier report out/junit.xml cannot be removed" in found.stderr


def test_a_budget_without_an_anchor_is_told(sides: Path) -> None:
    base = ("--baseline", "before.csv", "--flips", "0")
    (sides / "gate.yaml").write_text("tasks: {table: {score: {margin: 0.02, budget: 0.03}}}\n")
    words = ("--candidate", "same.csv", *base, "--policy", "gate.yaml")
    notes = verdict(*words, folder=sides, expect=0)["notes"]
    assert any("but no anchor: what was lost" in note for note in notes)
    notes = verdict(*words, "--anchor", "before.csv", folder=sides, expect=0)["notes"]
    assert not any("but no anchor: what was lost" in note for note in notes)


def test_worse_within_the_margin_and_failed_samples_are_shown(sides: Path) -> None:
    rows = [f"q{place},{'' if place < 30 else score:g}," + ("time out" if place < 30 else "")
            if place >= 30 else f"q{place},,time out" for place, score in enumerate(losing(0))]  # fmt: skip
    (sides / "failing.csv").write_text("\n".join(["id,score,error", *rows]) + "\n")
    words = ("--candidate", "failing.csv", "--baseline", "before.csv", "--margin", "0.1", "--report", "out")
    found = command("gate", *words, folder=sides, expect=0)
    assert "  0/30  pass" in found.stdout
    assert "table score: Worse, but within the margin" in found.stderr
    for name in ("summary.md", "comment.md"):
        assert "Worse, but within the margin" in (sides / "out" / name).read_text()
    assert "600 (600), failed 0 / 30" in (sides / "out" / "summary.md").read_text()


def test_reasons_name_slice_and_anchor(sides: Path) -> None:
    words = ("gate", "--candidate", "worse.csv", "--baseline", "before.csv", "--anchor", "before.csv")
    lines = command(*words, folder=sides, expect=1).stderr.splitlines()
    assert [line for line in lines if line.startswith("table score: Worse by")]
    assert [line for line in lines if line.startswith("table score (anchor): Worse by")]


def test_a_cost_that_cannot_be_compared_and_must_be_is_told(sides: Path) -> None:
    rules = "tasks: {table: {score: {margin: 0.02}}}\ncost: {slowdown: 0.1, tier: required}\n"
    (sides / "cost.yaml").write_text(rules)
    words = ("gate", "--candidate", "same.csv", "--baseline", "before.csv", "--policy", "cost.yaml")
    said = command(*words, folder=sides, expect=2).stderr
    assert "table speed: " in said


def test_huge_scores_stay_readable(sides: Path) -> None:
    table(sides / "huge.csv", [1e99 * (place % 7) for place in range(60)])
    words = ("--candidate", "huge.csv", "--baseline", "huge.csv", "--report", "out")
    found = command("gate", *words, folder=sides, expect=3)
    assert max(map(len, found.stdout.splitlines())) < 200
    assert "2.9e+99" in found.stdout
    command("compare", "huge.csv", "huge.csv", folder=sides)
