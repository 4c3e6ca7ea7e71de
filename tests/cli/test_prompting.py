"""How a model is asked: --shots, --generation, --model-arg, and a task's own words around the question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli import talker
from tests.cli.conftest import TASK, Velm, World
from velm_bench.models import MODELS
from velm_bench.samples import GenerateRequest, Generation
from velm_bench.tasks.registry import definitions

SPLITS = "  splits: {train: {path: train.jsonl}}\nprompt:"


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS._targets, "talker", "tests.cli.talker:open_talker")
    talker.REQUESTS.clear()


@pytest.fixture
def taught(world: World) -> World:
    """The world with four pictures to learn from."""
    rows = []
    for number in range(4):
        Image.fromarray(np.full((4, 4, 3), 101 + number, np.uint8)).save(world.folder / "pictures" / f"t{number}.png")
        rows.append({"id": f"t{number}", "picture": f"t{number}.png", "question": f"Train {number}?"})
    world.write("train.jsonl", "".join(json.dumps({**row, "answers": ["no"], "half": "x"}) + "\n" for row in rows))
    world.write("task.yaml", TASK.replace("prompt:", SPLITS))
    return world


def asked() -> list[GenerateRequest]:
    """What was put to the talker, in the order of the samples."""
    found = [request for _, request in sorted(talker.REQUESTS.items()) if isinstance(request, GenerateRequest)]
    assert len(found) == 8
    return found


def run(velm: Velm, world: World, *more: object, model: str = "talker:x") -> Any:
    done = velm("run", "--model", model, "--tasks", world.task, "--json", *more)
    assert done.code == 0, done.err
    (only,) = done.json["runs"]
    return only["result"]


def test_shots_stand_before_each_question(velm: Velm, taught: World) -> None:
    plain = run(velm, taught)
    assert {len(request.shots) for request in asked()} == {0}
    shown = run(velm, taught, "--shots", "2")
    for request in asked():
        assert {(shot.prompt[:15], shot.answer) for shot in request.shots} == {("Question: Train", "no")}
        assert len(request.pictures) == 3
    assert (plain["shots"], shown["shots"]["count"], shown["shots"]["split"]) == (None, 2, "train")
    assert plain["run_id"] != shown["run_id"]


def test_shots_are_named_where_runs_are_listed(velm: Velm, taught: World) -> None:
    done = velm("run", "--model", "talker:x", "--tasks", taught.task, "--shots", "2")
    assert "shades (2 shots): results" in done.out
    assert "shades (2 shots)" in velm("results", "list").out
    (path,) = taught.results.glob("*/*/*")
    assert "2 from train" in velm("results", "show", path).out


@pytest.mark.parametrize(
    ("model", "more", "why"),
    [
        (
            "baseline:majority",
            ["--shots", "1"],
            "The model 'baseline:majority' takes no worked examples: leave --shots",
        ),
        ("ref:prefix", ["--shots", "1"], "The model 'ref:prefix' takes no worked examples"),
        ("talker:x", ["--shots", "5"], "--shots 5 is more than the split 'train' of task 'shades' has: it has 4"),
        ("talker:x", ["--shots", "-1"], "Invalid value for '--shots': Input should be greater than or equal to 0"),
    ],
)
def test_shots_that_cannot_be_had(velm: Velm, taught: World, model: str, more: list[str], why: str) -> None:
    done = velm("run", "--model", model, "--tasks", taught.task, *more)
    assert done.code == 2
    assert why in done.err
    assert not list(taught.folder.rglob("result.json"))


def test_a_task_without_training_data_has_no_shots(velm: Velm, world: World) -> None:
    done = velm("run", "--model", "talker:x", "--tasks", world.task, "--shots", "1")
    assert done.code == 2
    assert "--shots draws its examples from the split 'train' ('shots_split') of task 'shades'" in done.sentence


SCENES = """
name: small_scenes
kind: captioning
source: {type: scenes, split: lite}
shots_split: lite
metrics: [bleu]
"""


def test_scenes_give_examples_of_other_scenes(velm: Velm, world: World) -> None:
    task = world.write("scenes.yaml", SCENES)
    done = velm("run", "-m", "talker:x", "-t", task, "--shots", "2", "--limit", "3", "--json")
    assert done.json["runs"][0]["result"]["shots"]["split"] == "lite"
    assert len(talker.REQUESTS) == 3
    for request in talker.REQUESTS.values():
        assert len({shot.answer for shot in request.shots}) == 2
        assert not {shot.images for shot in request.shots} & {request.images}


def test_the_embedded_tasks_have_training_data_of_another_split() -> None:
    tasks = [one.task for one in definitions().values() if one.task.source["type"] == "scenes"]
    assert len(tasks) == 4
    for task in tasks:
        assert task.on_split(task.shots_split).source_settings()[1] != task.source_settings()[1]


def test_generation_takes_the_place_of_the_tasks(velm: Velm, world: World) -> None:
    plain = run(velm, world)
    assert {request.generation for request in asked()} == {Generation()}
    given = ["max_new_tokens=7", "temperature=0.5", "top_p=0.9", "stop=\n"]
    changed = run(velm, world, *(word for one in given for word in ("--generation", one)))
    expected = Generation(max_new_tokens=7, temperature=0.5, top_p=0.9, stop=("\n",))
    assert {request.generation for request in asked()} == {expected}
    assert plain["run_id"] != changed["run_id"]
    assert plain["task"]["digest"] != changed["task"]["digest"]
    assert changed["task"]["definition"]["generation"]["max_new_tokens"] == 7


def test_several_texts_to_stop_at_make_a_list(velm: Velm, world: World) -> None:
    run(velm, world, "--generation", 'stop=[".", "\\n"]')
    assert {request.generation.stop for request in asked()} == {(".", "\n")}


def test_results_show_says_how_text_was_generated_where_it_is_not_as_usual(velm: Velm, world: World) -> None:
    plain = run(velm, world)
    changed = run(velm, world, "--generation", "max_new_tokens=7", "--generation", "temperature=0.5")
    assert "generation" not in velm("results", "show", plain["run_id"]).out
    facts = velm("results", "show", changed["run_id"]).out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in facts if line.startswith("generation")] == [
        "max_new_tokens 7, temperature 0.5"
    ]


@pytest.mark.parametrize(
    ("given", "value"),
    [("max_new_tokens=010", 10), ("max_new_tokens=1e3", 1000), ("temperature=1e-3", 0.001), ("temperature=5e-1", 0.5)],
)
def test_a_number_is_one_however_people_write_it(velm: Velm, world: World, given: str, value: float) -> None:
    run(velm, world, "--generation", given)
    assert {getattr(request.generation, given.partition("=")[0]) for request in asked()} == {value}


def test_saying_what_the_task_says_is_the_same_run(velm: Velm, world: World) -> None:
    assert run(velm, world)["run_id"] == run(velm, world, "--generation", "max_new_tokens=32")["run_id"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["max_tokens=3"], "--generation for task 'shades': unknown key 'max_tokens': did you mean 'max_new_tokens'?"),
        (["max_new_tokens=0"], "'max_new_tokens' is not valid"),
        (["max_new_tokens=many"], "'max_new_tokens' is not valid"),
        (["top_p=0.5"], "'top_p' does nothing without a temperature"),
        (["temperature=.inf"], "'temperature' is not valid: input should be a finite number"),
        (["temperature=nan"], "'temperature' is not valid: input should be a finite number"),
        (["temperature=12:30"], "'temperature' is not valid"),
        (["stop="], "a text in 'stop' is empty"),
        (["beams=[1"], "is no valid YAML value"),
        (["beams"], "--generation 'beams' is no KEY=VALUE: write --generation beams=VALUE."),
        (["=3"], "is no KEY=VALUE"),
        (["beams=1", "beams=2"], "--generation gives 'beams' twice"),
        (["beams=2"], "The model 'talker:x' does not heed generation.beams"),
    ],
)
def test_generation_that_makes_no_sense(velm: Velm, world: World, given: list[str], why: str) -> None:
    flags = [word for one in given for word in ("--generation", one)]
    done = velm("run", "--model", "talker:x", "--tasks", world.task, *flags)
    assert done.code == 2
    assert why in done.sentence
    assert talker.REQUESTS == {}


@pytest.mark.parametrize(("model", "task"), [("ref:blind", "classification:lite"), ("baseline:majority", "vqa:lite")])
def test_generation_where_nothing_is_generated_is_refused(velm: Velm, tmp_path: Path, model: str, task: str) -> None:
    flags = ["--tasks", task, "--limit", "4", "--replicates", "0", "--output", tmp_path / "out"]
    assert velm("run", "--model", model, *flags).code == 0
    done = velm("run", "--model", model, *flags, "--generation", "max_new_tokens=7")
    assert done.code == 2
    assert "--generation max_new_tokens would do nothing" in done.sentence


def test_a_models_arguments_reach_it_and_are_part_of_who_it_is(velm: Velm, world: World) -> None:
    plain = run(velm, world)
    changed = run(velm, world, "--model-arg", "word=no", "--model-arg", "times=2")
    assert changed["model"]["details"]["manners"] == {"word": "no", "times": 2, "voice": "low"}
    assert changed["model"]["digest"] != plain["model"]["digest"]
    assert changed["run_id"] != plain["run_id"]
    assert (
        velm("models", "show", "talker:x", "--model-arg", "word=a=b", "--json").json["details"]["manners"]["word"]
        == "a=b"
    )


@pytest.mark.parametrize(
    ("model", "given", "why"),
    [
        ("talker:x", ["tmes=3"], "--model-arg for 'talker:x': unknown key 'tmes': did you mean 'times'?"),
        ("talker:x", ["times=x"], "'times' is not valid"),
        ("talker:x", ["times"], "--model-arg 'times' is no KEY=VALUE"),
        ("talker:x", ["times=1", "times=1"], "--model-arg gives 'times' twice"),
        ("baseline:majority", ["a=b"], "The model 'baseline:majority' takes no --model-arg: leave 'a' out."),
        ("ref:prefix", ["a=b"], "The model 'ref:prefix' takes no --model-arg"),
    ],
)
def test_arguments_that_a_model_does_not_take(velm: Velm, world: World, model: str, given: list[str], why: str) -> None:
    flags = [word for one in given for word in ("--model-arg", one)]
    for command in (["run", "--model", model, "--tasks", world.task], ["models", "show", model]):
        done = velm(*command, *flags)
        assert done.code == 2
        assert why in done.sentence


def test_what_a_model_takes_is_shown(velm: Velm) -> None:
    assert velm("models", "show", "talker:x", "--json").json["options"] == [
        {"name": "word", "default": "yes", "description": "What it says."},
        {"name": "times", "default": 1, "description": "How often it says it."},
        {"name": "voice", "default": "low", "description": ""},
    ]
    shown = velm("models", "show", "talker:x").out
    assert "--model-arg" in shown
    assert "How often it says it." in shown
    assert velm("models", "show", "baseline:oracle", "--json").json["options"] == []
    assert "--model-arg" not in velm("models", "show", "baseline:oracle").out


def test_a_tasks_own_words_reach_a_model_that_converses_and_no_other(velm: Velm, world: World) -> None:
    world.write("task.yaml", TASK + "system: Be brief.\nchat_template: '{{ messages }}'\n")
    run(velm, world)
    assert {(request.system, request.chat_template) for request in asked()} == {("Be brief.", "{{ messages }}")}
    done = velm("run", "--model", "baseline:majority", "--tasks", world.task)
    assert done.code == 2
    assert "has a system prompt ('system'), which the model 'baseline:majority' does not take" in done.sentence


def test_reasoning_is_cut_from_what_is_scored_and_kept_in_what_was_said(velm: Velm, world: World) -> None:
    result = run(velm, world, "--model-arg", "word=<think>no?</think>yes")
    assert result["scores"]["exact_match"]["value"] == 0.5
    assert result["parse_failures"] == 0
    import pyarrow.parquet as pq

    (path,) = world.results.glob("*/*/*/samples.parquet")
    table = pq.read_table(path, columns=["answer", "prediction"]).to_pylist()
    assert {row["prediction"] for row in table} == {'"yes"'}
    assert {json.loads(row["answer"])["text"] for row in table} == {"<think>no?</think>yes"}
    cut_off = run(velm, world, "--model-arg", "word=<think>no? yes")
    assert cut_off["scores"]["exact_match"]["value"] == 0.0
    assert cut_off["parse_failures"] == 8


CHOICE = """
name: lettered
kind: multiple_choice
source:
  type: jsonl
  path: choices.jsonl
  fields: {id: id, question: question, options: options, answer: answer}
