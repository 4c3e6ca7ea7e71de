"""BibTeX: entries that TeX can read, whatever anybody calls things."""

from __future__ import annotations

import dataclasses
import re

from hypothesis import given
from hypothesis import strategies as st

from tests.board.export.made_snapshots import CITATION, listing, small_board, snapshot, task
from velm_bench.board.export.bibtex import bibtex, escape


def _balanced(text: str) -> bool:
    depth = 0
    for letter in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0


def test_the_snapshot_is_cited_with_its_id_and_date() -> None:
    text = bibtex(small_board()).decode("utf-8")
    first = text.split("\n}\n")[0]
    assert first.startswith(f"@misc{{velmbench-{'ab' * 6},")
    assert "  title = {{A board}}," in first
    assert "  year = {2026}," in first
    assert "  month = {5}," in first
    assert "ab" * 32 in first
    assert "newest event 2026-05-06" in first


def test_the_citations_of_the_tasks_follow_with_their_year() -> None:
    text = bibtex(small_board()).decode("utf-8")
    entries = text.split("@misc")[2:]
    assert [entry.partition(",")[0].partition("-")[0] for entry in entries] == ["{task", "{task"]
    assert entries[0].startswith("{task-seen,")
    assert "  year = {2024}," in entries[0]
    assert r"100\% of \$x\_1\$ \& \{more\}" in entries[0]
    assert CITATION not in text


def test_a_task_without_a_citation_has_no_entry() -> None:
    one = dataclasses.replace(task("seen", "vqa"), definition={})
    assert bibtex(snapshot(listing([], {"seen": one}))).decode("utf-8").count("@misc") == 1


def test_keys_are_plain_and_different() -> None:
    names = ["a_b", "a-b", "a b", "ä}b", "a:b"]
    text = bibtex(snapshot(listing([], {name: task(name, "vqa") for name in names}))).decode("utf-8")
    keys = re.findall(r"@misc\{([^,]*),", text)
    assert len(set(keys)) == len(names) + 1
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", key) for key in keys)


@given(st.text(max_size=60))
def test_escaped_text_can_end_nothing(text: str) -> None:
    shown = escape(text)
    assert _balanced(shown)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[%$&#_]", shown)
    assert not re.search(r"(?<!\{)@", shown)
