from __future__ import annotations

import pandas as pd
import pytest

from velm_bench.board.spreadsheets import guarded, spreadsheet
from velm_bench.inert import inert


@pytest.mark.parametrize("text", ["", "ref:prefix", "org/Modèle-7B (v2)", "模型", "модель", "หนึ่งที่", "a_b*c`d"])
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert inert(text) == text
    assert spreadsheet(text) == text


@pytest.mark.parametrize("number", [0x202A, 0x202E, 0x2066, 0x2069, 0x200E, 0x200F, 0x200B, 0x200D, 0xFEFF, 0xE0041])
def test_what_turns_or_hides_letters_is_seen(number: int) -> None:
    assert inert(f"a{chr(number)}b") == f"a⟨{number:04X}⟩b"


@pytest.mark.parametrize("number", [0x3164, 0x2800, 0x034F, 0xFE0F, 0x115F])
def test_letters_that_leave_nothing_to_see_are_seen(number: int) -> None:
    assert f"⟨{number:04X}⟩" in inert(chr(number))


def test_a_text_stays_on_its_line() -> None:
    assert inert("a\nb\tc\u2028d\u00a0e") == "a b c d e"
    assert inert("a\x1b[31mb\x00") == "a⟨001B⟩[31mb⟨0000⟩"
    assert inert("e" + "\u0301" * 100) == "e" + "\u0301" * 4


def test_a_long_text_is_cut_and_says_so() -> None:
    assert inert("x" * 400) == "x" * 299 + "…"
    assert inert("\u202e" * 400, 20).endswith("…")
    assert len(inert("\u202e" * 400, 20)) == 20


def test_what_is_inert_stays_so() -> None:
    text = "a\u202eb\n=c"
    assert inert(inert(text)) == inert(text)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1", "＝1", '"=1', "'=1"])
def test_what_a_spreadsheet_would_calculate_is_quoted(text: str) -> None:
    assert spreadsheet(text).startswith("'")


def test_a_guarded_frame_has_safe_texts_and_the_same_numbers() -> None:
    frame = pd.DataFrame({"=name": ["=1", None, "a\u202eb"], "score": [-1.0, 0.5, None]})
    safe = guarded(frame.astype({"=name": "string"}))
    assert list(safe.columns) == ["'=name", "score"]
    assert safe["'=name"].tolist()[::2] == ["'=1", "a⟨202E⟩b"]
    assert safe["'=name"].isna().tolist() == [False, True, False]
    assert safe["score"].tolist()[:2] == [-1.0, 0.5]
