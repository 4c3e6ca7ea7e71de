"""Checkpoints and tasks that the tests of `hf:` models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from tests.models.huggingface.families import FAMILIES
from tests.models.huggingface.mixed import make_tasks
from velm_bench.tasks.registry import Definition


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads, which would wait for each other where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny checkpoint, made when first asked for."""
    root = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda name: FAMILIES[name].make(root / name))


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Definition]:
    """The mixed task set, by kind."""
    return make_tasks(tmp_path_factory.mktemp("mixed"))
