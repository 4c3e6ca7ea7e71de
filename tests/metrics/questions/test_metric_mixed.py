"""Sets of questions with options and without, rotated options, and A-OKVQA's direct answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, build
from velm_bench.samples import Sample


def mixed(text: str | None, right: list[str], options: list[str] | None = None) -> tuple[float, float]:
    """Accuracy and unparsed share of one answer."""
    found = build("mixed_choice").compute([text], [(right, options or [])])
    return found["mixed_choice_accuracy"], found["mixed_choice_unparsed"]


RIGHT, WRONG, UNPARSED = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", RIGHT),
        ("B", RIGHT),
        ("The answer is (B).", RIGHT),
        ("A", WRONG),
        ("A dog", RIGHT),
        ("cat or dog", UNPARSED),
        ("neither", UNPARSED),
        ("", UNPARSED),
        (None, UNPARSED),
    ],
)
def test_questions_with_options_are_read_as_multiple_choice(text: str | None, expected: tuple[float, float]) -> None:
    assert mixed(text, ["dog"], ["cat", "dog"]) == expected
    same = build("multiple_choice").compute([text], [(["dog"], ["cat", "dog"])])
    assert (same["multiple_choice_accuracy"], same["multiple_choice_unparsed"]) == expected


@pytest.mark.parametrize(
    ("text", "right", "expected"),
    [
        ("14", "14", RIGHT),
        ("14.0", "14", RIGHT),
        ("14.4", "14", WRONG),
        ("1,000 g", "1000", RIGHT),
        ("$1,000", "$1000", RIGHT),
        ("5%", "5%", RIGHT),
        ("There are 3 cars and 2 bikes, so 5.", "5", RIGHT),
        ("The answer is 5 because 3 + 2 makes it.", "5", RIGHT),
        ("Answer: 5\n3 + 2 is what one sees.", "5", RIGHT),
        ("I first thought the answer is 4. No: the answer is 5.", "5", RIGHT),
        ("two", "2", RIGHT),
        ("There are two, one of them red: 3 in all", "3", RIGHT),
        ("1.234", "1.23", RIGHT),
        ("1.2", "1.23", WRONG),
        ("3.43", "3.4286", RIGHT),
        ("3.44", "3.4286", WRONG),
        ("−5", "-5", RIGHT),
        ("1e3", "1000", RIGHT),
        ("1e999", "1000", UNPARSED),
        ("0.5", ".5", RIGHT),
        ("2007-2008", "2008", RIGHT),
        ("none", "0", UNPARSED),
        ("many", "3", UNPARSED),
        ("", "3", UNPARSED),
    ],
)
def test_a_number_is_read_from_an_open_answer(text: str, right: str, expected: tuple[float, float]) -> None:
    assert mixed(text, [right]) == expected


@pytest.mark.parametrize(
    ("text", "right", "expected"),
    [
        ("Yes.", "Yes", RIGHT),
        ("No, there is none.", "no", RIGHT),
        ("The answer is no", "Yes", WRONG),
        ("I cannot tell", "Yes", UNPARSED),
        ("The Red Sea", "red sea", RIGHT),
        ("The answer is: red sea.", "Red Sea", RIGHT),
        ("Black Sea", "red sea", WRONG),
        ("the red sea and the black sea", "red sea", WRONG),
        ("[2007, 2008]", "[2007, 2008]", RIGHT),
        ("...", "red", UNPARSED),
    ],
)
def test_words_are_read_from_an_open_answer(text: str, right: str, expected: tuple[float, float]) -> None:
    assert mixed(text, [right]) == expected


def test_any_of_several_right_answers_will_do() -> None:
    assert mixed("sixteen", ["16", "sixteen"]) == RIGHT
    assert mixed("16", ["16", "sixteen"]) == RIGHT
    assert mixed("seventeen", ["16", "sixteen"]) == WRONG


def test_options_that_the_question_lists_are_read_there() -> None:
    question = "Where is the sign?\nA. Left\nB. Right of the car\nPlease answer with the letter."
    metric = build("mixed_choice")
    listed = metric.reference(Sample("1", inputs={"question": question}, references=("B",)))
    assert listed == (["B"], ["Left", "Right of the car"])
    answers = ["B", "Right of the car", "B. Right of the car", "A", "C"]
    assert metric.statistics(answers, [listed] * 5).tolist() == [[1, 0, 1]] * 3 + [[0, 0, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    ("question", "reference"),
    [
        ("What is it?\nB. one\nC. two", "B"),
        ("What is it?\nA. one", "A"),
        ("Is it so?\nA. yes\nB. no", "yes"),
        ("", "B"),
    ],
)
def test_a_question_that_lists_nothing_is_open(question: str, reference: str) -> None:
    sample = Sample("1", inputs={"question": question}, references=(reference,))
    assert build("mixed_choice").reference(sample) == ([reference], [])


def test_the_samples_own_options_come_first() -> None:
    sample = Sample("1", inputs={"question": "A. x\nB. y", "options": ("u", "v")}, references=("u",))
    assert build("mixed_choice").reference(sample) == (["u"], ["u", "v"])


def test_a_right_option_that_is_none_is_an_error() -> None:
    with pytest.raises(MetricInputError, match="none of the options"):
        mixed("cat", ["bird"], ["cat", "dog"])


@given(st.sampled_from(HOSTILE) | st.text(max_size=40), st.sampled_from(["3", "2.50", "Yes", "red sea"]))
def test_any_open_answer_is_right_wrong_or_unparsed(text: str, right: str) -> None:
    assert mixed(text, [right]) in (RIGHT, WRONG, UNPARSED)


class TestCircular:
    """Rows 7 and 1,000,007 are the same question."""

    def rows(self, answers: list[Any], numbers: list[Any]) -> Any:
        turns = [["cat", "dog"], ["dog", "cat"]] * len(answers)
        golden = [((["cat"], turns[place]), number) for place, number in enumerate(numbers)]
        return build("circular_choice").statistics(answers, golden)

    def test_a_question_is_right_if_all_its_rotations_are(self) -> None:
        metric = build("circular_choice")
        rows = self.rows(["A", "B", "A", "A", "cat"], [7, 1_000_007, 8, "1000008", 9])
        assert rows.tolist() == [[1, 1], [0, 0], [0, 1], [0, 0], [1, 1]]
        assert metric.value(rows) == pytest.approx(2 / 3)
        assert metric.count(rows) == 3

    def test_a_failed_rotation_stands_for_its_question(self) -> None:
        assert self.rows(["A", None], [7, 1_000_007]).tolist() == [[0, 0], [0, 1]]

    def test_rows_without_a_number_count_nothing(self) -> None:
        assert np.isnan(build("circular_choice").value(self.rows(["A"], [None])))

    @pytest.mark.parametrize("number", ["seven", 7.5, True, ""])
    def test_a_number_that_is_none_is_an_error(self, number: Any) -> None:
        with pytest.raises(MetricInputError, match="give the row's number"):
            self.rows(["A"], [number])

    def test_the_number_is_a_fact(self) -> None:
        sample = Sample("1", inputs={"options": ("a", "b")}, references=("a",), facts={"circular": 7})
        assert build("circular_choice").reference(sample) == ((["a"], ["a", "b"]), 7)


@pytest.mark.parametrize(("matches", "score"), [(0, 0.0), (1, 1 / 3), (2, 2 / 3), (3, 1.0), (10, 1.0)])
def test_a_direct_answer_needs_three_annotators(matches: int, score: float) -> None:
    answers = ["wine"] * matches + [f"other {place}" for place in range(10 - matches)]
    assert build("direct_answer").compute(["Wine."], [answers])["direct_answer"] == pytest.approx(score)
