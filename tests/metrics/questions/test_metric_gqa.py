"""GQA's accuracy, consistency, validity and plausibility."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, build
from velm_bench.metrics.questions.gqa import GqaReference
from velm_bench.samples import Sample

COLOURS = ["red", "green", "blue"]


def test_scores_of_a_small_graph() -> None:
    golden = [
        GqaReference(["red"], "1", ["1", "2", "3"], COLOURS, ["red", "green"]),
        GqaReference(["yes"], "2", ["1"], ["yes", "no"], ["yes", "no"]),
        GqaReference(["no"], "3", ["1", "2"], ["yes", "no"], ["yes", "no"]),
        GqaReference(["green"], "4", ["elsewhere"], COLOURS, ["red", "green"]),
        GqaReference(["left"], "5"),
    ]
    metric = build("gqa")
    rows = metric.statistics(["Red.", "yes", "yes", "blue", "a dog"], golden)
    assert metric.values(rows) == pytest.approx([2 / 5, (1 / 2 + 1) / 2, 1.0, 3 / 4])
    assert metric.count(rows) == 5
    assert metric.values(rows[3:]) == pytest.approx([0.0, np.nan, 1.0, 0.0], nan_ok=True)


def test_what_the_data_does_not_carry_is_undefined() -> None:
    scores = build("gqa").compute(["red", "red"], [["red"], ["blue"]])
    assert scores.pop("gqa_accuracy") == 0.5
    assert list(scores) == ["gqa_consistency", "gqa_validity", "gqa_plausibility"]
    assert np.isnan(list(scores.values())).all()
    assert np.isnan(build("gqa").values(build("gqa").statistics([], []))).all()


def test_unbalanced_questions_are_only_looked_up() -> None:
    golden = [GqaReference(["red"], "1", ["2"], COLOURS), GqaReference(["yes"], "2", ["1"], balanced=False)]
    metric = build("gqa")
    rows = metric.statistics(["red", "no"], golden)
    assert rows[1].tolist() == [0.0] * 8
    assert metric.values(rows)[:3].tolist() == [1.0, 0.0, 1.0]
    assert metric.count(rows) == 1


def test_a_failed_sample_is_wrong_invalid_and_implausible() -> None:
    golden = [GqaReference(["red"], "1", ["2"], COLOURS, COLOURS), GqaReference(["yes"], "2", ["1"], ["yes"], ["yes"])]
    assert build("gqa").compute([None, "yes"], golden) == {
        "gqa_accuracy": 0.5,
        "gqa_consistency": 0.0,
        "gqa_validity": 0.5,
        "gqa_plausibility": 0.5,
    }


def test_the_facts_of_a_sample() -> None:
    facts = {"entailed": ["2"], "valid": ["red"], "oracle": "red", "detailed": "twoCommon"}
    sample = Sample("1", references=("red",), facts=facts)
    assert build("gqa").reference(sample) == GqaReference(["red"], "1", ["2"], ["red"], detailed="twoCommon")
    assert build("gqa").reference(Sample("1", references=("red",))) == GqaReference(["red"], "1")


def official(
    questions: dict[str, dict[str, Any]], choices: dict[str, dict[str, list[str]]], predictions: dict[str, str]
) -> list[float]:
    """Accuracy, consistency, validity and plausibility as GQA's eval.py defines them, question by question."""
    found: list[list[float]] = [[], [], [], []]
    for one, question in questions.items():
        if not question["isBalanced"]:
            continue
        said = predictions[one]
        found[0].append(said == question["answer"])
        entailed = [other for other in question["entailed"] if other != one]
        if said == question["answer"] and entailed:
            right = [predictions[other] == questions[other]["answer"] for other in entailed]
            found[1].append(sum(right) / len(right))
        for place, what in ((2, "valid"), (3, "plausible")):
            scope = ["color", "material", "shape"] if "Common" in question["types"]["detailed"] else choices[one][what]
            found[place].append(said in scope)
    return [sum(scores) / len(scores) if scores else 0.0 for scores in found]


