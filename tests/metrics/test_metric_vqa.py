"""VQA accuracy against the official script's outputs and a literal reading of its rules."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import build
from velm_bench.metrics.vqa import consensus, normalise
from velm_bench.samples import Sample

CASES = json.loads((Path(__file__).parent / "cases" / "vqa.json").read_text())


@pytest.mark.parametrize(("answer", "normal"), CASES["normalise"])
def test_normal_form(answer: str, normal: str) -> None:
    assert normalise(answer) == normal


@pytest.mark.parametrize("case", CASES["consensus"])
def test_consensus(case: dict[str, Any]) -> None:
    assert consensus(case["matching"], case["annotators"]) == pytest.approx(case["accuracy"])


def test_official_cases(shared: Path) -> None:
    cases = json.loads((shared / "metric_cases" / "vqa_official.json").read_text())["cases"]
    assert len(cases) == 18
    answers, golden = [case["prediction"] for case in cases], [case["gt_answers"] for case in cases]
    always = build("vqa_accuracy").statistics(answers, golden)[:, 0]
    official = build("vqa_accuracy_vqaeval").statistics(answers, golden)[:, 0]
    assert np.round(100 * official, 2).tolist() == [case["official_accuracy"] for case in cases]
    named = "lmms-eval textvqa/ok_vqa/vizwiz"  # normalises both sides; its comma rule differs in one case
    assert np.round(100 * always, 2).tolist() == [
        case["official_accuracy"] if case["name"] == "comma_no_space" else case["variants"][named] for case in cases
    ]
    assert [normalise(answer) for answer in answers] == [case["official_normalised_prediction"] for case in cases]


def leave_one_out(prediction: str, answers: list[str]) -> float:
    """The script's loop, answer by answer."""
    scores = [min(1.0, sum(a == prediction for a in answers[:i] + answers[i + 1 :]) / 3) for i in range(len(answers))]
    return sum(scores) / len(scores)


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=12), st.sampled_from("abcd"))
def test_consensus_equals_leaving_each_annotator_out(answers: list[str], prediction: str) -> None:
    assert consensus(answers.count(prediction), len(answers)) == pytest.approx(leave_one_out(prediction, answers))


def literal_punctuation(text: str) -> str:
    out = text
    for mark in [
        ";",
        "/",
        "[",
        "]",
        '"',
        "{",
        "}",
        "(",
        ")",
        "=",
        "+",
        "\\",
        "_",
        "-",
        ">",
        "<",
        "@",
        "`",
        ",",
        "?",
        "!",
    ]:
        if (mark + " " in text or " " + mark in text) or re.search(r"(\d)(\,)(\d)", text) is not None:
            out = out.replace(mark, "")
        else:
            out = out.replace(mark, " ")
    return re.sub(r"(?!<=\d)(\.)(?!\d)", "", out, count=32)


@given(st.text(alphabet="ab1 2,.;-/?!\n\t'", max_size=60))
def test_punctuation_equals_a_literal_reading(text: str) -> None:
    stripped = text.replace("\n", " ").replace("\t", " ").strip()
    assert normalise(text).split() == [
        {"1": "1"}.get(word, word) for word in literal_punctuation(stripped).lower().split() if word != "a"
    ]


@given(st.text())
def test_any_text_has_a_normal_form(text: str) -> None:
    assert isinstance(normalise(text), str)


def test_the_variants_differ_where_annotators_agree() -> None:
    golden = [["yes"] * 10]
    assert build("vqa_accuracy").value(build("vqa_accuracy").statistics(["Yes."], golden)) == 1.0
    assert build("vqa_accuracy_vqaeval").value(build("vqa_accuracy_vqaeval").statistics(["Yes."], golden)) == 0.0


