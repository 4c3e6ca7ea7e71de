"""What a word on the command line stands for, and that a verdict does not depend on where the numbers lie."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.gate.made_evidence import made_evidence
from tests.made_boards import command
from tests.made_runs import made_result, made_score, write_made
from tests.results.foreign.exports import FILES, GROUPED, UNGROUPED, as_csv, inspect_log
from velm_bench.errors import UsageError
from velm_bench.gate.deciding import decide
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.opening import open_side
from velm_bench.gate.policy import default_policy
from velm_bench.gate.release import judge_release
from velm_bench.gate.schema import Verdict

NOWHERE = Path("no-such-results")
NAMES = {"task", "metric"}
"""What of a row says what things are called."""


def opened(*words: str | Path, root: Path = NOWHERE) -> list[Evidence]:
    notes: list[str] = []
    found = open_side([str(word) for word in words], root, notes.append)
    assert notes == []
    return found


def refused(*words: str | Path, root: Path = NOWHERE) -> str:
    with pytest.raises(UsageError) as caught:
        open_side([str(word) for word in words], root, [].append)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith((".", "?"))
    return said


def numbers(verdict: Verdict) -> list[dict[str, object]]:
    return [{key: value for key, value in row.model_dump().items() if key not in NAMES} for row in verdict.rows]


@pytest.fixture
def pair(real_results: Path) -> tuple[Path, Path]:
    """The folders of two models on the same task."""
    first, second = (real_results / model / "scenes_vqa=lite" for model in ("ref=prefix", "ref=concat"))
    runs = [[run for run in folder.iterdir() if not json.loads((run / "result.json").read_text())["control"]]
            for folder in (first, second)]  # fmt: skip
    return runs[0][0], runs[1][0]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder made up: one model on two tasks, with a control of one."""
    root = tmp_path / "results"
    scores = {"exact_match": made_score(0.5, "exact_match")}
    for model, task, control in (("m:a", "t1", ""), ("m:a", "t2", ""), ("m:a", "t2", "blank"), ("m:b", "t1", "")):
        write_made(root, made_result(model, task, "vqa", scores, control))
    return root


def test_a_run_is_found_by_folder_file_and_id(results: Path) -> None:
    folder = next((results / "m=a" / "t1").iterdir())
    for word in (folder, folder / "result.json", folder.name, folder.name[:6]):
        (one,) = opened(word, root=results)
        assert (one.run_id, one.title, one.source) == (folder.name, "t1", str(folder))


