"""What all formats say: who stands where, and of when."""

from __future__ import annotations

import dataclasses

import pytest

from tests.board.export.made_snapshots import HOSTILE, listing, ranks, run, small_board, snapshot, task
from velm_bench.board.export.snapshot import take
from velm_bench.board.pages.frames import View, board_frame


def test_rows_are_the_complete_then_the_incomplete_then_what_does_not_count() -> None:
    rows = small_board().rows
    assert [(row.facts["model"], row.control) for row in rows] == [
        (HOSTILE["tag"], ""),
        (HOSTILE["tag"], "blank"),
        *((name, "") for name in list(HOSTILE.values())[1:]),
        ("Incomplete", ""),
        ("Gone", ""),
    ]
    assert [row.standing.get("rank") for row in rows] == [1, None, 2, 3, 4, 5, 6, None, None]
    assert rows[7].by_task["seen"]["rank"] == 1  # ahead in its one task, behind over all


def test_the_newest_event_is_the_one_named_or_else_the_last_submission() -> None:
    tasks = {"seen": task("seen", "vqa")}
    runs = [
        run(letter, letter, "seen", "vqa", 0.5, submitted=day)
        for letter, day in (("a", "2026-01-02"), ("b", "2025-12-31"))
    ]
    assert snapshot(listing(runs, tasks)).newest == "2026-01-02"
    assert snapshot(listing(runs, tasks), "2026-07-08T09:10:11Z").newest == "2026-07-08"
    assert snapshot(listing([], tasks)).newest == ""


def test_of_several_runs_on_one_task_the_one_that_answered_most_speaks() -> None:
    tasks = {"seen": task("seen", "vqa")}
    runs = [run("a", "A", "seen", "vqa", score, n=n) for score, n in ((0.1, 10), (0.3, 100), (0.2, 50))]
    for place, one in enumerate(runs):
        one["run"] = f"a/{place}"
    (row,) = snapshot(listing(runs, tasks)).rows
    assert row.runs["seen"]["score"] == 0.3


def test_missing_numbers_are_none_and_numbers_plain() -> None:
    found = small_board()
    row = next(row for row in found.rows if row.facts["model"] == "Incomplete")
    assert row.standing["score"] is None
    assert type(row.facts["parameters"]) is int
    assert next(iter(found.rows)).facts["parameters"] is None


def test_nothing_listed_is_nothing_to_fail_on() -> None:
    empty = snapshot(dataclasses.replace(listing([], {}), notes=("A note.",)))
    assert empty.rows == ()


def test_rows_stand_in_the_order_of_the_board_page() -> None:
    """Without a common score too: those that did more tasks first, then by the first task."""
    tasks = {"seen": task("seen", "vqa"), "words": task("words", "ner"), "named": task("named", "ner")}
    made = [("a", "A", 0.3, ["seen"]), ("b", "B", 0.9, ["seen"]), ("c", "C", 0.5, ["seen", "words"])]
    runs = [run(letter, name, one, tasks[one].kind, score) for letter, name, score, names in made for one in names]
    runs.append(run("d", "D", "seen", "vqa", 0.99, status="rejected"))
    found = listing(runs, tasks)
    frame = board_frame(found, View(), ranks(found))
    assert [row.facts["model"] for row in snapshot(found).rows] == [*frame["model"], "D"] == ["C", "B", "A", "D"]


@pytest.mark.parametrize("rises", [True, False])
def test_a_board_of_one_task_is_ranked_by_its_own_score(rises: bool) -> None:
    """As on the Board page, whether the task has a floor or not."""
    tasks = {"seen": task("seen", "vqa", higher_is_better=rises, floor=None, ceiling=None)}
    made = [("a", 0.3, ""), ("b", 0.9, ""), ("c", 0.6, ""), ("b", 0.5, "blank")]
    runs = [
        run(letter, letter, "seen", "vqa", score, control=control, corrected=None, higher_is_better=rises)
        for letter, score, control in made
    ]
    rows = take(listing(runs, tasks)).rows
    found = [(row.standing["score"], row.standing["rank"]) for row in rows]
    best_first = [(0.9, 1), (0.6, 2), (0.5, None), (0.3, 3)]
    assert found == (best_first if rises else [(0.3, 1), (0.5, None), (0.6, 2), (0.9, 3)])
