"""The page's logic, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from tests.conftest import REPOSITORY
from tests.made_runs import HOSTILE, made_board
from velm_bench.board.place import RESULTS_VARIABLE

APP = REPOSITORY / "leaderboard" / "app.py"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RESULTS_VARIABLE, str(tmp_path / "results"))
    monkeypatch.syspath_prepend(str(APP.parent))  # as `streamlit run` does
    return made_board(tmp_path / "results")


def page() -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    return app


def test_all_runs_and_one_metric_are_shown(root: Path) -> None:
    app = page()
    runs, numbers = app.dataframe[0].value, app.dataframe[1].value
    assert len(runs) == 17
    assert set(numbers["metric"]) == {app.selectbox(key="metric").value}


def test_a_kind_leaves_its_runs_and_its_tasks(root: Path) -> None:
    app = page()
    app.selectbox(key="kind").select("ner").run()
    assert set(app.dataframe[0].value["task"]) == {"scenes_ner"}
    assert app.selectbox(key="task").options == ["All", "scenes_ner"]
    assert app.selectbox(key="shown").value == "scenes_ner"


def test_a_task_of_another_kind_is_forgotten_with_its_kind(root: Path) -> None:
    app = page()
    app.selectbox(key="task").select("scenes_vqa").run()
    assert set(app.dataframe[0].value["task"]) == {"scenes_vqa"}
    app.selectbox(key="kind").select("ner").run()
    assert not app.exception
    assert set(app.dataframe[0].value["task"]) == {"scenes_ner"}


def test_a_metric_is_shown_for_every_run_of_its_task(root: Path) -> None:
    app = page()
    app.selectbox(key="shown").select("scenes_classification").run()
    app.selectbox(key="metric").select("ece").run()
    assert len(app.dataframe[1].value) == 5
    assert set(app.dataframe[1].value["metric"]) == {"ece"}


def test_names_of_strangers_are_in_no_markdown(root: Path) -> None:
    app = page()
    assert HOSTILE in set(app.dataframe[0].value["model"])
    interpreted = [*app.markdown, *app.caption, *app.title, *app.subheader]
    assert not [element for element in interpreted if "onerror" in element.value or "**bold**" in element.value]


def test_a_new_run_is_seen_at_the_next_look(root: Path) -> None:
    assert len(page().dataframe[0].value) == 17
    first = sorted(root.glob("*/*/*/result.json"))[0]
    first.unlink()
    assert len(page().dataframe[0].value) == 16


def test_an_empty_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RESULTS_VARIABLE, str(tmp_path))
    monkeypatch.syspath_prepend(str(APP.parent))
    assert "no runs" in page().info[0].value


def test_a_damaged_result_is_named_in_plain_text(root: Path) -> None:
    sorted(root.glob("*/*/*/result.json"))[0].write_text("{", encoding="utf-8")
    app = page()
    assert len(app.dataframe[0].value) == 16
    assert "damaged" in app.text[0].value
