"""Yes/no questions and multiple choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, build
from velm_bench.samples import Sample

ANIMALS = ["dog", "cat", "a big cat", "horse"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes", True),
        ("yes.", True),
        ("No", False),
        ("NO!", False),
        ("Yes, there is a dog. It is not brown.", True),
        ("Yes, there is not only a dog", True),
        ("There is no dog in the picture.", False),
        ("There isn’t a dog.", False),
        ("The answer is yes", True),
        ("Answer: no", False),
        ("1. Yes", True),
        (". No", False),
        ("There is a dog. No cat.", None),  # the first sentence says neither
        ("There is a dog", None),
        ("I would say yes, or no", None),
        ("Yes or no", None),
        ("Not yes", False),
        ("I can't tell", None),
        ("I don't know", None),
        ("I cannot really say", None),
        ("Sorry, I can't see the image", None),
        ("I'm not sure there is a dog", None),
        ("Not sure", None),
        ("It is not clear whether there is a dog", None),
        ("No idea", None),
        ("No way to tell", None),
        ("No, but I'm not sure", False),
        ("Yes, though I can't say which", True),
        ("The sky is not clear", False),
        ("The sign does not say stop", False),
        ("Yeah", True),
        ("Yep, a dog", True),
        ("Nope", False),
        ("Nah.", False),
        ("You cannot see a dog", False),
        ("You can’t see a dog", False),
        ("I don't see a dog", False),
        ("There didn't seem to be one", False),
        ("There isnt a dog", False),
        ("Yes/No", None),
        ("Yes and no", None),
        ("Yes and there are two", True),
        ("yesterday", None),
        ("I want one", None),
        ("Nobody knows yesterday's notes", None),
        ("maybe", None),
        ("", None),
    ],
)
def test_what_a_yes_no_answer_says(text: str, said: bool | None) -> None:
    rows = build("yes_no").statistics([text, text], [["yes"], ["no"]])
    right = [said is True, said is False]
    assert rows[:, [0, 3]].tolist() == [[right[0], 0], [0, right[1]]]
    assert rows[:, 4:].tolist() == [[said is True, said is None]] * 2


def test_yes_no_scores() -> None:
    answers = ["yes", "yes", "no", "no", "yes", "a dog", "a dog", None]
    golden = ["yes", "yes", "yes", "no", "no", "yes", "no", "no"]
    scores = build("yes_no").compute(answers, [[text] for text in golden])
    assert scores == pytest.approx(
        {
            "yes_no_accuracy": 3 / 8,
            "yes_no_f1": 2 * (2 / 5) * (2 / 4) / (2 / 5 + 2 / 4),
            "yes_no_precision": 2 / 5,  # an answer that says neither is a false alarm where no is right
            "yes_no_recall": 2 / 4,
            "yes_no_rate": 3 / 8,
            "yes_no_unparsed": 3 / 8,
        }
    )


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_yes_no_scores_equal_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    words = {True: "yes", False: "no"}
    scores = build("yes_no").compute([words[said] for said, _ in pairs], [[words[gold]] for _, gold in pairs])
    said, gold = zip(*pairs, strict=True)
    precision, recall, f1, _ = precision_recall_fscore_support(
        gold, said, labels=[True], average="macro", zero_division=0.0
    )
    names = ("yes_no_precision", "yes_no_recall", "yes_no_f1", "yes_no_accuracy", "yes_no_rate")
    expected = [precision, recall, f1, np.mean(np.equal(said, gold)), np.mean(said)]
    assert [scores[name] for name in names] == pytest.approx(expected)


def pope_script(answers: list[str], labels: list[str]) -> dict[str, float]:
    """POPE's evaluation, answer by answer: first sentence, no commas, words between spaces, no or else yes."""
    hits = false_alarms = rejections = misses = 0
    for answer, label in zip(answers, labels, strict=True):
        sentence = answer[: answer.index(".")] if "." in answer else answer
        words = "".join(mark for mark in sentence if mark != ",").split(" ")
        said = "no" if any(word in ("No", "not", "no") for word in words) else "yes"
        hits += (said, label) == ("yes", "yes")
        false_alarms += (said, label) == ("yes", "no")
        misses += (said, label) == ("no", "yes")
        rejections += (said, label) == ("no", "no")
    precision = hits / (hits + false_alarms) if hits + false_alarms else 0.0
    recall = hits / (hits + misses) if hits + misses else 0.0
    return {
        "yes_no_pope_accuracy": (hits + rejections) / len(answers),
        "yes_no_pope_f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "yes_no_pope_precision": precision,
        "yes_no_pope_recall": recall,
        "yes_no_pope_rate": (hits + false_alarms) / len(answers),
    }


