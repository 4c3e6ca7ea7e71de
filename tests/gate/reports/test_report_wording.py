"""What is right and what was said, in words."""

from __future__ import annotations

import pytest

from tests.gate.made_verdict import made_flip
from velm_bench.gate.reports.wording import Told, told

TAGS = '["O","B-PER","I-PER","O","B-LOC"]'
WRONG = '["O","O","O","O","B-LOC"]'


@pytest.mark.parametrize(
    ("question", "right", "candidate"),
    [
        ("yesterday Ada Lovelace saw Rome", "Ada Lovelace PER, Rome LOC", "Rome LOC"),
        ("", "tokens 2-3 PER, token 5 LOC", "token 5 LOC"),
        ("other words", "tokens 2-3 PER, token 5 LOC", "token 5 LOC"),
    ],
)
def test_tags_are_told_as_entities(question: str, right: str, candidate: str) -> None:
    flip = made_flip(kind="ner", question=question, references=TAGS, baseline_answer=TAGS, candidate_answer=WRONG)
    assert told(flip) == Told(right, right, candidate)


def test_no_entity_is_said_and_a_failure_is_unknown() -> None:
    flip = made_flip(kind="ner", references='["O"]', baseline_answer='["O"]', candidate_answer=None)
    assert told(flip) == Told("no entity", "no entity", None)


def test_references_stand_there_once_and_labels_by_their_name() -> None:
    flip = made_flip(references='["3","3","three"]', baseline_answer='{"label":"3"}', candidate_answer='""')
    assert told(flip) == Told("3 · three", "3", "an empty answer")


def test_what_is_no_json_is_shown_as_it_is_and_null_is_unknown() -> None:
    assert told(made_flip(references="", baseline_answer="{", candidate_answer="null")) == Told(None, "{", None)
    odd = made_flip(kind="ner", references="[1, null]", baseline_answer='[["O"]]', candidate_answer='"no list"')
    assert told(odd) == Told("[1, null]", '[["O"]]', "no list")
