"""The shell of the pages and the Board page, without a browser."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("streamlit")

import streamlit
from streamlit.testing.v1 import AppTest

from tests.board.toy_boards import AT, ToyBoard, wrong
from tests.conftest import REPOSITORY
from tests.made_runs import HOSTILE, made_board
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE
from velm_bench.board.verification.verifying import verify

APP = REPOSITORY / "leaderboard" / "app.py"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(APP.parent))  # as `streamlit run` does
    monkeypatch.delenv(BOARD_VARIABLE, raising=False)
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RESULTS_VARIABLE, str(tmp_path / "results"))
    return made_board(tmp_path / "results")


def page(**state: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in state.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def models(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["model"])


def test_a_row_per_model_and_control_with_its_tasks(root: Path) -> None:
    shown = page().dataframe[0].value
    assert len(shown) == 7
    assert {"task.scenes_vqa", "task.scenes_ner", "task.scenes_classification"} <= set(shown.columns)


def test_a_task_ranks_by_its_score(root: Path) -> None:
    shown = page(task="scenes_vqa").dataframe[0].value
    assert shown["score"].is_monotonic_decreasing
    assert shown["model"].iloc[0] == "baseline:oracle"
    assert shown["interval"].iloc[0] == "0.950 – 0.990"


def test_a_choice_stands_in_the_address_and_its_default_does_not(root: Path) -> None:
    app = page()
    assert app.query_params == {}
    app.selectbox(key="kind").select("classification").run()
    assert app.query_params == {"kind": "classification"}
    app.selectbox(key="metric").select("ece").run()
    assert app.query_params == {"kind": "classification", "metric": "ece"}
    app.selectbox(key="kind").select("All").run()
    assert "kind" not in app.query_params


def test_an_address_gives_what_was_chosen(root: Path) -> None:
    app = page()
    app.selectbox(key="task").select("scenes_classification").run()
    app.selectbox(key="metric").select("ece").run()
    app.text_input(key="search").input("baseline").run()
    again = page(**app.query_params)
    assert models(again) == models(app) == ["baseline:oracle", "baseline:majority"]  # of an error, the least is best
    assert again.selectbox(key="metric").value == "ece"


@pytest.mark.parametrize(
    "state",
    [
        {"kind": "nobody", "task": "<b>", "size": "1", "since": "x", "until": "9999", "chart": "?"},
        {"level": "x", "status": "foo", "licence": "'", "metric": "1", "slice": "q", "selected": "zzz,,%"},
    ],
)
def test_what_is_no_choice_is_forgotten(root: Path, state: dict[str, str]) -> None:
    app = page(**state)
    assert models(app) == models(page())
    assert app.query_params == {}
    assert "Filters" in [one.proto.popover.label for one in app.get("popover")]


def test_a_task_of_another_kind_is_forgotten_with_its_kind(root: Path) -> None:
    app = page(task="scenes_vqa")
    app.selectbox(key="kind").select("ner").run()
    assert not app.exception
    assert app.selectbox(key="task").options == ["All", "scenes_ner"]
    assert app.query_params == {"kind": "ner"}


def test_controls_can_be_left_out(root: Path) -> None:
    app = page()
    assert "ref:prefix · blank" in models(app)
    app.toggle(key="controls").set_value(False).run()
    assert "ref:prefix · blank" not in models(app)
    assert app.query_params == {"controls": "0"}


def test_the_buttons_wait_for_a_selection(root: Path) -> None:
    app = page()
    assert [one.label for one in app.button if one.disabled] == ["Open", "Compare", "Samples"]
    app.multiselect(key="selected").select("ref:prefix").run()
    assert [one.label for one in app.button if one.disabled] == ["Compare"]
    key = app.query_params["selected"]
    assert len(key) == 12
    app.multiselect(key="selected").select("baseline:oracle").run()
    assert [one.label for one in app.button if one.disabled] == ["Open"]
    assert app.query_params["selected"].startswith(f"{key},")


@pytest.mark.parametrize(("button", "parameter"), [("Open", "submission"), ("Samples", "models")])
def test_a_button_opens_a_page_on_what_is_selected(root: Path, button: str, parameter: str) -> None:
    app = page()
    app.multiselect(key="selected").select("ref:prefix").run()
    key = app.query_params["selected"]
    next(one for one in app.button if one.label == button).click().run()
    held = app.query_params.get(parameter) or ",".join(
        app.multiselect(key="models").value
    )  # a default is in no address
    assert held == key


def test_nothing_that_fits_says_so(root: Path) -> None:
    app = page(search="nobody of this name")
    assert "No run fits" in app.info[0].value


def test_names_of_strangers_are_in_no_markdown(root: Path) -> None:
    app = page()
    assert HOSTILE in set(models(app))
    interpreted = [*app.markdown, *app.caption, *app.title, *app.subheader, *app.info]
    assert not [element for element in interpreted if "onerror" in element.value or "**bold**" in element.value]


def test_a_new_run_is_seen_at_the_next_look(root: Path) -> None:
    assert len(page(task="scenes_vqa").dataframe[0].value) == 7
    first = sorted(root.glob("*/scenes_vqa/*/result.json"))[0]
    first.unlink()
    assert len(page(task="scenes_vqa").dataframe[0].value) == 6


def test_an_empty_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RESULTS_VARIABLE, str(tmp_path))
    assert "no runs" in page().info[0].value


def test_a_board_that_is_none_says_so_in_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(tmp_path / "<b>"))
    app = page()
    assert "nothing to show" in app.error[0].value
    assert not app.dataframe


def test_without_samples_no_order_is_claimed_and_no_column_is_empty(root: Path) -> None:
    for samples in root.rglob("samples.parquet"):
        samples.unlink()
    app = page(task="scenes_vqa")
    assert "No order is established" in app.caption[0].value
    shown = app.dataframe[0].proto.column_order
    assert "rank" in shown
    assert not {"ranks", "group"} & set(shown)


def test_less_is_better_where_it_is(root: Path) -> None:
    assert "less is better" in page(task="scenes_classification", metric="ece").caption[0].value
    assert "less is better" not in page(task="scenes_classification").caption[0].value


def test_a_damaged_result_is_named_in_plain_text(root: Path) -> None:
    sorted(root.glob("*/scenes_vqa/*/result.json"))[0].write_text("{", encoding="utf-8")
    app = page(task="scenes_vqa")
    assert len(app.dataframe[0].value) == 6
    assert "damaged" in app.text[0].value


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyBoard:
    """A board of two models."""
    monkeypatch.setenv(BOARD_VARIABLE, str(tmp_path / "board"))
    made = ToyBoard(tmp_path)
    for second, name in enumerate(("one", "two")):
        made.submitted(wrong(name), second=second)
    return made


def test_runs_that_come_back_are_seen_at_the_next_look(toys: ToyBoard) -> None:
    """A clone has the events and not the recomputed runs; `board verify` makes them and says nothing new."""
    shutil.rmtree(toys.board.runs)
    app = page()
    assert any("No order is established" in one.value for one in app.caption)
    for submission in toys.board.submissions():
        assert not verify(toys.board, submission, toys.recomputer, AT.format(30)).events
    app.run()
    assert not app.exception
    assert any("A shared letter means a tie" in one.value for one in app.caption)


@pytest.mark.parametrize("name", ["board", "compare", "samples", "model", "task"])
def test_submissions_whose_data_is_nowhere_are_said_to_be_and_break_no_page(toys: ToyBoard, name: str) -> None:
    for event in (toys.folder / "board" / "events").glob("*.verified.*"):
        event.unlink()
    shutil.rmtree(toys.board.runs)
    app = AppTest.from_function(one_page, args=(f"{name}_page",), default_timeout=60)
    if name in ("compare", "samples"):
        app.query_params["models"] = ",".join(one[:12] for one in toys.board.submissions())
    app.run()
    assert not app.exception
    said = " ".join([one.proto.body for one in app.get("html")])
    assert name != "compare" or "not on this machine" in said


def one_page(name: str) -> None:
    """A page of the leaderboard without the others."""
    import importlib

    import common
    import streamlit as st

    def stub() -> None:
        importlib.import_module(name).show(found)

    found = common.listing()
    pages = {
        path: st.Page(lambda: None, title=path or "b", url_path=path or "b")
        for path in ("", "compare", "samples", "model", "task")
    }
    common.keep_pages(pages)
    st.navigation([st.Page(stub, title="one", url_path="one", default=True), *pages.values()]).run()


def test_frames_are_no_keys_of_caches_since_streamlit_looks_at_some_of_their_rows_only() -> None:
    """Two large frames that differ in one cell are one and the same to Streamlit's cache."""
    calls = []

    @streamlit.cache_data
    def total(frame: pd.DataFrame) -> float:
        calls.append(1)
        return float(frame["x"].sum())

    frame = pd.DataFrame({"x": np.zeros(200_000)})
    total(frame)
    wrong = 0
    for place in range(0, 2000, 100):
        changed = frame.copy()
        changed.loc[place, "x"] = 1.0
        wrong += total(changed) == 0.0
    assert wrong > 0


def cached_functions() -> list[tuple[str, Any]]:
    """Every function of the pages that Streamlit caches, with the file's name."""
    found = []
    for source in sorted(APP.parent.glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("cache_" in ast.unparse(one) for one in node.decorator_list):
                found.append((source.name, node))
    return found


def test_the_pages_caches_are_keyed_by_short_values_only() -> None:
    found = cached_functions()
    assert len(found) >= 4
    for name, node in found:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        assert not node.args.vararg, f"{name}: {node.name}"
        assert not node.args.kwarg, f"{name}: {node.name}"
        for one in arguments:
            kind = ast.unparse(one.annotation) if one.annotation else "nothing"
            plain = kind.replace("tuple[str, ...]", "str").replace("tuple[int, ...]", "int").replace(" | None", "")
            assert plain in {"str", "int", "bool", "float", "Path"}, f"{name}: {node.name}({one.arg}: {kind})"
