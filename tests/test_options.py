"""Labels named in free answers; `find_choice` is tested with the metric that uses it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.options import find_choice, find_label, find_option

LABELS = ("dog", "cat", "car", "sports car")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("  Dog.\n", "dog"),
        ("It is a dog!", "dog"),
        ("a sports car", "sports car"),
        ("a car, no sports", "car"),
        ("a cat or a dog", None),
        ("a sports car and a car", None),
        ("concatenate", None),
        ("(dog)", "dog"),
        ("", None),
    ],
)
def test_a_label_is_found_as_whole_words(text: str, label: str | None) -> None:
    assert find_label(text, LABELS) == label


@pytest.mark.parametrize(
    ("text", "label"), [("us", "us"), ("US", "US"), ("Us", None), ("(a)", "(a)"), ("a.", None), ("in the us now", None)]
)
def test_labels_that_differ_in_case_or_brackets_are_told_apart(text: str, label: str | None) -> None:
    assert find_label(text, ("us", "US", "a", "(a)")) == label


def test_a_reference_is_an_options_text_or_letter() -> None:
    options = ("dog", "cat", "A")
    assert [find_option(text, options) for text in ("Dog", "B", "A", "C", "D", "a dog")] == [
        *("dog", "cat", "A", "A", None, None)
    ]


def slow_label(text: str, options: tuple[str, ...]) -> str | None:
    """Every whole-word place of every option, less those inside another option's place."""
    spans = {
        (match.span(), option)
        for option in options
        for match in re.finditer(rf"(?=((?<!\w){re.escape(option)}(?!\w)))", text)
        for match in [re.compile(re.escape(option)).match(text, match.start())]
        if match
    }
    outer = {
        option
        for (start, end), option in spans
        if not any(low <= start and end <= high and (low, high) != (start, end) for (low, high), _ in spans)
    }
    return outer.pop() if len(outer) == 1 else None


@given(st.text("ab -", max_size=14))
def test_named_labels_equal_a_slow_search(text: str) -> None:
    options = ("a", "b", "a b", "b a", "a-b", "ab ab")
    if text.strip() not in options and text.strip() not in ("a-", "-a"):
        assert find_label(text, options) == slow_label(text, options)


@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_text_gives_an_option_or_none(text: str, options: list[str]) -> None:
    for find in (find_label, find_choice, find_option):
        assert find(text, options) in {None, *options}


def test_a_label_named_ten_thousand_times_is_found_quickly() -> None:
    assert find_label("a dog " * 16_666, LABELS) == "dog"
    assert find_choice("(" * 50_000 + "answer " * 8_000 + "A) " * 10_000, LABELS) == "dog"


@pytest.mark.parametrize(
    "piece", ["\n", "<answer>", "\\boxed{", "answer is\n", "so, ", "A, ", "A\n", "B. cat\n", "(", "!"]
)
def test_a_hostile_answer_takes_no_time_worth_mentioning(piece: str) -> None:
    started = time.perf_counter()
    find_choice(piece * 20_000 + "x", LABELS)
    assert time.perf_counter() - started < 2
