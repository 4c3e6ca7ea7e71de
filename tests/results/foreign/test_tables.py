"""Plain tables of id and score, in whatever way they are written, and whatever is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.foreign.exports import write_cells, write_lines
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignRun
from velm_bench.results.foreign.converting import convert, unscored
from velm_bench.results.foreign.tables import MOST_VALUES, find_results, is_table, read_runs


def written(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def read(tmp_path: Path, text: str, name: str = "t.csv") -> ForeignRun:
    (run,) = read_runs(written(tmp_path, text, name))
    return run


def refused(tmp_path: Path, text: str, name: str = "t.csv") -> str:
    with pytest.raises(UsageError) as caught:
        list(read_runs(written(tmp_path, text, name)))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    return str(caught.value)


def scores(run: ForeignRun) -> list[float | None]:
    return [sample.scores.get("score") for sample in run.samples]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("id,score,group\na,1,g\nb,0.5,g\n", "t.csv"),
        ("\ufeffid,score,group\r\na,true,g\r\n\r\nb,.5,g\r\n", "t.csv"),
        (" group ;score; id\ng;1;a\ng; 5e-1 ;b", "t.csv"),
        ("group\tscore\tid\ng\t1\ta\ng\t0.5\tb\n", "t.tsv"),
        ('"id","score","group","note"\n"a",1,"g","two\nlines, ""quoted"""\nb,0.5,g,\n', "t.csv"),
        ('{"id": "a", "score": true, "group": "g"}\n\n{"score": 0.5, "group": "g", "id": "b"}', "t.jsonl"),
        ('\ufeff{"id": "a", "score": 1, "group": "g"}\r\n{"score": "0.5", "group": "g", "id": "b"}\r\n', "t.txt"),
        ("sep=;\r\nid;score;group\r\na;1,0;g\r\nb;0,5;g\r\n", "t.csv"),
        ("ID,Score,GROUP\na,1,g\nb,0.5,g\n", "t.csv"),
        ("id,score,group\ra,1,g\rb,0.5,g\r", "t.csv"),
        ('[{"id": "a", "score": 1, "group": "g"},\n {"id": "b", "score": 0.5, "group": "g"}]', "t.json"),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, text: str, name: str) -> None:
    run = read(tmp_path, text, name)
    assert [(sample.id, sample.group) for sample in run.samples] == [("a", "g"), ("b", "g")]
    assert scores(run) == [1.0, 0.5]
    assert (run.model, run.task, run.harness) == ("t", "table", "table")


def test_two_tables_are_about_the_same_whatever_they_are_called(tmp_path: Path) -> None:
    first, _ = convert(read(tmp_path, "id,score\na,1\nb,0\n", "old.csv"), 0)
    second, table = convert(read(tmp_path, '{"id": "a", "score": 0}\n', "new.jsonl"), 0)
    assert (first.task.digest, first.data.fingerprint) == (second.task.digest, second.data.fingerprint)
    assert first.scores["score"].signature == second.scores["score"].signature
    assert first.run_id != second.run_id
    assert table.column("content").to_pylist() == [""]


def test_two_tables_of_one_name_are_two_runs(tmp_path: Path) -> None:
    ids = {convert(read(tmp_path, f"id,score\na,{score}\nb,0\n"), 0)[0].run_id for score in (0, 1)}
    assert len(ids) == 2


def test_the_column_task_makes_several_runs(tmp_path: Path) -> None:
    path = written(tmp_path, "task,id,score\nvqa,1,1\nner,1,0.5\nvqa,2,0\n")
    found = list(read_runs(path, "mine"))
    assert [(run.task, len(run.samples), run.model) for run in found] == [("vqa", 2, "mine"), ("ner", 1, "mine")]


def test_an_empty_score_or_an_error_is_a_failed_sample(tmp_path: Path) -> None:
    run = read(tmp_path, "id,score,error\na,1,\nb,,\nc,1,timed out\n")
    assert [sample.error for sample in run.samples] == ["", "it has no score", "timed out"]
    result, _ = convert(run, 0)
    assert (result.scores["score"].value, result.scores["score"].answered) == (pytest.approx(1 / 3), 1.0)
    assert (result.n, result.n_errors) == (3, 2)
    run = read(tmp_path, '{"id": 1, "score": null}\n{"id": 2, "error": "x"}\n{"id": 3, "score": 1}\n', "t.jsonl")
    assert [bool(sample.error) for sample in run.samples] == [True, True, False]


def test_a_table_in_which_everything_failed_is_all_wrong(tmp_path: Path) -> None:
    result, _ = convert(read(tmp_path, "id,score.f1,score\na,0.5,\nb,,\n"), 0)
    assert (result.primary, result.score.value, result.score.answered) == ("score", 0.0, None)


def test_a_failed_sample_is_as_bad_as_the_worst(tmp_path: Path) -> None:
    result, _ = convert(read(tmp_path, "id,score\na,-2\nb,\n"), 0)
    assert result.score.value == -2.0
    result, _ = convert(read(tmp_path, "id,score:lower\na,3\nb,\nc,1\n"), 0)
    assert (result.score.value, result.score.higher_is_better) == (pytest.approx(7 / 3), False)


