"""Bundles as zip files, and everything that a stranger might send instead."""

from __future__ import annotations

import gzip
import io
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.board.small_bundles import small_bundle
from velm_bench.board.bundles import archive
from velm_bench.board.bundles.archive import MAX_ARCHIVE, MAX_FILES, MAX_PATH, read_zip, zip_bundle
from velm_bench.board.folder import MANIFEST, encode
from velm_bench.board.schema import FileEntry
from velm_bench.digests import digest_bytes
from velm_bench.errors import UsageError

BUNDLE = small_bundle(7, runs=2)
FILES: Mapping[str, bytes] = {**BUNDLE.files, MANIFEST: BUNDLE.encoded}
GOOD = zip_bundle(BUNDLE)
Change = Callable[[zipfile.ZipInfo], None]


def zipped(*more: tuple[str, bytes], change: Change | None = None, files: Mapping[str, bytes] = FILES) -> bytes:
    """An archive of the bundle, and of further files whose descriptions were changed."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # the same name twice
        for path, data in files.items():
            made.writestr(zipfile.ZipInfo(path), data)
        for path, data in more:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = path
            entry.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(entry)
            made.writestr(entry, data)
    return stream.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(UsageError) as caught:
        read_zip(data, "sent.zip")
    sentence = str(caught.value)
    assert "sent.zip" in sentence
    assert "\n" not in sentence
    assert sentence.isascii()
    return sentence


def test_what_was_packed_comes_out_again() -> None:
    found = read_zip(GOOD, "sent.zip")
    assert (found.id, found.files) == (BUNDLE.id, BUNDLE.files)
    assert zip_bundle(found) == GOOD
    assert read_zip(zipped(), "sent.zip").id == BUNDLE.id  # as other programs pack it


@pytest.mark.parametrize(
    "path",
    [
        "../evil.json", "runs/../../evil.json", "/etc/passwd", "C:/evil.json", "C:evil.json", "..\\evil.json",
        "runs\\a\\result.json", "\\\\server\\share", "runs/./result.json", "runs/a/result.json\0.pkl",
        "//a/result.json",
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    assert "leaves the bundle's folder" in refusal(zipped((path, b"{}")))


@pytest.mark.parametrize(
    "path",
    [
        "evil.json", "runs/a/other.json", "runs/a/b/result.json", "runs/.hidden/result.json", "runs/a/result.JSON",
        "__MACOSX/runs/a/result.json", "runs/ä/result.json", "runs/a /result.json", "runs//result.json", "",
        "Manifest.json2", "runs/a/result.json.exe",
    ],
)  # fmt: skip
def test_a_file_that_no_bundle_has_is_refused(path: str) -> None:
    assert "is no file of a bundle" in refusal(zipped((path, b"{}")))


def test_a_file_that_the_manifest_does_not_name_is_refused() -> None:
    assert "runs/more/result.json of the bundle is not in its manifest" in refusal(
        zipped(("runs/more/result.json", b"{}"))
    )
    for path in BUNDLE.files:
        assert f"{path} of the bundle is absent" in refusal(
            zipped(files={name: data for name, data in FILES.items() if name != path})
        )
    assert "no manifest.json" in refusal(zipped(files=BUNDLE.files))


@given(path=st.text(min_size=1, max_size=300))
def test_no_name_whatever_comes_through(path: str) -> None:
    """Any further file is refused in one sentence without any letter of the stranger's alphabet."""
    try:
        data = zipped((path, b"{}"))
    except UnicodeEncodeError:  # half a letter cannot be in an archive
        return
    refusal(data)


