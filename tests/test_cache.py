"""Cache entries are whole or absent, made once, and where the user wants them."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from velm_bench.cache import cache_root, cached
from velm_bench.errors import UnavailableError


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder: Path) -> None:
    (folder / "words").write_text("a dog")


def test_an_entry_is_made_once_and_found_again(root: Path) -> None:
    place = cached("index", "k1", fill)
    assert place == root / "index-k1"
    assert cached("index", "k1", lambda _: pytest.fail("made again")) == place
    assert (place / "words").read_text() == "a dog"
    assert cached("index", "k2", fill) != place


def test_a_failed_making_leaves_nothing_behind(root: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        cached("index", "k", fail)
    assert list(root.iterdir()) == []
    assert (cached("index", "k", fill) / "words").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_full_or_a_closed_disk_gets_a_sentence(root: Path, number: int) -> None:
    def fail(folder: Path) -> None:
        raise OSError(number, os.strerror(number), *([str(folder / "words")] if number == errno.EACCES else []))

    with pytest.raises(UnavailableError, match=rf"{os.strerror(number)}\): set VELM_CACHE to another"):
        cached("index", "k", fail)
    assert list(root.iterdir()) == []


def test_other_errors_of_the_making_are_its_own(root: Path, tmp_path: Path) -> None:
    def start(folder: Path) -> None:
        subprocess.run(["no-such-program"], check=True)

    def forbidden(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "elsewhere"))

    with pytest.raises(FileNotFoundError, match="no-such-program"):
        cached("index", "k", start)
    with pytest.raises(PermissionError, match="elsewhere"):
        cached("index", "k", forbidden)
    assert list(root.iterdir()) == []


def test_what_stands_in_the_way_of_an_entry_is_named(root: Path) -> None:
    root.mkdir()
    (root / "index-k").write_text("no folder")
    with pytest.raises(UnavailableError, match="cannot take 'index-k'"):
        cached("index", "k", fill)
    assert [path.name for path in root.iterdir()] == ["index-k"]


def test_another_process_may_be_first(root: Path) -> None:
    def late(folder: Path) -> None:
        fill(folder)
        fill(cached("index", "k", fill))

    assert (cached("index", "k", late) / "words").read_text() == "a dog"
    assert [path.name for path in root.iterdir()] == ["index-k"]


def test_what_a_killed_process_left_is_swept_after_a_day(root: Path) -> None:
    folders = {hours: root / f".index-{hours}" for hours in (1, 25)}
    for hours, folder in folders.items():
        folder.mkdir(parents=True)
        fill(folder)
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    cached("index", "k", fill)
    assert sorted(path.name for path in root.iterdir()) == [".index-1", "index-k"]


def test_many_makers_at_once_leave_one_whole_entry(root: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: cached("index", "k", fill), range(16)))
    assert places == {root / "index-k"}
    assert [path.name for path in root.iterdir()] == ["index-k"]


def test_a_cache_that_cannot_be_written_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UnavailableError, match="set VELM_CACHE to another"):
        cached("index", "k", fill)


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VELM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_root() == Path("/somewhere/velm-bench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root() == Path.home() / ".cache" / "velm-bench"
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UnavailableError, match="set VELM_CACHE"):
        cache_root()


def homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")