def test_further_scores_slices_and_answers_are_taken(tmp_path: Path) -> None:
    text = "id,score.f1,score,score.cost:lower,slice.kind,slice:easy,answer\na,0.5,1,3,count,,yes\nb,,0,4,what,no,\n"
    run = read(tmp_path, text)
    assert dict(run.samples[0].scores) == {"score": 1.0, "f1": 0.5, "cost": 3.0}
    assert [dict(sample.slices) for sample in run.samples] == [{"kind": "count"}, {"kind": "what", "easy": "no"}]
    assert run.samples[0].answer == "yes"
    result, table = convert(run, 0)
    assert list(result.scores) == ["score", "f1", "cost"]
    assert result.scores["f1"].value == 0.25
    assert not result.scores["cost"].higher_is_better
    assert table.column("prediction").to_pylist()[0] == '"yes"'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,score\na,1\n", "no column 'id'"),
        ("id,points\na,1\n", "no column 'score'"),
        ("id,score\n", "has no rows"),
        ("", "has no rows"),
        ("id,score\na,1\na,0\n", "line 3: the id 'a' stands there twice"),
        ('id,score,note\nb,1,"x\ny"\na,one,\n', "line 4: 'score' is 'one'"),
        ("id,score\na,nan\n", "line 2: 'score' is 'nan'"),
        ("id,score\na,-inf\n", "line 2: 'score' is '-inf'"),
        ("id,score\na,1e999\n", "line 2: 'score' is '1e999'"),
        ("id,score\na,1_0\n", "line 2: 'score' is '1_0'"),
        ("id,score\na,1\nb\n", "line 3: it has 1 cells and the header 2"),
        ("id,score\na,1,2\n", "line 2: it has 3 cells and the header 2"),
        ('id,score\na,"1\n', "line 2: it is no valid row"),
        ("id,score\n,1\n", "line 2: the id is empty"),
        ("id,score,id\na,1,b\n", "line 1: the column 'id' stands there twice"),
        ("id,score,score.score\na,1,1\n", "the score 'score' twice"),
        ("id,score,task\na,1,\n", "line 2: the task is empty"),
        ("id,score\na,87%\n", "line 2: 'score' is '87%': leave the percent sign out"),
        ("id,score\na,NA\n", "line 2: 'score' is 'NA': leave the cell empty"),
        ('id,score\na,"0,5"\n', "line 2: 'score' is '0,5': write it with a point"),
        ("id;score\na;1,250\n", "line 2: 'score' is '1,250': write it with a point"),
        ("sep=;\nid;score\na;x\n", "line 3: 'score' is 'x'"),
        ("id\tscore\n1\ta\t1\n", "line 2: it has 3 cells and the header 2: does the header lack the name of the first"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": "a", "score": 1}\n{"id": "b"}\n', "line 2: it has no 'score'"),
        ('{"id": 1.5, "score": 1}', "line 1: the id is 1.5"),
        ('{"id": true, "score": 1}', "line 1: the id is True"),
        ('{"id": "a", "score": NaN}', "line 1: 'score' is nan"),
        (f'{{"id": "a", "score": {"9" * 400}}}', "line 1: 'score' is 999"),
        ('{"id": "a", "score": [1]}', "line 1: 'score' is [1]"),
        ('{"id": "a", "score": 1, "group": {}}', "line 1: the group is {}"),
        ('{"id": "a", "score": 1}\n{"id": ', "line 2: it is no valid JSON"),
        ('{"id": "a", "score": 1}\n[]', "line 2: it must be a JSON object"),
        ('[{"id": "a", "score": 1}, 2]', "item 2: it must be a JSON object"),
        ("[]", "has no rows"),
        ('{"id": "a", "score": 1, "error": {"code": 1}}', "line 1: the error is {'code': 1}"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text, "t.jsonl")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,score\n\u00e9,1\n".encode("cp1252"))
    assert is_table(path)
    with pytest.raises(UsageError, match="save it as UTF-8"):
        list(read_runs(path))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_runs(tmp_path))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_runs(tmp_path / "absent.csv"))


def test_a_slice_with_a_value_per_sample_is_none(tmp_path: Path) -> None:
    rows = "".join(f"{place},1,v{place}\n" for place in range(MOST_VALUES + 1))
    assert "slice.kind" in refused(tmp_path, f"id,score,slice.kind\n{rows}")


def test_huge_numbers_do_no_harm(tmp_path: Path) -> None:
    result, _ = convert(read(tmp_path, "id,score\na,1e100\nb,1e100\nc,-1e100\n"), 0)
    assert result.score.value == pytest.approx(1e100 / 3)
    assert "line 2: 'score' is '1e101'" in refused(tmp_path, "id,score\na,1e101\n")


def test_a_large_table_is_read(tmp_path: Path) -> None:
    rows = [{"id": f"s{place}", "score": place % 2, "group": f"g{place // 5}"} for place in range(20_000)]
    (run,) = read_runs(write_cells(tmp_path / "t.csv", rows))
    result, table = convert(run, 0)
    assert (result.score.value, len(table)) == (0.5, 20_000)


