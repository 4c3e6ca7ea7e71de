"""The real server behind `velm-bench leaderboard`: who may connect, what may be sent, and what is never told."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import tomli_w

from tests.conftest import REPOSITORY
from tests.leaderboard.browsing import free_port, served, wait_for
from velm_bench.board.bundles.archive import MAX_ARCHIVE
from velm_bench.board.schema import BoardFile, PinnedTask
from velm_bench.cli.serving import allowed_hosts, streamlit_command

pytest.importorskip("streamlit")

Server = tuple[str, int]


@pytest.fixture(scope="module")
def outside() -> Iterator[socket.socket]:
    """Where every request to the world outside would arrive."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.5)
        yield listening


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, outside: socket.socket) -> Iterator[Server]:
    """The address of a server of an empty board, and its port."""
    task = PinnedTask(
        name="t", kind="vqa", file="tasks/t.yaml", digest="0" * 64, fingerprint="f", content="1" * 64, samples=8,
        primary="exact_match",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("board")
    data = BoardFile(title="Empty", tasks=(task,)).model_dump(mode="json", exclude_none=True)
    (folder / "board.toml").write_bytes(tomli_w.dumps(data).encode())
    with served("--board", str(folder), folder=folder, **proxies(outside)) as address:
        yield address, int(address.rsplit(":", 1)[1])


def proxies(outside: socket.socket) -> dict[str, str]:
    """Variables that send all requests of common libraries there."""
    place = f"http://127.0.0.1:{outside.getsockname()[1]}"
    return dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), place) | {"no_proxy": ""}


def handshake(port: int, host: str, origin: str = "") -> int:
    """The status that a browser gets that asks for the pages' connection under this name, from a page of `origin`."""
    headers = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **({"Origin": origin} if origin else {}),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("GET", "/_stcore/stream", skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@contextmanager
def session(address: str) -> Iterator[tuple[str, list[Any]]]:
    """A session as a page opens one: its id, and all messages until the script has run."""
    connecting = pytest.importorskip("websockets.sync.client")
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    ask = BackMsg()
    ask.rerun_script.query_string = ""
    where = f"ws://{urlsplit(address).netloc}/_stcore/stream"
    with connecting.connect(where, subprotocols=["streamlit"], max_size=None) as connection:
        connection.send(ask.SerializeToString())
        heard: list[Any] = []
        while not heard or heard[-1].WhichOneof("type") != "script_finished":
            message = ForwardMsg()
            message.ParseFromString(connection.recv(timeout=60))
            heard.append(message)
        (identity,) = [one.new_session.initialize.session_id for one in heard if one.HasField("new_session")][:1]
        yield identity, heard


def test_no_foreign_name_can_be_pointed_at_it(server: Server) -> None:
    """DNS rebinding: the attacker's page asks for its own name, which now leads to 127.0.0.1."""
    _, port = server
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert handshake(port, f"{host}:{port}") == 101
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"):
        assert handshake(port, f"{host}:{port}") == 403


def test_a_page_of_another_site_cannot_connect_and_nobody_outside_is_asked(
    server: Server, outside: socket.socket
) -> None:
    _, port = server
    assert handshake(port, f"127.0.0.1:{port}", f"http://127.0.0.1:{port}") == 101
    assert handshake(port, f"127.0.0.1:{port}", "https://evil.example") == 403
    with pytest.raises(TimeoutError):
        outside.accept()


def test_only_this_machine_can_reach_it(server: Server) -> None:
    _, port = server
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    if sys.platform == "linux":  # all of 127.0.0.0/8 is this machine, and a server of 0.0.0.0 would answer
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)


def upload(server: Server, identity: str, length: int, token: str = "") -> int:
    """The status that a file of so many bytes gets; without a token, it comes from a page of another site."""
    connection = http.client.HTTPConnection("127.0.0.1", server[1], timeout=30)
    connection.request("GET", "/_stcore/health")
    answer = connection.getresponse()
    answer.read()
    cookie = str(answer.getheader("set-cookie")).split(";")[0]
    connection.putrequest("PUT", f"/_stcore/upload_file/{identity}/1")
    connection.putheader("Cookie", cookie)
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(length))
    if token:
        connection.putheader("X-Xsrftoken", cookie.partition("=")[2])
    connection.endheaders()
    if length < 1000:
        text = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.zip"\r\n\r\nx\r\n--b--\r\n'
        connection.send(text.ljust(length))
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    with session(server[0]) as (identity, _):
        assert upload(server, identity, 200, "token") == 204
        assert upload(server, identity, MAX_ARCHIVE + 1, "token") == 413
        assert upload(server, identity, 200) == 403
    assert upload(server, "nobody", 200, "token") == 400


def test_an_error_is_shown_without_its_trace_and_no_settings_of_others_weaken_that(tmp_path: Path) -> None:
    """The same command line, over an app that fails."""
    broken = tmp_path / "app.py"
    broken.write_text("password = 'hunter2'\nraise ZeroDivisionError(f'with {password}')\n", encoding="utf-8")
    (tmp_path / ".streamlit").mkdir()
    lax = '[client]\nshowErrorDetails = "full"\n[server]\nenableCORS = false\nallowedHosts = ["*"]\n'
    (tmp_path / ".streamlit" / "config.toml").write_text(lax, encoding="utf-8")
    port = free_port()
    command = streamlit_command("127.0.0.1", port, allowed_hosts("127.0.0.1", ()), 1, {})
    command[4] = str(broken)
    running = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, running)
        with session(address) as (_, heard):
            said = repr([one.delta for one in heard if one.HasField("delta")])  # what is on the page
        assert "exception" in said
        for secret in ("hunter2", "ZeroDivisionError", str(tmp_path), "app.py"):
            assert secret not in said
        assert handshake(port, f"evil.example:{port}") == 403
        assert handshake(port, f"127.0.0.1:{port}", "https://evil.example") == 403
    finally:
        running.terminate()
        running.wait(timeout=20)


def test_a_server_for_everybody_asks_nobody_which_address_it_has(tmp_path: Path, outside: socket.socket) -> None:
    app = tmp_path / "app.py"
    app.write_text("import streamlit as st\nst.text('here')\n", encoding="utf-8")
    port = free_port()
    command = streamlit_command("0.0.0.0", port, allowed_hosts("0.0.0.0", ("board.example.org",)), 1, {})
    command[4] = str(app)
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY), **proxies(outside)}
    running = subprocess.Popen(command, cwd=tmp_path, env=settings)
    try:
        wait_for(f"http://127.0.0.1:{port}", running)
        assert handshake(port, "board.example.org") == 101
        assert handshake(port, "evil.example") == 403
        with pytest.raises(TimeoutError):
            outside.accept()
    finally:
        running.terminate()
        running.wait(timeout=20)
