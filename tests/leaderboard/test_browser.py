"""The shell of the pages and the Board page in a real browser, served by the real command."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaderboard.browsing import SCREENSHOTS, served
from tests.leaderboard.looking import foreign, shut, window
from tests.made_runs import HIDING, made_board

pytest.importorskip("streamlit")

LOOKS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}},
}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over made-up runs, names of strangers among them."""
    root = made_board(tmp_path_factory.mktemp("board") / "results")
    with served("--results", str(root), folder=root.parent) as where:
        yield where


@pytest.fixture(scope="module")
def board(real_board: Path) -> Iterator[str]:
    """A server over a real board."""
    with served("--board", str(real_board), folder=real_board.parent) as where:
        yield where


def opened(browser: Any, address: str, path: str = "/", **look: Any) -> Any:
    """The page when the table and the chart are drawn; to be given back by `shut`."""
    page = window(browser, **look)
    page.goto(address + path)
    drawn(page)
    return page


def drawn(page: Any) -> None:
    page.get_by_test_id("stDataFrame").first.wait_for()
    page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def cells(page: Any) -> list[str]:
    """What the grid's accessibility tree says is in its cells."""
    grid = page.get_by_test_id("stDataFrame").first
    grid.locator("td").first.wait_for(state="attached")
    return [text for text in grid.locator("td").all_text_contents() if text]


@pytest.mark.parametrize(
    ("name", "chart", "path"),
    [
        ("dark", "scores", "/"),
        ("phone", "kinds", "/?task=scenes_vqa%3Alite&chart=kinds"),
    ],
)
def test_a_real_board_is_seen_at_every_width_and_in_the_dark(
    browser: Any, board: str, name: str, chart: str, path: str
) -> None:
    page = opened(browser, board, path, **LOOKS[name])
    assert {"baseline:oracle", "ref:prefix", "ref:prefix · blank"} <= set(cells(page))
    assert page.evaluate(WIDER) <= 0
    SCREENSHOTS.mkdir(exist_ok=True)
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])) < 200) == (name == "dark")
    page.wait_for_timeout(500)  # fonts and canvas
    page.screenshot(path=SCREENSHOTS / f"board-{chart}-{name}.png")
    page.get_by_test_id("stVegaLiteChart").scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / f"board-{chart}-{name}-chart.png")
    shut(page)


def test_an_address_shows_the_same_rows_in_another_browser(browser: Any, board: str) -> None:
    page = opened(browser, board)
    page.get_by_test_id("stSelectbox").nth(0).get_by_role("combobox").click()
    page.get_by_role("option", name="ner", exact=True).click()
    page.wait_for_url("**kind=ner**")
    page.get_by_role("textbox", name="Search").fill("baseline")
    page.get_by_role("textbox", name="Search").press("Enter")
    page.wait_for_url("**search=baseline**")
    drawn(page)
    page.wait_for_timeout(500)
    other = opened(browser, board, page.url.removeprefix(board), clean=True)
    assert cells(other) == cells(page)
    assert len([text for text in cells(other) if text.startswith("baseline:")]) == 4
    shut(page, other)


def changed(page: Any, before: list[str]) -> list[str]:
    """The cells once they are others, within 20 s; the same ones if they stay."""
    for _ in range(80):
        page.wait_for_timeout(250)
        drawn(page)
        if cells(page) != before:
            page.wait_for_timeout(250)
            return cells(page)
    return before


def test_back_and_forward_go_through_what_was_chosen(browser: Any, address: str) -> None:
    page = opened(browser, address)
    before = cells(page)
    page.get_by_test_id("stSelectbox").nth(0).get_by_role("combobox").click()
    page.get_by_role("option", name="classification").click()
    page.wait_for_url("**kind=classification**")
    assert changed(page, before) != before
    shown = cells(page)
    page.go_back()
    assert changed(page, shown) == before
    shut(page)


def test_a_row_is_selected_and_opened_by_the_keyboard_alone(browser: Any, address: str) -> None:
    page = opened(browser, address, "/?task=scenes_vqa")
    page.get_by_role("textbox", name="Search").focus()
    page.keyboard.type("prefix")
    page.keyboard.press("Enter")
    page.wait_for_url("**search=prefix**")
    drawn(page)
    page.wait_for_timeout(700)
    reach(page, "Selected")
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**selected=**")
    chosen = page.url.partition("selected=")[2][:12]
    page.wait_for_timeout(700)
    page.keyboard.press("Escape")
    reach(page, "Open")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/model?submission={chosen}**")
    shut(page)