@pytest.mark.parametrize("word", ["results/m=a", "m:a"])
def test_a_model_stands_for_its_ordinary_runs(results: Path, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(results.parent)
    notes: list[str] = []
    found = open_side([word], Path("results"), notes.append)
    assert [one.title for one in found] == ["t1", "t2"]
    assert len(notes) == 1
    assert "t2 (blank)" in notes[0]


def test_a_control_is_compared_where_its_own_folder_is_named(results: Path) -> None:
    (control,) = (one for one in (results / "m=a" / "t2").iterdir() if "blank" in (one / "result.json").read_text())
    (one,) = opened(control)
    assert one.title == "t2 (blank)"
    shutil.copytree(control, results.parent / "only" / "run")
    assert "t2 (blank)" in refused(results.parent / "only")


def test_several_words_are_several_tasks_in_the_order_of_their_titles(results: Path) -> None:
    runs = [next((results / "m=a" / "t1").iterdir()), FILES / "lm_eval"]
    assert [one.title for one in opened(*reversed(runs))] == ["colours_gen", "colours_mc", "t1"]


def test_a_run_that_is_named_twice_is_one(results: Path) -> None:
    folder = next((results / "m=b" / "t1").iterdir())
    assert len(opened(folder, results / "m=b", f"{folder}/../{folder.name}")) == 1


def test_two_runs_of_one_task_are_refused_with_both_folders(results: Path) -> None:
    said = refused(results)
    assert "m=a" in said
    assert "m=b" in said
    assert "of the models m:a and m:b" in said
    said = refused(results / "m=b", next((results / "m=a" / "t1").iterdir()))
    assert "t1" in said
    assert "m=a" in said


def test_two_limits_of_one_model_are_told_apart(results: Path) -> None:
    result = made_result("m:b", "t1", "vqa", {"exact_match": made_score(0.5, "exact_match")})
    limited = result.model_copy(
        update={"run_id": "f" * 12, "data": result.data.model_copy(update={"limit": 10})}, deep=True
    )
    write_made(results, limited)
    assert "with --limit" in refused("m:b", root=results)


def test_a_damaged_run_in_a_folder_is_not_passed_over(results: Path) -> None:
    folder = next((results / "m=a" / "t1").iterdir())
    (folder / "result.json").write_text("{")
    assert str(folder) in refused("m:a", root=results)


@pytest.mark.parametrize("word", ["", "nothing", "x" * 5000, "a\0b", "/dev/null"])
def test_a_word_that_stands_for_nothing_is_refused_with_what_may_be_given(results: Path, word: str) -> None:
    assert "baseline file" in refused(word, root=results)
    assert "baseline file" in refused(word)


def test_an_id_that_fits_several_runs_is_refused(results: Path) -> None:
    for place, folder in enumerate(sorted(results.glob("*/*/*"))[:2]):
        data = json.loads((folder / "result.json").read_text())
        (folder / "result.json").write_text(json.dumps(data | {"run_id": f"abc{place}"}))
    assert "fits 2 runs" in refused("abc", root=results)


def test_no_word_at_all_is_refused() -> None:
    assert "Nothing is named" in refused()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.txt", "hello", "none that can be compared"),
        ("x.csv", "", "none that can be compared"),
        ("x.csv", "id,points\na,1\n", "needs both columns, id and score"),
        ("x.csv", "id,score\n", "has no rows"),
        ("x.json", "{", "no valid JSON"),
        ("x.json", "[1]", "none that can be compared"),
        ("x.jsonl", '{"doc_id": 1, "acc": 1}\n', "name the result file beside it"),
        ("x.eval", "PK\x03\x04", "no whole zip archive"),
        ("x.json", '{"version": 2, "status": "success", "eval": {"task": "t"}}', "holds no samples"),
        ("result.json", '{"schema_version": 99}', "schema version 99"),
        ("x.xlsx", "PK\x03\x04", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    told = refused(path)
    assert said in told
    assert str(tmp_path) in told


def test_a_folder_without_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("hello")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "t.csv").write_text("id,score\na,1\n")
    assert "holds nothing that can be compared" in refused(tmp_path)


def test_predictions_that_were_not_evaluated_are_passed_over_beside_those_that_were(tmp_path: Path) -> None:
    folder = UNGROUPED["vlmevalkit"](made_evidence([1.0, 0.0]), tmp_path)
    (folder / "model_MMBench_raw.csv").write_text("index,prediction\n1,A\n")
    (one,) = opened(tmp_path)
    assert (one.title, one.n) == ("MMBench", 2)


def test_a_table_beside_results_of_a_harness_is_not_read(tmp_path: Path) -> None:
    shutil.copytree(FILES / "lm_eval", tmp_path / "out")
    (tmp_path / "out" / "scores.csv").write_text("id,score\na,1\n")
    assert [one.imported for one in opened(tmp_path)] == ["lm-eval 0.4.13"] * 2


def test_a_folder_of_tables_is_one_task_each(tmp_path: Path) -> None:
    for task in ("a", "b"):
        (tmp_path / f"{task}.csv").write_text(f"id,score,task\n1,1,{task}\n2,0,{task}\n")
    assert [one.title for one in opened(tmp_path)] == ["a", "b"]


def test_two_tables_without_a_task_are_one_task_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("id,score\n1,1\n")
    said = refused(tmp_path)
    assert "a.csv" in said
    assert "b.csv" in said


def test_a_baseline_file_is_read_as_one(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    command("baseline", "set", "b.json", pair[0], "--by", "tests", "--reason", "first", folder=tmp_path)
    (one,) = opened(tmp_path / "b.json")
    (run,) = opened(pair[0])
    assert (one.title, one.fingerprint, one.primary) == (run.title, run.fingerprint, run.primary)
    assert np.array_equal(one.statistics_for(one.primary), run.statistics_for(run.primary))


@pytest.mark.parametrize("format_name", [*GROUPED, *UNGROUPED])
def test_a_native_pair_gets_the_same_verdict_in_every_format(
    tmp_path: Path, pair: tuple[Path, Path], format_name: str
) -> None:
    first, second = (opened(folder)[0] for folder in pair)
    if format_name in UNGROUPED:
        first, second = (replace(one, groups=one.ids) for one in (first, second))
    write = {**GROUPED, **UNGROUPED}[format_name]
    paths = [str(write(one, tmp_path / name)) for one, name in ((first, "old"), (second, "new"))]
    native = decide([second], [first], default_policy([first], 0.02))
    foreign = judge_release(paths[1:], paths[:1], margin=0.02, root=NOWHERE)
    assert (foreign.outcome, foreign.exit_code) == (native.outcome, native.exit_code)
    rows = zip(numbers(foreign), numbers(native), strict=True)
    for mine, other in rows:
        mine.pop("why"), other.pop("why")
        other |= {"baseline_errors": mine["baseline_errors"], "candidate_errors": mine["candidate_errors"]}
        assert mine == pytest.approx(other, abs=1e-12)
    assert native.rows[0].change != 0


def test_slices_of_a_table_are_those_of_the_run(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    (native,) = opened(pair[0])
    (plain,) = opened(as_csv(native, tmp_path))
    assert plain.slices == native.slices
    assert native.slices


def test_a_table_that_lacks_samples_has_them_wrong(tmp_path: Path) -> None:
    whole, part = tmp_path / "a.csv", tmp_path / "b.csv"
    whole.write_text("id,score\n" + "".join(f"{place},1\n" for place in range(40)))
    part.write_text("id,score\n" + "".join(f"{place},1\n" for place in range(20)))
    verdict = judge_release([str(part)], [str(whole)], margin=0.1, root=NOWHERE)
    assert (verdict.outcome, verdict.rows[0].change) == ("regression", -0.5)
    assert verdict.rows[0].candidate_errors == 20


def test_tables_of_other_groups_are_not_compared(tmp_path: Path) -> None:
    for name, group in (("a", "x"), ("b", "y")):
        (tmp_path / f"{name}.csv").write_text(f"id,score,group\n1,1,{group}\n2,0,z\n")
    verdict = judge_release([str(tmp_path / "b.csv")], [str(tmp_path / "a.csv")], margin=0.1, root=NOWHERE)
    assert verdict.outcome == "invalid"
    assert "the group of 1 samples differs" in verdict.rows[0].why


def test_two_epochs_of_inspect_give_the_change_of_one_whose_answers_are_the_same() -> None:
    one, two = (
        judge_release(
            [str(FILES / "inspect" / f"candidate.{suffix}")],
            [str(FILES / "inspect" / f"baseline.{suffix}")],
            margin=0.1,
            root=NOWHERE,
        ).rows[0]
        for suffix in ("json", "eval")
    )
    assert one.change == pytest.approx(two.change)
    assert (one.n, two.n, one.groups, two.groups) == (6, 12, 6, 6)
    assert one.p == two.p
    assert (one.low, one.high) == pytest.approx((two.low, two.high))


def test_two_tables_are_compared_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("id,score\n" + "".join(f"{place},1\n" for place in range(30)))
    (tmp_path / "new.jsonl").write_text(
        "".join(json.dumps({"id": str(place), "score": place > 9}) + "\n" for place in range(30))
    )
    done = command("compare", "old.csv", "new.jsonl", "--json", folder=tmp_path)
    assert '"change": -0.333' in done.stdout


def noted(*words: str | Path, root: Path = NOWHERE) -> tuple[list[Evidence], list[str]]:
    notes: list[str] = []
    return open_side([str(word) for word in words], root, notes.append), notes


def begin(folder: Path, when: float) -> Path:
    """A run without a result that was last written to then."""
    folder.mkdir()
    (folder / "journal.jsonl").write_text("")
    os.utime(folder / "journal.jsonl", (when, when))
    return folder


def test_a_run_that_was_begun_anew_in_its_folder_is_refused(results: Path) -> None:
    folder = next((results / "m=a" / "t1").iterdir())
    (folder / "journal.jsonl").write_text("")
    for word in (folder, folder / "result.json", folder.name, "m:a", results / "m=a"):
        said = refused(word, root=results)
        assert "is not finished" in said
        assert str(folder) in said


def test_a_newer_unfinished_run_of_the_same_task_is_not_passed_over(results: Path) -> None:
    (taken,) = (results / "m=b" / "t1").iterdir()
    written = (taken / "result.json").stat().st_mtime
    begun = begin(taken.parent / "begun", written + 5)
    for word in ("m:b", results / "m=b"):
        said = refused(word, root=results)
        assert str(taken) in said
        assert str(begun) in said
    assert len(opened(taken, root=results)) == 1
    os.utime(begun / "journal.jsonl", (written - 5, written - 5))
    found, notes = noted("m:b", root=results)
    assert [one.title for one in found] == ["t1"]
    assert notes == [f"Left out: the run {begun} is not finished."]


def test_an_unfinished_run_of_another_task_is_left_out_with_a_word(results: Path) -> None:
    begun = begin(results / "m=b" / "t9", 4e9)
    found, notes = noted("m:b", root=results)
    assert ([one.title for one in found], notes) == (["t1"], [f"Left out: the run {begun} is not finished."])
    shutil.rmtree(results / "m=b" / "t1")
    assert "holds no finished run" in refused("m:b", root=results)


def test_a_file_without_any_task_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"results": {}, "configs": {}}')
    assert "holds no task" in refused(tmp_path / "x.json")
    assert "nothing that can be compared" in refused(tmp_path)


def test_only_ordinary_files_of_a_folder_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "result.json")
    (tmp_path / "t.csv").write_text("id,score\na,1\n")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    assert [one.n for one in opened(tmp_path)] == [1]
    assert "is no file or folder" in refused(tmp_path / "pipe.csv")


def test_a_file_that_may_not_be_read_is_left_out_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text("id,score\na,1\n")
    (tmp_path / "u.csv").write_text("id,score\na,1\n")
    plain = Path.open

    def closed(path: Path, *arguments: str, **named: str) -> object:
        if path.name == "u.csv":
            raise PermissionError(13, "Permission denied")
        return plain(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", closed)
    found, notes = noted(tmp_path)
    assert len(found) == 1
    assert notes == [f"Left out: The file {tmp_path / 'u.csv'} cannot be read: Permission denied."]


def test_the_nearest_model_or_file_is_offered(results: Path) -> None:
    root = results / "m=long-name"
    shutil.copytree(results / "m=b", root)
    for path in root.rglob("result.json"):
        path.write_text(path.read_text().replace('"m:b"', '"m:long-name"'))
    assert refused("m:lnog-name", root=results).endswith("did you mean 'm:long-name'?")
    (results / "base.json").write_text("{}")
    assert refused(results / "bsae.json").endswith("base.json'?")


def cut_off(tmp_path: Path, kept: int, scored: int) -> Path:
    """A log that was stopped after so many samples, of which so many are right; two of a group each."""
    rows = [
        {"id": f"s{place}", "scores": {"match": {"value": "C" if place < scored else "I"}},
         "metadata": {"group": f"g{place // 2}"}}
        for place in range(40)
    ]  # fmt: skip
    log = inspect_log(rows, status="success" if kept == 40 else "cancelled")
    log["samples"] = log["samples"][:kept]
    path = tmp_path / f"log{kept}.json"
    path.write_text(json.dumps(log))
    return path


def test_a_log_that_was_cut_off_lacks_samples_of_whatever_group(tmp_path: Path) -> None:
    whole, part = cut_off(tmp_path, 40, 40), cut_off(tmp_path, 20, 40)
    command("results", "import", part, "--from", "inspect", "--model", "part", folder=tmp_path)
    for word in (part, tmp_path / "results" / "part"):
        found, notes = noted(word)
        assert [(one.n, one.limit, one.scores["match"].value) for one in found] == [(20, None, 1.0)]
        assert "20 of its 40 samples are not there" in notes[0]
        verdict = judge_release([str(word)], [str(whole)], margin=0.1, root=NOWHERE)
        row = verdict.rows[0]
        assert (verdict.outcome, row.change, row.candidate_errors, row.groups) == ("regression", -0.5, 20, 20)


def test_what_a_reader_should_know_of_a_file_is_noted(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,score.f1,score.acc\na,1,1\nb,1,\n")
    _, notes = noted(tmp_path / "t.csv")
    assert len(notes) == 2
    assert "its main one is the first, 'f1'" in notes[0]
    assert "1 of the 2 samples" in notes[1]
