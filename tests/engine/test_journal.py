"""The journal: whole lines are kept, torn and damaged ones are not, and two processes never share one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from velm_bench.engine import journal as room
from velm_bench.engine.journal import Journal, Line, starting_size
from velm_bench.engine.outcomes import Outcome
from velm_bench.errors import RunError, UsageError


def line(*ids: str, size: int = 4) -> Line:
    return Line(tuple(Outcome(one, f"key of {one}", {"text": "ja ☃", "tokens": 2}) for one in ids), 0.5, 4, size)


def write(folder: Path, *lines: Line) -> Path:
    with Journal(folder, pytest.fail) as journal:
        for one in lines:
            journal.append(one)
    return folder / room.JOURNAL


def read(folder: Path) -> tuple[list[Line], list[str]]:
    notes: list[str] = []
    with Journal(folder, notes.append) as journal:
        return journal.lines, notes


def test_lines_come_back(tmp_path: Path) -> None:
    failed = Line((Outcome("c", "k", error="broken"),), 0.1, 4, 2)
    write(tmp_path, line("a", "b"), failed)
    assert read(tmp_path) == ([line("a", "b"), failed], [])


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_cut_off_before_anything_is_added(cut: int, tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), line("b"))
    path.write_bytes(path.read_bytes()[:-cut])
    write(tmp_path, line("c"))
    assert read(tmp_path) == ([line("a"), line("c")], [])


@pytest.mark.parametrize("damage", [b"\0\0\0", b"{}", b'{"rows": 3}', b"\xff\xfe", b"[" * 50, b'{"rows":[[1,2,3,4]]}'])
def test_a_damaged_line_is_passed_over_with_a_note(damage: bytes, tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), line("b"), line("c"))
    first, _, third, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, damage, third, b""]))
    lines, notes = read(tmp_path)
    assert lines == [line("a"), line("c")]
    assert len(notes) == 1
    assert "Line 2" in notes[0]


ODD = [
    '"seconds":1e999,"asked_size":4,"size":4',
    '"seconds":-1,"asked_size":4,"size":4',
    '"seconds":1e300,"asked_size":4,"size":4',
    '"seconds":NaN,"asked_size":4,"size":4',
    '"seconds":1,"asked_size":4,"size":0',
    '"seconds":1,"asked_size":0,"size":0',
    '"seconds":1,"asked_size":4,"size":-4',
    '"seconds":1,"asked_size":4,"size":8',
    '"seconds":1,"asked_size":4,"size":1e999',
]


@pytest.mark.parametrize("odd", [*(f'{{"rows":[],{one}}}' for one in ODD), "[" * 100_000, '{"rows":' + "[" * 100_000])
def test_a_line_that_no_run_wrote_is_passed_over(odd: str, tmp_path: Path) -> None:
    (tmp_path / room.JOURNAL).write_text(odd + "\n", encoding="ascii")
    lines, notes = read(tmp_path)
    assert lines == []
    assert "Line 1" in notes[0]


@pytest.mark.parametrize("answer", ['{"text":"a","tokens":1180591620717411303424}', '{"logprobs":[NaN]}'])
def test_an_answer_that_could_not_be_stored_is_damage(answer: str, tmp_path: Path) -> None:
    text = f'{{"rows":[["a","k",{answer},""]],"seconds":1,"asked_size":4,"size":4}}\n'
    (tmp_path / room.JOURNAL).write_text(text, encoding="ascii")
    assert read(tmp_path)[0] == []


def test_what_comes_before_a_new_beginning_is_forgotten(tmp_path: Path) -> None:
    with Journal(tmp_path, pytest.fail) as journal:
        journal.append(line("a"))
        journal.begin_anew()
        assert (journal.lines, journal.anew) == ([], True)
        journal.append(line("b"))
    with Journal(tmp_path, pytest.fail) as journal:
        assert (journal.lines, journal.anew) == ([line("b")], True)


def test_a_torn_new_beginning_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, line("a"))
    path.write_bytes(path.read_bytes() + room.ANEW[:-1])
    with Journal(tmp_path, pytest.fail) as journal:
        assert (journal.lines, journal.anew) == ([line("a")], False)


def test_an_answer_of_no_known_form_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path, Line((Outcome("a", "k", {"text": 3}),), 0.1, 4, 4))
    lines, notes = read(tmp_path)
    assert (lines, len(notes)) == ([], 1)
    assert path.exists()


def test_an_unused_journal_leaves_no_file(tmp_path: Path) -> None:
    assert not write(tmp_path).exists()


def test_an_empty_file_that_is_kept_stays_until_it_is_discarded(tmp_path: Path) -> None:
    with Journal(tmp_path, pytest.fail) as journal:
        assert not journal.found
        journal.keep()
    for _ in range(2):
        with Journal(tmp_path, pytest.fail) as journal:
            assert journal.found
    with Journal(tmp_path, pytest.fail) as journal:
        journal.discard()
    assert not journal.path.exists()


def test_two_processes_cannot_have_it_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path, pytest.fail), pytest.raises(UsageError, match="Another process"):
        Journal(tmp_path, pytest.fail)
    read(tmp_path)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(room, "_write_all", full)
    with Journal(tmp_path, pytest.fail) as journal, pytest.raises(RunError, match=r"No space left.*run the same"):
        journal.append(line("a"))


def test_the_size_that_memory_allowed_holds_for_the_same_setting() -> None:
    lines = [line("a", size=4), line("b", size=2)]
    assert starting_size(lines, 4) == 2
    assert starting_size(lines, 8) == 8
    assert starting_size([], 8) == 8
