"""The page Submit: a bundle is uploaded, looked at, and published or refused, in a real browser."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from tests.board.made_bundles import changed_line, with_claims, with_lines
from tests.conftest import REPOSITORY
from tests.leaderboard.browsing import served
from tests.leaderboard.looking import LOOKS, appears, foreign, keep, sideways, visited
from tests.leaderboard.model_boards import HOSTILE, make_bundles
from tests.made_boards import once
from velm_bench.board.bundles.archive import read_zip, zip_bundle
from velm_bench.board.folder import Board
from velm_bench.board.place import BOARD_VARIABLE, RESULTS_VARIABLE, UPLOADS_VARIABLE

BUTTON = "Check and publish"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, real_results: Path) -> Path:
    return once(tmp_path_factory, "bundles", lambda place: make_bundles(place, real_results))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, real_board: Path) -> Path:
    """A board of this module's own, since submissions are added to it."""
    return Path(shutil.copytree(real_board, tmp_path_factory.mktemp("submitting") / "board"))


@pytest.fixture(scope="module")
def address(board: Path) -> Iterator[str]:
    with served("--board", str(board), folder=board.parent) as where:
        yield where


def upload(page: Any, name: str, data: bytes) -> None:
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/zip", "buffer": data})


def everything(board: Path) -> set[str]:
    """All files of a board but what is derived."""
    return {path.relative_to(board).as_posix() for path in board.rglob("*") if "derived" not in path.parts}


def changed(bundles: Path, how: Callable[[Any], Any]) -> bytes:
    return zip_bundle(how(read_zip((bundles / "good.zip").read_bytes(), "good.zip")))


def claim_more(bundle: Any) -> Any:
    def change(result: dict[str, Any]) -> None:
        result["scores"]["vqa_accuracy"]["value"] += 0.01

    run = next(entry.name for entry in bundle.manifest.runs if "vqa" in entry.name and not entry.control)
    return with_claims(bundle, run, change)


def other_answer(bundle: Any) -> Any:
    run = next(entry.name for entry in bundle.manifest.runs if "vqa" in entry.name and not entry.control)
    return with_lines(bundle, run, changed_line(3, answer={"text": "an answer that nobody gave"}))


def unknown_sample(bundle: Any) -> Any:
    run = next(entry.name for entry in bundle.manifest.runs if "classification" in entry.name)
    return with_lines(bundle, run, changed_line(0, id="lite/nowhere"))


@pytest.mark.parametrize(
    ("how", "named"), [(claim_more, "vqa_accuracy"), (other_answer, "scenes_vqa"), (unknown_sample, "lite/nowhere")]
)
def test_a_tampered_bundle_is_refused_naming_what(
    browser: Any, address: str, board: Path, bundles: Path, how: Any, named: str
) -> None:
    before = everything(board)
    with visited(browser, address, "/submit", "Upload a bundle") as (page, _):
        upload(page, "tampered.zip", changed(bundles, how))
        page.get_by_role("button", name=BUTTON).click()
        remark = page.get_by_role("note")
        remark.wait_for()
        assert "Refused, and nothing was published." in remark.inner_text()
        assert named in remark.inner_text()
    assert everything(board) == before


def test_a_hostile_archive_is_refused_and_nothing_is_written(
    browser: Any, address: str, board: Path, tmp_path: Path
) -> None:
    before = everything(board)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.txt", "out")
        archive.writestr("manifest.json", "{}")
    with visited(browser, address, "/submit", "Upload a bundle") as (page, _):
        upload(page, '"><img src=x onerror=alert(1)>.zip', (tmp_path / "evil.zip").read_bytes())
        remark = page.get_by_role("note")
        remark.wait_for()
        assert "Refused" in remark.inner_text()
        assert "evil.txt" in remark.inner_text()
        assert page.get_by_role("button", name=BUTTON).count() == 0
        assert page.locator(".stApp img").count() == 0
    assert everything(board) == before
    assert not list(board.parent.rglob("evil.txt"))


