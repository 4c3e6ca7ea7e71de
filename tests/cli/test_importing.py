"""`velm-bench results import` through the real command."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.made_boards import command

FILES = REPOSITORY / "tests" / "results" / "foreign" / "files"


def test_runs_of_lm_eval_are_taken_over_and_listed(tmp_path: Path) -> None:
    done = command("results", "import", FILES / "lm_eval", "--from", "lm-eval", "--json", folder=tmp_path)
    assert [run["result"]["imported"] for run in json.loads(done.stdout)] == ["lm-eval 0.4.13"] * 2
    listed = command("results", "list", folder=tmp_path).stdout
    assert "colours_mc" in listed
    assert "0.6667" in listed


def test_a_name_may_be_given_and_intervals_left_out(tmp_path: Path) -> None:
    words = ("results", "import", FILES / "lmms_eval", "--from", "lmms-eval", "--model", "mine", "--replicates", "0")
    done = command(*words, "--json", "--output", "there", folder=tmp_path)
    (run,) = json.loads(done.stdout)
    assert run["result"]["model"]["name"] == "mine"
    assert run["result"]["scores"]["exact_match"]["low"] is None
    assert (tmp_path / run["folder"] / "samples.parquet").is_file()
    assert run["folder"].startswith("there")


def test_what_cannot_be_read_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "results_bad.json").write_text("{")
    words = ("results", "import", "results_bad.json", FILES / "lm_eval", "--from", "lm-eval")
    done = command(*words, folder=tmp_path, expect=2)
    assert "results_bad.json is no valid JSON" in done.stderr
    assert "colours_gen" in done.stdout


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    done = command("results", "import", tmp_path, "--from", "vlmevalkit", folder=tmp_path, expect=2)
    assert "no result of vlmevalkit" in done.stderr


def test_a_file_without_scores_does_not_stop_the_others(tmp_path: Path) -> None:
    empty = {"results": {"aaa": {}}, "configs": {"aaa": {}}, "model_name": "m", "lm_eval_version": "0.4.13"}
    (tmp_path / "results_a.json").write_text(json.dumps(empty))
    (tmp_path / "samples_aaa_a.jsonl").write_text('{"doc_id": 0, "target": "", "filtered_resps": ["a"]}\n')
    words = ("results", "import", "results_a.json", FILES / "lm_eval", "--from", "lm-eval")
    done = command(*words, folder=tmp_path, expect=2)
    assert "m on aaa has no samples with scores" in done.stderr
    assert "colours_gen" in done.stdout


def test_logs_of_inspect_are_taken_over(tmp_path: Path) -> None:
    words = ("results", "import", FILES / "inspect" / "baseline.eval", "--from", "inspect", "--model", "mine")
    (run,) = json.loads(command(*words, "--json", folder=tmp_path).stdout)
    assert run["result"]["imported"] == "inspect 0.3.285"
    assert run["result"]["scores"]["match"]["n_errors"] == 2
    assert (tmp_path / run["folder"] / "samples.parquet").is_file()


def test_a_table_is_taken_over_and_compares_with_the_file_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("id,score\na,1\nb,0\n")
    done = command("results", "import", "old.csv", "--from", "table", "--json", folder=tmp_path)
    (run,) = json.loads(done.stdout)
    assert run["result"]["model"]["name"] == "old"
    compared = command("compare", run["folder"], "old.csv", "--json", folder=tmp_path)
    assert '"change": 0.0' in compared.stdout


def test_a_file_of_another_harness_is_refused(tmp_path: Path) -> None:
    words = ("results", "import", FILES / "inspect" / "baseline.json", "--from", "table")
    assert "baseline.json" in command(*words, folder=tmp_path, expect=2).stderr


def test_scores_that_samples_lack_are_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,score,score.f1\na,1,0.5\nb,1,\n")
    done = command("results", "import", "t.csv", "--from", "table", "--json", folder=tmp_path)
    assert "1 of the 2 samples of table (t) did not fail and have no value of 'f1'" in done.stderr
    assert json.loads(done.stdout)[0]["result"]["scores"]["f1"]["n_errors"] == 1


def test_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    for name in ("results_1.json", "a.csv", "a.eval", "m_T.tsv"):
        os.mkfifo(tmp_path / name)
    for harness in ("lm-eval", "inspect", "vlmevalkit", "table"):
        done = command("results", "import", ".", "--from", harness, folder=tmp_path, expect=2)
        assert f"no result of {harness}" in done.stderr