phrases = st.lists(
    st.sampled_from(
        ["No", "no", "not", "NO", "Not", "No,", "yes", "Yes", "there", "isn't", "dog", "\n", "!", ".", "", ","]
    )
)
pope_answers = st.one_of(st.builds(" ".join, phrases), st.builds("".join, phrases), st.text())


@given(st.lists(st.tuples(pope_answers, st.sampled_from(["yes", "no"])), min_size=1))
def test_popes_rule_equals_a_literal_reading_of_its_script(pairs: list[tuple[str, str]]) -> None:
    answers, labels = [text for text, _ in pairs], [label for _, label in pairs]
    expected = pope_script(answers, labels)
    assert build("yes_no_pope").compute(answers, [[label] for label in labels]) == pytest.approx(expected)


def test_popes_rule_differs_from_an_honest_reading() -> None:
    answers = ["There is a dog", "", "NO", "No!", "There isn't", "Yes, there is not only one", "There is one. No cat."]
    pope, honest = build("yes_no_pope"), build("yes_no")
    assert pope.statistics(answers, [["yes"]] * 7)[:, 4].tolist() == [1, 1, 1, 1, 1, 0, 1]
    assert honest.statistics(answers, [["yes"]] * 7)[:, 4].tolist() == [0, 0, 0, 0, 0, 1, 0]
    assert pope.signature != honest.signature


def test_a_failed_sample_is_wrong_by_popes_rule_too() -> None:
    golden = [["yes"], ["no"], ["red"]]
    values = build("yes_no_pope").compute([None, None, None], golden)
    assert values == dict.fromkeys(values, 0.0)
    assert not build("yes_no_pope").higher("yes_no_pope_rate")


def test_a_mixed_set_of_several_annotators_can_be_scored_whole() -> None:
    golden = [["no"] * 5 + ["yes"] * 5, ["yes"] * 4 + ["red"] * 3 + ["blue"] * 3, ["maybe"] * 6 + ["yes"] * 4, ["Yeah"]]
    for name in ("yes_no", "yes_no_pope"):
        metric = build(name)
        rows = metric.statistics(["no", "yes", "yes", "no"], golden)
        assert metric.count(rows) == 3  # of answers that tie, the first; "maybe" is neither
        assert metric.value(rows) == pytest.approx(2 / 3)


def test_questions_of_another_kind_count_nothing() -> None:
    metric = build("yes_no")
    golden = [["yes"] * 6 + ["no"] * 4, ["red"] * 10, ["no dogs", "no"], ["No."]]
    rows = metric.statistics(["yes", "yes", "no", "no"], golden)
    assert rows[1:3].tolist() == [[0.0] * 6] * 2
    assert metric.count(rows) == 2
    assert metric.value(rows) == 1.0
    assert np.isnan(metric.values(rows[1:3])).all()


def test_which_way_is_better() -> None:
    metric = build("yes_no")
    assert metric.higher("yes_no_f1")
    assert not metric.higher("yes_no_unparsed")
    assert not build("multiple_choice").higher("multiple_choice_unparsed")


