"""The HTML report in a real browser: what it shows, that it fetches nothing, and that hostile names do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gate.made_verdict import hostile_verdict, large_verdict, made_flip, made_row, made_verdict, mixed_verdict
from velm_bench.engine.pictures import encode_png
from velm_bench.gate.pictures import Pictures, Shown
from velm_bench.gate.reports.bars import bar
from velm_bench.gate.reports.flips import PICTURE_BYTES
from velm_bench.gate.reports.page import page
from velm_bench.gate.schema import Outcome, Verdict


@contextmanager
def opened(browser: Any, place: Path, **settings: Any) -> Iterator[Any]:
    """The page in a clean browser that fails the test on any request, message or error."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
    shown = context.new_page()
    trouble: list[str] = []
    shown.on("console", lambda message: trouble.append(message.text))
    shown.on("pageerror", lambda error: trouble.append(str(error)))
    shown.on("dialog", lambda dialog: (trouble.append("a dialog"), dialog.dismiss()))
    shown.on("request", lambda request: None if request.url == f"file://{place}" else trouble.append(request.url))
    shown.goto(f"file://{place}")
    yield shown
    assert trouble == []
    context.close()


def png(width: int, height: int) -> bytes:
    return encode_png(np.full((height, width, 3), 120, np.uint8))


PICTURES = Pictures(
    {("scenes_vqa", "s1"): Shown("Asked?", (png(256, 128),)), ("scenes_vqa", "s2"): Shown("", (png(64, 64),) * 2)},
    {"scenes_ner": "The pictures of scenes_ner are not shown: no run with its answers is here."},
)


def write(folder: Path, verdict: Verdict, pictures: Pictures = PICTURES) -> Path:
    place = folder / "report.html"
    place.write_text(page(verdict, pictures), encoding="utf-8")
    return place


def test_the_page_shows_the_verdict_the_rows_and_the_samples(browser: Any, tmp_path: Path) -> None:
    with opened(browser, write(tmp_path, mixed_verdict())) as shown:
        assert shown.locator("h1").inner_text() == "! Release gate: invalid"
        outcomes = [text.split()[-1] for text in shown.locator(".outcome").all_inner_texts()]
        assert outcomes[:6] == ["invalid", "regression", "inconclusive", "pass", "pass", "regression"]
        first = shown.locator("tbody tr").nth(1).inner_text()
        assert all(part in first for part in ("-0.0410", "[-0.0560, -0.0260]", "30 / 42 / 928", "The loss is shown"))
        assert shown.locator("svg.bar").count() == 7  # none for what could not be compared
        sizes = shown.evaluate("[...document.images].map(one => [one.naturalWidth, one.naturalHeight])")
        assert sizes == [[256, 128], [64, 64], [64, 64]]
        flip = " ".join(shown.locator("article").first.inner_text().split())
        assert all(part in flip for part in ("How many boxes are red?", "3 · three", "Baseline 3", "Candidate 4"))
        assert "failed: no memory" in shown.locator("article").nth(1).inner_text()
        assert "in all there are 42 of scenes_vqa" in shown.locator("main").inner_text()
        assert "pictures of scenes_ner are not shown" in shown.locator("main").inner_text()


@pytest.mark.parametrize("verdict", [mixed_verdict(), hostile_verdict()], ids=["mixed", "hostile"])
def test_nothing_is_wider_than_a_phone(browser: Any, tmp_path: Path, verdict: Verdict) -> None:
    size = {"width": 390, "height": 844}
    with opened(browser, write(tmp_path, verdict), viewport=size, color_scheme="dark") as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 27)"
        widths = shown.evaluate(
            "[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth - one.clientWidth)"
        )
        assert max(widths) == 0


@pytest.mark.parametrize("width", [1280, 1400])
def test_no_table_is_wider_than_an_ordinary_screen(browser: Any, tmp_path: Path, width: int) -> None:
    why = "Neither is shown: -0.0158 [-0.0263, -0.0057]; about 12,345 samples would decide, here are 214,354."
    counts = {"wins": 10067, "losses": 20105, "ties": 111828, "n": 214354, "groups": 140504, "candidate_errors": 10300}
    verdict = mixed_verdict(rows=[made_row(Outcome.REGRESSION, task="scenes_vqa (blank, 2 shots)", why=why, **counts)])
    with opened(browser, write(tmp_path, verdict), viewport={"width": width, "height": 900}) as shown:
        widths = shown.evaluate(
            "[...document.querySelectorAll('.scroll')].map(one => one.scrollWidth - one.clientWidth)"
        )
        assert len(widths) == 3
        assert max(widths) == 0


