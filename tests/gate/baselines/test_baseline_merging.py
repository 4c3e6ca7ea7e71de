"""Baselines in git: two branches that accept two tasks merge without a conflict, two that accept the same do not."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gate.baselines.made_baselines import put, release
from velm_bench.errors import UsageError
from velm_bench.gate.baselines import load_baseline, read_baseline

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
TASKS = ("captioning", "classification", "ner", "vqa")
Change = Callable[[Path], object]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work tree with a committed baseline of four tasks."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    put(tmp_path / "base.json", *(release(place, title=title) for place, title in enumerate(TASKS)))
    git(tmp_path, "add", "base.json")
    git(tmp_path, "commit", "--quiet", "-m", "a baseline")
    return tmp_path


def git(folder: Path, *arguments: str, expect: int = 0) -> str:
    """A git command, by somebody, with nobody's settings."""
    who = {f"GIT_{role}_{what}": "tests@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    settings = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(["git", *arguments], cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == expect, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done.stdout


def merge(work: Path, mine: Change, theirs: Change, expect: int = 0) -> Path:
    """The file after two branches that each changed it were merged."""
    file = work / "base.json"
    git(work, "checkout", "--quiet", "-b", "theirs")
    theirs(file)
    git(work, "commit", "--quiet", "-am", "theirs")
    git(work, "checkout", "--quiet", "main")
    mine(file)
    git(work, "commit", "--quiet", "-am", "mine")
    git(work, "merge", "--quiet", "--no-edit", "theirs", expect=expect)
    return file


def accepting(seed: int, *titles: str, **options: str) -> Change:
    runs = [release(seed, title=title) for title in titles]
    return lambda file: put(file, *runs, did="accept", **options)


def adding(seed: int, title: str) -> Change:
    return lambda file: put(file, release(seed, title=title))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (("captioning",), ("classification",)),
        (("classification",), ("captioning",)),
        (("ner",), ("vqa",)),
        (("vqa",), ("captioning",)),
        (("captioning", "ner"), ("classification", "vqa")),
    ],
)
def test_two_branches_that_accept_different_tasks_merge(
    work: Path, mine: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    file = merge(work, accepting(11, *mine, reason="mine"), accepting(12, *theirs, reason="theirs"))
    found = load_baseline(file).tasks
    assert sorted(found) == sorted(TASKS)
    for titles, seed, reason in ((mine, 11, "mine"), (theirs, 12, "theirs")):
        for title in titles:
            assert found[title].evidence.model == f"hf:team/model-{seed}"
            assert [event.reason for event in found[title].log] == ["for the tests", reason]


@pytest.mark.parametrize("title", ["caption", "classifying", "zoo", "a"])
@pytest.mark.parametrize("neighbour", TASKS)
def test_a_task_that_is_added_beside_one_that_is_accepted_merges(work: Path, title: str, neighbour: str) -> None:
    """Before it, behind it, and at both ends: no line of a block is changed by its neighbours."""
    file = merge(work, adding(21, title), accepting(22, neighbour))
    found = {one.title: one.model for one in read_baseline(file)}
    assert (found[title], found[neighbour], len(found)) == ("hf:team/model-21", "hf:team/model-22", 5)


def test_two_tasks_added_at_different_places_merge(work: Path) -> None:
    file = merge(work, adding(31, "caption"), adding(32, "nlvr"))
    assert len(read_baseline(file)) == 6


@pytest.mark.parametrize("seeds", [(41, 42), (41, 41)])
def test_two_branches_that_accept_the_same_task_conflict_and_the_file_is_refused(
    work: Path, seeds: tuple[int, int]
) -> None:
    """Also where both accept the same run: two people gave two reasons."""
    mine, theirs = (accepting(seed, "ner", reason=f"reason {place}") for place, seed in enumerate(seeds))
    file = merge(work, mine, theirs, expect=1)
    with pytest.raises(UsageError, match=r"holds conflict markers of git \(line \d+\)"):
        read_baseline(file)
    git(work, "checkout", "--ours", "base.json")
    assert load_baseline(file).tasks["ner"].log[-1].reason == "reason 0"


def test_a_merge_by_union_mixes_no_two_blocks_unnoticed(work: Path) -> None:
    """A driver that keeps the lines of both sides makes a file that is refused."""
    (work / ".gitattributes").write_text("base.json merge=union\n")
    git(work, "add", ".gitattributes")
    git(work, "commit", "--quiet", "-m", "union")
    file = merge(work, accepting(51, "ner"), accepting(52, "ner"))
    with pytest.raises(UsageError):
        read_baseline(file)


def test_the_difference_of_an_accept_shows_score_model_and_reason_in_plain_sight(work: Path) -> None:
    file = work / "base.json"
    before = {one.title: one for one in read_baseline(file)}["ner"]
    after = accepting(61, "ner", by="Ann", reason="less wrong on names")
    after(file)
    found = {one.title: one for one in read_baseline(file)}["ner"]
    lines = git(work, "diff", "--unified=0").splitlines()
    removed = [line[1:] for line in lines if line.startswith("-")]
    added = [line[1:] for line in lines if line.startswith("+")]
    for one, side in ((before, removed), (found, added)):
        assert any(f'"score": {{"value": {one.scores["score"].value!r}' in line for line in side)
        assert any(f'"model": "{one.model}"' in line for line in side)
    text = "\n".join(added)
    assert '"by": "Ann"' in text
    assert '"reason": "less wrong on names"' in text
    assert '"change": ' in text
    assert not any('"for the tests"' in line for line in removed)
    told = next(place for place, line in enumerate(lines) if "less wrong on names" in line)
    assert told < 30, "the reason stands before what is packed"
