"""The board as a folder: what makes a submission, what was tampered with, and what is left out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import tomli_w
from pydantic import ValidationError

from tests.board.small_bundles import said, small_bundle, submitted
from velm_bench.board.folder import Board, Bundle, event_name
from velm_bench.board.schema import BoardFile, EventKind, FileEntry, PinnedTask, RunEntry
from velm_bench.board.stores import LocalStore
from velm_bench.errors import RunError, UsageError


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board with one pinned task and two submissions."""
    task = PinnedTask(
        name="t", kind="vqa", file="tasks/t.yaml", digest="0" * 64, fingerprint="f", content="1" * 64, samples=8,
        primary="exact_match",
    )  # fmt: skip
    data = BoardFile(title="Ours", tasks=(task,)).model_dump(mode="json", exclude_none=True)
    (tmp_path / "board.toml").write_bytes(tomli_w.dumps(data).encode())
    made = Board.open(str(tmp_path))
    for number in (1, 2):
        assert made.publish(small_bundle(number), submitted(small_bundle(number)))
    return made


def folder(board: Board) -> Path:
    return Path(board.place)


def test_what_is_published_is_there_and_only_once(board: Board) -> None:
    bundle = small_bundle(1)
    assert board.bundle(bundle.id) == bundle
    assert board.read(bundle.id, "runs/task0/result.json") == b'{"score": 1}\n'
    assert not board.publish(bundle, submitted(bundle, at="2024-02-01T00:00:00.000000Z"))
    assert [event.at for event in board.events(bundle.id)] == ["2024-01-01T00:00:00.000000Z"]
    assert board.manifests() == ({number: board.manifest(number) for number in board.submissions()}, [])
    assert len(board.submissions()) == 2


def test_only_the_event_makes_a_submission(board: Board) -> None:
    event = folder(board) / "events" / event_name(submitted(small_bundle(1)))
    event.unlink()
    assert board.submissions() == [small_bundle(2).id]
    assert board.publish(small_bundle(1), submitted(small_bundle(1)))
    assert event.exists()


def test_events_come_in_the_order_of_time(board: Board) -> None:
    bundle = small_bundle(1)
    for month in ("05", "03", "04"):
        assert board.record(said(bundle, EventKind.FLAGGED, at=f"2024-{month}-01T00:00:00.000000Z"))
    assert not board.record(said(bundle, EventKind.FLAGGED, at="2024-03-01T00:00:00.000000Z"))
    assert [event.at[5:7] for event in board.events(bundle.id)] == ["01", "03", "04", "05"]
    assert len(board.events()) == 5


@pytest.mark.parametrize("path", ["runs/task0/result.json", "runs/task0/answers.jsonl.gz", "manifest.json"])
def test_any_changed_byte_is_named(board: Board, path: str) -> None:
    file = folder(board) / "submissions" / small_bundle(1).id / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UsageError, match=rf"{path} of the board .* was changed"):
        board.bundle(small_bundle(1).id)
    assert board.bundle(small_bundle(2).id) == small_bundle(2)
    manifests, notes = board.manifests()
    assert len(manifests) + len(notes) == 2
    with pytest.raises(RunError, match="was changed: remove it"):
        board.publish(small_bundle(1), submitted(small_bundle(1)))
    file.unlink()
    with pytest.raises(UsageError, match=rf"{path} of the board .* cannot be read"):
        board.bundle(small_bundle(1).id)


def called(number: int) -> str:
    """A name as events have it."""
    return f"{'e' * 64}.20240101T000000.000000Z.flagged.{number:016x}.json"


def test_foreign_and_damaged_events_are_left_out_and_said(board: Board) -> None:
    events = folder(board) / "events"
    flag = said(small_bundle(1), EventKind.FLAGGED, reason="copied")
    board.record(flag)
    before = board.events()
    name = event_name(flag)
    (events / "note.txt").write_text("nothing of ours")
    (events / called(0)).write_bytes((events / name).read_bytes()[:40])
    (events / called(1)).write_text('{"board_version": 9}')
    (events / called(2)).write_text("[" * 100_000)
    (events / called(3)).write_bytes(b"\xff\xfe\x00")
    (events / called(4)).write_text("")
    (events / ("f" * 64 + ".submitted.json")).write_bytes(
        (events / event_name(submitted(small_bundle(2)))).read_bytes()
    )
    (events / ("e" * 64 + ".submitted.json")).write_text("\n")
    (events / called(5)).mkdir()
    found, notes = board.log()
    assert found == before
    assert len(notes) == 8
    assert all("\n" not in note and "events/" in note for note in notes)
    (events / name).write_bytes((events / name).read_bytes().replace(b"copied", b"edited"))
    assert len(board.log()[1]) == 9
    assert flag not in board.events()
    assert ["note.txt" in one for one in board.strays()] == [True]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this machine")
@pytest.mark.timeout(60)
def test_what_is_no_plain_file_holds_nobody_up(board: Board) -> None:
    events = folder(board) / "events"
    os.mkfifo(events / called(1))
    (events / called(2)).symlink_to("/dev/zero")
    found, notes = board.log()
    assert len(found) == 2
    assert len(notes) == 2
    assert all("it is no plain file" in note for note in notes)


