"""The page in a real browser, served by the real command."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaderboard.browsing import SCREENSHOTS, served
from tests.made_runs import made_board

pytest.importorskip("streamlit")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = made_board(tmp_path_factory.mktemp("board") / "results")
    with served("--results", str(root), folder=root.parent) as where:
        yield where


def opened(browser: Any, address: str, path: str = "/", **look: Any) -> Any:
    """The page when both tables and the chart are drawn."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **look})
    page.set_default_timeout(30_000)
    page.goto(address + path)
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first.wait_for()
    return page


def cells(page: Any, table: int = 0) -> list[str]:
    """What the grid's accessibility tree says is in its cells."""
    grid = page.get_by_test_id("stDataFrame").nth(table)
    grid.locator("td").first.wait_for(state="attached")
    return [text for text in grid.locator("td").all_text_contents() if text]


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("desktop", {}),
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 360, "height": 740}}),
    ],
)
def test_the_table_is_seen_at_every_width_and_in_the_dark(browser: Any, address: str, name: str, look: Any) -> None:
    page = opened(browser, address, path="/?shown=scenes_vqa", **look)
    assert {"baseline:oracle", "scenes_vqa"} <= set(cells(page))
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(700)
    page.screenshot(path=SCREENSHOTS / f"leaderboard-{name}.png")
    page.get_by_test_id("stVegaLiteChart").scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"leaderboard-{name}-metrics.png")
    page.close()


def test_the_dark_page_is_dark(browser: Any, address: str) -> None:
    page = opened(browser, address, color_scheme="dark")
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])) < 200
    page.close()


def test_names_of_strangers_load_and_run_nothing(browser: Any, address: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    page.wait_for_timeout(1000)
    assert any("<img src=x" in text for text in cells(page))
    assert page.locator(".stApp img").count() == 0
    assert page.title() != "1"
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    assert not [url for url in asked if not url.startswith(own)]
    page.close()


def test_a_filter_stands_in_the_address_and_is_read_from_it(browser: Any, address: str) -> None:
    page = opened(browser, address, path="/?kind=ner")
    assert "scenes_ner" in cells(page)
    assert "scenes_vqa" not in cells(page)
    page.get_by_test_id("stSelectbox").nth(0).get_by_role("combobox").click()
    page.get_by_role("option", name="vqa").click()
    page.wait_for_url("**kind=vqa**")
    page.close()


def test_the_server_listens_on_this_machine_only_and_shows_no_trace(address: str) -> None:
    port = int(address.rpartition(":")[2])
    for line in (*Path("/proc/net/tcp").read_text().splitlines(), *Path("/proc/net/tcp6").read_text().splitlines()):
        place = line.split()[1] if ":" in line else ""
        if place.endswith(f":{port:04X}") and line.split()[3] == "0A":
            assert place.startswith("0100007F")
    with urllib.request.urlopen(f"{address}/_stcore/host-config") as answer:
        assert "allowedOrigins" in json.load(answer)
