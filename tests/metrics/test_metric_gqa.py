"""GQA's accuracy, consistency, validity and plausibility."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, build
from velm_bench.metrics.gqa import GqaReference
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
    facts = {"entailed": ["2"], "valid": ["red"], "oracle": "red"}
    sample = Sample("1", references=("red",), facts=facts)
    assert build("gqa").reference(sample) == GqaReference(["red"], "1", ["2"], ["red"])
    assert build("gqa").reference(Sample("1", references=("red",))) == GqaReference(["red"], "1")


def test_consistency_equals_going_through_the_questions() -> None:
    """The official definition: of each question answered rightly, the mean over its entailed ones but itself."""
    chance = random.Random(3)
    ids = [str(number) for number in range(200)]
    gold = {one: chance.choice(["yes", "no"]) for one in ids}
    entailed = {one: [*chance.sample(ids, chance.choice([0, 1, 4])), one] for one in ids}
    said = {one: chance.choice(["yes", "no"]) for one in ids}
    scores = []
    for one in ids:
        others = [other for other in entailed[one] if other != one]
        if said[one] == gold[one] and others:
            scores.append(sum(said[other] == gold[other] for other in others) / len(others))
    metric = build("gqa")
    rows = metric.statistics(list(said.values()), [GqaReference([gold[one]], one, entailed[one]) for one in ids])
    assert metric.values(rows)[1] == pytest.approx(sum(scores) / len(scores), abs=1e-12)


@pytest.mark.parametrize(
    ("golden", "words"),
    [
        (GqaReference(["red"], "1", "123"), "Sample 1: 'entailed' is '123': give a list of text"),
        (GqaReference(["red"], "1", valid=[None]), "Sample 1: the 'valid' is None"),
        (GqaReference(["red"], "1", plausible={"a": 1}), "Sample 1: 'plausible' is"),
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
