"""Multiple choice: letters before the model, texts behind it, and no answer read into what was not said."""

from __future__ import annotations

from typing import Any

import pytest

from velm_bench.errors import SampleError, UsageError
from velm_bench.metrics import build
from velm_bench.options import find_choice
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Sample,
    TagAnswer,
    TextAnswer,
)
from velm_bench.tasks.definition import Task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.multiple_choice import CLOSED, OPEN, MultipleChoice

BOTH = frozenset({Ability.CHOOSE, Ability.GENERATE})
WRITES = frozenset({Ability.GENERATE})
OPTIONS = ("red", "A dog", "blue")


def kind(**changes: Any) -> MultipleChoice:
    task = {"name": "t", "kind": "multiple_choice", "source": {"type": "x"}, "metrics": ["multiple_choice"], **changes}
    made = KINDS.get("multiple_choice")(Task.model_validate(task))
    assert isinstance(made, MultipleChoice)
    return made


def closed(*references: str, options: tuple[str, ...] = OPTIONS, **inputs: Any) -> Sample:
    given = {"question": "What is it?", "options": options, **inputs}
    return Sample("1", inputs=given, references=references or ("A dog",))


OPEN_SAMPLE = Sample("2", inputs={"question": "How many?"}, references=("3",))


def test_the_options_stand_lettered_in_the_prompt() -> None:
    assert kind().text(closed()) == f"What is it?\nA. red\nB. A dog\nC. blue\n{CLOSED}"
    own = kind(prompt="{question} {options} Answer:")
    assert own.text(closed(options=("x", "y"))) == "What is it? A. x\nB. y Answer:"


def test_an_open_question_has_no_options_and_another_instruction() -> None:
    assert kind().text(OPEN_SAMPLE) == f"How many?\n{OPEN}"
    emptied = Sample("2", inputs={"question": "How many?", "options": ()}, references=("3",))
    assert kind().text(emptied) == kind().text(OPEN_SAMPLE)


def test_a_line_whose_fields_are_empty_is_left_out_and_no_other() -> None:
    hinted = kind(prompt="Hint: {hint}\nPlease.\n\n{question}\n{options}")
    assert hinted.text(closed(options=("x", "y"), hint="think")) == "Hint: think\nPlease.\n\nWhat is it?\nA. x\nB. y"
    for nothing in ("", None):
        assert hinted.text(closed(options=("x",), hint=nothing)) == "Please.\n\nWhat is it?\nA. x"
    with pytest.raises(UsageError, match=r"uses \{hint\}, which sample '1' lacks"):
        hinted.text(closed())


def test_a_model_that_weighs_is_asked_for_letters() -> None:
    request = kind(templates=["a photo of a {label}."]).request(closed(), BOTH)
    assert isinstance(request, ChooseRequest)
    assert (request.options, request.spoken, request.said) == (OPTIONS, ("A", "B", "C"), ("A", "B", "C"))
    assert request.templates == ("a photo of a {label}.",)
    assert request.prompt == kind().text(closed())


def test_a_model_that_writes_is_asked_to_write_and_so_is_any_without_options() -> None:
    assert isinstance(kind().request(closed(), WRITES), GenerateRequest)
    assert isinstance(kind().request(OPEN_SAMPLE, BOTH), GenerateRequest)
    with pytest.raises(UsageError, match="which can only choose"):
        kind().request(OPEN_SAMPLE, {Ability.CHOOSE})
    with pytest.raises(UsageError, match="which can only tag"):
        kind().request(closed(), {Ability.TAG})


def test_the_likeliest_letter_is_the_prediction_in_the_options_text() -> None:
    assert kind().predict(closed(), ChoiceAnswer((-3.0, -1.0, -2.0))).value == "A dog"
    assert kind().predict(closed(), ChoiceAnswer((-1.0, -1.0, -2.0), (5, 1, 1))).value == "red"


@pytest.mark.parametrize(
    ("said", "value", "failures", "right"),
    [
        ("B", "B", 0, 1.0),
        ("(B)", "(B)", 0, 1.0),
        ("The answer is B.", "The answer is B.", 0, 1.0),
        ("A dog", "A dog", 0, 1.0),  # the option of that text, and never the letter A
        ("a dog on a lawn", "a dog on a lawn", 0, 1.0),
        ("A cat", "A cat", 1, 0.0),
        ("I cannot tell", "I cannot tell", 1, 0.0),
        ("", "", 1, 0.0),
        ("<think>A? No.</think>B", "B", 0, 1.0),
        ("<think>A? No", "", 1, 0.0),
    ],
)
def test_what_was_written_is_read_by_the_metric_and_what_cannot_be_is_counted(
    said: str, value: str, failures: int, right: float
) -> None:
    prediction = kind().predict(closed(), TextAnswer(said))
    assert (prediction.value, prediction.failures) == (value, failures)
    metric = build("multiple_choice")
    scores = metric.compute([prediction.value], [metric.reference(closed())])
    assert scores == {"multiple_choice_accuracy": right, "multiple_choice_unparsed": float(failures)}