def test_a_hostile_card_is_shown_as_text_before_it_is_published(browser: Any, address: str, bundles: Path) -> None:
    with visited(browser, address, "/submit", "Upload a bundle", **LOOKS["phone"]) as (page, asked):
        upload(page, "hostile.zip", (bundles / "hostile.zip").read_bytes())
        page.get_by_role("button", name=BUTTON).wait_for()
        assert page.locator("h2").first.inner_text() == HOSTILE
        page.wait_for_timeout(500)
        assert page.title() != "1"
        assert page.locator(".stApp img").count() == 0
        assert not foreign(asked, address)
        assert sideways(page) <= 0
        keep(page, "submit-hostile")


def test_a_good_bundle_appears_on_the_board_and_is_refused_the_second_time(
    browser: Any, address: str, board: Path, bundles: Path
) -> None:
    data = (bundles / "good.zip").read_bytes()
    wanted = read_zip(data, "good.zip").id
    with visited(browser, address, "/submit", "Upload a bundle") as (page, asked):
        upload(page, "good.zip", data)
        page.get_by_label("Submitted by").fill("Ada")
        keep(page, "submit-before")
        page.get_by_role("button", name=BUTTON).focus()
        page.keyboard.press("Enter")
        page.get_by_text("Published.").wait_for()
        appears(page.get_by_text(f"/model?submission={wanted[:12]}"), 1)
        assert sideways(page) <= 0
        assert not foreign(asked, address)
        keep(page, "submit-after")
        page.get_by_role("link", name="See its page").click()
        page.locator("h1", has_text="Prism").wait_for()
    said = Board.open(str(board)).events(wanted)
    assert {event.kind: event.by for event in said}["submitted"] == "Ada"
    assert wanted in Board.open(str(board)).submissions()
    with visited(browser, address, "/submit", "Upload a bundle") as (page, _):
        upload(page, "good.zip", data)
        page.get_by_role("button", name=BUTTON).click()
        remark = page.get_by_role("note")
        remark.wait_for()
        assert "is on the board already" in remark.inner_text()


def only_the_page() -> None:
    import common
    import submit_page

    submit_page.show(common.listing())


def shown(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.syspath_prepend(str(REPOSITORY / "leaderboard"))
    app = AppTest.from_function(only_the_page, default_timeout=60).run()
    assert not app.exception
    return app


def test_without_permission_there_is_no_upload(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BOARD_VARIABLE, str(board))
    monkeypatch.setenv(UPLOADS_VARIABLE, "0")
    app = shown(monkeypatch)
    assert "takes no uploads" in app.info[0].value
    assert not app.get("file_uploader")
    monkeypatch.setenv(UPLOADS_VARIABLE, "1")
    assert shown(monkeypatch).get("file_uploader")


def test_a_results_folder_takes_no_uploads(real_results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BOARD_VARIABLE, raising=False)
    monkeypatch.setenv(RESULTS_VARIABLE, str(real_results))
    monkeypatch.setenv(UPLOADS_VARIABLE, "1")
    assert "takes no uploads" in shown(monkeypatch).info[0].value


@pytest.mark.parametrize(
    ("login", "proposed"),
    [
        ({"is_logged_in": True, "name": "Ada", "email": "ada@example.org"}, "Ada"),
        ({"is_logged_in": True, "name": "ada@example.org", "email": "ada@example.org"}, ""),
        ({"is_logged_in": False, "name": "Ada"}, ""),
        ({}, ""),
    ],
)
def test_an_address_is_never_proposed_for_publication(
    monkeypatch: pytest.MonkeyPatch, login: dict[str, Any], proposed: str
) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "leaderboard"))
    import submit_page

    monkeypatch.setattr(submit_page.st, "user", login)
    assert submit_page._name() == proposed


def test_where_everybody_is_served_the_page_is_absent(browser: Any, board: Path) -> None:
    everybody = served("--board", str(board), "--host", "0.0.0.0", "--allowed-host", "127.0.0.1", folder=board.parent)
    with everybody as where, visited(browser, where, "/", "Model") as (page, _):
        appears(page.get_by_role("link", name="Task"), 1)
        assert page.get_by_role("link", name="Submit").count() == 0
