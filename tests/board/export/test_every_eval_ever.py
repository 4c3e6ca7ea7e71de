"""Every Eval Ever: records of real runs that its own schema and its rules between files accept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.board.export.made_snapshots import HOSTILE, ranks, small_board
from velm_bench.board.export.every_eval_ever import records
from velm_bench.board.export.snapshot import Snapshot, arrange
from velm_bench.board.listings.results_listing import list_results

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
REQUIRED = {
    "schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info", "eval_library",
    "evaluation_results",
}  # fmt: skip


@pytest.fixture(scope="module")
def real(real_results: Path) -> Snapshot:
    found = list_results(real_results)
    return arrange(found, {name: ranks(found, name) for name in ("", *found.tasks)})


@pytest.fixture(scope="module")
def exported(real: Snapshot) -> dict[str, bytes]:
    notes: list[str] = []
    found = dict(records(real, (), notes.append))
    assert notes == []
    return found


def _record(files: dict[str, bytes], part: str) -> tuple[str, dict[str, Any]]:
    (path,) = [path for path in files if part in path and path.endswith(".json")]
    return path, json.loads(files[path])


def _lines(files: dict[str, bytes], path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files[path.replace(".json", "_samples.jsonl")].splitlines()]


def test_every_ordinary_run_has_a_record_with_its_samples(real: Snapshot, exported: dict[str, bytes]) -> None:
    ordinary = real.listing.runs[real.listing.runs["control"] == ""]
    assert len(exported) == 2 * len(ordinary)
    for path in exported:
        assert re.fullmatch(rf"data/[^/]+/[^/]+/[^/]+/{UUID4}(\.json|_samples\.jsonl)", path)


def test_a_record_says_what_the_run_scored(real: Snapshot, exported: dict[str, bytes]) -> None:
    path, record = _record(exported, "scenes_vqa=lite/ref/prefix")
    assert set(record) >= REQUIRED
    assert record["schema_version"] == "0.3.0"
    assert record["model_info"]["id"] == "ref/prefix"
    assert path.startswith(f"data/scenes_vqa=lite/{record['model_info']['id']}/")
    runs = real.listing.runs
    chosen = (runs["model"] == "ref:prefix") & (runs["task"] == "scenes_vqa:lite") & (runs["control"] == "")
    (run,) = runs[chosen].to_dict("records")
    first = record["evaluation_results"][0]
    assert first["metric_config"]["metric_id"] == "vqa_accuracy"
    assert first["score_details"]["score"] == run["score"]
    interval = first["score_details"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"], interval["confidence_level"]) == (run["low"], run["high"], 0.95)
    assert all(isinstance(value, str) for value in first["score_details"]["details"].values())
    ids = [one["evaluation_result_id"] for one in record["evaluation_results"]]
    assert len(set(ids)) == len(ids) > 4


def test_its_samples_are_counted_hashed_and_belong_to_it(exported: dict[str, bytes]) -> None:
    path, record = _record(exported, "scenes_vqa=lite/ref/prefix")
    told = record["detailed_evaluation_results"]
    data = exported[told["file_path"]]
    assert told["file_path"] == path.replace(".json", "_samples.jsonl")
    assert told["checksum"] == hashlib.sha256(data).hexdigest()
    lines = _lines(exported, path)
    assert told["total_rows"] == len(lines) == 400  # 200 scenes and their twins
    assert {line["evaluation_id"] for line in lines} == {record["evaluation_id"]}
    assert {line["evaluation_result_id"] for line in lines} == {record["evaluation_results"][0]["evaluation_result_id"]}


def test_the_mean_of_the_samples_is_the_score(exported: dict[str, bytes]) -> None:
    path, record = _record(exported, "scenes_vqa=lite/ref/prefix")
    scores = [line["evaluation"]["score"] for line in _lines(exported, path)]
    assert sum(scores) / len(scores) == pytest.approx(record["evaluation_results"][0]["score_details"]["score"])


def test_a_sample_holds_question_references_answer_and_verdict(real: Snapshot, exported: dict[str, bytes]) -> None:
    path, _ = _record(exported, "scenes_vqa=lite/ref/prefix")
    runs = real.listing.runs
    (run,) = runs[(runs["model"] == "ref:prefix") & (runs["task"] == "scenes_vqa:lite") & (runs["control"] == "")][
        "run"
    ]
    table = pq.read_table(real.listing.root / run / "samples.parquet").to_pylist()
    for line, row in zip(_lines(exported, path), table, strict=True):
        assert line["sample_id"] == row["id"]
        assert line["input"]["raw"].endswith("?")
        assert line["input"]["formatted"] == f"Question: {line['input']['raw']} Answer:"
        assert line["input"]["reference"] == json.loads(row["references"])
        assert line["output"]["raw"] == [json.loads(row["answer"])["text"]]
        assert line["evaluation"]["is_correct"] == (line["evaluation"]["score"] >= 0.5)
        assert all(isinstance(value, str) for value in line["metadata"].values())


def test_tags_are_right_where_all_of_them_are_and_captions_never(exported: dict[str, bytes]) -> None:
    path, _ = _record(exported, "scenes_ner=lite/baseline/oracle")
    for line in _lines(exported, path):
        (said,) = line["answer_attribution"]
        assert line["evaluation"]["is_correct"] == ([said["extracted_value"]] == line["input"]["reference"])
    path, _ = _record(exported, "scenes_captioning=lite/baseline/oracle")
    assert not any(line["evaluation"]["is_correct"] for line in _lines(exported, path))


def test_the_same_run_has_the_same_files(real: Snapshot, exported: dict[str, bytes]) -> None:
    assert dict(records(real, (), lambda _: None)) == exported


def test_without_its_samples_a_run_is_a_documented_number() -> None:
    notes: list[str] = []
    found = dict(records(small_board(), (), notes.append))
    assert not [path for path in found if path.endswith(".jsonl")]
    record = json.loads(next(iter(found.values())))
    assert record["source_metadata"]["source_type"] == "documentation"
    assert "detailed_evaluation_results" not in record
    assert "not on this machine" in notes[0]


def test_a_run_without_a_score_has_no_record_and_is_named() -> None:
    small, notes = small_board(), list[str]()
    scores = small.listing.scores
    without = dataclasses.replace(small.listing, scores=scores[~scores["run"].str.startswith("1" * 64)])
    found = dict(records(dataclasses.replace(small, listing=without), (), notes.append))
    assert "Incomplete" not in {json.loads(data)["model_info"]["name"] for data in found.values()}
    assert "The run of Incomplete on seen has no score here: it has no record." in notes


def test_hostile_names_stay_within_their_folder() -> None:
    found = list(records(small_board(), (), lambda _: None))
    paths = [path for path, _ in found]
    assert len(set(paths)) == len(paths) == 13  # no control, and nothing that was withdrawn
    for path in paths:
        assert re.fullmatch(rf"data/[\w.=+~-]+/[\w.=+~-]+/[\w.=+~-]+/{UUID4}\.json", path, re.ASCII)
        assert ".." not in path.split("/")
    assert {json.loads(data)["model_info"]["name"] for _, data in found} == {*HOSTILE.values(), "Incomplete"}


def test_the_names_of_no_folder_are_avoided() -> None:
    small = small_board()
    for name in ("data", "unknown", "../..", "a/../b", "con", "x" * 300, "hf:data/.."):
        rows = [dataclasses.replace(small.rows[0], facts={**small.rows[0].facts, "model": name, "organisation": ""})]
        for path, _ in records(dataclasses.replace(small, rows=tuple(rows)), (), lambda _: None):
            parts = path.split("/")
            assert len(parts) == 5
            assert not {"..", ".", "", "data", "unknown", "con"} & set(parts[1:])


@pytest.mark.skipif(find_spec("every_eval_ever") is None, reason="every-eval-ever 0.3 (Python 3.12) is not installed")
def test_its_own_validator_finds_nothing(exported: dict[str, bytes], tmp_path: Path) -> None:
    from every_eval_ever.validator.validation_core import validate_file

    for path, data in exported.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for path in exported:
        told = validate_file(
            tmp_path / path,
            repo_path=path,
            available_files=frozenset(exported),
            read_repo_file=lambda name: exported[name].decode("utf-8"),
            run_semantic_checks=True,
        )
        assert told.valid, told.errors
        assert told.warnings == []
