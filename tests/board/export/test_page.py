"""The static page in a real browser: what it shows, how it is used, and that hostile names do nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.board.export.made_snapshots import HOSTILE, listing, run, small_board, snapshot, task
from velm_bench.board.export.page import PLAIN_ROWS, page
from velm_bench.board.export.snapshot import Snapshot

MANY = 5000
Open = Callable[..., Any]


@contextmanager
def opened(browser: Any, place: Path, **settings: Any) -> Iterator[Any]:
    """The page in a clean browser that fails the test on any request, message or error of a script."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
    shown = context.new_page()
    trouble: list[str] = []
    shown.on("console", lambda message: trouble.append(message.text))
    shown.on("pageerror", lambda error: trouble.append(str(error)))
    shown.on("dialog", lambda dialog: (trouble.append("a dialog"), dialog.dismiss()))
    shown.on("request", lambda request: None if request.url.startswith("file:") else trouble.append(request.url))
    shown.goto(f"file://{place}")
    yield shown
    assert trouble == []
    context.close()


def write(folder: Path, found: Snapshot) -> Path:
    place = folder / "board.html"
    place.write_bytes(page(found))
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("page"), small_board())


def models(shown: Any) -> list[str]:
    return [str(text) for text in shown.locator("#body th bdi").all_inner_texts()]


def test_the_page_shows_ranks_groups_scores_and_their_intervals(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        assert shown.locator("h1").inner_text() == "A board"
        assert (
            "Snapshot abababababab; newest event 2026-05-06; 7 submissions, 2 tasks"
            in shown.locator("header p").inner_text()
        )
        first = shown.locator("#body tr").first.inner_text().split()
        assert first[:3] == ["1", "1–2", "1"]
        assert "0.9000" in first
        assert "[0.8000," in first
        assert "corrected for chance" in shown.locator("section").first.inner_text()


def test_hostile_names_are_plain_text(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        shown.get_by_label("Controls").uncheck()
        found = models(shown)
        assert found[:4] == [HOSTILE[name] for name in ("tag", "end", "picture", "formula")]
        assert found[4] == "safe⟨202E⟩gnp.exe"
        assert found[5] == HOSTILE["quote"]
        assert shown.locator("img, a, iframe, object, script:not([id])").count() == 1  # the page's own script
        assert shown.locator("b").count() == 0


def test_controls_and_incomplete_rows_are_marked(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        assert models(shown)[-1] == "Incomplete"
        assert "incomplete: 1 of 2 tasks" in shown.locator("#body tr").last.inner_text()
        control = shown.locator("#body tr.aside")
        assert "control: blank" in control.inner_text()
        assert control.locator("td").first.inner_text() == "–"  # it stands where its score puts it, without a rank
        assert models(shown)[:2] == [HOSTILE["tag"], HOSTILE["tag"]]
        shown.get_by_label("Controls").uncheck()
        assert control.count() == 0
        shown.get_by_label("Submissions").select_option("all")
        assert "withdrawn: a mistake" in shown.locator("#body tr").last.inner_text()


def test_search_and_filters_narrow_the_rows(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        shown.get_by_label("Search").fill("incompl")
        assert models(shown) == ["Incomplete"]
        assert shown.locator("#count").inner_text() == "1 of 9 rows, page 1 of 1"
        shown.get_by_label("Search").fill("")
        shown.get_by_label("Verified").select_option("valid")
        assert models(shown) == ["Incomplete"]
        shown.get_by_label("Verified").select_option("")
        shown.get_by_label("Kind").select_option("ner")
        assert "Incomplete" not in models(shown)
        head = shown.locator("#head").inner_text()
        assert "<b>words</b>" in head
        assert "seen" not in head


def test_a_task_has_its_own_table(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        shown.get_by_label("Table", exact=True).select_option("seen")
        assert models(shown)[0] == "Incomplete"
        assert "accuracy" in shown.locator("#head").inner_text()


def test_columns_are_sorted_with_the_keyboard(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        shown.get_by_role("button", name="Score").focus()
        shown.keyboard.press("Enter")
        column = shown.locator("#head th", has_text="Score")
        assert column.get_attribute("aria-sort") == "descending"
        assert models(shown)[0] == HOSTILE["tag"]
        shown.keyboard.press("Space")
        assert column.get_attribute("aria-sort") == "ascending"
        assert models(shown)[0] == HOSTILE["quote"]
        assert models(shown)[-1] == "Incomplete"  # without a score it is the last, whichever way
        assert shown.evaluate("document.activeElement.textContent") == "Score"


def test_the_address_keeps_what_is_shown(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        shown.get_by_label("Search").fill("safe")
        shown.get_by_label("Table", exact=True).select_option("seen")
        shown.get_by_role("button", name="Model").click()
        address = shown.evaluate("location.hash")
        expected = shown.locator("#app").inner_text()
    with opened(browser, Path(f"{place}{address}")) as shown:
        assert shown.locator("#app").inner_text() == expected
        assert shown.get_by_label("Search").input_value() == "safe"


def test_an_address_that_makes_no_sense_shows_the_board(browser: Any, place: Path) -> None:
    with opened(browser, Path(f"{place}#view=none&kind=x&level=y&status=z&sort=w&page=99")) as shown:
        assert len(models(shown)) == 8


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_scrolls_nothing_but_the_table(browser: Any, place: Path, scheme: str) -> None:
    narrow = {"viewport": {"width": 360, "height": 700}, "color_scheme": scheme}
    with opened(browser, place, **narrow) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == 360
        dark = shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 27)"
        assert dark == (scheme == "dark")


def test_without_scripts_the_first_rows_stand_there(browser: Any, place: Path) -> None:
    with opened(browser, place, java_script_enabled=False) as shown:
        rows = shown.locator("noscript tbody tr")
        assert rows.count() == 8
        assert HOSTILE["end"] in rows.nth(2).inner_text()
        assert "seen" in shown.locator("details summary").first.inner_text()


def test_every_control_has_a_name_and_tables_are_reached_with_the_keyboard(browser: Any, place: Path) -> None:
    with opened(browser, place) as shown:
        unnamed = "[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"
        assert shown.evaluate(unnamed) == 0
        assert shown.get_by_role("region", name="All tasks").get_attribute("tabindex") == "0"
        assert shown.get_by_role("status").inner_text() == "8 of 9 rows, page 1 of 1"


def test_five_thousand_rows_come_in_pages(browser: Any, tmp_path: Path) -> None:
    tasks = {f"task {number}": task(f"task {number}", "vqa") for number in range(4)}
    runs = [
        run(f"{row:064x}", f"Model {row}", name, "vqa", 0.9 - row / 10_000) for row in range(MANY) for name in tasks
    ]
    data = page(snapshot(listing(runs, tasks)))
    assert data.count(b'<th scope="row">') == PLAIN_ROWS
    place = tmp_path / "many.html"
    place.write_bytes(data)
    with opened(browser, place) as shown:
        assert shown.locator("#count").inner_text() == "5000 of 5000 rows, page 1 of 50"
        shown.get_by_role("button", name="Next").click()
        assert models(shown)[0] == "Model 100"
        shown.get_by_label("Search").fill("Model 4999")
        assert models(shown) == ["Model 4999"]
        assert shown.get_by_role("navigation").count() == 0


def test_the_page_asks_nobody_for_anything() -> None:
    text = page(small_board()).decode("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy.group(1).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.group(1)
    markup = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"<[^>]+\s(src|href|style|on\w+)=", markup)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert page(small_board()) == page(small_board())
