"""Processes that train together: what becomes of those that die."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from velm_bench.errors import RunError
from velm_bench.reference import parallel
from velm_bench.reference.parallel import joined, led, quietly


def dies(*_: Any) -> None:
    os._exit(7)


def dies_later(rank: int, size: int, meeting: Path) -> None:
    with joined(rank, size, meeting):
        os._exit(9)


def disagrees(rank: int, size: int, meeting: Path) -> None:
    def follow() -> None:
        with joined(rank, size, meeting) as group:
            group.sums(1.0)
            raise RunError("told by the leader")

    quietly(follow)


@pytest.mark.parametrize(("follow", "code"), [(dies, 7), (dies_later, 9)])
def test_a_process_that_dies_ends_the_training(follow: Any, code: int) -> None:
    with pytest.raises(RunError, match=rf"process 1 ended unexpectedly \(exit code {code}"), led(2, follow) as group:
        group.sums(1.0)


def test_processes_agree_on_what_is_no_number(capfd: pytest.CaptureFixture[str]) -> None:
    with led(2, disagrees) as group:
        assert group.sums(1.0) == (2.0,)
    assert "Traceback" not in capfd.readouterr().err


def dies_while_connecting(rank: int, size: int, meeting: Path) -> None:
    parallel._sign(meeting, rank).touch()
    os._exit(5)


def test_a_process_that_dies_while_connecting_does_not_keep_the_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_MEETING", timedelta(seconds=1))
    follow = dies_while_connecting
    with pytest.raises(RunError, match=r"process 1 ended unexpectedly \(exit code 5"), led(2, follow) as group:
        group.sums(1.0)


def meets(rank: int, size: int, meeting: Path) -> None:
    with joined(rank, size, meeting) as group:
        group.sums(1.0)


def test_a_meeting_that_came_to_nothing_does_not_spoil_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch numbers groups by attempts: the next one would meet its followers, who start afresh, under another name."""
    monkeypatch.setattr(parallel, "_MEETING", timedelta(seconds=1))
    with pytest.raises(RunError, match="process 1 ended"), led(2, dies_while_connecting):
        pass
    monkeypatch.setattr(parallel, "_MEETING", timedelta(seconds=10))
    with led(2, meets) as group:
        assert group.sums(1.0) == (2.0,)