@pytest.mark.parametrize("seed", range(20))
def test_scores_equal_going_through_the_questions(seed: int) -> None:
    chance = random.Random(seed)
    ids = [str(number) for number in range(200)]
    words = ["yes", "no", "red", "green", "color", "shape"]
    questions: dict[str, dict[str, Any]] = {}
    for one in ids:
        questions[one] = {
            "answer": chance.choice(words),
            "entailed": [*chance.sample(ids, chance.choice([0, 1, 4])), *([one] if chance.random() < 0.8 else [])],
            "isBalanced": chance.random() < 0.6,
            "types": {"detailed": chance.choice(["twoCommon", "existAttr", "chooseAttr"])},
        }
    choices = {
        one: {what: chance.sample(words, chance.choice([0, 2, 5])) for what in ("valid", "plausible")} for one in ids
    }
    predictions = {one: chance.choice([questions[one]["answer"], *words]) for one in ids}
    golden = [
        GqaReference(
            answers=[question["answer"]],
            id=one,
            entailed=question["entailed"],
            valid=choices[one]["valid"],
            plausible=choices[one]["plausible"],
            balanced=question["isBalanced"],
            detailed=question["types"]["detailed"],
        )
        for one, question in questions.items()
    ]
    metric = build("gqa")
    rows = metric.statistics([predictions[one] for one in ids], golden)
    assert metric.values(rows) == pytest.approx(official(questions, choices, predictions), abs=1e-12)
    assert metric.count(rows) == sum(question["isBalanced"] for question in questions.values())


def test_what_things_have_in_common_is_a_colour_a_material_or_a_shape() -> None:
    golden = [GqaReference(["color"], valid=[], plausible=["red"], detailed="twoCommon")] * 2
    scores = build("gqa").compute(["color", "red"], golden)
    assert [scores["gqa_validity"], scores["gqa_plausibility"]] == [0.5, 0.5]
    unlisted = build("gqa").compute(["color"], [GqaReference(["color"], "1", detailed="twoCommon")])
    assert np.isnan([unlisted["gqa_validity"], unlisted["gqa_plausibility"]]).all()


@pytest.mark.parametrize(
    ("golden", "words"),
    [
        (GqaReference(["red"], "1", "123"), "Sample 1: 'entailed' is '123': give a list of text"),
        (GqaReference(["red"], "1", valid=[None]), "Sample 1: the 'valid' is None"),
        (GqaReference(["red"], "1", plausible={"a": 1}), "Sample 1: 'plausible' is"),
        (GqaReference(["red"], "1", detailed=None), "Sample 1: the 'detailed' is None"),  # type: ignore[arg-type]
        (GqaReference(["red"], "1", balanced="no"), "Sample 1: 'balanced' is 'no': give true or false"),  # type: ignore[arg-type]
        (GqaReference([]), "Sample 1 needs a list of at least one reference for gqa"),
        ("red", "Sample 1 needs a list"),
        ([b"red"], "Sample 1: the reference is b'red'"),
    ],
)
def test_references_of_another_form_are_one_sentence(golden: Any, words: str) -> None:
    with pytest.raises(MetricInputError, match=words):
        build("gqa").statistics(["red", "red"], [["red"], golden])


def test_hostile_answers_break_nothing() -> None:
    metric = build("gqa")
    ids = [str(number) for number in range(len(HOSTILE))]
    golden = [GqaReference([text], one, ids, HOSTILE, [text]) for text, one in zip(HOSTILE, ids, strict=True)]
    assert metric.values(metric.statistics(HOSTILE, golden)).tolist() == [1.0] * 4
    assert metric.value(metric.statistics(["red"] * len(HOSTILE), golden)) == 0.0


def test_ids_may_be_whole_numbers_and_must_differ() -> None:
    numbered = [GqaReference(["a"], 1, [2]), GqaReference(["b"], 2)]
    assert build("gqa").compute(["a", "b"], numbered)["gqa_consistency"] == 1.0
    with pytest.raises(MetricInputError, match="Sample 1: another question has the id '7' too"):
        build("gqa").compute(["a", "b"], [GqaReference(["a"], "7"), GqaReference(["b"], "7")])
