"""What a person at a terminal sees: a bar while it runs, a table at the end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import World
from tests.conftest import REPOSITORY

pty = pytest.importorskip("pty")


def on_a_terminal(*arguments: str, cwd: str, columns: int = 180) -> tuple[int, str]:
    """The exit code and everything shown on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "velm_bench.cli.main", *arguments]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment)
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return child.wait(timeout=60), shown.decode("utf-8", "replace")


def test_a_bar_and_a_table(world: World) -> None:
    code, shown = on_a_terminal("run", "-m", "baseline:majority", "-t", str(world.task), cwd=str(world.folder))
    assert code == 0
    assert "8/8" in shown
    assert "/s" in shown
    assert "exact_match" in shown
    assert "0.5000" in shown


def test_markup_in_a_name_is_shown_as_it_is(world: World) -> None:
    given = ("score", "-t", str(world.task), "-p", str(world.predictions()), "--name", "[bold red]x[/]")
    assert on_a_terminal(*given, cwd=str(world.folder))[0] == 0
    assert "[bold red]x[/]" in on_a_terminal("results", "list", cwd=str(world.folder))[1]


@pytest.mark.parametrize("columns", [20, 40, 60, 80])
def test_no_number_and_no_id_is_ever_cut(columns: int, world: World) -> None:
    where = str(world.folder)
    code, shown = on_a_terminal("run", "-m", "baseline:majority", "-t", str(world.task), cwd=where, columns=columns)
    assert code == 0
    (row,) = [line for line in shown.splitlines() if "exact_match" in line]
    assert row.split()[:3] == ["shades", "exact_match", "0.5000"]
    assert row.split()[-3:] == ["8", "0", "0"]
    run_id = world.result()["run_id"]
    listed = on_a_terminal("results", "list", cwd=where, columns=columns)[1]
    score = world.result()["scores"]["exact_match"]
    assert f"[{score['low']:.4f}, {score['high']:.4f}] " in listed
    assert run_id in listed
    assert "0.5000" in listed
    shown = on_a_terminal("results", "show", run_id, cwd=where, columns=columns)[1]
    assert "half=dark" in shown
    assert shown.count("0.5000") >= 2