def test_tables_are_found_among_other_files(tmp_path: Path) -> None:
    for name, text in (
        ("a.csv", "id,score\n"),
        ("b.csv", "id,points\n"),
        ("c.md", "id,score\n"),
        ("d.tsv", "score\tid"),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "e.jsonl").write_text('{"score": 1, "id": 2}\n')
    assert [path.name for path in find_results(tmp_path)] == ["a.csv", "d.tsv", "e.jsonl"]


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")), min_size=1)


@given(
    st.lists(
        st.tuples(NAMES, st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)),
        unique_by=lambda row: row[0],
        min_size=1,
    )
)
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    cells = [{"id": name, "score": score} for name, score in rows]
    for path in (
        write_cells(folder / "w.csv", cells),
        write_cells(folder / "w.tsv", cells),
        write_lines(folder / "w.jsonl", cells),
    ):
        (run,) = read_runs(path)
        assert [(sample.id, sample.scores["score"]) for sample in run.samples] == rows


@given(st.binary(max_size=200) | st.text('id,score\n"1\t;{}:', max_size=80).map(str.encode))
def test_any_file_is_read_or_refused_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for name in ("x.csv", "x.jsonl"):
        path = tmp_path_factory.getbasetemp() / name
        for start in (b"", b"id,score\n"):
            path.write_bytes(start + data)
            found = []
            try:
                found = list(read_runs(path))
            except UsageError as error:
                found.append(error)
            assert found
            for one in found:
                assert str(path) in str(one) if isinstance(one, UsageError) else convert(one, 0)


def test_json_of_one_line_is_a_table_of_one_row(tmp_path: Path) -> None:
    assert scores(read(tmp_path, json.dumps({"id": 1, "score": 2}), "t.jsonl")) == [2.0]


def test_text_in_utf_16_as_excel_writes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id\tscore\r\n\u00e9\t1\r\n".encode("utf-16"))
    (run,) = read_runs(path)
    assert [(sample.id, sample.scores) for sample in run.samples] == [("\u00e9", {"score": 1.0})]
    assert find_results(tmp_path) == [path]


@pytest.mark.parametrize(
    ("cell", "failed"),
    [
        ("false", False), ("0", False), ("null", False), ('""', False), ('"nan"', False), ('"None"', False),
        ('"False"', False), ("true", True), ('"timed out"', True), ("404", True),
    ],
)  # fmt: skip
def test_what_says_that_nothing_failed_is_no_error(tmp_path: Path, cell: str, failed: bool) -> None:
    run = read(tmp_path, f'{{"id": "a", "score": 1, "error": {cell}}}\n', "t.jsonl")
    assert bool(run.samples[0].error) is failed


@pytest.mark.parametrize(
    ("text", "name", "ids"),
    [
        ("id,score,group\n0.0,1,7.0\n1.0,0,\n", "t.csv", ["0", "1"]),
        ('{"id": 0.0, "score": 1, "group": 7.0}\n{"id": 1, "score": 0}\n', "t.jsonl", ["0", "1"]),
        ("id,score,group\n1.0,1,7\n1.1,0,\n", "t.csv", ["1.0", "1.1"]),
        ("id,score,group\n0000,1,7\n0001,0,\n", "t.csv", ["0000", "0001"]),
    ],
)
def test_whole_numbers_with_a_point_are_whole_numbers(tmp_path: Path, text: str, name: str, ids: list[str]) -> None:
    run = read(tmp_path, text, name)
    assert [sample.id for sample in run.samples] == ids
    assert [sample.group for sample in run.samples] == ["7", ""]


def test_columns_in_capitals_keep_the_direction_and_the_name_of_a_score(tmp_path: Path) -> None:
    run = read(tmp_path, "Id,Score.WER:Lower,SCORE.F1,Slice.Kind,id2\na,3,1,count,x\n")
    assert (list(run.names), run.lower_is_better) == (["WER", "F1"], {"WER"})
    assert run.samples[0].slices == {"Kind": "count"}
    assert dict(read(tmp_path, "Score.a,id,score.a\n2,a,1\n").samples[0].scores) == {"a": 1.0}  # the exact one


def test_a_score_that_is_one_of_several_is_said_to_be_the_main_one(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "id,score.f1,score.acc\na,1,0\n").notes
    assert "its main one is the first, 'f1'" in note
    assert not read(tmp_path, "id,score.f1,score\na,1,0\n").notes


def test_a_score_that_a_sample_lacks_is_an_error_of_that_score(tmp_path: Path) -> None:
    run = read(tmp_path, "id,score,score.f1\na,1,0.8\nb,1,\nc,,\n")
    result, _ = convert(run, 0)
    score = result.scores["f1"]
    assert (score.value, score.answered, score.n_errors, result.n_errors) == (pytest.approx(0.8 / 3), 0.8, 2, 1)
    (said,) = unscored(run, result)
    assert "1 of the 3 samples" in said
    assert "without them it is 0.8" in said