def chosen(text: str, options: list[str]) -> str | None:
    """The option for which the answer is right, found by asking the metric about each; None where it is unparsed."""
    metric = build("multiple_choice")
    values = [metric.compute([text], [([option], options)]) for option in options]
    assert len({value["multiple_choice_unparsed"] for value in values}) == 1
    right = [option for option, value in zip(options, values, strict=True) if value["multiple_choice_accuracy"]]
    assert len(right) == 1 - values[0]["multiple_choice_unparsed"]
    return right[0] if right else None


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("B", "cat"),
        ("(B)", "cat"),
        ("B.", "cat"),
        (" b)\n", "cat"),
        ("**B**", "cat"),
        ("[B]", "cat"),
        ("$\\boxed{B}$", "cat"),
        ("A) dog", "dog"),
        ("A. dog", "dog"),
        ("(A) dog", "dog"),
        ("b) cat", "cat"),
        ("B: a cat on a mat", "cat"),
        ("Answer: B", "cat"),
        ("Answer:\nB", "cat"),
        ("answer: b", "cat"),
        ("The answer is B", "cat"),
        ("The answer is B.", "cat"),
        ("The correct answer is (B), a cat", "cat"),
        ("The answer is A because it barks", "dog"),
        ("Between (A) and (B), the answer is (B)", "cat"),
        ("Between (A) and (B), the answer is B", "cat"),
        ("Option D is right.", "horse"),
        ("I choose option D", "horse"),
        ("D is right", "horse"),
        ("It is (D), I think (see Figure A)", "horse"),
        ("dog", "dog"),
        ("Cat.", "cat"),
        ("It is a horse!", "horse"),
        ("A big cat", "a big cat"),
        ("A dog", "dog"),
        ("a cat", "cat"),
        ("The answer is a dog", "dog"),
        ("The answer is A cat", "cat"),
        ("Answer: A horse is shown", "horse"),
        ("A cow", None),
        ("The answer is A cow", None),
        ("A dog and a horse", None),
        ("A or B", None),
        ("(A) or (B)", None),
        ("A) dog\nB) cat", None),
        ("A) cat", None),  # the letter of one, the text of another
        ("E", None),
        ("Answer: E", None),
        ("the answer is not known", None),
        ("concatenate", None),
        ("?", None),
        ("", None),
    ],
)
def test_what_an_answer_chooses(text: str, option: str | None) -> None:
    assert chosen(text, ANIMALS) == option


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("B\nExplanation: A is a dog.", "cat"),
        ("B\n\nThe picture shows a dog and a cat.", "cat"),
        ("B. cat\n\nExplanation: Option A is a dog, which is not there.", "cat"),
        ("Option A is a dog, which is not there. Option B is a cat. So the answer is B.", "cat"),
        ("Option A is no dog. Option B is correct.", "cat"),
        ("Option A is wrong: a dog is larger.\n\\boxed{B}", "cat"),
        ("\\boxed{\\text{(B) cat}} and no dog", "cat"),
        ("<answer>B</answer>", "cat"),
        ("Option A is wrong. <|begin_of_box|>B<|end_of_box|>", "cat"),
        ("<answer>cat</answer> (not a dog)", "cat"),
        ("A dog barks, a cat does not. The answer is cat.", "cat"),
        ("The answer is A. Wait. Final answer: B", "cat"),
        ("The answer is (b).", "cat"),
        ("The answer must be B", "cat"),
        ("I would say D, since a dog is not there", "horse"),
        ("I'd go with B.", "cat"),
        ("Therefore, B.", "cat"),
        ("It's B", "cat"),
        ("B, because it purrs", "cat"),
        ("Answer：B", "cat"),
        ("Answer: A, B", None),
        ("The answer is A/B", None),
        ("It is B or D.", None),
        ("Neither A nor B is correct.", None),
        ("The answer is not (B).", None),
        ("(A) is wrong", None),
        ("Option B is not right.", None),
        ("I would not choose B.", None),
        ("A isn't it. B is correct", "cat"),
        ("The answer is B, not A.", "cat"),
        ("The answer is B-shaped", None),
        ("A. dog\nB. cat\nC. a big cat\nD. horse", None),
        ("A. dog\nB. cat\nC. a big cat\nD. horse\nAnswer: B", "cat"),
    ],
)
def test_what_an_answer_with_an_explanation_chooses(text: str, option: str | None) -> None:
    assert chosen(text, ANIMALS) == option


def test_a_number_that_is_said_to_be_the_answer_goes_before_those_on_the_way() -> None:
    options = ["5", "10", "20"]
    assert chosen("10 + 10 = 20. The answer is 20.", options) == "20"
    assert chosen("10 + 10 = 20, so \\boxed{20}", options) == "20"
    assert chosen("10 + 10 = 20", options) is None


def test_options_that_are_letters_go_by_their_text() -> None:
    assert chosen("A", ["B", "A"]) == "A"
    assert chosen("(A)", ["B", "A"]) == "A"


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("A", "A"),
        ("a", "A"),
        ("A.", "A"),
        ("(A)", "A"),
        ("**A**", "A"),
        ("Answer: A", "A"),
        ("answer: a", "A"),
        ("The answer is (A)", "A"),
        ("A is right", "A"),
        ("option D", "D"),
        ("A) B", "B"),  # as the options are listed: the first one, which is B
        ("A) D", None),
    ],
)
def test_a_letter_names_the_option_of_that_text(text: str, option: str | None) -> None:
    assert chosen(text, ["B", "A", "D", "C"]) == option


