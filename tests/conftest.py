"""What every test may use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before numpy is there: tests run beside one another, and more threads within each wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parent.parent

settings.register_profile("unhurried", deadline=None)  # a busy machine is slow, and no fault of the code
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Thousands of collected tests would be gone through at every garbage collection, and some libraries ask for it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; the test skips where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets of shared/data are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def real_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of real runs on the small splits; shared by all tests, so nobody may change it."""
    from tests.made_boards import make_results, once

    return once(tmp_path_factory, "real_results", make_results) / "results"


@pytest.fixture(scope="session")
def real_board(tmp_path_factory: pytest.TempPathFactory, real_results: Path) -> Path:
    """A board of the four small tasks with all of `real_results` submitted; shared, so nobody may change it."""
    from tests.made_boards import make_board, once

    return once(tmp_path_factory, "real_board", lambda place: make_board(place, real_results)) / "board"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; the test skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    chromium = next(found, None)
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-background-networking"]
        launched = play.chromium.launch(executable_path=chromium, args=flags)
        yield launched
        launched.close()
