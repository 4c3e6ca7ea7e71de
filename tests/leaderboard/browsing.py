"""A real server and a real browser for the tests of pages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SCREENSHOTS = REPOSITORY / "tests" / "screenshots"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not answer within 30 s")


@contextmanager
def served(*arguments: str, folder: Path, **variables: str) -> Iterator[str]:
    """`velm-bench leaderboard` with these arguments, until the block ends; its address."""
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "velm_bench.cli.main", "leaderboard", *arguments, "--port", str(port)]
    settings = {**environment, "PYTHONPATH": str(REPOSITORY), **variables}
    server = subprocess.Popen(command, cwd=folder, env=settings)
    try:
        wait_for(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)