def test_answers_that_are_not_known_are_said_to_be_so(browser: Any, tmp_path: Path) -> None:
    flips = [made_flip(baseline_answer="null", candidate_answer="null"), made_flip("s2", baseline_answer=None)]
    with opened(browser, write(tmp_path, made_verdict(made_row(), flips=flips))) as shown:
        first, second = (" ".join(text.split()) for text in shown.locator("article").all_inner_texts())
    assert not any(word in first for word in ("Baseline", "Candidate", "answer"))
    assert "a baseline file holds no answers" in second


def test_an_answer_that_is_empty_is_no_unknown_one(browser: Any, tmp_path: Path) -> None:
    flips = [made_flip(baseline_answer='"2"', candidate_answer='""'), made_flip("s2", candidate_answer="null")]
    with opened(browser, write(tmp_path, made_verdict(made_row(), flips=flips))) as shown:
        first, second = (" ".join(text.split()) for text in shown.locator("article").all_inner_texts())
    assert "Baseline 2 Candidate an empty answer" in first
    assert "Baseline 3 Candidate no answer is known" in second


def test_hostile_names_are_plain_text(browser: Any, tmp_path: Path) -> None:
    verdict = hostile_verdict()
    with opened(browser, write(tmp_path, verdict, Pictures())) as shown:
        assert shown.locator("img, a, script, iframe, object, link, form").count() == 0
        assert shown.title() == "Release gate: regression"
        assert '<img src=x onerror="document.title=1">' in shown.locator("tbody").first.inner_text()
        assert "safe⟨202E⟩gnp.exe" in shown.locator("tbody").first.inner_text()


def test_a_question_read_from_the_data_stands_in(browser: Any, tmp_path: Path) -> None:
    verdict = made_verdict(made_row(), flips=[made_flip(question="")])
    with opened(browser, write(tmp_path, verdict)) as shown:
        assert "Asked?" in shown.locator("article").inner_text()


def test_pictures_beyond_the_limit_are_left_out_and_said() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
    large = encode_png(noise)
    names = [f"s{place}" for place in range(5)]
    verdict = made_verdict(made_row(), flips=[made_flip(name) for name in names])
    shown = page(verdict, Pictures({("scenes_vqa", name): Shown("", (large,)) for name in names}))
    assert shown.count("<img") == PICTURE_BYTES // len(large)
    assert shown.count("as many pictures as it may") == 5 - PICTURE_BYTES // len(large)
    assert len(shown) < 1.5 * PICTURE_BYTES


def test_thousands_of_rows_stay_bearable() -> None:
    shown = page(large_verdict(2500), Pictures())
    assert "and 500 more" in shown
    assert shown.count("<article") == 200
    assert len(shown) < 8 * 2**20


def test_a_page_is_the_same_every_time() -> None:
    assert page(mixed_verdict(), PICTURES) == page(mixed_verdict(), PICTURES)


def test_bars_have_their_margin_at_one_place_and_are_cut_at_the_ends() -> None:
    small, large = bar(-0.01, -0.02, 0.0, 0.02, "a"), bar(-10, -20, 0.0, 20, "b")
    assert small.split("aria-label")[1][4:] == large.split("aria-label")[1][4:]
    assert "arrow" not in small
    assert bar(-0.2, -0.3, 0.3, 0.02, "c").count("arrow") == 2
    assert 'class="margin"' not in bar(0.1, None, None, None, "d")
    assert bar(0.0, 0.0, 0.0, 0.0, "e").count("<line") == 3
    assert bar(None, None, None, 0.1, "f") == bar(float("nan"), None, None, 0.1, "g") == ""
    assert "&quot;&lt;" in bar(0.1, 0.0, 0.2, 0.1, '"<')
