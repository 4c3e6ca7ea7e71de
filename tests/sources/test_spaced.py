"""Classes whose names have underscores for spaces."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("settings", "labels", "options"),
    [
        ({"spaced": True}, [("apple pie",), ("waffles",)], ("apple pie", "waffles")),
        ({}, [("apple_pie",), ("waffles",)], ("apple_pie", "waffles")),
        ({"spaced": True, "names": ["apple_pie", "waffles"]}, [("apple pie",), ("waffles",)], ("apple pie", "waffles")),
    ],
)
def test_underscores_are_spaces_where_a_task_says_so(tmp_path, open_source, settings, labels, options):
    rows = [{"dish": "apple_pie"}, {"dish": "waffles"}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    section = {"type": "jsonl", "path": "x.jsonl", "fields": {"label": "dish"}, **settings}
    source = open_source(tmp_path, "classification", **section)
    assert [sample.references for sample in source.samples()] == labels
    assert source.options() == options
