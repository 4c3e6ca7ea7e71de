"""The page Samples in a real browser, over real runs and a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.leaderboard.browsing import served
from tests.leaderboard.looking import appears, shut
from tests.leaderboard.strangers import (
    EVIL,
    VQA,
    cells,
    dark,
    kept_to_itself,
    keys_of,
    narrow,
    opened,
    settled,
    shot,
    with_stranger,
)
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.gallery import filtered, sample_rows
from velm_bench.inert import inert

pytest.importorskip("streamlit")

TWO = ("ref:concat", "ref:prefix")
DIFFER = "A right, B wrong"


@pytest.fixture(scope="module")
def root(real_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stranger(real_results, tmp_path_factory.mktemp("samples") / "results")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served("--results", str(root), folder=root.parent) as where:
        yield where


def path(root: Path, task: str = VQA, *labels: str, **state: str) -> str:
    keys = keys_of(root)
    chosen = ",".join(keys[label] for label in labels or TWO)
    more = "".join(f"&{name}={quote(value)}" for name, value in state.items())
    return f"/samples?task={quote(task)}&models={chosen}{more}"


def selected(page: Any) -> tuple[str, str, bytes]:
    """The sample that is looked at: its id, its question, and its picture as the browser got it."""
    source = page.get_by_test_id("stImage").locator("img").first.get_attribute("src")
    picture = page.request.get(page.evaluate("source => new URL(source, location).href", source)).body()
    return page.locator("h3.velm").first.inner_text(), page.locator(".sv").first.inner_text(), picture


WIDE: dict[str, Any] = {}
DARK, PHONE = {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}


@pytest.mark.parametrize(
    ("kind", "name", "look"),
    [
        ("vqa", "desktop", WIDE),
        ("ner", "phone", PHONE),
        ("captioning", "phone", PHONE),
        ("classification", "dark", DARK),
    ],
)
def test_every_kind_is_seen_at_every_width_and_in_the_dark(
    browser: Any, address: str, root: Path, kind: str, name: str, look: Any
) -> None:
    page = opened(browser, address, path(root, f"scenes_{kind}:lite"), **look)
    appears(page.locator(".sv article"), 2)
    page.wait_for_function("document.querySelector('[data-testid=stImage] img').naturalWidth >= 256")
    narrow(page)
    assert dark(page) == (name == "dark")
    assert len(cells(page)) == 12
    kept_to_itself(page, address)
    shot(page, f"samples-{kind}-{name}")
    shut(page)


def test_a_filter_shows_such_samples_only(browser: Any, address: str, root: Path) -> None:
    listing = list_results(root)
    keys = keys_of(root)
    rows = sample_rows(listing, VQA, [keys[label] for label in TWO])
    wanted = filtered(rows, DIFFER)
    page = opened(browser, address, path(root, filter=DIFFER))
    appears(page.get_by_text(f"1 of {len(wanted)}", exact=True), 1)
    assert selected(page)[0] == wanted["id"].iloc[0]
    assert all(row[4].startswith("✓") and row[5].startswith("✗") for row in cells(page))
    assert "✓ right" in page.locator("article").nth(0).inner_text()
    assert "✗ wrong" in page.locator("article").nth(1).inner_text()
    shut(page)


def test_a_filter_that_is_chosen_stands_in_the_address(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root, sample="test/does not exist"))
    page.get_by_role("combobox", name="Show").click()
    page.get_by_role("option", name="both wrong").click()
    page.wait_for_url("**filter=both*wrong**")
    settled(page)
    assert all(row[4].startswith("✗") and row[5].startswith("✗") for row in cells(page))
    page.get_by_role("textbox", name="Search").fill("how many")
    page.get_by_role("textbox", name="Search").press("Enter")
    page.wait_for_url("**text=how*many**")
    settled(page)
    assert all("how many" in row[2] for row in cells(page))
    assert "how many" in selected(page)[1]
    shut(page)


def test_a_permanent_address_shows_the_same_sample_and_picture(browser: Any, address: str, root: Path) -> None:
    first = opened(browser, address, path(root, filter="both right"))
    for _ in range(2):
        before = selected(first)[0]
        first.get_by_role("button", name="Next →").click()
        first.wait_for_function("before => document.querySelector('h3.velm').innerText !== before", arg=before)
        settled(first)
    here = first.url.removeprefix(address)
    assert "sample=" in here
    again = opened(browser, address, here, clean=True)
    assert selected(again) == selected(first)
    assert cells(again) == cells(first)
    shut(first, again)


def test_keys_and_tab_go_from_sample_to_sample(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root))
    ids = [selected(page)[0]]
    page.get_by_role("button", name="Next →").focus()
    for press in ("Enter", "n", "p"):
        page.keyboard.press(press)
        page.wait_for_function("before => document.querySelector('h3.velm').innerText !== before", arg=ids[-1])
        settled(page)
        ids.append(selected(page)[0])
    assert ids[3] == ids[1]
    assert len(set(ids)) == 3
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if "Show" in (page.evaluate("document.activeElement.getAttribute('aria-label')") or ""):
            break
    else:
        pytest.fail("the filter is not reached by the keyboard")
    shut(page)


def test_a_row_that_is_clicked_is_looked_at_and_pages_turn(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root))
    before = selected(page)[0]
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 36 + 74 * 4 + 37)
    page.wait_for_url("**sample=**")
    page.wait_for_function("before => document.querySelector('h3.velm').innerText !== before", arg=before)
    settled(page)
    assert [row[0] for row in cells(page)].index("▶") == 4
    page.get_by_test_id("stPagination").get_by_role("button", name="3").first.click()
    page.wait_for_url("**page=3**")
    settled(page)
    assert not any(row[0] for row in cells(page))
    shut(page)


def test_a_strangers_name_and_answers_are_text(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root, VQA, inert(EVIL, 60), "ref:prefix", filter="error"))
    shown = page.locator("article").first
    assert "<img src=x" in shown.inner_text()
    assert "⟨202E⟩" in shown.inner_text()
    assert shown.locator("img, script, strong, a").count() == 0
    assert "\u202e" not in page.content()
    page.goto(address + path(root, VQA, inert(EVIL, 60), "ref:prefix"))
    page.locator(".sv article").first.wait_for()
    settled(page)
    assert "<script>document.title=2</script>" in page.locator("article").first.inner_text()
    assert page.title() not in ("1", "2")
    assert not page.locator("img[src='x']").count()
    kept_to_itself(page, address)
    shot(page, "samples-stranger")
    shut(page)
