"""Kinds of entity errors: cases by hand, a plain matching sentence by sentence, and their ties to entity F1."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.metrics.entities.tagging import ANY_TAG, TYPES, Tags, file_of, pairs_of, scores, split
from velm_bench.iob import Entity, entities
from velm_bench.metrics import build
from velm_bench.metrics.entities.entity_errors import OUTCOMES

CASES: list[tuple[str, str, str, dict[str, int]]] = [
    ("right", "B-PER I-PER O", "B-PER I-PER O", {"correct": 1}),
    ("another type", "B-PER I-PER O", "B-ORG I-ORG O", {"wrong_type": 1}),
    ("an end off by one", "B-PER I-PER O", "B-PER O O", {"wrong_boundary": 1}),
    ("a start off by one", "O B-PER I-PER", "B-PER I-PER I-PER", {"wrong_boundary": 1}),
    ("both", "B-PER I-PER O", "O B-ORG I-ORG", {"wrong_both": 1}),
    ("missed", "B-PER I-PER O", "O O O", {"missed": 1}),
    ("spurious", "O O O", "O B-PER O", {"spurious": 1}),
    ("side by side", "B-PER O", "O B-PER", {"missed": 1, "spurious": 1}),
    ("one cut in two", "B-PER I-PER I-PER", "B-PER I-PER B-PER", {"wrong_boundary": 1, "spurious": 1}),
    ("two joined", "B-PER B-PER I-PER", "B-PER I-PER I-PER", {"wrong_boundary": 1, "missed": 1}),
    ("most tokens before type", "B-PER I-PER I-PER", "B-PER B-LOC I-LOC", {"wrong_both": 1, "spurious": 1}),
    ("type before order", "B-PER I-PER", "B-LOC B-PER", {"wrong_boundary": 1, "spurious": 1}),
    ("order last", "B-PER I-PER I-LOC", "O B-PER I-PER", {"wrong_boundary": 1, "missed": 1}),
    ("IOB1 against IOB2", "I-PER I-PER B-PER", "B-PER I-PER B-PER", {"correct": 2}),
]


@pytest.mark.parametrize(("gold", "tags", "due"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cases(gold: str, tags: str, due: dict[str, int]) -> None:
    found = scores("entity_errors", [tags.split()], [gold.split()])
    assert {outcome: found[f"entity_count/{outcome}"] for outcome in OUTCOMES} == {
        outcome: due.get(outcome, 0) for outcome in OUTCOMES
    }


def test_scores_of_semeval_2013() -> None:
    """5 gold and 5 predicted entities: right, wrong type, half found, missed twice, spurious twice."""
    gold = "B-PER O B-LOC O B-ORG I-ORG O B-PER O B-PER O O O".split()
    tags = "B-PER O B-PER O B-ORG O     O O     O O     O B-LOC B-PER".split()
    found = scores("entity_errors", [tags], [gold])
    assert found["entity_partial_precision"] == found["entity_partial_recall"] == found["entity_partial_f1"] == 0.5
    assert found["entity_exact_f1"] == 0.4
    assert found["entity_type_f1"] == 0.4
    assert [found[f"entity_rate/{outcome}"] for outcome in OUTCOMES] == [0.2, 0.2, 0.2, 0.0, 0.4, 0.4]


def outcome_of(right: Entity, given: Entity) -> int:
    return (right[0] != given[0]) + 2 * (right[1:] != given[1:])


def plain_row(tags: Tags | None, gold: Tags) -> list[float]:
    """The statistics of one sentence: the best pair of those left, again and again."""
    right, found = entities(gold), [] if tags is None else entities(tags)
    counts = [0.0] * 4
    while True:
        shared = [
            (min(one[2], other[2]) - max(one[1], other[1]), one[0] == other[0], -one[1], -other[1], one, other)
            for one, other in product(right, found)
        ]
        best: Any = max((pair for pair in shared if pair[0] > 0), default=None)
        if best is None:
            return [*counts, float(len(right)), float(len(found)), 1.0]
        counts[outcome_of(*best[4:])] += 1
        right.remove(best[4])
        found.remove(best[5])


@settings(max_examples=100, deadline=None)
@given(pairs_of(ANY_TAG, ANY_TAG))
def test_statistics_are_those_of_a_plain_matching(drawn: list[tuple[list[tuple[str, str]], bool]]) -> None:
    predictions, golden = split(drawn)
    rows = build("entity_errors").statistics(predictions, golden)
    assert rows.tolist() == [plain_row(*pair) for pair in zip(predictions, golden, strict=True)]


def test_random_files() -> None:
    chance = random.Random(9)
    for _ in range(100):
        predictions, golden = file_of(chance, "BI", TYPES[:2])
        rows = build("entity_errors").statistics(predictions, golden)
        assert rows.tolist() == [plain_row(*pair) for pair in zip(predictions, golden, strict=True)]
        counts = build("entity_f1", TYPES).statistics(predictions, golden)
        correct, predicted, gold = (counts[:, part:-1:3].sum(axis=1) for part in range(3))
        assert (rows[:, 0] == correct).all()
        assert (rows[:, :5].sum(axis=1) == gold).all()
        assert (rows[:, [0, 1, 2, 3, 5]].sum(axis=1) == predicted).all()


def test_errors_are_lower_and_scores_higher_is_better() -> None:
    metric = build("entity_errors")
    lower = {name for name in metric.outputs if not metric.higher(name)}
    assert lower == {f"entity_{what}/{outcome}" for what in ("rate", "count") for outcome in OUTCOMES[1:]}


def test_rates_without_entities_are_unknown() -> None:
    metric = build("entity_errors")
    found = scores("entity_errors", [["O"], None, []], [["O"], ["O"], []])
    assert (found["entity_partial_f1"], found["entity_count/missed"]) == (0.0, 0.0)
    assert np.isnan([found[f"entity_rate/{outcome}"] for outcome in OUTCOMES]).all()
    assert np.isnan(metric.values(metric.statistics([], []))).all()
    missed = scores("entity_errors", [["O"]], [["B-PER"]])
    assert missed["entity_rate/missed"] == 1.0
    assert np.isnan(missed["entity_rate/spurious"])


def test_a_sentence_counts_by_its_weight() -> None:
    metric = build("entity_errors")
    rows = metric.statistics([["B-PER"], ["O"]], [["B-PER"], ["B-PER"]])
    weighted = metric.values(rows, np.asarray([[1, 1], [3, 1], [0, 2]], dtype=float))
    assert weighted[:, metric.outputs.index("entity_partial_recall")].tolist() == [0.5, 0.75, 0.0]
    assert metric.per_sample(rows)[:, 0].tolist() == [1.0, 0.0]
