"""Zip files of others: read as they are, refused where they are damaged or blow up."""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

import pytest

from tests.results.foreign.exports import FILES
from velm_bench.errors import UsageError
from velm_bench.results.foreign import archives
from velm_bench.results.foreign.archives import open_archive


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def refused(path: Path, name: str = "a") -> str:
    with pytest.raises(UsageError) as caught, open_archive(path) as archive:
        archive.read(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_member_packed_with_zstandard_is_read() -> None:
    path = FILES / "inspect" / "baseline.eval"
    assert {entry.compress_type for entry in zipfile.ZipFile(path).infolist()} == {archives.ZSTANDARD}
    with open_archive(path) as archive:
        assert archive.read("header.json").startswith(b"{")
        assert len(archive.names) == 17


def test_a_member_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "holds no b" in refused(zipped(tmp_path / "x.zip", a=b"1"), "b")


def test_the_last_of_several_of_a_name_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", "old")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "new")
    with open_archive(tmp_path / "x.zip") as archive:
        assert archive.read("a") == b"new"


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(tmp_path / "x.zip", a=bytes(4 * 2**20))
    with open_archive(bomb) as archive:  # a model that repeats itself for ever is no bomb
        assert len(archive.read("a")) == 4 * 2**20
    monkeypatch.setattr(archives, "SMALL", 2**20)
    assert re.search(r"4,194,304 bytes, 1,0\d\d times as many as packed: that is too large, over 1,000", refused(bomb))
    monkeypatch.setattr(archives, "MAX_RATIO", 10**9)
    with open_archive(bomb) as archive:
        assert len(archive.read("a")) == 4 * 2**20
    monkeypatch.setattr(archives, "MAX_MEMBER", 2**20)
    assert "too large" in refused(bomb)
    monkeypatch.setattr(archives, "MAX_TOTAL", 2**20)
    assert "more than 1,048,576" in refused(bomb)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    assert "holds 2 files, more than 1" in refused(zipped(tmp_path / "x.zip", a=b"1", b=b"2"))


@pytest.mark.parametrize("source", ["zstandard", "deflate"])
def test_damage_anywhere_is_noticed_or_does_not_matter(tmp_path: Path, source: str) -> None:
    """Every 97th byte is changed in turn: what is read is what was written, or a sentence says that it is damaged."""
    path = tmp_path / "x.zip"
    if source == "deflate":
        zipped(path, a=bytes(range(256)) * 40)
        name, data = "a", path.read_bytes()
    else:
        name, data = "samples/q1_epoch_1.json", (FILES / "inspect" / "baseline.eval").read_bytes()
    path.write_bytes(data)
    with open_archive(path) as archive:
        whole = archive.read(name)
    for place in range(0, len(data), 97 if source == "zstandard" else 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            with open_archive(path) as archive:
                assert archive.read(name) == whole
        except UsageError:
            continue


def test_a_member_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", a=b"x" * 2000)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(mark) + place
        data[start : start + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    assert "damaged at a" in refused(path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("hello")
    assert "no whole zip archive" in refused(tmp_path / "x.zip")
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe.eval")
    assert "no ordinary file" in refused(tmp_path / "pipe.eval")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", a=b"1" * 50)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    assert "damaged at a" in refused(path)