def reach(page: Any, name: str) -> None:
    """Press Tab until what has the focus carries this name."""
    said = "(e => (e.getAttribute('aria-label') || e.innerText || '').trim())(document.activeElement)"
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(said))
        if name in seen[-1][: len(name) + 40]:
            return
    pytest.fail(f"'{name}' cannot be reached: {seen}")


def test_a_row_that_is_clicked_stands_in_the_address_and_is_selected_there(browser: Any, address: str) -> None:
    page = opened(browser, address, "/?task=scenes_vqa")
    page.get_by_test_id("stDataFrame").first.click(position={"x": 16, "y": 55})
    page.wait_for_url("**selected=**")
    page.get_by_test_id("stMultiSelect").get_by_text("baseline:oracle").wait_for()
    other = opened(browser, address, page.url.removeprefix(address))
    other.get_by_test_id("stMultiSelect").get_by_text("baseline:oracle").wait_for()
    other.get_by_role("button", name="Samples").click()
    other.wait_for_url("**/samples?models=*")
    shut(page, other)


def test_every_page_is_reached_by_the_keyboard_on_a_phone(browser: Any, address: str) -> None:
    page = opened(browser, address, viewport={"width": 360, "height": 740})
    page.get_by_test_id("stExpandSidebarButton").focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Compare")
    link.wait_for()
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare**")
    assert page.evaluate(WIDER) <= 0
    shut(page)


def test_table_and_chart_have_names(browser: Any, address: str) -> None:
    page = opened(browser, address, "/?task=scenes_vqa")
    page.locator("[aria-label*='rows of']").first.wait_for(state="attached")
    page.locator("[aria-label*='with 95 % intervals']").first.wait_for(state="attached")
    shut(page)


@pytest.mark.parametrize("path", ["/?task=scenes_vqa", "/?task=scenes_vqa&chart=kinds"])
def test_names_of_strangers_load_and_run_nothing(browser: Any, address: str, path: str) -> None:
    page = opened(browser, address, path, viewport={"width": 1280, "height": 1400})
    shown = cells(page)
    assert any("<img src=x" in text for text in shown)
    assert any(text.startswith("'=HYPERLINK") for text in shown)
    assert HIDING not in " ".join(shown)
    assert any("⟨202E⟩" in text for text in shown)
    chart = page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first
    box = chart.bounding_box()
    for step in range(12):  # bubbles over the dots
        page.mouse.move(box["x"] + box["width"] * (0.2 + 0.06 * step), box["y"] + box["height"] * 0.1 * (step % 9))
        page.wait_for_timeout(40)
    assert page.locator(".stApp img, .vg-tooltip img").count() == 0
    assert page.title() == "Runs in results · velm-bench"
    assert not foreign(page.asked, address)
    shut(page)


@pytest.mark.parametrize("which", ["ours", "streamlit's"])
def test_no_download_holds_a_formula(browser: Any, address: str, which: str) -> None:
    page = opened(browser, address)
    with page.expect_download() as waiting:
        if which == "ours":
            page.get_by_role("button", name="CSV", exact=True).click()
        else:
            page.get_by_test_id("stDataFrame").first.hover()
            page.get_by_role("button", name="Download as CSV").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    assert "=HYPERLINK" in text
    for line in text.splitlines():
        for cell in line.split(","):
            assert not cell.lstrip('" ').startswith(("=", "+", "@", "\t"))
    assert HIDING not in text
    shut(page)


def test_the_server_listens_on_this_machine_only_and_shows_no_trace(address: str) -> None:
    port = int(address.rpartition(":")[2])
    for line in (*Path("/proc/net/tcp").read_text().splitlines(), *Path("/proc/net/tcp6").read_text().splitlines()):
        place = line.split()[1] if ":" in line else ""
        if place.endswith(f":{port:04X}") and line.split()[3] == "0A":
            assert place.startswith("0100007F")
    with urllib.request.urlopen(f"{address}/_stcore/host-config") as answer:
        assert "allowedOrigins" in json.load(answer)
