"""Tables as VLMEvalKit's evaluation leaves them, made here since its package cannot be had."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from velm_bench.errors import UsageError
from velm_bench.results.foreign.vlmevalkit import find_results, read_runs

ROWS = [
    {"index": "3", "question": "What?", "answer": "A", "prediction": "A", "hit": "1", "category": "colour"},
    {"index": "4", "question": "Who?", "answer": "B", "prediction": "=A", "hit": "0", "category": "shape"},
    {"index": "1000003", "question": "What?", "answer": "B", "prediction": "B", "hit": "1.0", "category": "colour"},
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xlsx":
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in [list(rows[0]), *(list(row.values()) for row in rows)]:
            book.active.append([f"'{cell}" if cell.startswith("=") else cell for cell in row])
        book.save(path)
    else:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", [".xlsx", ".tsv", ".csv"])
def test_a_scored_table_is_read(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / "qwen_vl" / f"qwen_vl_MMBench_DEV_EN{suffix}", ROWS)
    (run,) = read_runs(path)
    assert (run.model, run.task) == ("qwen_vl", "MMBench_DEV_EN")
    assert [sample.scores for sample in run.samples] == [{"hit": 1.0}, {"hit": 0.0}, {"hit": 1.0}]
    assert run.samples[1].slices == {"category": "shape"}


def test_rotations_of_a_question_are_one_group(tmp_path: Path) -> None:
    (run,) = read_runs(write(tmp_path / "m_T.csv", ROWS))
    assert [sample.group for sample in run.samples] == ["3", "4", "3"]


def test_truth_values_count(tmp_path: Path) -> None:
    rows = [{"index": "1", "score": "True"}, {"index": "2", "score": "False"}]
    (run,) = read_runs(write(tmp_path / "m_T.csv", rows))
    assert [sample.scores["score"] for sample in run.samples] == [1.0, 0.0]


def test_only_scored_tables_of_a_folder_are_taken(tmp_path: Path) -> None:
    write(tmp_path / "m" / "m_T.csv", [{"index": "1", "prediction": "A"}])
    write(tmp_path / "m" / "m_T_acc.csv", [{"split": "none", "Overall": "0.5"}])
    scored = write(tmp_path / "m" / "m_T_result.csv", ROWS)
    assert find_results(tmp_path) == [scored]


def test_a_table_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"index,hit\n\xff,1\n")
    scored = write(tmp_path / "m_T.csv", ROWS)
    assert find_results(tmp_path) == [tmp_path / "a.csv", scored]
    with pytest.raises(UsageError, match=r"a\.csv cannot be read"):
        list(read_runs(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"index": "1", "prediction": "A"}], "neither the column 'hit' nor 'score'"),
        ([{"id": "1", "hit": "1"}], "no rows with the column 'index'"),
        ([{"index": "1", "hit": "good"}], "line 2 has 'good'"),
        ([{"index": "1", "hit": "nan"}], "line 2 has 'nan'"),
        ([{"index": "1", "hit": "1"}, {"index": "1", "hit": "1"}], "index '1' twice"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, rows: list[dict[str, str]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        list(read_runs(write(tmp_path / "m_T.csv", rows)))


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    (tmp_path / "m_T.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_runs(tmp_path / "m_T.xlsx"))
