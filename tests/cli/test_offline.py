"""The embedded tasks need no network: they run in a process whose sockets cannot be connected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

KINDS = ("captioning", "classification", "ner", "vqa")
BLOCKED = """
import socket, sys
def refuse(*arguments, **named):
    raise AssertionError("the network was asked for")
for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
from velm_bench.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("model", ["baseline:majority", "baseline:random"])
def test_the_embedded_tasks_run_with_sockets_blocked(model: str, tmp_path: Path) -> None:
    tasks = ",".join(f"{kind}:lite" for kind in KINDS)
    command = [sys.executable, "-c", BLOCKED, "run", "-m", model, "-t", tasks, "--limit", "20", "--replicates", "20"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    results = [run["result"] for run in json.loads(done.stdout)["runs"]]
    assert [result["task"]["kind"] for result in results] == list(KINDS)
    assert all((result["n"], result["n_errors"]) == (20, 0) for result in results)


def test_the_block_blocks(tmp_path: Path) -> None:
    code = BLOCKED.partition("from velm_bench")[0] + "socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the network was asked for" in done.stderr
