"""`velm-bench leaderboard`: the server's settings and what is refused before it starts."""

from __future__ import annotations

import socket
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Velm, World
from velm_bench.board.place import RESULTS_VARIABLE
from velm_bench.cli import leaderboard

Started = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What would have been executed."""
    calls: Started = []

    def execute(path: str, command: list[str], environment: dict[str, str]) -> None:
        calls.append((command, environment))

    monkeypatch.setattr(leaderboard.os, "execve", execute)
    return calls


@pytest.fixture
def ran(velm: Velm, world: World) -> World:
    velm("run", "-m", "baseline:majority", "-t", world.task)
    return world


def test_it_serves_this_machine_only_and_reports_to_nobody(velm: Velm, ran: World, started: Started) -> None:
    assert velm("leaderboard").code == 0
    command, environment = started[0]
    assert "--server.address=127.0.0.1" in command
    assert "--browser.gatherUsageStats=false" in command
    assert "--client.showErrorDetails=none" in command
    assert not [word for word in command if word.startswith("--server.port")]
    assert environment[RESULTS_VARIABLE] == str(ran.results)
    assert Path(command[4]).name == "app.py"
    assert Path(command[4]).is_file()


def test_a_damaged_result_is_left_to_the_page(velm: Velm, ran: World, started: Started) -> None:
    (path,) = ran.results.glob("*/*/*/result.json")
    path.write_text("{", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = velm("leaderboard")
    assert (done.code, done.err.splitlines()) == (0, ["The leaderboard is starting; Ctrl-C ends it."])
    assert len(started) == 1


def test_results_port_and_host(velm: Velm, ran: World, started: Started) -> None:
    ran.results.rename(ran.folder / "others")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert velm("leaderboard", "--results", "others", "--port", port, "--host", "0.0.0.0").code == 0
    command, environment = started[0]
    assert {f"--server.port={port}", "--server.address=0.0.0.0"} <= set(command)
    assert environment[RESULTS_VARIABLE].endswith("others")


@pytest.mark.parametrize(("environment", "headless"), [({}, "true"), ({"DISPLAY": ":0"}, "false")])
def test_no_browser_is_opened_without_a_display(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], headless: str
) -> None:
    monkeypatch.setattr(leaderboard.sys, "platform", "linux")
    assert f"--server.headless={headless}" in leaderboard.streamlit_command("127.0.0.1", None, environment)


def test_what_is_refused(velm: Velm, ran: World, started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nowhere" in velm("leaderboard", "--results", "nowhere").sentence
    assert "no runs" in velm("leaderboard", "--results", "pictures").sentence
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in velm("leaderboard", "--port", port).sentence
        assert velm("leaderboard", "--port", port).sentence.endswith("give another --port.")
    for more in ([], ["--port", port]):
        foreign = velm("leaderboard", "--host", "9.9.9.9", *more)
        assert foreign.code == 2
        assert "9.9.9.9" in foreign.sentence
        assert foreign.sentence.endswith("give another --host.")
    assert "--host" in velm("leaderboard", "--host", "no..name").sentence
    assert "--host is empty" in velm("leaderboard", "--host", "").sentence
    ran.write("file", "")
    assert "is a file" in velm("leaderboard", "--results", "file").sentence
    assert velm("leaderboard", "--port", "70000").code == 2
    monkeypatch.setattr(leaderboard, "find_spec", lambda _: None)
    absent: Any = velm("leaderboard")
    assert absent.code == 2
    assert "pip install 'velm-bench[leaderboard]'" in absent.sentence
    assert started == []
