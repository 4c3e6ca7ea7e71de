"""Options of a row, the answers that point into them, and lists that a data set holds as text."""

from __future__ import annotations

import json
from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.errors import SampleError
from velm_bench.sources.choices import Choices, of_cell, of_columns
from velm_bench.sources.files import Defects
from velm_bench.sources.nested import heads, literal, reach

TEXTS = st.lists(st.text(min_size=1), min_size=1, max_size=26, unique=True)
SLOTS = st.lists(st.none() | st.text(min_size=1), min_size=1, max_size=26)


@given(TEXTS, st.data())
def test_a_position_and_its_letter_lead_to_the_same_option(texts: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(texts) - 1))
    choices, letter = of_cell(texts), ascii_uppercase[place]
    given_as = (place, str(place), float(place))
    assert {choices.at(one) for one in given_as} == {texts[place]}
    assert {choices.lettered(one) for one in (letter, letter.lower(), f"({letter})", f" {letter}. ")} == {texts[place]}
    assert choices.named(texts[place]) == texts[place]


@given(SLOTS, st.integers(0, 30))
def test_a_gap_keeps_the_letters_behind_it(slots: list[str | None], place: int) -> None:
    choices = of_columns(slots)
    assert list(choices.texts) == [slot for slot in slots if slot is not None]
    if place < len(slots) and slots[place] is not None:
        assert choices.at(place) == slots[place]
    else:
        with pytest.raises(SampleError, match=r"leads to no option"):
            choices.at(place)


@given(st.text())
def test_a_letter_is_a_letter_and_no_word(text: str) -> None:
    choices = of_cell(["red", "blue"])
    try:
        found = choices.lettered(text)
    except SampleError:
        return
    assert text.strip(" \t\n\r\x0b\x0c()[].:\x1c\x1d\x1e\x1f\x85\xa0").casefold() in ("a", "b") or found == ""


@pytest.mark.parametrize("answer", ["A dog", "AB", "", None, "Aa", "a b", 1, True, "C", "Z", "é", "A) red"])
def test_what_is_no_letter(answer: Any) -> None:
    with pytest.raises(SampleError):
        of_cell(["red", "blue"]).lettered(answer)


@pytest.mark.parametrize("answer", [-1, 2, "2", "-1", True, None, "", "1.0", 0.5, "one", "²", [0], "9" * 5000])
def test_what_is_no_position(answer: Any) -> None:
    with pytest.raises(SampleError):
        of_cell(["red", "blue"]).at(answer)


def test_labels_of_the_datas_own_are_the_letters() -> None:
    choices = of_cell({"text": ["red", "blue", "green"], "label": ["1", "2", "C"]})
    assert [choices.lettered(one) for one in ("1", "2", "c", "(C)", 2)] == ["red", "blue", "green", "green", "blue"]
    with pytest.raises(SampleError, match=r"'A' is not the letter of an option"):
        choices.lettered("A")
    named = of_cell({"A": "red", "B": None, "D": "blue"})
    assert (named.texts, named.lettered("D")) == (("red", "blue"), "blue")
    with pytest.raises(SampleError, match=r"'B' leads to no option: there are 2"):
        named.lettered("B")


def test_options_that_are_none() -> None:
    assert of_cell(None) == of_cell("") == of_cell([]) == Choices()
    assert of_cell([1, 2.5, "x"]).texts == ("1", "2.5", "x")
    for value, message in (("red", "not a list of texts"), ([None], "None is not a text"), ([["x"]], "not a text")):
        with pytest.raises(SampleError, match=message):
            of_cell(value)
    with pytest.raises(SampleError, match=r"There are 2 options and 1 labels"):
        of_cell({"text": ["a", "b"], "label": ["1"]})
    with pytest.raises(SampleError, match=r"The answer 'x' is not among the options"):
        of_cell(["a"]).named("x")
    assert of_cell([" a ", "a"]).named("a") == "a"
    assert of_cell([" a ", "b"]).named("a") == " a "


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one, max_size=3), max_leaves=8
)


@given(st.lists(JSON) | st.dictionaries(st.text(), JSON))
def test_a_list_is_read_however_it_is_spelled(value: Any) -> None:
    assert literal(json.dumps(value)) == value
    assert literal(f" {value!r}\n") == value


@given(st.text())
def test_any_other_text_stays(text: str) -> None:
    found = literal(text)
    assert found is text or text.strip()[:1] in "[{("


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "[0, 1)",
        "[a, b]",
        "['a'",
        "{1, 2}",
        "[{'a', 'b'}]",
        "[b'a']",
        "[1j]",
        "[__import__('os')]",
        "[open('x')]",
        "(1)",
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_what_is_no_literal_stays_as_it_is(text: str) -> None:
    assert literal(text) == text
    assert literal(7) == 7


def test_what_is_read_of_python_is_what_json_knows() -> None:
    assert literal("{1: ('a',), 'b': None}") == {"1": ["a"], "b": None}
    assert literal("((1, 2), 'x')") == [[1, 2], "x"]


def test_paths_into_cells() -> None:
    values = {
        "answers": [{"answer": "a", "n": 1}, {"answer": "b"}],
        "flat": {"answer": ["x", "y"]},
        "choices": ["p", "q"],
        "a.b": 3,
        "a": {"b": 4, "c": {"d": 5}},
        0: "zero",
    }
    wanted = {
        "answers.answer": ["a", "b"],
        "answers.n": [1, None],
        "answers.1.answer": "b",
        "flat.answer": ["x", "y"],
        "flat.answer.1": "y",
        "choices.0": "p",
        "choices.2": None,
        "a.b": 3,
        "a.c.d": 5,
        "a.c.e": None,
        "a.c.d.e": None,
        "none.at.all": None,
        0: "zero",
        1: None,
    }
    assert {path: reach(values, path) for path in wanted} == wanted
    assert heads("a.b.c") == ["a", "a.b", "a.b.c"]
    assert reach({"x": "text"}, "x.__class__") is None


def test_a_defect_that_is_met_twice_is_said_once() -> None:
    defects = Defects("row 1")
    for _ in range(2):
        assert defects.catch(lambda: of_cell("red"), None) is None
    defects.catch(lambda: of_cell([None]), None)
    assert str(defects).count("not a list of texts") == 2  # once of each
