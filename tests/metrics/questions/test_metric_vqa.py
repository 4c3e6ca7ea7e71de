"""VQA accuracy against the official script's outputs and a literal reading of its rules."""

from __future__ import annotations

import hashlib
import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from tests.metrics.questions import literal_vqa
from tests.metrics.questions.literal_vqa import LITERAL, one_line, plain_words, unpunctuated
from velm_bench.metrics import MetricInputError, build
from velm_bench.metrics.questions.vqa import CONTRACTIONS, NUMBERS, PUNCTUATION, consensus, normalise

CASES = json.loads((Path(__file__).parents[1] / "cases" / "vqa.json").read_text())


@pytest.mark.parametrize(("answer", "normal"), CASES["normalise"])
def test_normal_form(answer: str, normal: str) -> None:
    assert normalise(answer) == normal


@pytest.mark.parametrize("case", CASES["consensus"])
def test_consensus(case: dict[str, Any]) -> None:
    assert consensus(case["matching"], case["annotators"]) == pytest.approx(case["accuracy"])


def test_the_spellings_are_the_scripts() -> None:
    """114 of vqaEval.py's 120 entries (c4e6a0e): less four with a capital, and two that change nothing."""
    table = "\n".join(f"{word} {spelling}" for word, spelling in sorted(CONTRACTIONS.items()))
    digest = "f2c800b1132e79302dd72686ce8bba16120f1873f98a85561222e89317336e7a"
    assert (len(CONTRACTIONS), hashlib.sha256(table.encode()).hexdigest()) == (114, digest)
    assert NUMBERS == literal_vqa.NUMBERS


def test_official_cases(shared: Path) -> None:
    cases = json.loads((shared / "metric_cases" / "vqa_official.json").read_text())["cases"]
    assert len(cases) == 18
    answers, golden = [case["prediction"] for case in cases], [case["gt_answers"] for case in cases]
    scored = {name: np.round(100 * build(name).statistics(answers, golden)[:, 0], 2).tolist() for name in LITERAL}
    assert scored["vqa_accuracy_vqaeval"] == [case["official_accuracy"] for case in cases]
    for old in ("official_before_2021-03-11", "LAVIS"):
        assert scored["vqa_accuracy_2015"] == [case["variants"][old] for case in cases]
    named = "lmms-eval textvqa/ok_vqa/vizwiz"  # normalises both sides; its comma rule differs in one case
    assert scored["vqa_accuracy"] == [
        case["official_accuracy"] if case["name"] == "comma_no_space" else case["variants"][named] for case in cases
    ]
    assert [normalise(answer) for answer in answers] == [case["official_normalised_prediction"] for case in cases]
    for name, slow in LITERAL.items():  # the slow definition itself stands the test
        assert scored[name] == [round(100 * slow(*one), 2) for one in zip(answers, golden, strict=True)]


WORDS = [
    *(
        "yes",
        "no",
        "2",
        "two",
        "none",
        "a",
        "an",
        "the",
        "The",
        "A",
        "dog",
        "Dog",
        "DOG",
        "t-shirt",
        "t shirt",
        "tshirt",
    ),
    *("1,000", "1000", "3.5", "3.", ".5", "St. Louis", "dont", "don't", "Im", "youd've", "yall'd've", "somebody'd"),
    *("é", "ÉCOLE", "İ", "ß", "ﬁ", "½", "１,２", "٣,٤", "\u00a0", "\u2028", "\x85", "\x1f", "\ud800", "🙂", "", "$5"),
    *(mark for mark in PUNCTUATION + ".:'%&"),
    *("." * 31, "." * 33, ". " * 40, "1." * 35),
]
GLUE = ["", " ", " ", " ", "\n", "\t", ",", ", ", " ,", "-", " - ", "/", "."]