@given(run=st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True))
def test_a_run_of_any_name_is_read(run: str) -> None:
    named = small_bundle(1)
    (entry,) = named.manifest.runs
    files = {path.replace("task0", run): data for path, data in named.files.items()}
    entries = [one.model_copy(update={"path": one.path.replace("task0", run)}) for one in named.manifest.files]
    changed = {"runs": (entry.model_copy(update={"name": run}),), "files": tuple(entries)}
    manifest = named.manifest.model_copy(update=changed)
    assert read_zip(zipped(files={**files, MANIFEST: encode(manifest)}), "sent.zip").files == files


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_is_refused(kind: int) -> None:
    def change(entry: zipfile.ZipInfo) -> None:
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16

    assert "link, a folder or a device" in refusal(zipped(("runs/a/result.json", b"/etc/passwd"), change=change))


def test_folders_are_refused() -> None:
    assert "folder" in refusal(zipped(("runs/a/", b"")))


@pytest.mark.parametrize("path", ["runs/task0/result.json", "RUNS/task0/result.json", MANIFEST, "Manifest.json"])
def test_a_name_that_comes_twice_is_refused(path: str) -> None:
    assert "twice" in refusal(zipped((path, FILES.get(path, b"{}"))))


@pytest.mark.parametrize("path", ["runs/a/model.pkl", "evil.PICKLE", "runs/a/weights.pt", "pytorch_model.bin"])
def test_a_pickle_is_refused_by_its_name(path: str) -> None:
    assert "pickle" in refusal(zipped((path, pickle.dumps([1]))))


