"""The page Task, by its logic and in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from tests.conftest import REPOSITORY
from tests.leaderboard.browsing import served
from tests.leaderboard.looking import LOOKS, darkness, foreign, keep, sideways, visited
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE

TASK = "scenes_vqa:lite"


@pytest.fixture(scope="module")
def address(real_board: Path) -> Iterator[str]:
    with served("--board", str(real_board), folder=real_board.parent) as where:
        yield where


def only_the_page() -> None:
    import common
    import streamlit as st
    import task_page

    def stub() -> None:
        task_page.show(common.listing())

    pages = {"task": st.Page(stub, title="Task", url_path="task", default=True)}
    for path in ("", "samples"):
        pages[path] = st.Page(lambda: None, title=path or "board", url_path=path or "board")
    common.keep_pages(pages)
    st.navigation(list(pages.values())).run()


def shown(monkeypatch: pytest.MonkeyPatch, name: str = "") -> AppTest:
    monkeypatch.syspath_prepend(str(REPOSITORY / "leaderboard"))
    app = AppTest.from_function(only_the_page, default_timeout=120)
    if name:
        app.query_params["name"] = name
    app.run()
    assert not app.exception, app.exception[0].stack_trace
    return app


def said(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def frame_with(app: AppTest, column: str) -> Any:
    return next(one.value for one in app.dataframe if column in one.value.columns)


def test_the_definition_and_its_bounds_are_shown(real_board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(real_board))
    text = said(shown(monkeypatch, TASK))
    assert "<dd>Question: {question} Answer:</dd>" in text
    assert "<dt>Floor</dt>" in text
    assert "set by baseline:majority" in text
    assert "<dt>Samples asked</dt>" in text  # a digest


def test_the_ranking_the_baselines_and_the_slices_are_shown(real_board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(real_board))
    app = shown(monkeypatch, TASK)
    ranking = frame_with(app, "rank_low")
    assert list(ranking["label"])[:2] == ["baseline:oracle", "ref:prefix"]
    assert ranking["score"].astype(float).is_monotonic_decreasing
    assert "told what is there" in set(frame_with(app, "sees")["sees"])
    slices = frame_with(app, "slice")
    assert {"slice", "n", "ref:prefix", "ref:concat"} == set(slices.columns)
    assert "Best without pictures" in said(app)


def test_another_task_is_chosen_and_stands_in_the_address(real_board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(real_board))
    app = shown(monkeypatch, TASK)
    app.selectbox(key="name").select("scenes_ner:lite").run()
    assert not app.exception
    assert app.query_params["name"] in ("scenes_ner:lite", ["scenes_ner:lite"])
    assert ">scenes_ner:lite</h1>" in said(app)


def test_an_unknown_task_is_said_so(real_board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(real_board))
    assert "no such task" in shown(monkeypatch, "nothing").warning[0].value


def test_a_results_folder_has_the_page_too(real_results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BOARD_VARIABLE, raising=False)
    monkeypatch.setenv(RESULTS_VARIABLE, str(real_results))
    text = said(shown(monkeypatch, TASK))
    assert "<dt>Floor</dt>" not in text
    assert "Best with pictures" in text


@pytest.mark.parametrize("name", ["dark", "phone"])
def test_the_page_is_seen_at_every_width_and_in_the_dark(browser: Any, address: str, name: str) -> None:
    with visited(browser, address, f"/task?name={TASK}", "Permanent address", **LOOKS[name]) as (page, asked):
        page.get_by_role("img", name="A picture of this task").nth(2).wait_for()
        assert sideways(page) <= 0
        assert (darkness(page) < 200) == (name == "dark")
        assert page.locator("h1").inner_text() == TASK
        assert not foreign(asked, address)
        keep(page, f"task-{name}")


def test_a_task_is_chosen_by_keyboard_and_its_address_opens_the_same(browser: Any, address: str) -> None:
    with visited(browser, address, "/task", "Permanent address") as (page, _):
        page.get_by_role("combobox", name="Task").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.type("scenes_ner")
        page.keyboard.press("Enter")
        page.wait_for_url("**name=scenes_ner**")
        where = page.url.removeprefix(address)
    with visited(browser, address, where, "Permanent address") as (page, _):
        assert page.locator("h1").inner_text() == "scenes_ner:lite"