def test_a_letter_names_a_place_where_it_is_no_options_text() -> None:
    options = ["dog", "A", "cat"]
    assert [chosen(text, options) for text in ("Answer: A", "Answer: B", "Answer: C", "A) dog", "C) A")] == [
        *("A", "A", "cat", "dog", None)
    ]


def test_a_letter_among_many_options_is_no_pronoun() -> None:
    options = [f"thing {number}" for number in range(12)]
    assert chosen("I think it is thing 3", options) == "thing 3"
    assert chosen("I", options) == "thing 8"
    assert chosen("The answer is I", options) == "thing 8"
    assert chosen("The answer is I think so", options) is None


def test_multiple_choice_scores() -> None:
    golden = [(["dog"], ANIMALS), (["B"], ANIMALS), (["dog", "horse"], ANIMALS), (["dog"], ANIMALS)]
    metric = build("multiple_choice")
    rows = metric.statistics(["A", "the cat", "D", None], golden)
    assert rows.tolist() == [[1, 0, 1], [1, 0, 1], [1, 0, 1], [0, 1, 1]]
    assert metric.values(rows) == pytest.approx([0.75, 0.25])
    assert np.isnan(metric.values(metric.statistics([], []))).all()


def test_the_options_are_the_samples_own() -> None:
    sample = Sample("1", inputs={"options": ("dog", "cat")}, references=("cat",))
    metric = build("multiple_choice")
    assert metric.compute(["B"], [metric.reference(sample)]) == {
        "multiple_choice_accuracy": 1.0,
        "multiple_choice_unparsed": 0.0,
    }


@pytest.mark.parametrize(
    ("golden", "words"),
    [
        ((["cow"], ANIMALS), "Sample 1: the right option 'cow' is none of the options"),
        ((["the dog barks"], ANIMALS), "is none of the options"),
        ((["dog"], []), "Sample 1 has no options: map them under 'fields'"),
        ((["dog"], [None]), "Sample 1: the reference is None"),
        (["dog"], "Sample 1 needs references of two parts: the right option and the list of options"),
        (None, "Sample 1 needs references of two parts"),
    ],
)
def test_multiple_choice_references_of_another_form_are_one_sentence(golden: Any, words: str) -> None:
    with pytest.raises(MetricInputError, match=words):
        build("multiple_choice").statistics(["A", "A"], [(["dog"], ANIMALS), golden])


@pytest.mark.parametrize("name", ["yes_no", "yes_no_pope"])
def test_yes_no_references_of_another_form_are_one_sentence(name: str) -> None:
    for wrong in (None, b"yes", float("nan"), True):
        with pytest.raises(MetricInputError, match="Sample 0: the reference is"):
            build(name).statistics(["yes"], [[wrong]])
    with pytest.raises(MetricInputError, match=f"Sample 0 needs a list of at least one reference for {name}"):
        build(name).statistics(["yes"], ["yes"])


def test_hostile_answers_break_nothing() -> None:
    yes_no = build("yes_no")
    rows = yes_no.statistics([*HOSTILE, *HOSTILE], [*[["no"]] * len(HOSTILE), *[[text] for text in HOSTILE]])
    assert np.isfinite(rows).all()
    assert yes_no.count(rows) == len(HOSTILE)
    assert yes_no.values(rows)[5] == 1.0
    assert build("yes_no_pope").values(rows)[4] == 0.0  # unparsed is not said
    assert build("yes_no_pope").compute(HOSTILE, [["no"]] * len(HOSTILE))["yes_no_pope_rate"] == 1.0
    choice = build("multiple_choice")
    named = choice.compute(HOSTILE, [(["dog"], ["dog", "cat"])] * len(HOSTILE))
    assert 0 < named["multiple_choice_accuracy"] < 0.5  # some of them name a dog
    itself = choice.statistics(HOSTILE, [([text], ["dog", text]) for text in HOSTILE])
    assert itself[:, 0].tolist() == [1.0] * len(HOSTILE)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=5, unique=True))
def test_any_text_chooses_an_option_or_none(text: str, options: list[str]) -> None:
    values = build("multiple_choice").statistics([text], [([options[0]], options)])
    assert values.tolist() in ([[0, 0, 1]], [[0, 1, 1]], [[1, 0, 1]])


@given(st.text("AB()[]{}.: \nanswerisyonot", max_size=40))
def test_any_text_says_yes_no_or_neither(text: str) -> None:
    assert build("yes_no").statistics([text], [["yes"]])[0, :4].sum() == 1.0
    assert build("multiple_choice").statistics([text], [(["dog"], ["dog", "cat"])])[0, 2] == 1.0