metrics: [multiple_choice]
"""


@pytest.fixture
def lettered(world: World) -> Path:
    """A task of four questions about no picture."""
    rows = [
        {"id": str(n), "question": "What?", "options": ["a cat", "a dog"], "answer": ["a cat", "a dog"][n % 2]}
        for n in range(4)
    ]
    world.write("choices.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return world.write("choice.yaml", CHOICE)


@pytest.mark.parametrize(
    ("model", "more", "score", "unparsed"),
    [
        ("baseline:oracle", [], 1.0, 0),
        ("baseline:majority", [], 0.5, 0),
        ("talker:x", ["--model-arg", "word=B"], 0.5, 0),
        ("talker:x", ["--model-arg", "word=The answer is (A)."], 0.5, 0),
        ("talker:x", ["--model-arg", "word=A fish"], 0.0, 4),
    ],
)
def test_multiple_choice_from_end_to_end(
    velm: Velm, lettered: Path, model: str, more: list[str], score: float, unparsed: int
) -> None:
    done = velm("run", "--model", model, "--tasks", lettered, "--json", *more)
    assert done.code == 0, done.err
    result = done.json["runs"][0]["result"]
    assert result["scores"]["multiple_choice_accuracy"]["value"] == score
    assert result["parse_failures"] == unparsed


def test_a_sample_without_a_picture_is_asked_of_any_model(velm: Velm, lettered: Path) -> None:
    result = velm("run", "--model", "ref:blind", "--tasks", lettered, "--json").json["runs"][0]["result"]
    assert (result["n"], result["n_errors"], result["parse_failures"]) == (4, 0, 0)
    assert result["scores"]["multiple_choice_accuracy"]["value"] == 0.5  # one question, one letter


def test_probabilities_by_letter_are_scored(velm: Velm, world: World, lettered: Path) -> None:
    given = world.predictions(*({"id": str(n), "prediction": {"A": 0.4, "B": 0.6}} for n in range(4)))
    done = velm("score", "--task", lettered, "--predictions", given, "--json")
    assert done.json["runs"][0]["result"]["scores"]["multiple_choice_accuracy"]["value"] == 0.5