def test_an_open_answer_is_a_text_like_any_other() -> None:
    assert kind().predict(OPEN_SAMPLE, TextAnswer(" three\n")) == kind().predict(OPEN_SAMPLE, TextAnswer("three"))
    assert kind().predict(OPEN_SAMPLE, TextAnswer("three")).failures == 0
    with pytest.raises(SampleError, match="TagAnswer where words were asked for"):
        kind().predict(OPEN_SAMPLE, TagAnswer(("O",)))


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (closed(), ""),
        (closed("B"), ""),
        (closed("A dog", "C"), ""),
        (OPEN_SAMPLE, ""),
        (closed(options=tuple(map(str, range(26))), question="?"), "The answer 'A dog' is not among the options."),
        (closed(options=(*map(str, range(26)), "A dog")), "There are 27 options, more than letters."),
        (closed(options=("A dog", "x", "x")), ""),
        (closed(options=("A dog", " ")), "One of the options is empty."),
        (closed("green"), "The answer 'green' is not among the options."),
        (closed("D"), "The answer 'D' is not among the options."),
        (Sample("1", inputs={"options": OPTIONS}, references=("red",)), "The sample has no 'question'"),
        (Sample("1", inputs={"question": "?", "options": OPTIONS}), "The reference list is empty."),
    ],
)
def test_a_sample_that_cannot_be_asked_says_why(sample: Sample, why: str) -> None:
    found = kind(metrics=["mixed_choice"]).problem(sample)
    assert found.startswith(why) if why else found == ""


def test_the_right_answer_is_a_text_however_the_data_has_it() -> None:
    for references in (("A dog",), ("B",), ("b",)):
        assert kind().truth(closed(*references)) == "A dog"
        assert kind().worked_answer(closed(*references)) == "B"
    assert (kind().truth(OPEN_SAMPLE), kind().worked_answer(OPEN_SAMPLE)) == ("3", "3")
    assert kind().truth(closed("A", options=("C", "A", "B"))) == "A"  # the text goes before the letter
    assert kind().worked_answer(closed("A", options=("C", "A", "B"))) == "B"


def test_options_of_one_text_are_one_answer() -> None:
    """Letters tell them apart, and each of their letters is right."""
    sample = closed("A dog", options=("A dog", "x", "A dog"))
    for answer in (TextAnswer("A"), TextAnswer("C"), ChoiceAnswer((-3.0, -2.0, -1.0))):
        found = kind().predict(sample, answer)
        assert find_choice(found.value, sample.inputs["options"]) == "A dog"
        assert found.failures == 0
    assert kind().worked_answer(sample) == "A"


def test_what_is_scored_is_where_the_right_option_is_known() -> None:
    assert kind().scorable(closed())
    assert kind(metrics=["mixed_choice"]).scorable(OPEN_SAMPLE)
    assert not kind().scorable(closed("green"))
    assert not kind().scorable(Sample("1", inputs={"question": "?", "options": OPTIONS}))


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("A", "C"),  # the prompt has "A. C"
        ("B.", "A"),
        ("The answer is (B)", "A"),
        ("C. B", "B"),
        ("A) C", "C"),
        ("dot", "dot"),
        ("D", "dot"),
        ("It is the dot.", "dot"),
        ("I cannot tell", "I cannot tell"),
    ],
)
def test_a_letter_is_that_of_the_place_where_options_are_letters_themselves(said: str, chosen: str) -> None:
    """Labels in a diagram: a model that writes and one that weighs letters are judged alike."""
    sample = closed("A", options=("C", "A", "B", "dot"))
    assert kind().predict(sample, TextAnswer(said)).value == chosen
    assert kind().worked_answer(sample) == "B"


@pytest.mark.parametrize(("said", "chosen"), [("a", "a"), ("A", "h"), ("C", "a"), ("c", "c"), ("(B)", "f")])
def test_a_small_letter_is_an_options_own_and_a_capital_one_that_of_a_place(said: str, chosen: str) -> None:
    assert kind().predict(closed("a", options=("h", "f", "a", "c")), TextAnswer(said)).value == chosen


def test_a_question_without_options_is_a_defect_where_the_metric_needs_some() -> None:
    """And of that one sample: not what leaves the whole run without a score."""
    for metrics in (["multiple_choice"], ["circular_choice", "exact_match"]):
        assert (
            kind(metrics=metrics).problem(OPEN_SAMPLE).startswith(f"There are no options, which '{metrics[0]}' needs")
        )
        assert not kind(metrics=metrics).scorable(OPEN_SAMPLE)
    for metrics in (["mixed_choice"], ["exact_match"]):
        assert kind(metrics=metrics).problem(OPEN_SAMPLE) == ""
        assert kind(metrics=metrics).scorable(OPEN_SAMPLE)
