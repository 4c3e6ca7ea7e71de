"""`velm-bench leaderboard`: what is shown, to whom, and what is refused before the server starts."""

from __future__ import annotations

import os
import socket
import warnings
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests.cli.conftest import Velm, World
from velm_bench.board.bundles.archive import MAX_ARCHIVE
from velm_bench.board.place import ANYBODY, BOARD_VARIABLE, DATA_VARIABLE, RESULTS_VARIABLE, UPLOADS_VARIABLE
from velm_bench.board.place import LOGGED_IN as AFTER_LOGIN
from velm_bench.board.schema import BoardFile, PinnedTask
from velm_bench.cli import leaderboard, serving

Started = list[tuple[list[str], dict[str, str]]]
LOCAL = ["--server.allowedHosts=localhost", "--server.allowedHosts=127.0.0.1", "--server.allowedHosts=::1"]


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


@pytest.fixture
def board(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board without submissions, and a home without settings."""
    monkeypatch.setenv("HOME", str(world.folder / "home"))
    task = PinnedTask(
        name="shades", kind="vqa", file="tasks/shades.yaml", digest="0" * 64, fingerprint="f", content="1" * 64,
        samples=8, primary="exact_match",
    )  # fmt: skip
    folder = world.folder / "board"
    folder.mkdir()
    data = BoardFile(title="Shades", tasks=(task,)).model_dump(mode="json", exclude_none=True)
    (folder / "board.toml").write_bytes(tomli_w.dumps(data).encode())
    return folder


def hosts(command: list[str]) -> list[str]:
    return [word for word in command if word.startswith("--server.allowedHosts")]


def test_it_serves_this_machine_only_and_reports_to_nobody(velm: Velm, ran: World, started: Started) -> None:
    assert velm("leaderboard").code == 0
    command, environment = started[0]
    assert {
        "--server.address=127.0.0.1",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
        "--server.enableCORS=true",
        "--server.enableXsrfProtection=true",
        "--server.fileWatcherType=none",
        "--server.maxUploadSize=1",
    } <= set(command)
    assert hosts(command) == LOCAL
    assert not [word for word in command if word.startswith("--server.port")]
    assert environment[RESULTS_VARIABLE] == str(ran.results)
    assert UPLOADS_VARIABLE not in environment
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
    where = ("--port", port, "--host", "0.0.0.0", "--allowed-host", "board.example.org", "--allowed-host", "[::2]")
    assert velm("leaderboard", "--results", "others", *where).code == 0
    command, environment = started[0]
    assert {f"--server.port={port}", "--server.address=0.0.0.0"} <= set(command)
    assert hosts(command) == [*LOCAL, "--server.allowedHosts=board.example.org", "--server.allowedHosts=::2"]
    assert environment[RESULTS_VARIABLE].endswith("others")


def test_an_address_of_its_own_is_a_name_for_it(velm: Velm, ran: World, started: Started) -> None:
    assert velm("leaderboard", "--host", "127.0.0.2").code == 0
    assert hosts(started[0][0]) == [*LOCAL, "--server.allowedHosts=127.0.0.2"]


def test_a_board_is_shown_and_goes_before_what_the_environment_says(
    velm: Velm, ran: World, board: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, "another")
    monkeypatch.setenv(UPLOADS_VARIABLE, "1")
    assert velm("leaderboard").code == 0
    assert velm("leaderboard", "--board", "board").code == 0
    (_, of_results), (_, of_board) = started
    assert (of_results.get(BOARD_VARIABLE), of_results.get(UPLOADS_VARIABLE)) == (None, None)
    assert of_board[BOARD_VARIABLE] == str(board)
    assert RESULTS_VARIABLE not in of_board


def test_the_folders_of_data_reach_the_pages(
    velm: Velm, board: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, "/elsewhere")
    assert velm("leaderboard", "--board", board, "--data", "pictures", "--data", ".").code == 0
    there = [str(board.parent / "pictures"), str(board.parent), "/elsewhere"]
    assert started[0][1][DATA_VARIABLE].split(os.pathsep) == there
    assert "nowhere" in velm("leaderboard", "--board", board, "--data", "nowhere").sentence


def test_on_this_machine_bundles_may_be_uploaded(velm: Velm, board: Path, started: Started) -> None:
    assert velm("leaderboard", "--board", board).code == 0
    command, environment = started[0]
    assert environment[UPLOADS_VARIABLE] == ANYBODY
    assert f"--server.maxUploadSize={MAX_ARCHIVE // 2**20}" in command


@pytest.mark.parametrize(
    "where", [("--host", "0.0.0.0", "--allowed-host", "board.example.org"), ("--allowed-host", "board.example.org")]
)
def test_whoever_can_be_reached_by_others_takes_no_uploads(
    velm: Velm, board: Path, started: Started, where: tuple[str, ...]
) -> None:
    """Behind a proxy, a server on a loopback address is one that others reach."""
    assert velm("leaderboard", "--board", board, *where).code == 0
    command, environment = started[0]
    assert UPLOADS_VARIABLE not in environment
    assert "--server.maxUploadSize=1" in command


def test_uploads_of_others_need_a_login(
    velm: Velm, board: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = ("leaderboard", "--board", board, "--allowed-host", "board.example.org", "--allow-uploads")
    refused = velm(*public)
    assert refused.code == 2
    assert "secrets.toml" in refused.sentence
    secrets = board.parent / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    auth = {"redirect_uri": "https://board.example.org/oauth2callback", "cookie_secret": "s3cret", "client_id": "c"}
    secrets.write_text(tomli_w.dumps({"auth": auth}))
    refused = velm(*public)
    assert "client_secret, server_metadata_url missing" in refused.sentence
    assert "s3cret" not in refused.err
    auth |= {"client_secret": "x", "server_metadata_url": "https://login.example.org/.well-known/openid-configuration"}
    secrets.write_text(tomli_w.dumps({"auth": auth}))
    monkeypatch.setattr(serving, "find_spec", lambda _: None)
    assert "pip install 'streamlit[auth]'" in velm(*public).sentence
    monkeypatch.setattr(serving, "find_spec", lambda _: object())
    assert started == []
    assert velm(*public).code == 0
    command, environment = started[0]
    assert environment[UPLOADS_VARIABLE] == AFTER_LOGIN
    assert f"--server.maxUploadSize={MAX_ARCHIVE // 2**20}" in command
    assert "s3cret" not in repr(started)
    secrets.write_text("[auth")
    assert "secrets.toml cannot be read" in velm(*public).sentence


def test_allow_uploads_that_would_change_nothing_is_refused(velm: Velm, ran: World, board: Path) -> None:
    assert "without a board" in velm("leaderboard", "--allow-uploads").sentence
    assert "leave it out" in velm("leaderboard", "--board", board, "--allow-uploads").sentence


@pytest.mark.parametrize(("environment", "headless"), [({}, "true"), ({"DISPLAY": ":0"}, "false")])
def test_no_browser_is_opened_without_a_display(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], headless: str
) -> None:
    monkeypatch.setattr(serving.sys, "platform", "linux")
    command = serving.streamlit_command("127.0.0.1", None, ("localhost",), 1, environment)
    assert f"--server.headless={headless}" in command


def test_a_board_and_a_results_folder_are_told_apart(velm: Velm, ran: World, board: Path, started: Started) -> None:
    assert velm("leaderboard", "--results", board).sentence.endswith("is a board: give it with --board.")
    assert velm("leaderboard", "--board", ran.results).sentence.endswith("give it with --results.")
    assert "There is no board" in velm("leaderboard", "--board", "nowhere").sentence
    assert "There is no board" in velm("leaderboard", "--board", "memory://nowhere").sentence
    assert "either --board or --results" in velm("leaderboard", "--board", board, "--results", "results").sentence
    assert "--board is empty" in velm("leaderboard", "--board", "").sentence
    assert started == []


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
    for everybody in ("0.0.0.0", "::"):
        assert "--allowed-host" in velm("leaderboard", "--host", everybody).sentence
    for name in ("*", "board.example.org:80", "http://board.example.org", "a b", ""):
        assert "is no name of a host" in velm("leaderboard", "--allowed-host", name).sentence
    ran.write("file", "")
    assert "is a file" in velm("leaderboard", "--results", "file").sentence
    assert velm("leaderboard", "--port", "70000").code == 2
    monkeypatch.setattr(leaderboard, "find_spec", lambda _: None)
    absent: Any = velm("leaderboard")
    assert absent.code == 2
    assert "pip install 'velm-bench[leaderboard]'" in absent.sentence
    assert started == []