def generated(questions: int) -> tuple[list[str], list[list[str]]]:
    """Predictions and ten answers each, with repetition, agreement and every quirk; the same ones each time."""
    chance = random.Random(20)

    def text() -> str:
        if chance.random() < 0.5:
            return chance.choice(
                ["dog", "no", "blue", "t shirt", "on the left", "1000", "t-shirt", "1,000", "St. Louis"]
            )
        words = chance.choices(WORDS, k=chance.choice([1, 1, 1, 2, 2, 3, 5]))
        return "".join(part for word in words for part in (word, chance.choice(GLUE)))

    predictions, golden = [], []
    for _ in range(questions):
        pool = [text() for _ in range(chance.choice([1, 1, 2, 3, 4]))]
        pool += [chance.choice([str.upper, str.title, "the {}".format, " {}".format, "{}.".format])(pool[0])]
        answers = [pool[0]] * 10 if chance.random() < 0.2 else chance.choices(pool, k=10)
        golden.append(answers)
        predictions.append(chance.choice([*pool, text()]))
    return predictions, golden


def test_generated_questions_equal_the_literal_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    for rule in (one_line, unpunctuated, plain_words):  # each text read once, or it takes a minute
        monkeypatch.setattr(literal_vqa, rule.__name__, cache(rule))
    predictions, golden = generated(50_000 if os.environ.get("VELM_FULL_PARITY") == "1" else 10_000)
    for name, slow in LITERAL.items():
        expected = np.asarray([slow(*one) for one in zip(predictions, golden, strict=True)])
        rows = build(name).statistics(predictions, golden)
        np.testing.assert_allclose(rows[:, 0], expected, rtol=0, atol=5e-16)  # the script adds ten rounded thirds
        assert 0.15 < expected.mean() < 0.9
        assert np.unique(rows[:, 0]).tolist() == [0.0, 0.3, 0.6, 0.9, 1.0]


def test_real_questions_equal_the_literal_reading(shared: Path) -> None:
    golden = vizwiz(shared)
    chance = random.Random(1)
    predictions = [chance.choice(answers) for answers in golden]
    for name, slow in LITERAL.items():
        expected = [slow(*one) for one in zip(predictions, golden, strict=True)]
        np.testing.assert_allclose(build(name).statistics(predictions, golden)[:, 0], expected, rtol=0, atol=5e-16)


def leave_one_out(prediction: str, answers: list[str]) -> float:
    """The script's loop, answer by answer."""
    scores = [min(1.0, sum(a == prediction for a in answers[:i] + answers[i + 1 :]) / 3) for i in range(len(answers))]
    return sum(scores) / len(scores)


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=12), st.sampled_from("abcd"))
def test_consensus_equals_leaving_each_annotator_out(answers: list[str], prediction: str) -> None:
    assert consensus(answers.count(prediction), len(answers)) == pytest.approx(leave_one_out(prediction, answers))


@given(st.text(alphabet="ab1 2,.;-/?!\n\t'", max_size=60))
def test_normal_form_equals_a_literal_reading(text: str) -> None:
    assert normalise(text) == plain_words(unpunctuated(one_line(text)))


@given(st.text())
def test_any_text_has_a_normal_form(text: str) -> None:
    assert isinstance(normalise(text), str)


def test_the_variants_differ_where_annotators_agree() -> None:
    golden = [["yes"] * 10]
    assert build("vqa_accuracy").value(build("vqa_accuracy").statistics(["Yes."], golden)) == 1.0
    assert build("vqa_accuracy_vqaeval").value(build("vqa_accuracy_vqaeval").statistics(["Yes."], golden)) == 0.0