@pytest.mark.parametrize("name", ["vqa_accuracy", "vqa_accuracy_vqaeval", "exact_match"])
def test_a_single_answer_is_exact_match_and_a_failure_is_wrong(name: str) -> None:
    metric = build(name)
    rows = metric.statistics(["red", "blue", None], [["red"], ["red"], ["red"]])
    assert rows[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert metric.value(rows) == pytest.approx(1 / 3)


@pytest.mark.parametrize("references", [[[]], ["yes"]])
def test_a_question_without_answers_is_an_error(references: list[Any]) -> None:
    with pytest.raises(ValueError, match="Sample 0 needs a list of at least one answer"):
        build("vqa_accuracy").statistics(["yes"], references)


def test_a_prediction_too_few_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 references"):
        build("vqa_accuracy").statistics(["yes"], [["yes"], ["no"]])


def test_exact_match_takes_any_reference() -> None:
    assert build("exact_match").statistics(["The car!"], [["truck", "car"]])[:, 0].tolist() == [1.0]


def test_pairs_count_where_both_are_right() -> None:
    golden = [(["red"], "p"), (["blue"], "p"), (["1"], "q"), (["2"], "q"), (["x"], "alone"), (["x"], None)]
    metric = build("pair_accuracy")
    rows = metric.statistics(["red", "blue", "1", None, "x", "x"], golden)
    assert rows.tolist() == [[1, 1], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]
    assert metric.value(rows) == 0.5
    assert np.isnan(metric.value(rows[4:]))


def test_a_pair_stands_at_its_failed_member() -> None:
    """Over answered rows alone, a pair of which a member failed is left out."""
    golden = [(["1"], "p"), (["2"], "p"), (["1"], "q"), (["2"], "q"), (["1"], "r"), (["2"], "r")]
    predictions = ["1", None, "1", "2", None, None]
    metric = build("pair_accuracy")
    rows = metric.statistics(predictions, golden)
    assert rows.tolist() == [[0, 0], [0, 1], [1, 1], [0, 0], [0, 1], [0, 0]]
    answered = np.asarray([prediction is not None for prediction in predictions])
    assert metric.value(rows) == pytest.approx(1 / 3)
    assert metric.value(rows[answered]) == 1.0
    assert (metric.count(rows), metric.count(rows, answered), metric.count(rows[answered])) == (3, 1, 1)
    assert (metric.count(rows, np.zeros(6)), metric.count(rows[:0])) == (0, 0)


@pytest.mark.parametrize("name", ["vqa_accuracy", "vqa_accuracy_vqaeval", "exact_match", "pair_accuracy"])
def test_hostile_answers_break_nothing(name: str) -> None:
    metric = build(name)
    for predictions, answers in (
        (HOSTILE, [["yes"] * 10] * len(HOSTILE)),
        (["yes"] * len(HOSTILE), [["yes", text, text] for text in HOSTILE]),
        (HOSTILE, [[text] for text in HOSTILE]),
    ):
        golden: list[Any] = [(texts, "pair") for texts in answers] if name == "pair_accuracy" else answers
        rows = metric.statistics(predictions, golden)
        assert np.isfinite(rows).all()
        assert np.isfinite(metric.values(rows)).all()
    assert metric.value(rows) == 1.0


def test_a_pair_is_judged_by_the_most_frequent_answer() -> None:
    golden = [(["red"] * 6 + ["blue"] * 4, 1), (["no"] * 10, 1)]
    metric = build("pair_accuracy")
    assert metric.value(metric.statistics(["Red.", "no"], golden)) == 1.0
    assert metric.value(metric.statistics(["blue", "no"], golden)) == 0.0


def test_pair_accuracy_reads_the_pair_from_the_facts() -> None:
    sample = Sample("1", references=("red",), facts={"pair": "p"})
    assert build("pair_accuracy").reference(sample) == (["red"], "p")
    assert build("vqa_accuracy").reference(sample) == ["red"]


def test_real_questions_give_the_published_constant(shared: Path) -> None:
    questions = json.loads((shared / "vizwiz_vqa_text" / "VizWiz_VQA_v2_val.json").read_text())
    golden = [[answer["answer"] for answer in question["answers"]] for question in questions]
    constant = build("vqa_accuracy")
    said = constant.value(constant.statistics(["unanswerable"] * len(golden), golden))
    assert said == pytest.approx(0.331, abs=5e-4)  # the data's README
    chance = random.Random(0)
    metric = build("vqa_accuracy")
    value = metric.value(metric.statistics([chance.choice(answers) for answers in golden], golden))
    assert 0.3 < value < 1.0