def test_every_copy_of_a_board_has_the_same_identity(board: Board, tmp_path: Path) -> None:
    copy = shutil.copytree(board.place, tmp_path / "copy")
    assert Board.open(str(copy)).identity() == board.identity()


def test_the_identity_changes_with_what_is_pinned_submitted_or_said(board: Board) -> None:
    seen = {board.identity(), Board.open(board.place).identity()}
    assert len(seen) == 1
    board.publish(small_bundle(3), submitted(small_bundle(3)))
    seen.add(board.identity())
    board.record(said(small_bundle(3), EventKind.WITHDRAWN))
    seen.add(board.identity())
    (folder(board) / "board.toml").write_bytes((folder(board) / "board.toml").read_bytes() + b"\n")
    seen.add(board.identity())
    assert len(seen) == 4


def test_a_bundle_that_is_not_its_manifest_s_is_refused_and_leaves_nothing(board: Board) -> None:
    bundle = small_bundle(5)
    path = "runs/task0/result.json"
    for files, word in (
        ({**bundle.files, path: b"{}"}, "changed"),
        ({**bundle.files, "more": b""}, "not in its manifest"),
        ({name: data for name, data in bundle.files.items() if name != path}, "absent"),
    ):
        with pytest.raises(UsageError, match=word):
            board.publish(Bundle(bundle.manifest, files), submitted(bundle))
    for event in (submitted(small_bundle(6)), said(bundle, EventKind.FLAGGED)):
        with pytest.raises(UsageError, match="does not submit"):
            board.publish(bundle, event)
    assert not (folder(board) / "submissions" / bundle.id).exists()


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../../x", "a\\x", ".git/config", "a//x", "C:x", "", "a/", "ä", "a\n"]
)
def test_no_file_of_a_manifest_leaves_its_folder(path: str) -> None:
    with pytest.raises(ValidationError):
        FileEntry(path=path, sha256="0" * 64, size=1)


def test_a_manifest_names_each_thing_once_whatever_the_capitals() -> None:
    manifest = small_bundle(1).manifest
    data = manifest.model_dump(mode="json")
    upper = FileEntry(path="RUNS/task0/result.json", sha256="0" * 64, size=1).model_dump(mode="json")
    for change in (
        {"files": [*data["files"], upper]},
        {"files": [*data["files"], {**upper, "path": "Manifest.json"}]},
        {"runs": [*data["runs"], RunEntry(name="Task0", task="t").model_dump(mode="json")]},
    ):
        with pytest.raises(ValidationError, match="stands there twice"):
            type(manifest).model_validate({**data, **change})


@pytest.mark.parametrize("submission", ["..", "../..", "0" * 63, "G" * 64, "", "0" * 64 + "/../x"])
def test_what_is_no_identity_opens_no_file(board: Board, submission: str) -> None:
    for ask in (board.manifest, board.bundle):
        with pytest.raises(UsageError, match="is no submission"):
            ask(submission)
    with pytest.raises(UsageError, match="has no file"):
        board.read(small_bundle(1).id, "../../board.toml")


def test_what_is_derived_is_hidden_from_git(board: Board) -> None:
    assert (board.derived / ".gitignore").read_text() == "*\n"
    assert board.runs.parent == folder(board) / "derived"


def test_what_is_derived_of_a_remote_board_or_an_unwritable_one_lies_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Board
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    from velm_bench.board.stores import open_store

    remote = Board(open_store("memory://bucket/board"))
    (tmp_path / "derived").write_text("a file in its place")
    places = {remote.derived, board.derived, Board(LocalStore(tmp_path / "x" / "..")).derived}
    assert len(places) == 2
    assert all(place.is_dir() and (tmp_path / "cache") in place.parents for place in places)


def test_a_board_at_an_address_is_one_like_any_other(board: Board) -> None:
    pytest.importorskip("fsspec")
    from velm_bench.board.stores import open_store

    store = open_store("memory://bucket/copied")
    store.create("board.toml", (folder(board) / "board.toml").read_bytes())
    remote = Board.open("memory://bucket/copied")
    for number in (1, 2):
        assert remote.publish(small_bundle(number), submitted(small_bundle(number)))
        assert not remote.publish(small_bundle(number), submitted(small_bundle(number)))
    assert remote.log() == board.log()
    assert remote.manifests() == board.manifests()
    assert remote.bundle(small_bundle(1).id) == small_bundle(1)


def test_what_is_no_board_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no board at"):
        Board.open(str(tmp_path / "nowhere"))
    for text in ("[", "title = 1", "board_version = 2", "board_version = 1\ntitle = 'x'\ntasks = []"):
        (tmp_path / "board.toml").write_text(text)
        with pytest.raises(UsageError, match=r"board\.toml"):
            Board.open(str(tmp_path))


def test_the_file_that_comes_again_is_found_among_very_many() -> None:
    """In one pass: comparing each with each would take many minutes here."""
    manifest = small_bundle(1).manifest
    numbered = [FileEntry(path=f"f/{number}", sha256="0" * 64, size=1) for number in range(50_000)]
    with pytest.raises(ValidationError, match="'f/49999' stands there twice"):
        type(manifest)(**{**vars(manifest), "files": (*numbered, numbered[-1])})
