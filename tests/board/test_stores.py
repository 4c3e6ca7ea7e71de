"""Where a board's files lie: whole or absent, and created by exactly one."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from velm_bench.board import stores
from velm_bench.board.stores import LocalStore, Store, open_store
from velm_bench.cache import ABANDONED
from velm_bench.errors import RunError, UnavailableError, UsageError


@pytest.fixture(params=["folder", "folder without links", "file://", "memory://"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Every kind of store, empty."""
    if request.param == "folder without links":
        monkeypatch.setattr(os, "link", no_links)
    if request.param == "memory://":
        pytest.importorskip("fsspec")
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem.store.clear()
        yield open_store("memory://bucket/board")
        MemoryFileSystem.store.clear()
    else:
        yield open_store(f"file://{tmp_path}/a board" if request.param == "file://" else str(tmp_path / "a board"))


def no_links(source: Any, target: Any) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_is_created_once(store: Store) -> None:
    assert store.create("events/a.json", b"one")
    assert not store.create("events/a.json", b"two")
    assert store.read("events/a.json") == b"one"
    assert store.create("events/deep/er/b.json", b"")
    assert store.names("events") == ["a.json", "deep"]
    assert store.names("nowhere") == []
    assert store.names("events/a.json") in ([], ["a.json"])


def test_what_is_not_there_cannot_be_read(store: Store) -> None:
    store.create("a", b"1")
    with pytest.raises(FileNotFoundError):
        store.read("b")
    found = store.read_all(["a", "b"])
    assert found["a"] == b"1"
    assert isinstance(found["b"], FileNotFoundError)
    assert store.read_all([]) == {}


def test_hidden_and_unfinished_files_are_no_names(store: Store) -> None:
    store.create("events/.gitattributes", b"x")
    store.create("events/.a.json.0123.part", b"half")
    store.create("events/b.json", b"x")
    assert store.names("events") == ["b.json"]


def test_of_many_writers_exactly_one_is_first(store: Store) -> None:
    """In memory there is no such promise, where nothing is exclusive: there, what counts is that one stays."""
    firsts: list[bytes] = []
    start = threading.Barrier(8)

    def write(content: bytes) -> None:
        start.wait()
        if store.create("events/a.json", content):
            firsts.append(content)

    threads = [threading.Thread(target=write, args=(b"%d" % number * 10_000,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read("events/a.json") in firsts
    if isinstance(store, LocalStore):
        assert len(firsts) == 1
        assert list((store.root / "events").glob(".*.part")) == []


def test_without_links_and_locks_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    store = LocalStore(tmp_path)
    with pytest.raises(RunError, match="No locks available"):
        store.create("a", b"1")
    assert store.names("") == []


def test_a_link_whose_answer_was_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on network file systems, where the question is asked again."""
    link = os.link

    def twice(source: Any, target: Any) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    store = LocalStore(tmp_path)
    assert store.create("a", b"1")
    assert not store.create("a", b"2")


def test_files_have_the_permissions_that_the_mask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        LocalStore(tmp_path).create("a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_leftovers_of_killed_writers_go_once_they_are_old(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.create("events/a.json", b"1")
    old, young = tmp_path / "events" / ".b.json.1.part", tmp_path / "events" / ".c.json.2.part"
    for path in (old, young):
        path.write_bytes(b"half")
    past = time.time() - ABANDONED - 60
    os.utime(old, (past, past))
    assert store.names("events") == ["a.json"]
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="mend its permissions"):
        LocalStore(tmp_path).create("a", b"1")
    tmp_path.chmod(0o700)


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("x")
    with pytest.raises(RunError, match=r"events/a\.json cannot be added"):
        LocalStore(tmp_path).create("events/a.json", b"1")


def test_an_address_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(UsageError, match="nonsense://x"):
        open_store("nonsense://x")
    for module in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UnavailableError, match=r"pip install 'velm-bench\[leaderboard\]'"):
        open_store("memory://board")


def test_a_service_whose_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UnavailableError, match=r"(?i)install s3fs"):
        open_store("s3://bucket/board")


def test_what_a_service_raises_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem

    def fail(*_: Any, **__: Any) -> None:
        raise LookupError("no credentials\nat all")

    store = open_store("memory://bucket/board")
    monkeypatch.setattr(memory, "pipe_file", fail)
    with pytest.raises(RunError, match="no credentials at all"):
        store.create("a", b"1")
    monkeypatch.setattr(memory, "cat_file", fail)
    with pytest.raises(OSError, match="no credentials"):
        store.read("a")
    monkeypatch.setattr(memory, "ls", fail)
    with pytest.raises(RunError, match="cannot be listed"):
        store.names("events")


def test_the_lock_is_no_file_of_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", no_links)
    LocalStore(tmp_path).create("a", b"1")
    assert LocalStore(tmp_path).names("") == ["a"]
    assert stores.LOCK.startswith(".")