@pytest.mark.parametrize("path", ["runs/a/result.json", "runs/a/answers.jsonl.gz"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_by_how_it_begins(path: str, protocol: int) -> None:
    assert "a pickle" in refusal(zipped((path, pickle.dumps({"a": 1}, protocol))))


def test_a_file_that_is_not_what_its_name_says_is_refused() -> None:
    assert "not what its name says" in refusal(zipped(("runs/a/result.json", b"<html>")))
    assert "not what its name says" in refusal(zipped(("runs/a/answers.jsonl.gz", b'{"id": 1}')))


def test_encrypted_files_are_refused() -> None:
    data = bytearray(zipped(("runs/a/result.json", b"{}")))
    last = data.rindex(b"PK\x01\x02")
    data[last + 8] |= 1
    assert "is encrypted" in refusal(bytes(data))


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "times as large" in refusal(zipped(("runs/a/result.json", b"{" + b" " * 2_000_000)))
    monkeypatch.setattr(archive, "MAX_TOTAL", 10_000)
    assert "bytes unpacked, more than 10,000" in refusal(zipped(("runs/a/result.json", b"{" + b" " * 10_000)))
    monkeypatch.setattr(archive, "MAX_ARCHIVE", len(GOOD) - 1)
    assert f"{len(GOOD):,} bytes" in refusal(GOOD)


def test_what_answers_unpack_to_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are compressed already, so that the archive does not say how much they hold."""
    bundle = small_bundle(3)
    files = {**bundle.files, "runs/task0/answers.jsonl.gz": gzip.compress(b"{" + b"0" * 20_000)}
    entries = tuple(FileEntry(path=path, sha256=digest_bytes(one), size=len(one)) for path, one in files.items())
    manifest = bundle.manifest.model_copy(update={"files": entries})
    data = zipped(files={**files, MANIFEST: encode(manifest)})
    assert read_zip(data, "sent.zip").files == files
    monkeypatch.setattr(archive, "MAX_TOTAL", 20_000)
    assert "bytes unpacked, more than 20,000" in refusal(data)


def test_too_many_files_and_too_long_names_are_refused() -> None:
    many = [(f"runs/r{number}/result.json", b"{}") for number in range(MAX_FILES)]
    assert f"more than {MAX_FILES:,}" in refusal(zipped(*many))
    assert f"more than {MAX_PATH} letters" in refusal(zipped(("runs/" + "a" * MAX_PATH, b"{}")))


def test_a_header_that_lies_about_sizes_is_refused() -> None:
    """A hundred bytes are announced, a million come; or the other way round."""
    for announced in (100, 3_000):
        data = bytearray(zipped(("runs/a/result.json", b"{" + b"ab" * 1000)))
        central, local = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x03\x04")
        struct.pack_into("<I", data, central + 24, announced)
        assert "described in two ways" in refusal(bytes(data))
        struct.pack_into("<I", data, local + 22, announced)
        assert "changed or is damaged" in refusal(bytes(data))


def test_files_that_overlap_are_refused() -> None:
    """The bomb of many entries over the same bytes."""
    data = bytearray(zipped(("runs/a/result.json", b"{}"), ("runs/b/result.json", b"{}")))
    central = data.rindex(b"PK\x01\x02")
    before = data.rindex(b"PK\x01\x02", 0, central)
    struct.pack_into("<I", data, central + 42, struct.unpack_from("<I", data, before + 42)[0])
    assert "is refused" in refusal(bytes(data))


def test_what_lies_before_between_or_behind_is_refused() -> None:
    assert "no zip archive" in refusal(b"#!/bin/sh\n" + GOOD)
    assert "no zip archive" in refusal(b"")
    assert "no zip archive" in refusal(b"PK\x03\x04")
    assert "cut off, or holds more" in refusal(GOOD + b"\0")
    assert "cut off, or holds more" in refusal(GOOD + GOOD)
    commented = GOOD[:-2] + struct.pack("<H", 5) + b"hello"
    assert "cut off, or holds more" in refusal(commented)
    start = struct.unpack_from("<I", GOOD, len(GOOD) - 6)[0]
    hidden = bytearray(GOOD[:start] + b"hidden" + GOOD[start:])
    struct.pack_into("<I", hidden, len(hidden) - 6, start + 6)
    assert "between" in refusal(bytes(hidden))


def test_bytes_behind_the_end_of_what_is_compressed_are_refused() -> None:
    data = bytearray(zipped(("runs/a/result.json", b"{" + b"ab" * 100)))
    central, local, end = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x03\x04"), len(data) - 22
    start = struct.unpack_from("<I", data, end + 16)[0]
    packed = struct.unpack_from("<I", data, local + 18)[0]
    for place in (central + 20, local + 18):
        struct.pack_into("<I", data, place, packed + 4)
    struct.pack_into("<I", data, end + 16, start + 4)
    assert "changed or is damaged" in refusal(bytes(data[:start] + b"more" + data[start:]))


@given(size=st.integers(0, len(GOOD) - 1))
def test_an_archive_cut_off_anywhere_is_refused(size: int) -> None:
    refusal(GOOD[:size])


@given(place=st.integers(0, len(GOOD) - 1), change=st.integers(1, 255))
def test_a_byte_changed_anywhere_is_refused_or_changes_nothing(place: int, change: int) -> None:
    """Dates and systems are not the bundle's; everything else is under a digest, or has to agree."""
    data = bytearray(GOOD)
    data[place] ^= change
    try:
        found = read_zip(bytes(data), "sent.zip")
    except UsageError:
        return
    assert (found.id, found.files) == (BUNDLE.id, BUNDLE.files)


@pytest.mark.parametrize("path", sorted(FILES))
def test_every_byte_of_every_file_counts(path: str) -> None:
    """Packed again after the change, so that the archive itself is in order."""
    for place in range(len(FILES[path])):
        data = bytearray(FILES[path])
        data[place] ^= 1
        changed = zipped(files={**FILES, path: bytes(data)})
        if path != MANIFEST:
            assert path in refusal(changed)
            continue
        try:  # what a manifest says of its model makes another submission, never this one
            assert read_zip(changed, "sent.zip").id != BUNDLE.id
        except UsageError:
            continue


def test_a_manifest_that_was_only_formatted_anew_is_refused() -> None:
    for data in (BUNDLE.encoded + b"\n", BUNDLE.encoded.replace(b'"model"', b'"model":"x",\n "model"')):
        assert "manifest.json" in refusal(zipped(files={**FILES, MANIFEST: data}))
    assert "manifest.json" in refusal(zipped(files={**FILES, MANIFEST: b'{"board_version": 2}'}))


def test_the_largest_archive_is_what_the_server_takes() -> None:
    assert MAX_ARCHIVE % 2**20 == 0
