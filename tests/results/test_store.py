"""Runs as files: names, atomic writes, reading back, and what is said about damage."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.runner import Run, evaluate
from velm_bench.errors import UsageError
from velm_bench.metrics import build
from velm_bench.results import store
from velm_bench.results.atomic import atomic_write, require_writable, write_bytes
from velm_bench.results.columns import text_column
from velm_bench.results.schema import VOLATILE, Result, result_json_schema
from velm_bench.results.store import (
    COLUMNS_KEY,
    RESULT,
    SAMPLES,
    list_runs,
    read_result,
    read_samples,
    run_folder,
    safe_name,
    statistics_of,
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return evaluate(make_task(tmp_path / "data"), Toy(), settings(tmp_path / "out"))


def test_common_names_stay_readable() -> None:
    assert safe_name("ref:prefix") == "ref=prefix"
    assert safe_name("hf:org/name") == "hf=org+name"
    assert safe_name("scenes_vqa:test_novel") == "scenes_vqa=test_novel"


NAMES = [
    "a:b", "a=b", "a/b", "a+b", "a~b", "a b", "..", ".", "", "/", "/etc/passwd", "../../x", "con", "NUL.txt", "a:con",
    "a.", ".a", "-a", "x" * 300, "x" * 301, "ü", "u", "a\nb", "a\0b", "openai:m@https://h/v1", "a::b", "a:", "~",
    "\ud800",
]  # fmt: skip


def test_names_are_safe_and_never_collide() -> None:
    made = [safe_name(name) for name in NAMES]
    assert len(set(made)) == len(NAMES)
    for name in made:
        assert len(name) <= 80
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|\0\n ')
        assert name.strip(".") == name != ""


def test_the_folder_of_a_run(tmp_path: Path) -> None:
    assert run_folder(tmp_path, "ref:prefix", "t:s", "0123") == tmp_path / "ref=prefix" / "t=s" / "0123"


def test_statistics_give_the_scores_again(run: Run) -> None:
    table = read_samples(run.folder)
    metric = build("vqa_accuracy")
    assert float(metric.value(statistics_of(table, "vqa_accuracy"))) == run.result.scores["vqa_accuracy"].value
    described = json.loads(table.schema.metadata[COLUMNS_KEY])
    assert described["vqa_accuracy"]["signature"] == metric.signature
    with pytest.raises(UsageError, match="no statistics of 'bleu', only of vqa_accuracy, exact_match"):
        statistics_of(table, "bleu")


def test_the_samples_hold_no_time_and_the_result_only_where_it_may(run: Run) -> None:
    assert not [name for name in read_samples(run.folder).column_names if "sec" in name or "time" in name]
    assert set(run.result.model_dump()) - set(run.result.stable()) == VOLATILE


def test_samples_of_another_result_are_refused(run: Run, tmp_path: Path) -> None:
    other = evaluate(make_task(tmp_path / "data"), Toy(), settings(tmp_path / "out", limit=3))
    (run.folder / SAMPLES).write_bytes((other.folder / SAMPLES).read_bytes())
    with pytest.raises(UsageError, match="is not the one"):
        read_samples(run.folder)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is damaged"),
        ("[]", "no 'schema_version'"),
        ("{}", "no 'schema_version'"),
        ('{"schema_version": 99}', "has schema version 99"),
        ('{"schema_version": 1}', "'run_id' is missing"),
        ('{"schema_version": 1, "scores": {"a": {"value": NaN}}}', "missing|valid"),
    ],
)
def test_a_broken_result_is_one_sentence(content: str, complaint: str, run: Run) -> None:
    (run.folder / RESULT).write_text(content)
    with pytest.raises(UsageError, match=complaint) as caught:
        read_result(run.folder)
    assert "result.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_listing_skips_what_is_unfinished_and_reports_what_is_damaged(run: Run, tmp_path: Path) -> None:
    good = evaluate(make_task(tmp_path / "data"), Toy(), settings(tmp_path / "out", limit=3))
    (run.folder.parent / "unfinished").mkdir()
    (run.folder / RESULT).write_text("{")
    complaints: list[str] = []
    assert list_runs(tmp_path / "out", complaints.append) == [(good.folder, good.result)]
    assert len(complaints) == 1
    assert list_runs(tmp_path / "nowhere", pytest.fail) == []


def test_a_result_without_its_primary_score_is_a_damaged_file(run: Run, tmp_path: Path) -> None:
    path = run.folder / RESULT
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "primary": "vqa_acuracy"}))
    with pytest.raises(UsageError, match=r"result\.json.*'scores' is not valid.*'vqa_acuracy' is not among them"):
        read_result(run.folder)
    complaints: list[str] = []
    assert list_runs(tmp_path / "out", complaints.append) == []
    assert len(complaints) == 1


def test_what_utf8_cannot_hold_is_written_as_an_escape() -> None:
    column = text_column(["é", "a\udc80b", None])
    assert column.to_pylist() == ["é", "a\\udc80b", None]


def test_the_file_round_trips_and_the_schema_explains_every_field(run: Run) -> None:
    assert Result.model_validate(json.loads((run.folder / RESULT).read_text())) == run.result
    schema = result_json_schema()
    for part in [schema, *schema["$defs"].values()]:
        assert part["description"]
        assert [name for name, field in part["properties"].items() if not {"description", "$ref"} & set(field)] == []


def write_half(path: Path) -> None:
    with atomic_write(path) as stream:
        stream.write(b"new")
        raise KeyboardInterrupt


def test_an_atomic_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rename_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_bytes(tmp_path / "folder", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"data")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_probe_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("odd", ["[" * 100_000, '{"schema_version": 1, "x": ' + "[" * 900 + "]" * 900 + "}"])
def test_a_deeply_nested_result_does_not_hide_the_others(odd: str, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (folder / RESULT).write_text(odd)
    complaints: list[str] = []
    assert [path for path, _ in list_runs(tmp_path / "out", complaints.append)] == [run.folder]
    assert len(complaints) == 1


def test_an_unexpected_error_of_one_result_does_not_hide_the_others(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(folder: Path) -> Result:
        if folder.name == "c":
            raise ZeroDivisionError("of all things")
        return read_result(folder)

    folder = tmp_path / "out" / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (folder / RESULT).write_text("{}")
    monkeypatch.setattr(store, "read_result", fragile)
    complaints: list[str] = []
    assert len(list_runs(tmp_path / "out", complaints.append)) == 1
    assert "ZeroDivisionError: of all things" in complaints[0]


def test_an_output_that_is_a_file_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="it is a file"):
        require_writable(tmp_path / "file")
