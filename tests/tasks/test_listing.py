"""docs/tasks.md lists every shipped task as its YAML has it."""

from __future__ import annotations

from tests.tasks.listing import BEGIN, END, PAGE, table, written
from velm_bench.tasks.registry import definitions


def test_the_page_has_every_task_as_its_file_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "write it anew with: python -m tests.tasks.listing"


def test_each_task_stands_in_one_row() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    assert len(rows) == len(definitions())
    assert all(row.count("|") == 7 for row in rows)


def test_what_is_around_the_table_stays() -> None:
    assert written(f"# Tasks\n{BEGIN}old\n{END}after\n") == f"# Tasks\n{BEGIN}{table()}{END}after\n"
