"""A mirror that holds the fixtures of all hub tasks, and the shipped tasks without their numbers of samples."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import velm
from tests.tasks.hub.registry import MAKERS
from velm_bench.tasks.registry import definitions

__all__ = ["velm"]

ShortTask = Callable[[str], Path]
"""Gives the YAML of a shipped task that takes any number of samples."""


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to give as --data."""
    root = tmp_path_factory.mktemp("mirror")
    for maker in MAKERS.values():
        for table in maker().tables:
            table.write(root)
    return root


@pytest.fixture
def short_task(tmp_path: Path) -> ShortTask:
    """A fixture has fewer rows than the data: a copy of the task, equal but for the expected number, takes them."""

    def copy(name: str) -> Path:
        text = definitions()[name].path.read_text(encoding="utf-8")
        path = tmp_path / f"{name}.yaml"
        path.write_text(re.sub(r"(?m)^expected_samples:.*\n", "", text), encoding="utf-8")
        return path

    return copy


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and no data folders but those that a test names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VELM_DATA", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be connected to, as on a node without network."""

    def refuse(*arguments: Any, **named: Any) -> Any:
        raise OSError(101, "Network is unreachable")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
