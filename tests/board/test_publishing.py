"""Many who publish at once, one who is killed while publishing, and two copies that become one."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.board.publisher import Copycat, publish, publish_all
from tests.board.small_bundles import said, small_bundle, submitted
from tests.conftest import REPOSITORY
from velm_bench.board.folder import Board
from velm_bench.board.schema import EventKind
from velm_bench.board.stores import LocalStore
from velm_bench.board.submitting import DuplicateError

PROCESSES = 8


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


def test_eight_processes_publish_many_bundles(tmp_path: Path) -> None:
    """Four hundred; two thousand with VELM_WHOLE_PRODUCT=1."""
    distinct, total = (1750, 2000) if os.environ.get("VELM_WHOLE_PRODUCT") else (350, 400)
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
    copycat = Copycat(tmp_path / "made")
    recomputer = copycat.recomputer()
    (tmp_path / "copycat").write_bytes(pickle.dumps(copycat))
    words = [sys.executable, "-m", "tests.board.publisher", str(tmp_path), links]
    subprocess.run(words, cwd=REPOSITORY, env=settings, check=True, timeout=120)
    *steps, last = sorted((tmp_path / "steps").iterdir())
    bundle, whole = copycat.bundle, story(Board(LocalStore(last / "board")))
    assert len(steps) > 25
    assert [kind for kind, _, _ in whole[bundle.id]] == ["flagged", "submitted", "verified"]
    assert [kind for kind, _, _ in whole[copycat.old]] == ["submitted", "superseded", "verified"]
    there, finished = [], []
    for step in steps:
        board = Board(LocalStore(step / "board"))
        there.append(bundle.id in board.submissions())
        cut_off = story(board)
        assert board.log()[1] == []
        assert all(set(cut_off.get(about, [])) <= set(everything) for about, everything in whole.items())
        if there[-1]:
            assert board.bundle(bundle.id).files == bundle.files
        finished.append(cut_off == whole)
        if finished[-1]:
            with pytest.raises(DuplicateError):
                copycat.submit(step / "board", recomputer)
        else:
            assert copycat.submit(step / "board", recomputer).superseded == copycat.old
        assert story(board) == whole
        assert board.bundle(bundle.id).files == bundle.files
    assert (there, finished) == (sorted(there), sorted(finished))  # absent until a certain step, and from then on there
    assert set(there) == set(finished) == {True, False}


def story(board: Board) -> dict[str, list[tuple[str, str, str]]]:
    """What was said of each submission, without when."""
    told: dict[str, list[tuple[str, str, str]]] = {}
    for event in board.events():
        told.setdefault(event.submission, []).append((event.kind.value, event.reason, event.other))
    return {about: sorted(events) for about, events in told.items()}


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
    first, second = "2024-02-01T00:00:00.000000Z", "2024-02-02T00:00:00.000000Z"
    for name, bundle, at in (("one", ours, second), ("two", theirs, first)):
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
    (counting,) = [event for event in events if event.submission == both.id]
    assert (counting.by, counting.at) == ("two", first)  # the earlier one
    assert {event.reason for event in merged.events(old.id)} >= {"one says so", "two says so"}
    assert "derived" not in git(tmp_path / "one", "ls-files")
    git(tmp_path / "two", "pull", "-q", "--no-rebase", "--no-edit", "../one", "main")
    assert Board(LocalStore(tmp_path / "two")).events() == events
