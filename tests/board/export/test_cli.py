"""`velm-bench board export`, as a person calls it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.made_boards import command
from velm_bench.cli.main import execute

FILES = {"--html": "board.html", "--csv": "board.csv", "--parquet": "board.parquet", "--bibtex": "board.bib"}
DATASET = ("--dataset", "scenes_vqa:lite=me/scenes:vqa")


def _export_all(place: Path, *source: str | Path) -> Mapping[str, bytes]:
    """Every format, by its path under `place`; what was printed is `stdout`."""
    flags = [word for flag, name in FILES.items() for word in (flag, f"deep/{name}")]
    done = command(
        "board", "export", *source, *flags, "--every-eval-ever", "eee", "--hub", "hub", *DATASET, "--json", folder=place
    )
    found = {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    return {**found, "stdout": done.stdout.encode(), "stderr": done.stderr.encode()}


@pytest.fixture(scope="module")
def exported(real_board: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return _export_all(tmp_path_factory.mktemp("exported"), "--board", real_board)


def test_a_board_is_exported_in_every_format(exported: Mapping[str, bytes]) -> None:
    document = json.loads(exported["stdout"])
    assert document["snapshot"]["title"] == "The small board"
    ranked = [row for row in document["rows"] if row["standing"]["rank"] is not None]
    assert len(ranked) == 6
    assert ranked[0]["model"] == "baseline:oracle"
    assert ranked[0]["standing"]["rank_low"] == 1
    assert {row["level"] for row in ranked} == {"recomputed"}
    assert all(task["floor"] is not None for task in document["tasks"])
    day = document["snapshot"]["newest"]
    assert day.encode() in exported["deep/board.html"]
    assert f"newest event {day}".encode() in exported["deep/board.bib"]
    assert sum(path.endswith("_samples.jsonl") for path in exported) == 24
    assert sum(path.endswith("scenes_vqa=lite.yaml") for path in exported) == 6
    assert sum(path.endswith("README.md") for path in exported) == 6


def test_all_formats_tell_the_same_scores(exported: Mapping[str, bytes], tmp_path: Path) -> None:
    rows = json.loads(exported["stdout"])["rows"]
    told = {run["run"]: run["score"] for row in rows for run in row["runs"]}
    for name in ("board.csv", "board.parquet"):
        (tmp_path / name).write_bytes(exported[f"deep/{name}"])
    for frame in (pd.read_csv(tmp_path / "board.csv"), pq.read_table(tmp_path / "board.parquet").to_pandas()):
        primary = frame[frame["primary"].astype(bool)]
        assert dict(zip(primary["run"], primary["score"], strict=True)) == told
    records = [
        json.loads(data) for path, data in exported.items() if path.startswith("eee/") and path.endswith(".json")
    ]
    recorded = {one["source_metadata"]["additional_details"]["run"]: one["evaluation_results"][0] for one in records}
    assert {run: one["score_details"]["score"] for run, one in recorded.items()}.items() <= told.items()


def test_the_same_board_gives_the_same_bytes(exported: Mapping[str, bytes], real_board: Path, tmp_path: Path) -> None:
    assert _export_all(tmp_path, "-b", real_board) == exported


def test_a_results_folder_is_exported_too(real_results: Path, tmp_path: Path) -> None:
    done = command("board", "export", "--results", real_results, "--json", "--html", "page.html", folder=tmp_path)
    document = json.loads(done.stdout)
    assert not document["snapshot"]["board"]
    assert {row["standing"]["score"] for row in document["rows"]} == {None}  # nothing is known of floors
    places = {row["model"]: row["by_task"]["scenes_vqa:lite"]["rank"] for row in document["rows"] if not row["control"]}
    assert places["baseline:oracle"] == 1
    assert places["ref:prefix"] < places["baseline:constant"]
    assert "Wrote page.html" in done.stderr


def _refused(code: int, *words: str) -> None:
    assert execute(["board", "export", *words]) == code


def test_what_makes_no_sense_is_refused(tmp_path: Path, real_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, page, hub = ("--results", str(real_results)), ("--html", str(tmp_path / "x.html")), ("--hub", str(tmp_path))
    for sentence, words in {
        "Nothing is to be exported": source,
        "one of --board and --results": page,
        "give one of --board and": (*source, "--board", str(tmp_path), *page),
        "does not exist": ("--results", str(tmp_path / "none"), *page),
        "There is no board": ("--board", str(tmp_path), *page),
        "--dataset does nothing without --hub": (*source, *page, *DATASET),
        "write a=ORG/NAME": (*source, *hub, "--dataset", "a=b"),
        "did you mean 'scenes_vqa:lite'": (*source, *hub, "--dataset", "scenes_vqa=a/b"),
        "--data does nothing": (*source, *page, "--data", str(tmp_path)),
        "is a folder": (*source, "--csv", str(tmp_path)),
        "is a file: give the name of a folder": (*source, "--hub", __file__),
        "--html and --csv both name": (*source, *page, "--csv", page[1]),
    }.items():
        _refused(2, *words)
        assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, real_results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    source = ("--results", str(real_results))
    _refused(2, *source, "--csv", str(tmp_path / "file" / "x.csv"))
    assert "give another with --csv" in capsys.readouterr().err
    _refused(4, *source, "--hub", str(tmp_path / "file" / "x"))
    assert "give another --hub" in capsys.readouterr().err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_the_schema_needs_no_board(tmp_path: Path) -> None:
    done = command("board", "export", "--schema", folder=tmp_path)
    schema = json.loads(done.stdout)
    assert {"snapshot", "tasks", "rows"} <= set(schema["properties"])
