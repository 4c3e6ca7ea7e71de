"""What the tests of the page have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module_kept() -> Iterator[None]:
    """AppTest puts the app in place of `__main__`, which processes spawned by later tests would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
