"""The files of `--report DIR`: all there, valid, and whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gate.made_verdict import hostile_verdict, made_flip, made_verdict, mixed_verdict
from velm_bench.errors import UsageError
from velm_bench.gate.pictures import Pictures, Shown
from velm_bench.gate.reports.files import remove_reports, write_reports
from velm_bench.gate.reports.junit import junit
from velm_bench.gate.reports.markdown import comment, job_summary
from velm_bench.gate.schema import Verdict, verdict_json_schema

NAMES = ["verdict.json", "summary.md", "comment.md", "junit.xml", "report.html"]


def test_all_files_are_written_and_say_the_verdict(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    pictures = Pictures({("scenes_vqa", "s1"): Shown("", (b"\x89PNG",))})
    paths = write_reports(folder, mixed_verdict(), pictures)
    assert [path.name for path in paths] == NAMES
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    assert Verdict.model_validate_json(paths[0].read_bytes()) == mixed_verdict()
    assert paths[1].read_text("utf-8") == job_summary(mixed_verdict())
    assert paths[2].read_text("utf-8") == comment(mixed_verdict())
    assert paths[3].read_bytes() == junit(mixed_verdict())
    assert "data:image/png;base64," in paths[4].read_text("utf-8")


def test_questions_read_from_the_data_are_in_every_file(tmp_path: Path) -> None:
    pictures = Pictures({("scenes_vqa", "s1"): Shown("Which is it?"), ("scenes_vqa", "s2"): Shown("Not this.")})
    verdict = made_verdict(flips=[made_flip(question=""), made_flip("s2")])
    for path in write_reports(tmp_path, verdict, pictures):
        assert ("Which is it?" in path.read_text("utf-8")) is (path.name != "junit.xml")
        assert "Not this." not in path.read_text("utf-8")


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_reports(tmp_path, mixed_verdict())
    write_reports(tmp_path, made_verdict())
    assert json.loads((tmp_path / "verdict.json").read_text())["rows"] == []
    assert len(list(tmp_path.iterdir())) == len(NAMES)


def test_an_earlier_report_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_reports(tmp_path, mixed_verdict())
    (tmp_path / "mine.json").write_text("{}")
    remove_reports(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.json"]
    remove_reports(tmp_path / "new")
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    "verdict", [mixed_verdict(), hostile_verdict(), made_verdict()], ids=["mixed", "hostile", "none"]
)
def test_the_verdict_is_valid_by_its_schema(tmp_path: Path, verdict: Verdict) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = verdict_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    found = json.loads(write_reports(tmp_path, verdict)[0].read_text())
    validator.validate(found)
    assert found["gate_version"] == 1
    assert not validator.is_valid({**found, "outcome": "fine"})
    assert not validator.is_valid({**found, "extra": 1})
    assert not validator.is_valid({name: value for name, value in found.items() if name != "rows"})


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file cannot be written \(it is a file\): give another with --report"):
        write_reports(tmp_path / "file", mixed_verdict())


def test_a_name_that_is_taken_by_a_folder_is_said_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(UsageError, match=r"junit\.xml cannot be written"):
        write_reports(tmp_path, mixed_verdict())
    assert not list(tmp_path.glob(".*"))
