"""Many who publish at once, one who is killed while publishing, and two copies that become one."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.board.publisher import publish, publish_all
from tests.board.small_bundles import said, small_bundle, submitted
from tests.conftest import REPOSITORY
from velm_bench.board.folder import Board
from velm_bench.board.schema import EventKind
from velm_bench.board.stores import LocalStore

PROCESSES = 8


def contents(place: Path) -> dict[str, bytes]:
    """Every finished file of a board."""
    files = [path for path in place.rglob("*") if path.is_file() and not path.name.endswith((".part", ".lock"))]
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


def crowd(place: Path, numbers: list[list[int]], links: bool = True) -> list[int]:
    """How many each of several processes was the first to publish."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(numbers), mp_context=fresh) as pool:
        jobs = [pool.submit(publish_all, str(place), mine, links) for mine in numbers]
        return [job.result() for job in jobs]


def in_turn(distinct: int, total: int) -> list[list[int]]:
    """Which bundles each process publishes: all of them once, and some again, by others at about the same time."""
    attempts = list(range(distinct)) + list(range(total - distinct))
    shares = [attempts[start::PROCESSES] for start in range(PROCESSES)]
    return [sorted(share, key=lambda number: number % (total - distinct)) for share in shares]


def test_eight_processes_publish_two_thousand_bundles(tmp_path: Path) -> None:
    distinct, total = 1750, 2000
    shares = in_turn(distinct, total)
    assert sum(map(len, shares)) == total
    firsts = crowd(tmp_path, shares)
    assert sum(firsts) == distinct  # and so every further attempt was refused, once each
    board = Board(LocalStore(tmp_path))
    events, notes = board.log()
    manifests, damaged = board.manifests()
    expected = {small_bundle(number).id: number for number in range(distinct)}
    assert (notes, damaged) == ([], [])
    assert Counter(event.submission for event in events) == Counter(expected.keys())
    assert board.submissions() == sorted(expected) == sorted(manifests)
    for submission, number in expected.items():
        assert board.bundle(submission).files == small_bundle(number).files
    assert not list(tmp_path.rglob("*.part"))


def test_the_same_without_hard_links(tmp_path: Path) -> None:
    distinct, total = 60, 240
    everywhere = [list(range(distinct))] * (total // distinct)
    assert sum(crowd(tmp_path, everywhere, links=False)) == distinct
    board = Board(LocalStore(tmp_path))
    assert len(board.submissions()) == len(board.events()) == distinct
    assert all(board.bundle(small_bundle(number).id) for number in range(distinct))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("links", ["links", "no links"])
def test_killed_between_any_two_steps_the_board_is_valid_and_the_same_again_completes_it(
    tmp_path: Path, links: str
) -> None:
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    words = [sys.executable, "-m", "tests.board.publisher", str(tmp_path), links]
    subprocess.run(words, cwd=REPOSITORY, env=settings, check=True, timeout=120)
    steps = sorted(tmp_path.iterdir())
    bundle = small_bundle(1)
    whole = contents(steps[-1] / "board")  # of the one that came to its end
    assert len(steps) > 30
    there = []
    for step in steps[:-1]:
        board = Board(LocalStore(step / "board"))
        there.append(bundle.id in board.submissions())
        events, notes = board.log()
        assert notes == []
        assert {event.submission for event in events} <= set(board.submissions())
        if there[-1]:
            assert board.bundle(bundle.id).files == bundle.files
        assert contents(step / "board").items() <= whole.items()
        assert publish(step / "board", bundle) is not there[-1]
        assert contents(step / "board") == whole
    assert there == sorted(there)  # absent until a certain step, and from then on there
    assert set(there) == {True, False}


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "core.autocrlf=true"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="no git on this machine")
def test_two_clones_that_both_grow_merge_without_a_conflict(tmp_path: Path) -> None:
    """Even where both submit the same, and where git turns the ends of lines."""
    old, ours, theirs, both = (small_bundle(number) for number in range(4))
    origin = tmp_path / "origin"
    publish(origin, old)
    git(tmp_path, "init", "-q", "-b", "main", "origin")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "a board")
    for name, bundle, at in (("one", ours, "2026-02-02T00:00:00Z"), ("two", theirs, "2026-02-01T00:00:00Z")):
        git(tmp_path, "clone", "-q", "origin", name)
        board = Board(LocalStore(tmp_path / name))
        publish(tmp_path / name, bundle)
        assert board.publish(both, submitted(both, at=at, by=name))
        board.record(said(old, EventKind.FLAGGED, at=at, reason=f"{name} says so"))
        (board.derived / "index.parquet").write_bytes(b"made again")
        git(tmp_path / name, "add", "-A")
        git(tmp_path / name, "commit", "-qm", name)
    git(tmp_path / "one", "pull", "-q", "--no-rebase", "--no-edit", "../two", "main")
    merged = Board(LocalStore(tmp_path / "one"))
    events, notes = merged.log()
    assert notes == []
    assert merged.submissions() == sorted(bundle.id for bundle in (old, ours, theirs, both))
    for bundle in (old, ours, theirs, both):
        assert merged.bundle(bundle.id).files == bundle.files
    (first,) = [event for event in events if event.submission == both.id]
    assert (first.by, first.at) == ("two", "2026-02-01T00:00:00Z")  # the earlier one
    assert {event.reason for event in merged.events(old.id)} >= {"one says so", "two says so"}
    assert "derived" not in git(tmp_path / "one", "ls-files")
    git(tmp_path / "two", "pull", "-q", "--no-rebase", "--no-edit", "../one", "main")
    assert Board(LocalStore(tmp_path / "two")).events() == events
