"""What the tests of the page have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.leaderboard.browsing import CHROMIUM


@pytest.fixture(autouse=True)
def main_module_kept() -> Iterator[None]:
    """AppTest puts the app in place of `__main__`, which processes spawned by later tests would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; the test skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-background-networking"]
        launched = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()
