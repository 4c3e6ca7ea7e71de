"""`velm-bench run`: what each flag changes, and each error's sentence and exit code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli import probe
from tests.cli.conftest import TASK, Velm, World
from velm_bench.errors import RunError


def answers(world: World) -> dict[str, str]:
    (path,) = world.results.glob("*/*/*/samples.parquet")
    table = pq.read_table(path)
    return dict(zip(table["id"].to_pylist(), table["prediction"].to_pylist(), strict=True))


def test_a_run_prints_its_scores_and_writes_its_files(velm: Velm, world: World) -> None:
    done = velm("run", "--model", "baseline:majority", "--tasks", world.task)
    assert done.code == 0
    assert "exact_match" in done.out
    assert "0.5000" in done.out
    assert "shades: results" in done.out
    assert "8 samples" in done.err
    assert world.result()["scores"]["exact_match"]["value"] == 0.5


def test_json_stands_alone_on_standard_output(velm: Velm, world: World) -> None:
    done = velm("run", "--model", "baseline:oracle", "--tasks", world.task, "--json")
    assert done.json["failures"] == []
    (run,) = done.json["runs"]
    assert run["result"]["scores"]["exact_match"]["value"] == 1.0
    assert Path(run["folder"]).is_dir()


def test_what_a_model_prints_does_not_spoil_the_json(velm: Velm, world: World) -> None:
    done = velm("run", "--model", "probe:chatty", "--tasks", world.task, "--json")
    assert len(done.json["runs"]) == 1
    assert "opening" in done.err
    assert "thinking" in done.err
    assert velm("models", "show", "probe:chatty", "--json").json["name"] == "probe:chatty"


def test_a_primary_metric_that_is_undefined_ends_with_4(velm: Velm, world: World) -> None:
    world.write("task.yaml", TASK.replace("[exact_match,", "[pair_accuracy, exact_match,"))
    done = velm("run", "--model", "probe:x", "--tasks", world.task)
    assert done.code == 4
    assert "primary metric 'pair_accuracy' of shades could not be computed" in done.sentence
    assert "there are no pairs among the 8 samples" in done.sentence
    assert len(world.result()["scores"]) == 3


def test_a_secondary_metric_that_is_undefined_is_a_note(velm: Velm, world: World) -> None:
    world.write("task.yaml", TASK.replace("vqa_accuracy]", "pair_accuracy]"))
    done = velm("run", "--model", "probe:x", "--tasks", world.task)
    assert done.code == 0
    assert "pair_accuracy is not scored: It is undefined here: there are no pairs" in done.err


def test_output(velm: Velm, world: World) -> None:
    velm("run", "--model", "baseline:oracle", "--tasks", world.task, "--output", "elsewhere")
    assert not world.results.exists()
    assert len(list((world.folder / "elsewhere").glob("*/*/*/result.json"))) == 1


@pytest.mark.parametrize(("given", "batches"), [("auto", 4), ("3", 3), ("8", 8)])
def test_batch_size(velm: Velm, world: World, given: str, batches: int) -> None:
    velm("run", "--model", "probe:x", "--tasks", world.task, "--batch-size", given)
    assert max(probe.BATCHES) == batches
    assert world.result()["provenance"]["batch_size"] == batches


def test_limit_keeps_a_part(velm: Velm, world: World) -> None:
    velm("run", "--model", "baseline:oracle", "--tasks", world.task, "--limit", "3")
    assert world.result()["n"] == 3


def test_seed_decides_which_part_and_reaches_the_model(velm: Velm, world: World) -> None:
    chosen = set()
    for seed in (0, 1, 2):
        done = velm("run", "--model", "probe:x", "--tasks", world.task, "--limit", "3", "--seed", seed, "--json")
        result = done.json["runs"][0]["result"]
        assert result["model"]["details"]["seed"] == seed
        chosen.add(result["data"]["content"])
    assert len(chosen) > 1


def test_device_and_dtype_reach_the_model(velm: Velm, world: World) -> None:
    velm("run", "--model", "probe:x", "--tasks", world.task, "--device", "cuda:7", "--dtype", "float16")
    assert world.result()["provenance"]["device"] == "cuda:7"
    assert world.result()["model"]["dtype"] == "float16"


def moved(world: World) -> str:
    """The task, alone in another folder, away from its data."""
    away = world.folder / "away"
    away.mkdir()
    (away / "task.yaml").write_text(TASK, encoding="utf-8")
    return str(away / "task.yaml")


def test_data_is_looked_for_in_the_given_folders(velm: Velm, world: World) -> None:
    task = moved(world)
    lost = velm("run", "--model", "baseline:oracle", "--tasks", task)
    assert lost.code == 2
    assert "--data" in lost.sentence
    empty = world.folder / "empty"
    empty.mkdir()
    assert velm("run", "-m", "baseline:oracle", "-t", task, "--data", empty, "--data", world.folder).code == 0


def test_velm_data_names_folders_too(velm: Velm, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_DATA", os.pathsep.join(["/nowhere", str(world.folder)]))
    assert velm("run", "-m", "baseline:oracle", "-t", moved(world)).code == 0


def test_the_same_again_asks_nothing_and_fresh_asks_everything(velm: Velm, world: World) -> None:
    asked = []
    for more in ([], [], ["--fresh"]):
        velm("run", "--model", "probe:x", "--tasks", world.task, *more)
        asked.append(sum(probe.BATCHES))
    assert asked == [8, 0, 8]


def test_max_error_rate(velm: Velm, world: World) -> None:
    (world.folder / "pictures" / "3.png").unlink()
    strict = velm("run", "--model", "probe:x", "--tasks", world.task)
    assert strict.code == 4
    assert "1 of 8 samples of shades failed" in strict.sentence
    assert "'q3'" in strict.sentence
    assert world.result()["n_errors"] == 1
    assert velm("run", "--model", "probe:x", "--tasks", world.task, "--max-error-rate", "0.2").code == 0


def test_control_blank_hides_the_pictures(velm: Velm, world: World) -> None:
    velm("run", "--model", "probe:x", "--tasks", world.task)
    assert len(set(answers(world).values())) == 8
    velm("run", "--model", "probe:x", "--tasks", world.task, "--control", "blank", "--output", "blank")
    (path,) = (world.folder / "blank").glob("*/*/*/samples.parquet")
    assert {str(one).strip('"') for one in pq.read_table(path)["prediction"].to_pylist()} == {"128"}


def test_workers(velm: Velm, world: World) -> None:
    velm("run", "--model", "probe:x", "--tasks", world.task, "--workers", "1")
    assert len(probe.THREADS) == 1
    velm("run", "--model", "probe:x", "--tasks", world.task, "--workers", "4", "--fresh")
    assert len(probe.THREADS) > 1


def test_replicates(velm: Velm, world: World) -> None:
    for count, interval in ((0, False), (100, True)):
        velm("run", "--model", "baseline:random", "--tasks", world.task, "--replicates", count)
        score = world.result()["scores"]["exact_match"]
        assert (score["low"] is not None and score["high"] is not None) == interval
        assert world.result()["resampling"]["replicates"] == count


def test_a_metric_that_fails_ends_with_4_and_all_else_is_written(
    velm: Velm, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> Any:
        raise RunError("Java ended with exit status 1.")

    monkeypatch.setattr("velm_bench.metrics.questions.vqa.VqaAccuracy.statistics", fail)
    done = velm("run", "-m", "probe:x", "-t", world.task, "--json")
    assert done.code == 4
    assert "metric 'vqa_accuracy' of shades failed: Java ended with exit status 1" in done.sentence
    assert "scores again without asking again" in done.sentence
    assert [failure["exit_code"] for failure in done.json["failures"]] == [4]
    assert list(world.result()["scores"]) == ["exact_match"]
    monkeypatch.undo()
    monkeypatch.chdir(world.folder)


def test_one_failing_task_does_not_lose_the_others(velm: Velm, world: World) -> None:
    world.write("broken.yaml", TASK.replace("shades", "broken").replace("questions.jsonl", "absent.jsonl"))
    done = velm("run", "-m", "baseline:oracle", "-t", f"broken.yaml,{world.task}", "--json")
    assert done.code == 2
    assert "absent.jsonl" in done.sentence
    assert [run["result"]["task"]["name"] for run in done.json["runs"]] == ["shades"]
    assert [failure["task"] for failure in done.json["failures"]] == ["broken"]


def test_an_unforeseen_failure_of_one_task_does_not_lose_the_others(
    velm: Velm, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from velm_bench.cli import evaluation

    def fragile(definition: Any, *rest: Any) -> Any:
        if definition.task.name.endswith(":lite"):
            raise ZeroDivisionError("of all things")
        return evaluate(definition, *rest)

    evaluate = evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", fragile)
    done = velm("run", "-m", "baseline:constant", "-t", f"ner:lite,{world.task}")
    assert done.code == 4
    assert "scenes_ner:lite: something unforeseen happened (ZeroDivisionError: of all things)" in done.err
    assert len(list(world.folder.glob("results/*/*/*/result.json"))) == 1


def test_every_task_is_understood_before_the_first_is_run(velm: Velm, world: World) -> None:
    world.write("typo.yaml", TASK.replace("shades", "typo").replace("path:", "pth:"))
    for word in ("no_such_task", "typo.yaml"):
        assert velm("run", "-m", "baseline:oracle", "-t", f"{world.task},{word}").code == 2
        assert not world.results.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "baseline:majorty"], ["majorty", "majority"]),
        (["--model", "basline:majority"], ["basline", "baseline"]),
        (["--model", "majority"], ["SCHEME:NAME"]),
        (["--tasks", "scenes_vqq"], ["scenes_vqq", "scenes_vqa"]),
        (["--tasks", ","], ["--tasks"]),
        (["--tasks", "absent.yaml"], ["absent.yaml", "No such file"]),
        (["--limit", "0"], ["--limit"]),
        (["--limit", "-3"], ["--limit"]),
        (["--limit", "many"], ["--limit"]),
        (["--batch-size", "0"], ["--batch-size", "auto"]),
        (["--batch-size", "big"], ["--batch-size", "auto"]),
        (["--workers", "0"], ["--workers"]),
        (["--seed", "-1"], ["--seed"]),
        (["--replicates", "-1"], ["--replicates"]),
        (["--replicates", "1"], ["--replicates", "10"]),
        (["--device", "banana"], ["--device", "banana", "cuda:N"]),
        (["--device", "cuda:"], ["--device"]),
        (["--dtype", "banana"], ["--dtype", "banana", "bfloat16"]),
        (["--output", ""], ["--output", "empty"]),
        (["--data", "task.yaml"], ["task.yaml", "--data", "is a file"]),
        (["--max-error-rate", "1.5"], ["--max-error-rate"]),
        (["--control", "blnk"], ["blnk", "blank"]),
        (["--data", "nowhere"], ["nowhere", "--data"]),
        (["--lmit", "3"], ["--lmit", "--limit"]),
    ],
)
def test_a_wrong_value_is_one_sentence_and_exit_2(
    velm: Velm, world: World, arguments: list[str], words: list[str]
) -> None:
    given = {"--model": "baseline:oracle", "--tasks": str(world.task)}
    flat = [one for pair in given.items() if pair[0] not in arguments for one in pair]
    done = velm("run", *flat, *arguments)
    assert done.code == 2
    assert all(word in done.sentence for word in words), done.sentence
    assert done.out == ""
    assert not world.results.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("metrics:", "metrcs:"), ["task.yaml", "metrics"]),
        (("description:", "descrption:"), ["task.yaml", "descrption", "description"]),
        (("kind: vqa", "kind: vqq"), ["task.yaml", "kind", "vqq"]),
        (("type: jsonl", "type: jsnl"), ["jsnl", "jsonl"]),
        (("images: pictures", "imges: pictures"), ["imges", "images"]),
        (("exact_match,", "exact_mtch,"), ["exact_mtch", "exact_match"]),
        (("slices: [half]\n", "slices: [hlf]\n"), ["hlf"]),
        (("{question} Answer", "{qestion} Answer"), ["qestion"]),
        (("name: shades", "name: [shades"), ["task.yaml", "line"]),
    ],
)
def test_a_typo_in_the_yaml_is_named(velm: Velm, world: World, change: tuple[str, str], words: list[str]) -> None:
    world.write("task.yaml", TASK.replace(*change))
    done = velm("run", "-m", "baseline:oracle", "-t", world.task)
    assert done.code == 2
    assert all(word in done.sentence for word in words), done.sentence


@pytest.mark.parametrize("defect", ["truncated", "missing", "no answers"])
def test_a_defective_sample_is_an_error_row(velm: Velm, world: World, defect: str) -> None:
    picture = world.folder / "pictures" / "2.png"
    if defect == "truncated":
        picture.write_bytes(picture.read_bytes()[:50])
    elif defect == "missing":
        picture.unlink()
    else:
        world.write_rows([{**row, "answers": []} if row["id"] == "q2" else row for row in world.rows])
    done = velm("run", "-m", "baseline:oracle", "-t", world.task)
    assert done.code == 4
    assert "1 of 8" in done.sentence
    result = world.result()
    assert (result["n"], result["n_errors"]) == (8, 1)
    assert result["scores"]["exact_match"]["value"] == pytest.approx(7 / 8)
    assert result["scores"]["exact_match"]["answered"] == 1.0


def test_a_duplicate_id_ends_the_run(velm: Velm, world: World) -> None:
    world.write_rows([*world.rows, world.rows[0]])
    done = velm("run", "-m", "baseline:oracle", "-t", world.task)
    assert done.code == 2
    assert "q0" in done.sentence


def test_an_output_that_cannot_be_written_ends_before_the_first_batch(velm: Velm, world: World) -> None:
    world.write("taken", "a file")
    done = velm("run", "-m", "probe:x", "-t", world.task, "--output", "taken/results")
    assert done.code == 2
    assert "taken" in done.sentence
    assert probe.BATCHES == []


def test_a_model_that_raises_fails_its_samples(velm: Velm, world: World) -> None:
    done = velm("run", "-m", "probe:broken", "-t", world.task)
    assert done.code == 4
    assert "8 of 8" in done.sentence
    assert "it is broken. The results are written" in done.sentence


def test_the_key_of_a_secret_split_is_written_nowhere(
    velm: Velm, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the journal of a run that was stopped, nor in the files of a finished one, nor in a name."""
    arguments = ["run", "-t", "ner:fresh:S3CRETKEY,vqa:fresh:S3CRETKEY", "--limit", "6", "--replicates", "0"]
    for model, code in (("probe:late", 130), ("baseline:majority", 0), ("probe:broken", 4)):
        given = [*arguments, "-m", model]
        monkeypatch.setattr("sys.argv", ["velm-bench", *given])
        assert velm(*given).code == code
    files = [path for path in world.results.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"journal.jsonl", "plan.json", "result.json", "samples.parquet"}
    assert not [path for path in files if "S3CRETKEY" in str(path) or b"S3CRETKEY" in path.read_bytes()]
    texts = [path.read_text() for path in files if path.name == "result.json"]
    assert all("ner:fresh:***" in text for text in texts)


def test_an_interrupted_run_says_how_to_go_on(velm: Velm, world: World) -> None:
    done = velm("run", "-m", "probe:stopped", "-t", world.task)
    assert done.code == 130
    assert "run the same command again" in done.err


def test_the_table_counts_what_each_score_stands_for(velm: Velm, world: World) -> None:
    done = velm("run", "-m", "baseline:constant", "-t", "vqa:lite", "--limit", "6", "--replicates", "0")
    lines = [line.split() for line in done.out.splitlines() if line.startswith("scenes_vqa:lite ")]
    assert {line[1]: line[-3] for line in lines}["pair_accuracy"] == "3"
    assert {line[1]: line[-3] for line in lines}["vqa_accuracy"] == "6"


def test_the_table_shows_the_main_output_of_each_metric(velm: Velm, world: World) -> None:
    done = velm("run", "-m", "baseline:majority", "-t", "ner:lite", "--limit", "5", "--replicates", "0")
    shown = {line.split()[1] for line in done.out.splitlines() if line.startswith("scenes_ner:lite ")}
    assert "entity_f1" in shown
    assert len(shown) == 2
    assert len(world.result()["scores"]) > 10
