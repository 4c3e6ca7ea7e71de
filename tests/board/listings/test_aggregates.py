"""Scores corrected for chance, and what each counts."""

from __future__ import annotations

import pytest

from velm_bench.board.listings.aggregates import corrected, task_weights
from velm_bench.board.listings.listing import ListedTask


def task(name: str, kind: str, floor: float | None = 0.2, ceiling: float | None = 1.0) -> ListedTask:
    return ListedTask(name, kind, "accuracy", True, 100, {}, floor=floor, ceiling=ceiling)


@pytest.mark.parametrize(
    ("score", "floor", "ceiling", "expected"),
    [
        (0.6, 0.2, 1.0, 0.5),
        (0.2, 0.2, 1.0, 0.0),
        (1.0, 0.2, 1.0, 1.0),
        (0.0, 0.2, 1.0, -0.25),
        (30.0, 90.0, 10.0, 0.75),  # an error rate
        (None, 0.2, 1.0, None),
        (0.5, None, 1.0, None),
        (0.5, 0.2, None, None),
        (0.5, 0.5, 0.5, None),
    ],
)
def test_corrected_for_chance(
    score: float | None, floor: float | None, ceiling: float | None, expected: float | None
) -> None:
    assert corrected(score, floor, ceiling) == pytest.approx(expected)


def test_kinds_count_alike_however_many_tasks_they_have() -> None:
    tasks = [task("a", "vqa"), task("b", "vqa"), task("c", "vqa"), task("d", "ner")]
    weights = task_weights(tasks)
    assert weights == pytest.approx({"a": 1 / 6, "b": 1 / 6, "c": 1 / 6, "d": 1 / 2})


def test_what_cannot_be_corrected_counts_nothing() -> None:
    tasks = [task("a", "vqa"), task("b", "vqa", floor=None), task("c", "ner", ceiling=0.2)]
    assert task_weights(tasks) == {"a": 1.0}
    assert task_weights([task("b", "vqa", floor=None)]) == {}
