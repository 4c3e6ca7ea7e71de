"""The release tests of a made-up project, which test_pytest_plugin.py runs in a folder of its own."""

import pytest

from velm_bench.gate.pytest_plugin import InconclusiveWarning

RULE = {"tasks": {"exam": {"score": {"margin": 0.02}}}}


def test_unchanged(velm_gate):
    verdict = velm_gate(candidate="same/exam.csv", baseline="old/exam.csv", margin=0.02)
    assert verdict.outcome == "pass"
    assert verdict.rows[0].n == 300


def test_worse(velm_gate):
    velm_gate("worse/exam.csv", "old/exam.csv", margin=0.02, flips=3)


def test_worse_within_the_margin(velm_gate):
    velm_gate("worse/exam.csv", "old/exam.csv", margin=0.5)


def test_unsure(velm_gate):
    assert velm_gate("unsure/exam.csv", "old/exam.csv", margin=0.02).outcome == "inconclusive"


def test_unsure_told(velm_gate):
    with pytest.warns(InconclusiveWarning, match="Inconclusive"):
        velm_gate("unsure/exam.csv", "old/exam.csv", margin=0.02)


def test_unsure_allowed(velm_gate):
    velm_gate("unsure/exam.csv", "old/exam.csv", policy={**RULE, "on_inconclusive": "pass"})


def test_unsure_forbidden(velm_gate):
    velm_gate("unsure/exam.csv", "old/exam.csv", policy="strict.yaml")


def test_anchor(velm_gate):
    velm_gate("worse/exam.csv", "worse/exam.csv", anchor=["old/exam.csv"], margin=0.02)


def test_from_another_folder(velm_gate, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    velm_gate("same/exam.csv", "old/exam.csv", margin=0.02)


def test_beside_the_current_folder(velm_gate, monkeypatch):
    monkeypatch.chdir("old")
    velm_gate("exam.csv", "exam.csv", margin=0.02)


def test_paths(velm_gate, request):
    here = request.config.rootpath
    velm_gate([here / "same" / "exam.csv"], [here / "old" / "exam.csv"], policy=here / "strict.yaml")


def test_by_name(velm_gate):
    assert velm_gate("mine", "old/exam.csv", margin=0.02).candidate.models == ["exam"]


def test_by_name_elsewhere(velm_gate):
    velm_gate("mine", "old/exam.csv", margin=0.02, results="releases")


def test_broken(velm_gate):
    velm_gate("broken/exam.csv", "old/exam.csv", margin=0.02)


def test_absent(velm_gate):
    velm_gate("nowhere", "old/exam.csv", margin=0.02)


def test_nothing(velm_gate):
    velm_gate([], "old/exam.csv", margin=0.02)


def test_unknown_key(velm_gate):
    velm_gate("same/exam.csv", "old/exam.csv", policy={**RULE, "alhpa": 0.1})


def test_policy_and_margin(velm_gate):
    velm_gate("same/exam.csv", "old/exam.csv", policy=RULE, margin=0.02)


@pytest.mark.parametrize("margin", [-0.01, float("nan"), float("inf"), "2 %", True])
def test_bad_margin(velm_gate, margin):
    velm_gate("same/exam.csv", "old/exam.csv", margin=margin)


@pytest.mark.parametrize("flips", [-1, 1.5, None])
def test_bad_flips(velm_gate, flips):
    velm_gate("same/exam.csv", "old/exam.csv", flips=flips)


@pytest.mark.parametrize("word", [None, 7, "", b"old"], ids=["none", "number", "empty", "bytes"])
def test_no_word(velm_gate, word):
    velm_gate("same/exam.csv", word, margin=0.02)


@pytest.mark.parametrize("word", ["a\0b", "x" * 5000, "none", "."], ids=["null", "long", "nothing", "several"])
def test_bad_word(velm_gate, word):
    velm_gate("same/exam.csv", word, margin=0.02)
