"""The page Model, by its logic and in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from tests.conftest import REPOSITORY
from tests.leaderboard.browsing import served
from tests.leaderboard.looking import LOOKS, appears, darkness, foreign, keep, sideways, visited
from tests.leaderboard.model_boards import HOSTILE, make_model_board, short_id
from tests.made_boards import once
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, real_board: Path, real_results: Path) -> Path:
    return once(tmp_path_factory, "model_board", lambda at: make_model_board(at, real_board, real_results)) / "board"


@pytest.fixture(scope="module")
def address(board: Path) -> Iterator[str]:
    with served("--board", str(board), folder=board.parent) as where:
        yield where


@pytest.fixture
def page(board: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(BOARD_VARIABLE, str(board))
    return lambda **state: shown(monkeypatch, **state)


def shown(monkeypatch: pytest.MonkeyPatch, **state: str) -> AppTest:
    monkeypatch.syspath_prepend(str(REPOSITORY / "leaderboard"))
    app = AppTest.from_function(only_the_page, default_timeout=120)
    for key, value in state.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def only_the_page() -> None:
    import common
    import model_page
    import streamlit as st

    def stub() -> None:
        model_page.show(common.listing())

    pages = {"model": st.Page(stub, title="Model", url_path="model", default=True)}
    for path in ("compare", "samples"):
        pages[path] = st.Page(lambda: None, title=path, url_path=path)
    common.keep_pages(pages)
    st.navigation(list(pages.values())).run()


def said(app: AppTest) -> str:
    """All that the page says in HTML of its own making."""
    return "\n".join(element.proto.body for element in app.get("html"))


def frame_with(app: AppTest, column: str) -> Any:
    return next(one.value for one in app.dataframe if column in one.value.columns)


def test_a_name_shows_its_latest_release_that_counts(page: Any) -> None:
    app = page(name="Prism")
    assert "<dd>2.0</dd>" in said(app)
    assert app.selectbox(key="name").value == "Prism"
    assert len(app.selectbox(key="submission").options) == 2
    assert "Every score was computed anew" in said(app)


def test_a_submission_shows_itself_whatever_its_name(page: Any, board: Path) -> None:
    short = short_id(board, "Prism", "1.0")
    app = page(submission=short)
    assert "<dd>1.0</dd>" in said(app)
    assert app.selectbox(key="name").value == "Prism"
    assert any(f"/model?submission={short}" in one.value for one in app.code)


def test_choosing_another_model_forgets_the_submission(page: Any, board: Path) -> None:
    app = page(submission=short_id(board, "Prism", "1.0"))
    app.selectbox(key="name").select("ref:prefix").run()
    assert not app.exception
    assert app.query_params.get("name") in ("ref:prefix", ["ref:prefix"])
    assert "submission" not in app.query_params
    assert "<h1" in said(app)
    assert ">ref:prefix</h1>" in said(app)


def test_another_release_is_chosen_and_stands_in_the_address(page: Any, board: Path) -> None:
    short = short_id(board, "Prism", "1.0")
    app = page(submission=short_id(board, "Prism", "2.0"))
    app.selectbox(key="submission").select(short).run()
    assert not app.exception
    assert app.query_params["submission"] in (short, [short])
    assert "<dd>1.0</dd>" in said(app)


def test_an_unknown_submission_is_said_so(page: Any) -> None:
    assert "no submission begins with &#x27;beef&#x27;" in said(page(submission="beef"))


def test_claimed_stands_beside_recomputed(page: Any) -> None:
    scores = frame_with(page(name="Prism"), "claimed")
    assert {"score", "claimed", "floor", "ceiling", "corrected"} <= set(scores.columns)
    assert abs(scores["score"] - scores["claimed"]).max() < 1e-9
    assert list(scores["control"]) == ["", "", "blank", "", ""]


def test_events_and_flags_are_shown(page: Any, board: Path) -> None:
    app = page(submission=short_id(board, HOSTILE, '=HYPERLINK("http://127.0.0.1:9","win")'))
    assert list(frame_with(app, "event")["event"]) == ["submitted", "verified", "flagged", "flagged"]  # equal to two
    assert "Flagged." in said(app)


def test_the_releases_are_those_of_the_name_and_of_what_was_made_from_it(page: Any) -> None:
    releases = frame_with(page(name="Prism"), "relation")
    assert list(releases["relation"]) == ["this model", "this model", "made from it"]
    assert list(releases["date"])[:2] == ["2026-03-01", "2026-08-01"]


def test_nothing_of_a_hostile_card_is_markdown_or_html(page: Any, board: Path) -> None:
    app = page(submission=short_id(board, HOSTILE, '=HYPERLINK("http://127.0.0.1:9","win")'))
    for element in (*app.markdown, *app.caption, *app.title, *app.subheader, *app.warning, *app.error, *app.info):
        assert "onerror" not in element.value
        assert "HYPERLINK" not in element.value
    assert "<img" not in said(app)
    assert "<script" not in said(app)
    assert "\u202e" not in said(app)
    assert "⟨202E⟩" in said(app)


def test_a_results_folder_has_the_page_too(real_results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BOARD_VARIABLE, raising=False)
    monkeypatch.setenv(RESULTS_VARIABLE, str(real_results))
    app = shown(monkeypatch, name="ref:prefix")
    assert "nobody but who made it has looked at it" in said(app)
    assert len(frame_with(app, "unparsed")) == 5


@pytest.mark.parametrize("name", ["dark", "phone"])
def test_the_page_is_seen_at_every_width_and_in_the_dark(browser: Any, address: str, name: str) -> None:
    with visited(browser, address, "/model?name=Prism", "Permanent address", **LOOKS[name]) as (page, asked):
        page.get_by_test_id("stVegaLiteChart").nth(3).wait_for()
        assert sideways(page) <= 0
        assert (darkness(page) < 200) == (name == "dark")
        assert not foreign(asked, address)
        keep(page, f"model-{name}")


def test_a_permalink_shows_the_same_submission_in_a_clean_browser(browser: Any, address: str, board: Path) -> None:
    short = short_id(board, "Prism", "1.0")
    with visited(browser, address, f"/model?submission={short}", "Permanent address", clean=True) as (page, _):
        assert page.get_by_test_id("stCode").last.inner_text().strip() == f"/model?submission={short}"
        assert page.locator("h1").inner_text() == "Prism"
        appears(page.locator("dd").get_by_text("1.0", exact=True), 1)
        assert page.url.endswith(f"/model?submission={short}")


def test_a_hostile_card_is_inert(browser: Any, address: str, board: Path) -> None:
    short = short_id(board, HOSTILE, '=HYPERLINK("http://127.0.0.1:9","win")')
    look = LOOKS["phone"]
    with visited(browser, address, f"/model?submission={short}", "Permanent address", **look) as (page, asked):
        page.wait_for_timeout(1500)
        assert page.title() != "1"
        assert page.locator(".stApp img").count() == 0
        assert page.locator("dl a, h1 a").count() == 0
        assert page.locator("h1").inner_text() == HOSTILE
        assert sideways(page) <= 0
        assert not foreign(asked, address)
        keep(page, "model-hostile")


def test_another_model_is_chosen_by_keyboard(browser: Any, address: str) -> None:
    with visited(browser, address, "/model?name=Prism", "Permanent address") as (page, _):
        page.get_by_role("combobox", name="Model").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.type("ref:concat")
        page.keyboard.press("Enter")
        page.wait_for_url("**name=ref%3Aconcat**")
        page.locator("h1", has_text="ref:concat").wait_for()


def test_the_link_to_the_release_before_leads_to_compare(browser: Any, address: str, board: Path) -> None:
    with visited(browser, address, "/model?name=Prism", "Permanent address") as (page, _):
        link = page.get_by_role("link", name="Compare with the release before it")
        target = link.get_attribute("href")
        assert short_id(board, "Prism", "1.0") in target
        assert short_id(board, "Prism", "2.0") in target
        link.click()
        page.wait_for_url("**/compare?models=**")
