"""The page Compare in a real browser, over real runs and a stranger's."""

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
from velm_bench.board.pages.comparing import compare_frame, sentence
from velm_bench.inert import inert

pytest.importorskip("streamlit")

DRAWN = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
THREE = ("ref:prefix", "ref:concat", "ref:prefix (blank)")


@pytest.fixture(scope="module")
def root(real_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stranger(real_results, tmp_path_factory.mktemp("compare") / "results")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served("--results", str(root), folder=root.parent) as where:
        yield where


def path(root: Path, task: str = VQA, *labels: str, more: str = "") -> str:
    keys = keys_of(root)
    return f"/compare?task={quote(task)}&models={','.join(keys[label] for label in labels or THREE)}{more}"


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("dark", {"color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 360, "height": 740}}),
    ],
)
def test_it_is_seen_at_every_width_and_in_the_dark(
    browser: Any, address: str, root: Path, name: str, look: Any
) -> None:
    page = opened(browser, address, path(root, more="&tasks=1"), until=DRAWN, **look)
    appears(page.get_by_test_id("stVegaLiteChart"), 4)
    narrow(page)
    assert dark(page) == (name == "dark")
    kept_to_itself(page, address)
    shot(page, f"compare-{name}")
    shut(page)


def test_sentences_and_table_say_what_the_frame_says(browser: Any, address: str, root: Path) -> None:
    frame = compare_frame(list_results(root), [keys_of(root)[label] for label in THREE], VQA)
    page = opened(browser, address, path(root), until=DRAWN)
    text = page.get_by_test_id("stMain").inner_text()
    for _, row in frame.iloc[1:].iterrows():
        assert sentence(row, "ref:prefix", "vqa") in text
    shown = cells(page)
    assert [row[0].split("  ")[1] for row in shown] == list(frame["model"])
    assert [float(row[1]) for row in shown] == pytest.approx(list(frame["score"]), abs=1e-4)
    assert [row[9] for row in shown[1:]] == [str(wins) for wins in frame["wins"].iloc[1:]]
    shut(page)


def test_the_choice_stands_in_the_address_and_is_read_from_it(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root, "scenes_classification:lite", "ref:prefix", "ref:concat"), until=DRAWN)
    page.get_by_role("combobox", name="Metric").click()
    page.get_by_role("option", name="ece").click()
    page.wait_for_url("**metric=ece**")
    settled(page)
    assert "no wins and losses" in page.get_by_test_id("stMain").inner_text()
    again = opened(browser, address, page.url.removeprefix(address), until=DRAWN)
    assert cells(again) == cells(page)
    shut(page, again)


def test_the_samples_are_a_link_away(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root), until=DRAWN)
    page.get_by_role("link", name="Look at their samples").click()
    page.wait_for_url("**/samples?**")
    page.locator(".sv article").nth(2).wait_for()
    appears(page.locator(".sv article"), 3)
    shut(page)


def test_one_model_is_not_enough(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root, VQA, "ref:prefix"), until="[data-testid=stAlert]")
    assert "Choose two to four models" in page.get_by_test_id("stAlert").inner_text()
    shut(page)


def test_a_strangers_name_is_text(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root, VQA, "ref:prefix", inert(EVIL, 60)), until=DRAWN)
    text = page.get_by_test_id("stMain").inner_text()
    assert "<img src=x onerror=" in text
    assert "\u202e" not in page.content()
    assert page.locator(".stApp img").count() == 0
    assert page.title() != "1"
    kept_to_itself(page, address)
    narrow(page)
    shut(page)


def test_every_choice_is_reached_by_the_keyboard(browser: Any, address: str, root: Path) -> None:
    page = opened(browser, address, path(root), until=DRAWN)
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        )
    said = " ".join(filter(None, reached))
    assert all(name in said for name in ("Models", "Task", "Metric", "Slice", "Look at their samples", "All tasks"))
    shut(page)