@pytest.mark.parametrize("name", [*LITERAL, "exact_match"])
def test_a_single_answer_is_exact_match_and_a_failure_is_wrong(name: str) -> None:
    metric = build(name)
    rows = metric.statistics(["red", "blue", None], [["red"], ["red"], ["red"]])
    assert rows[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert metric.value(rows) == pytest.approx(1 / 3)


@pytest.mark.parametrize("references", [[[]], ["yes"]])
def test_a_question_without_answers_is_an_error(references: list[Any]) -> None:
    with pytest.raises(ValueError, match="Sample 0 needs a list of at least one reference for vqa_accuracy"):
        build("vqa_accuracy").statistics(["yes"], references)


def test_a_prediction_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 references"):
        build("vqa_accuracy").statistics(["yes"], [["yes"], ["no"]])


def test_exact_match_takes_any_reference() -> None:
    assert build("exact_match").statistics(["The car!"], [["truck", "car"]])[:, 0].tolist() == [1.0]


def test_the_2015_script_leaves_unanimous_answers_as_they_stand() -> None:
    metric = build("vqa_accuracy_2015")
    scored = metric.statistics(
        ["t-shirt", "t-shirt", "Yes.", "two"],
        [["t-shirt"] * 10, ["t-shirt"] * 9 + ["shirt"], ["yes"] * 10, ["two"] * 10],
    )
    assert scored[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_accuracy_per_type_is_the_value_under_a_mask(shared: Path) -> None:
    questions = json.loads((shared / "vizwiz_vqa_text" / "VizWiz_VQA_v2_val.json").read_text())
    types = np.asarray([question["answer_type"] for question in questions])
    metric = build("vqa_accuracy")
    rows = metric.statistics(["unanswerable"] * len(questions), vizwiz(shared))
    for name in ("other", "unanswerable", "yes/no", "number"):
        assert float(metric.value(rows, types == name)) == pytest.approx(rows[types == name, 0].mean(), abs=1e-12)
    assert float(metric.value(rows, types == "unanswerable")) > 0.7
    assert float(metric.value(rows, types == "number")) < 0.3


def test_integers_are_their_digits_and_nothing_else_is_text() -> None:
    assert build("vqa_accuracy").statistics([2], [["two", 2, "2", 3]])[:, 0].tolist() == [0.75]
    for wrong in (float("nan"), b"yes", ["yes"], True):
        with pytest.raises(MetricInputError, match="Sample 1: the prediction is"):
            build("vqa_accuracy").statistics(["yes", wrong], [["yes"], ["yes"]])
    for wrong in (None, float("nan"), b"yes", ["yes"]):
        with pytest.raises(MetricInputError, match="Sample 0: the reference is"):
            build("vqa_accuracy_2015").statistics(["yes"], [["yes", wrong]])


@pytest.mark.parametrize("name", [*LITERAL, "exact_match"])
def test_no_samples_have_no_score(name: str) -> None:
    rows = build(name).statistics([], [])
    assert rows.shape == (0, 2)
    assert np.isnan(build(name).value(rows))


@pytest.mark.parametrize("name", [*LITERAL, "exact_match"])
def test_hostile_answers_break_nothing(name: str) -> None:
    metric = build(name)
    for predictions, golden in (
        (HOSTILE, [["yes"] * 10] * len(HOSTILE)),
        (["yes"] * len(HOSTILE), [["yes", text, text] for text in HOSTILE]),
        (HOSTILE, [[text] for text in HOSTILE]),
    ):
        rows = metric.statistics(predictions, golden)
        assert np.isfinite(rows).all()
        assert np.isfinite(metric.values(rows)).all()
    assert metric.value(rows) == (pytest.approx(12 / len(HOSTILE), abs=0.4) if name == "vqa_accuracy_2015" else 1.0)


def vizwiz(shared: Path) -> list[list[str]]:
    questions = json.loads((shared / "vizwiz_vqa_text" / "VizWiz_VQA_v2_val.json").read_text())
    return [[answer["answer"] for answer in question["answers"]] for question in questions]


def test_real_questions_give_the_published_constant(shared: Path) -> None:
    golden = vizwiz(shared)
    metric = build("vqa_accuracy")
    said = metric.value(metric.statistics(["unanswerable"] * len(golden), golden))
    assert said == pytest.approx(0.331, abs=5e-4)  # the data's README
