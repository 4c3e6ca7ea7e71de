"""`velm-bench score`: what each flag changes, and what is said about malformed predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import TASK, Velm, World


def test_right_answers_are_right(velm: Velm, world: World) -> None:
    done = velm("score", "--task", world.task, "--predictions", world.predictions())
    assert done.code == 0
    assert "exact_match" in done.out
    assert world.result()["scores"]["exact_match"]["value"] == 1.0
    assert world.result()["model"]["name"] == "answers:predictions.jsonl"


def test_vqa_results_are_read_too(velm: Velm, world: World) -> None:
    rows = [{"question_id": row["id"], "answer": "yes"} for row in world.rows]
    path = world.write("vqa.json", json.dumps(rows))
    done = velm("score", "--task", world.task, "--predictions", path, "--json")
    assert done.json["runs"][0]["result"]["scores"]["exact_match"]["value"] == 0.5


def test_name_output_and_json(velm: Velm, world: World) -> None:
    done = velm(
        "score",
        "--task",
        world.task,
        "--predictions",
        world.predictions(),
        "--name",
        "ours",
        "--output",
        "out",
        "--json",
    )
    (run,) = done.json["runs"]
    assert run["result"]["model"]["name"] == "ours"
    assert run["folder"].startswith("out")


def test_one_file_under_two_names_is_two_runs(velm: Velm, world: World) -> None:
    for name in ("ours", "theirs"):
        velm("score", "-t", world.task, "-p", world.predictions(), "--name", name)
    runs = velm("results", "list", "--json").json
    assert {run["model"] for run in runs} == {"ours", "theirs"}
    assert len({run["run_id"] for run in runs}) == 2
    assert velm("results", "show", runs[0]["run_id"], "--json").json["model"]["name"] == runs[0]["model"]


FAKECAP = """
name: fakecap
kind: captioning
source: {type: coco, annotations: captions_val2014_fakecap_refs_tokenized.json}
metrics: [cider, bleu, meteor, rouge_l]
expected_samples: 1000
"""


def test_the_published_scores_of_fakecap(velm: Velm, world: World, shared: Path) -> None:
    pytest.importorskip("pycocoevalcap")
    data = shared / "coco_caption"
    predictions = data / "captions_val2014_fakecap_results.json"
    done = velm("score", "-t", world.write("fakecap.yaml", FAKECAP), "-p", predictions, "--data", data, "--json")
    assert done.code == 0
    scores = {name: score["value"] for name, score in done.json["runs"][0]["result"]["scores"].items()}
    assert [round(scores[f"bleu_{order}"], 4) for order in (1, 2, 3, 4)] == [0.5794, 0.4044, 0.2785, 0.1908]
    assert round(scores["meteor"], 3) == 0.195
    assert round(scores["rouge_l"], 4) == 0.3963
    assert scores["cider"] == pytest.approx(0.5998, abs=1e-4)


def test_data(velm: Velm, world: World) -> None:
    away = world.folder / "away"
    away.mkdir()
    (away / "task.yaml").write_text(TASK, encoding="utf-8")
    given = ("score", "--task", away / "task.yaml", "--predictions", world.predictions())
    assert velm(*given).code == 2
    assert velm(*given, "--data", world.folder).code == 0


def test_missing_ids_are_errors_and_count_as_wrong(velm: Velm, world: World) -> None:
    path = world.predictions({"id": "q0", "prediction": "no"}, {"id": "q1", "prediction": "no"})
    done = velm("score", "--task", world.task, "--predictions", path)
    assert done.code == 4
    assert "6 of 8" in done.sentence
    assert "no answer for 'q2'" in done.sentence
    assert world.result()["scores"]["exact_match"]["value"] == 0.25
    assert velm("score", "--task", world.task, "--predictions", path, "--max-error-rate", "0.8").code == 0


def test_fresh_asks_again(velm: Velm, world: World) -> None:
    given = ("score", "--task", world.task, "--predictions", world.predictions())
    created = []
    for more in ([], [], ["--fresh"]):
        velm(*given, *more)
        created.append(world.result()["timing"])
    assert created[0] == created[1] != created[2]


def test_seed_and_replicates_reach_the_intervals(velm: Velm, world: World) -> None:
    given = ("score", "--task", world.task, "--predictions", world.predictions(), "--json")
    done = velm(*given, "--seed", "7", "--replicates", "50")
    resampling = done.json["runs"][0]["result"]["resampling"]
    assert (resampling["seed"], resampling["replicates"]) == (7, 50)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"id": "q0", "prediction": "no"}\n{"id": "zz", "prediction": "no"}', ["zz", "does not have"]),
        ('{"id": "q0", "prediction": 5}', ["line 1", "prediction", "int"]),
        ('{"id": "q0", "prediction": null}', ["line 1", "prediction"]),
        ('{"id": "q0", "prediction": "a"}\n{"id": "q0", "prediction": "b"}', ["line 2", "q0", "twice"]),
        ('{"id": "q0"}', ["line 1", "prediction"]),
        ('{"id": "q0", "prediction": "a"', ["line 1", "JSON"]),
        ('[{"question_id": 1, "answer": "a"}', ["JSON"]),
        ('[{"id": "q0", "prediction": "no"}, 3]', ["row 1", "int"]),
        ("", ["no predictions"]),
    ],
)
def test_malformed_predictions_are_one_sentence_and_exit_2(
    velm: Velm, world: World, text: str, words: list[str]
) -> None:
    done = velm("score", "--task", world.task, "--predictions", world.write("bad.jsonl", text))
    assert done.code == 2
    assert all(word in done.sentence for word in [*words, "bad.jsonl"]), done.sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--predictions", "absent.jsonl"], ["absent.jsonl", "No such file"]),
        (["--predictions", "."], ["cannot be read"]),
        (["--task", "shdes"], ["shdes"]),
        (["--max-error-rate", "-1"], ["--max-error-rate"]),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_exit_2(
    velm: Velm, world: World, arguments: list[str], words: list[str]
) -> None:
    given = {"--task": str(world.task), "--predictions": str(world.predictions())}
    flat = [one for pair in given.items() if pair[0] not in arguments for one in pair]
    done = velm("score", *flat, *arguments)
    assert done.code == 2
    assert all(word in done.sentence for word in words), done.sentence


def test_the_help_of_the_seed_does_not_name_a_limit_that_there_is_not(velm: Velm) -> None:
    assert "--limit" not in velm("score", "--help").out
