"""Whose predictions can be known again: a model's own mistakes, not what is right, and not what is always said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from velm_bench.board.verification.predictions import FEWEST, answers_digest, core, says_too_little
from velm_bench.engine.table import Judged
from velm_bench.samples import Form, Prediction, Sample
from velm_bench.tasks.base import Kind
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.registry import resolve

N = 20


def kind(name: str) -> Kind:
    task = resolve(name)[0].task
    return KINDS.get(name)(task, task.labels or tuple("ab"))


def judged(references: Sequence[tuple[Any, ...]], said: Sequence[Any]) -> list[Judged]:
    return [
        Judged(Sample(f"s{place}", references=right), prediction=None if one is None else Prediction(one))
        for place, (right, one) in enumerate(zip(references, said, strict=True))
    ]


GOLD = [("yes",) if place % 2 else ("no",) for place in range(N)]
TAGS = [("B-PER", "O", "O") for _ in range(N)]


@pytest.mark.parametrize(
    ("said", "little"),
    [
        (["yes"] * N, True),
        (["yes" if place % 2 else "no" for place in range(N)], True),  # all right
        (["no" if place % 2 else "yes" for place in range(N)], False),  # all wrong, both ways
        ([None] * N, True),
        (["perhaps"] * N, True),
        ([f"{place} or so" for place in range(FEWEST)] + ["yes"] * (N - FEWEST), False),
        ([f"{place} or so" for place in range(FEWEST - 1)] + ["yes"] * (N - FEWEST + 1), True),
    ],
)
def test_answers_in_words(said: list[Any], little: bool) -> None:
    assert says_too_little(judged(GOLD, said), kind("vqa")) is little


@pytest.mark.parametrize(
    ("said", "little"),
    [
        ([["O"] * 3] * N, True),
        ([["B-PER", "O", "O"]] * N, True),
        ([["O", "B-LOC", "O"], ["O", "O", "B-ORG"]] * (N // 2), False),
    ],
)
def test_tags(said: list[Any], little: bool) -> None:
    assert says_too_little(judged(TAGS, said), kind("ner")) is little


def test_tags_of_sentences_of_any_length_say_nothing_without_an_entity() -> None:
    rows = judged([tuple(["B-PER"] + ["O"] * place) for place in range(N)], [["O"] * (place + 1) for place in range(N)])
    assert says_too_little(rows, kind("ner"))


def test_a_distribution_says_its_label_and_is_known_by_its_numbers() -> None:
    first = {"label": "a", "ranked": ["a", "b"], "probabilities": {"a": 0.9, "b": 0.1}}
    second = {**first, "probabilities": {"a": 0.8, "b": 0.2}}
    assert core(first, Form.LABEL) == core(second, Form.LABEL) == "a"
    assert answers_digest(judged([("b",)], [first])) != answers_digest(judged([("b",)], [second]))


def test_an_error_is_no_prediction() -> None:
    assert answers_digest(judged([("b",)], [None])) != answers_digest(judged([("b",)], [""]))
