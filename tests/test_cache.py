"""Cache entries are whole or absent, made once, and where the user wants them."""

from __future__ import annotations

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


def test_a_full_disk_gets_a_sentence(root: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(UnavailableError, match="No space left on device"):
        cached("index", "k", fail)
    assert list(root.iterdir()) == []


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
