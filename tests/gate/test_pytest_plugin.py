"""The fixture `velm_gate`, in a project of its own: what passes, what fails and what the reader is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from tests.conftest import REPOSITORY

SAMPLES = 300
RELEASE_TESTS = REPOSITORY / "tests" / "gate" / "release_project.py"
REFUSED = {
    "test_broken": "broken/exam.csv",
    "test_absent": "nowhere",
    "test_nothing": "Nothing",
    "test_unknown_key": "alpha",
    "test_policy_and_margin": "The policy says the margins",
    **{f"test_bad_margin[{value}]": "'margin' of velm_gate" for value in ("-0.01", "nan", "inf", "2 %", "True")},
    **{f"test_bad_flips[{value}]": "'flips' of velm_gate" for value in ("-1", "1.5", "None")},
    **{f"test_no_word[{value}]": "'baseline' of velm_gate" for value in ("none", "number", "empty", "bytes")},
}
PASSED = {
    "test_unchanged",
    "test_worse_within_the_margin",
    "test_unsure",
    "test_unsure_told",
    "test_unsure_allowed",
    "test_from_another_folder",
    "test_beside_the_current_folder",
    "test_paths",
    "test_by_name",
}


class Told(NamedTuple):
    """What a run of pytest said."""

    code: int
    text: str
    cases: dict[str, ElementTree.Element]

    def failure(self, name: str) -> str:
        """What a failed test says; empty where it passed."""
        found = self.cases[name].find("failure")
        return "" if found is None else found.text or ""

    def properties(self, name: str) -> dict[str, str]:
        """The properties of a test."""
        return {one.attrib["name"]: one.attrib["value"] for one in self.cases[name].iter("property")}


def call(folder: Path, *arguments: str) -> Told:
    """pytest in a folder, in a process of its own, with no plugin but ours and those named."""
    settings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    settings |= {"PYTHONPATH": str(REPOSITORY), "PYTEST_ADDOPTS": "", "COLUMNS": "200"}
    settings = {name: value for name, value in settings.items() if not name.startswith("PYTEST_XDIST")}
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=told.xml", *arguments]
    made = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    cases = {case.attrib["name"]: case for case in ElementTree.parse(folder / "told.xml").iter("testcase")}
    return Told(made.returncode, made.stdout + made.stderr, cases)


def write_table(path: Path, scores: Iterable[object]) -> None:
    """Results as a table of `id,score,group,task`, two samples to a group."""
    path.parent.mkdir(parents=True)
    rows = [f"q{place},{score},p{place // 2},exam" for place, score in enumerate(scores)]
    path.write_text("\n".join(["id,score,group,task", *rows]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with results of one exam and release tests."""
    folder = tmp_path_factory.mktemp("project")
    old = [place % 5 != 0 for place in range(SAMPLES)]
    unsure = [right and place not in (1, 51, 101, 151, 201, 251) for place, right in enumerate(old)]
    tables: dict[str, list[object]] = {
        "old": [int(right) for right in old],
        "same": [int(right) for right in old],
        "worse": [int(right and place % 8 != 1) for place, right in enumerate(old)],
        "unsure": [int(right or place in (0, 50)) for place, right in enumerate(unsure)],
        "broken": ["much" if place == 7 else int(right) for place, right in enumerate(old)],
    }
    for name, scores in tables.items():
        write_table(folder / name / "exam.csv", scores)
    write_table(folder / "results" / "mine" / "exam.csv", tables["same"])
    write_table(folder / "releases" / "mine" / "exam.csv", tables["worse"])
    (folder / "none").mkdir()
    shutil.copyfile(RELEASE_TESTS, folder / "test_release.py")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    rule = "tasks:\n  exam:\n    score: {margin: 0.02}\non_inconclusive: fail\n"
    (folder / "strict.yaml").write_text(rule, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def told(project: Path) -> Told:
    """What pytest says of all these tests."""
    return call(project, "-p", "velm_gate", "-rA")


def test_what_may_go_out_passes_and_all_else_fails(told: Told) -> None:
    passed = {name for name in told.cases if not told.failure(name) and told.cases[name].find("error") is None}
    assert passed == PASSED
    assert told.code == 1


def test_a_regression_says_by_how_much_and_where(told: Told) -> None:
    lines = told.failure("test_worse").splitlines()
    assert lines[0].startswith("Regression: ")
    assert "exam score" in lines[0]
    [row] = [line.split() for line in lines if line.startswith("exam ") and line.endswith("regression")]
    assert row[:5] == ["exam", "score", "0.8000", "0.6967", "-0.1033"]
    [heading] = [line for line in lines if "became worse" in line]
    assert heading == "31 samples of exam became worse; the worst 3:"
    flips = [line.split() for line in lines[lines.index(heading) + 1 :] if line.startswith("  q")]
    assert [flip[1] for flip in flips] == ["-1.0000"] * 3
    assert {flip[0] for flip in flips} <= {f"q{place}" for place in range(1, SAMPLES, 8)}


def test_runs_are_looked_for_by_name_in_the_results_folder(told: Told) -> None:
    assert told.failure("test_by_name_elsewhere").startswith("Regression")


def test_a_row_that_passes_although_it_is_worse_says_so(told: Told) -> None:
    assert "\nexam score: Worse, but within the margin" in told.text


def test_no_failure_shows_the_insides(told: Told) -> None:
    for name in told.cases:
        assert "Traceback" not in told.failure(name)
        assert "velm_bench/gate" not in told.failure(name)
        assert ".py:" not in told.failure(name)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_compared_fails_with_one_sentence(told: Told, name: str) -> None:
    sentence = told.failure(name).strip()
    assert REFUSED[name] in sentence
    assert "\n" not in sentence
    assert sentence.startswith("velm_gate: ")
    assert told.properties(name) == {"velm_gate.outcome": "invalid"}


@pytest.mark.parametrize("word", ["null", "long", "nothing", "several"])
def test_a_baseline_that_is_none_fails_with_one_sentence(told: Told, word: str) -> None:
    sentence = told.failure(f"test_bad_word[{word}]").strip()
    assert sentence.startswith("velm_gate: ")
    assert "\n" not in sentence
    assert len(sentence) < 1000


def test_an_inconclusive_verdict_warns_where_the_test_called(told: Told) -> None:
    [place] = [line for line in told.text.splitlines() if line.startswith("test_release.py::test_unsure")][:1]
    assert place.strip() == "test_release.py::test_unsure"
    assert "InconclusiveWarning: Inconclusive: " in told.text
    line = next(
        number
        for number, text in enumerate(RELEASE_TESTS.read_text(encoding="utf-8").splitlines(), 1)
        if 'outcome == "inconclusive"' in text
    )
    assert f"test_release.py:{line}: InconclusiveWarning" in told.text


def test_the_policy_decides_on_an_inconclusive_verdict(told: Told) -> None:
    assert told.failure("test_unsure_forbidden").startswith("Inconclusive: ")
    assert "samples would decide" in told.failure("test_unsure_forbidden")
    assert told.properties("test_unsure_allowed")["velm_gate.outcome"] == "inconclusive"


def test_what_was_lost_since_the_anchor_fails(told: Told) -> None:
    assert "against the anchor" in told.failure("test_anchor")
    assert told.properties("test_anchor")["velm_gate.exam.score.outcome"] == "pass"
    assert told.properties("test_anchor")["velm_gate.anchor.exam.score.outcome"] == "regression"


def test_junit_has_the_numbers(told: Told) -> None:
    found = told.properties("test_worse")
    assert found["velm_gate.outcome"] == found["velm_gate.exam.score.outcome"] == "regression"
    assert found["velm_gate.summary"].startswith("Regression")
    numbers = {name: float(found[f"velm_gate.exam.score.{name}"]) for name in ("baseline", "candidate", "change", "n")}
    assert numbers == pytest.approx({"baseline": 240 / 300, "candidate": 209 / 300, "change": -31 / 300, "n": SAMPLES})
    assert float(found["velm_gate.exam.score.low"]) < -0.1 < float(found["velm_gate.exam.score.high"]) < 0


def test_a_passed_test_shows_its_table_when_asked(told: Told) -> None:
    passed = told.text[: told.text.index("FAILURES")] + told.text[told.text.index("= PASSES") :]
    assert "\nPass: " in passed


def test_a_warning_can_be_made_an_error(project: Path) -> None:
    told = call(project, "-p", "velm_gate", "-k", "test_unsure or test_unchanged",
                "-W", "error::velm_bench.gate.pytest_plugin.InconclusiveWarning")  # fmt: skip
    assert told.failure("test_unsure")
    assert not told.failure("test_unchanged")


def test_it_warns_of_nothing_itself(project: Path) -> None:
    """pytest's `record_property` warns where JUnit files have their default format, as here; `-W error` fails then."""
    told = call(project, "-p", "velm_gate", "-k", "test_unchanged or test_worse_within_the_margin", "-W", "error")
    assert told.code == 0, told.text
    assert told.properties("test_unchanged")["velm_gate.outcome"] == "pass"


def test_a_reason_names_the_anchor(told: Told) -> None:
    assert "\nexam score (anchor): Worse by 0.1033" in told.failure("test_anchor")


def test_workers_of_xdist_say_the_same(project: Path, told: Told) -> None:
    apart = call(
        project, "-p", "velm_gate", "-p", "xdist.plugin", "-n", "2", "-k", "test_unchanged or test_worse or test_unsure"
    )
    assert set(apart.cases) > {"test_unchanged", "test_worse", "test_unsure"}
    for name in apart.cases:
        assert apart.failure(name) == told.failure(name)
        assert apart.properties(name) == told.properties(name)


def test_it_can_be_switched_off(project: Path) -> None:
    told = call(project, "-p", "no:velm_gate", "-k", "test_unchanged")
    assert "fixture 'velm_gate' not found" in told.text


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n", encoding="utf-8")
    program = (
        "import sys, pytest\n"
        "code = pytest.main(['-p', 'velm_gate', '-q', '--co'])\n"
        "ours = [name for name in sys.modules if name.startswith('velm_bench')]\n"
        "heavy = [name for name in ('numpy', 'pyarrow', 'pydantic', 'yaml', 'PIL', 'torch') if name in sys.modules]\n"
        "print(code, sorted(ours), heavy)"
    )
    settings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    made = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert made.stdout.splitlines()[-1].endswith(
        "['velm_bench', 'velm_bench.gate', 'velm_bench.gate.pytest_plugin'] []"
    )
    assert "0 [" in made.stdout
