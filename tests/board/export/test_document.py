"""JSON: everything in the snapshot, as its schema says."""

from __future__ import annotations

import json

import pytest

from tests.board.export.made_snapshots import HOSTILE, small_board
from velm_bench.board.export.document import Document, document, document_schema, encode


def test_the_document_fits_its_schema_and_reads_back() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = document(small_board())
    data = json.loads(encode(found))
    jsonschema.Draft202012Validator(document_schema()).validate(data)
    assert Document.model_validate(data) == found


def test_every_field_of_the_schema_is_described() -> None:
    schema = document_schema()
    parts = [schema, *schema["$defs"].values()]
    assert not [name for part in parts for name, field in part["properties"].items() if "description" not in field]


def test_it_says_what_when_and_who() -> None:
    data = json.loads(encode(document(small_board())))
    assert data["snapshot"] == {"id": "ab" * 32, "title": "A board", "newest": "2026-05-06", "board": True}
    assert [(one["name"], one["floor"], one["floor_by"]) for one in data["tasks"]] == [
        ("seen", 0.2, "baseline:majority"),
        ("<b>words</b>", 0.2, "baseline:majority"),
    ]
    assert [row["model"] for row in data["rows"] if not row["control"]][:6] == list(HOSTILE.values())
    first = data["rows"][0]
    assert first["standing"]["rank"] == 1
    assert first["by_task"]["seen"]["rank_high"] == 3  # a withdrawn one is not ranked, the incomplete one is ahead
    assert [run["task"] for run in first["runs"]] == ["<b>words</b>", "seen"]
    assert {(one["metric"], one["slice"]) for one in first["runs"][0]["scores"]} == {
        ("accuracy", ""),
        ("ece", ""),
        ("accuracy", "size=small"),
    }


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert encode(document(small_board())) == encode(document(small_board()))
