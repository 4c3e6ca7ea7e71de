"""`run --control`, `--controls` and `--perturb`, and `results show`: what the pictures are worth, from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.cli import probe
from tests.cli.conftest import TASK, Velm, World
from tests.conftest import REPOSITORY

CONTROLS = ["blank", "shuffled", "absent"]
BADGE = "does not use the image"


@pytest.fixture
def many(world: World) -> World:
    """Forty pictures from black to white: enough for an interval."""
    rows = []
    for number in range(40):
        Image.fromarray(np.full((4, 4, 3), number * 6, np.uint8)).save(world.folder / "pictures" / f"{number}.png")
        light = number >= 20
        rows.append(
            {
                "id": f"q{number}", "picture": f"{number}.png", "question": "Is this light?" + "?" * (number % 3),
                "answers": ["yes" if light else "no"], "half": "light" if light else "dark",
            }
        )  # fmt: skip
    world.write_rows(rows)
    return world


def gains_of(done: Any, task: int = 0) -> dict[str, Any]:
    return {gain["control"]: gain["scores"] for gain in done.json["gains"][task]["gains"]}


def run(velm: Velm, world: World, model: str, *more: object) -> Any:
    return velm("run", "-m", model, "-t", world.task, "--replicates", 200, "--json", *more)


@pytest.mark.parametrize("model", ["baseline:constant", "baseline:majority", "probe:text"])
def test_a_model_that_does_not_look_gains_nothing_and_gets_the_badge(velm: Velm, many: World, model: str) -> None:
    done = run(velm, many, model, "--controls")
    assert done.code == 0
    found = gains_of(done)
    assert list(found) == CONTROLS
    for scores in found.values():
        assert scores["exact_match"]["low"] <= 0 <= scores["exact_match"]["high"]
    assert (done.json["gains"][0]["badge"], done.json["gains"][0]["uses_image"]) == (BADGE, False)


def test_a_model_that_looks_gains_against_every_control(velm: Velm, many: World) -> None:
    done = run(velm, many, "probe:sighted", "--controls")
    assert done.code == 0
    for scores in gains_of(done).values():
        assert scores["exact_match"]["low"] > 0
        assert scores["vqa_accuracy"]["low"] > 0
    assert (done.json["gains"][0]["badge"], done.json["gains"][0]["uses_image"]) == ("", True)


@pytest.mark.parametrize(
    ("model", "looks"), [("ref:prefix", True), ("baseline:majority", False), ("baseline:random", False)]
)
def test_the_shipped_models_on_the_embedded_task(velm: Velm, tmp_path: Path, model: str, looks: bool) -> None:
    if model.startswith("ref:"):
        pytest.importorskip("torch")
    given = ["-m", model, "-t", "vqa:lite", "--limit", 40, "--output", tmp_path, "--controls", "--replicates", 200]
    done = velm("run", *given, "--json")
    assert done.code == 0
    for scores in gains_of(done).values():
        gap = scores["vqa_accuracy"]
        assert gap["low"] > 0 if looks else gap["low"] <= 0 <= gap["high"]
    assert done.json["gains"][0]["uses_image"] is looks


def test_the_controls_are_ordinary_runs_beside_it(velm: Velm, many: World) -> None:
    done = run(velm, many, "probe:sighted", "--controls")
    assert [one["result"]["control"] for one in done.json["runs"]] == ["", *CONTROLS]
    listed = velm("results", "list", "--json").json
    assert sorted(row["control"] for row in listed) == sorted(["", *CONTROLS])
    assert all((Path(one["folder"]) / "samples.parquet").is_file() for one in done.json["runs"])


def test_one_control_is_one_run(velm: Velm, many: World) -> None:
    for control in CONTROLS:
        done = run(velm, many, "probe:sighted", "--control", control)
        assert [one["result"]["control"] for one in done.json["runs"]] == [control]
        assert done.json["gains"] == []


def test_the_same_again_asks_nothing_and_measures_nothing(
    velm: Velm, many: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["probe:sighted", "--controls", "--perturb", "noise"]
    first = run(velm, many, *given)
    assert sum(probe.BATCHES) == 5 * 40
    files = {path: path.read_bytes() for path in many.results.rglob("*.*") if path.is_file()}
    monkeypatch.setattr("velm_bench.results.gain.open_pair", lambda *_: pytest.fail("measured again"))
    again = run(velm, many, *given)
    assert sum(probe.BATCHES) == 0
    assert again.json["gains"] == first.json["gains"]
    assert {path: path.read_bytes() for path in many.results.rglob("*.*") if path.is_file()} == files


def test_what_was_asked_before_is_not_asked_again_for_the_controls(velm: Velm, many: World) -> None:
    run(velm, many, "probe:sighted")
    run(velm, many, "probe:sighted", "--control", "blank")
    run(velm, many, "probe:sighted", "--controls")
    assert sum(probe.BATCHES) == 2 * 40


KILLED = """
import sys
from velm_bench.cli.main import execute
from velm_bench.models import MODELS
MODELS._targets["probe"] = "tests.cli.probe:open_probe"
sys.exit(execute(sys.argv[1:]))
"""


def test_killed_and_run_again_it_ends_in_the_same_files(velm: Velm, many: World) -> None:
    whole = many.folder / "whole"
    run(velm, many, "probe:sighted", "--controls", "--output", whole)
    batches = len(probe.BATCHES)

    def live(dies_after: int) -> int:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PROBE_DIES_AFTER": str(dies_after)}
        given = ["run", "-m", "probe:sighted", "-t", str(many.task), "--replicates", "200", "--controls"]
        return subprocess.run([sys.executable, "-c", KILLED, *given], env=environment, capture_output=True).returncode

    assert live(13) == -signal.SIGKILL  # ten batches are the run as it is: it dies under the first control
    assert live(12) == -signal.SIGKILL
    done = run(velm, many, "probe:sighted", "--controls")
    assert done.code == 0
    assert len(probe.BATCHES) == batches - 13 - 12

    def files(root: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in root.rglob("*.*"):
            name = str(path.relative_to(root))
            if path.name == "result.json":
                found[name] = {**json.loads(path.read_text()), "timing": None, "provenance": None}
            elif path.is_file():
                found[name] = path.read_bytes()
        return found

    assert files(many.results) == files(whole)


def shown(velm: Velm, done: Any) -> Any:
    return velm("results", "show", done.json["runs"][0]["folder"])


def test_results_show_has_the_table_with_slices_and_the_badge(velm: Velm, many: World) -> None:
    done = run(velm, many, "baseline:constant", "--controls", "--perturb", "typos:4")
    lines = [line.split() for line in shown(velm, done).out.splitlines()]
    rows = {(line[0], line[1], line[2]): line[3:] for line in lines if len(line) == 10}
    assert {row[:2] for row in rows} == {
        (part, control) for part in ("all", "half=dark", "half=light") for control in (*CONTROLS, "typos:4")
    }
    assert rows["all", "shuffled", "exact_match"] == ["0.5000", "0.5000", "+0.0000", "[0.0000,", "0.0000]", "40", "0/0"]
    assert (
        f"shades: {BADGE} (the gain of exact_match is not above zero against blank, shuffled, absent)"
        in shown(velm, done).out
    )
    told = velm("results", "show", done.json["runs"][0]["folder"], "--json").json
    assert told["badge"] == BADGE
    assert told["uses_image"] is False
    assert [gain["control"] for gain in told["gains"]] == [*CONTROLS, "typos:4"]
    assert told["gains"] == done.json["gains"][0]["gains"]
    assert told["gains"][1]["slices"]["half"]["dark"]["exact_match"]["n"] == 20


def test_the_run_prints_the_gain_of_the_whole(velm: Velm, many: World) -> None:
    done = velm("run", "-m", "probe:sighted", "-t", many.task, "--controls", "--replicates", 200)
    assert "shades: uses the image (the gain of exact_match is above zero against blank, shuffled, absent)" in done.out
    assert "shades (shuffled): results" in done.out
    assert "half=dark" not in done.out


def test_a_run_without_controls_shows_no_gain(velm: Velm, many: World) -> None:
    done = run(velm, many, "baseline:constant")
    assert "against" not in shown(velm, done).out
    told = velm("results", "show", done.json["runs"][0]["folder"], "--json").json
    assert (told["gains"], told["badge"], told["uses_image"]) == ([], "", None)


def test_a_gain_that_has_grown_old_is_not_shown(velm: Velm, many: World) -> None:
    done = run(velm, many, "baseline:constant", "--controls")
    folder = done.json["runs"][0]["folder"]
    velm("run", "-m", "baseline:constant", "-t", many.task, "--replicates", 20)
    stale = velm("results", "show", folder)
    assert "against" not in stale.out
    assert stale.err.count("is older than the runs that it compares: run again with --controls") == 3
    assert velm("results", "show", folder, "--json").json["gains"] == []
    run(velm, many, "baseline:constant", "--controls")
    assert len(velm("results", "show", folder, "--json").json["gains"]) == 3


def test_limit_and_seed_reach_the_controls(velm: Velm, many: World) -> None:
    def donors(seed: int, limit: int) -> dict[str, str]:
        done = run(velm, many, "probe:x", "--control", "shuffled", "--seed", seed, "--limit", limit)
        table = pq.read_table(Path(done.json["runs"][0]["folder"]) / "samples.parquet")
        return dict(zip(table["id"].to_pylist(), table["prediction"].to_pylist(), strict=True))

    whole = donors(0, 40)
    part = donors(0, 9)
    assert len(part) == 9
    assert part.items() < whole.items()
    assert donors(1, 40) != whole
    assert all(answer != f'"{int(key[1:]) * 6}"' for key, answer in whole.items())
    assert len(set(whole.values())) == 40


def test_several_perturbations_with_their_drops(velm: Velm, many: World) -> None:
    done = run(velm, many, "probe:x", "--perturb", "noise:5", "--perturb", "typos", "--perturb", "noise:5")
    assert [one["result"]["control"] for one in done.json["runs"]] == ["", "noise:5", "typos:3"]
    assert list(gains_of(done)) == ["noise:5", "typos:3"]
    assert done.json["gains"][0]["uses_image"] is None
    assert len([prompt for prompt in probe.PROMPTS if "Is this light?" not in prompt]) == 40


def test_a_drop_is_found_where_there_is_one(velm: Velm, many: World) -> None:
    """A model that says no to every question that it cannot read loses where yes is right."""
    assert gains_of(run(velm, many, "probe:sighted", "--perturb", "typos:5"))["typos:5"]["exact_match"]["gain"] == 0
    (gain,) = run(velm, many, "probe:text", "--perturb", "typos:5").json["gains"][0]["gains"]
    light = gain["slices"]["half"]["light"]["exact_match"]
    assert light["control"] == 0
    assert light["low"] > 0


def test_a_control_that_the_model_cannot_answer_has_no_say(velm: Velm, many: World) -> None:
    done = run(velm, many, "probe:needy", "--controls")
    assert done.code == 4
    assert "40 of 40 samples of shades (absent) failed" in done.sentence
    assert gains_of(done)["absent"]["exact_match"]["low"] > 0
    assert done.json["gains"][0]["uses_image"] is True
    assert [gain["control_run"]["n_errors"] for gain in done.json["gains"][0]["gains"]] == [0, 0, 40]


def test_a_task_without_pictures_is_told_once_and_keeps_its_run(velm: Velm, many: World) -> None:
    many.write("task.yaml", TASK.replace("image: picture, ", ""))
    done = run(velm, many, "baseline:majority", "--controls", "--perturb", "noise", "--perturb", "typos")
    assert done.code == 2
    assert "The samples asked of task 'shades' have no pictures" in done.sentence
    assert [one["result"]["control"] for one in done.json["runs"]] == ["", "typos:3"]
    assert list(gains_of(done)) == ["typos:3"]
    alone = run(velm, many, "baseline:majority", "--control", "blank")
    assert (alone.code, alone.json["runs"]) == (2, [])


def test_answers_given_elsewhere_are_refused(velm: Velm, many: World) -> None:
    done = run(velm, many, f"answers:{many.predictions()}", "--controls")
    assert done.code == 2
    assert "were given elsewhere" in done.sentence
    assert done.json["gains"] == []
    assert done.json["runs"][0]["result"]["scores"]["exact_match"]["value"] == 1.0


def test_a_model_that_breaks_under_one_control_is_compared_with_the_others(
    velm: Velm, many: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe.Probe, "cost", lambda _, request: len(request.images[0].digest))
    done = run(velm, many, "probe:sighted", "--controls", "--perturb", "noise")
    assert done.code == 4
    assert "unforeseen happened under 'absent' (IndexError" in done.sentence
    assert list(gains_of(done)) == ["blank", "shuffled", "noise:3"]


def test_pictures_in_one_group_only_cannot_be_shuffled(velm: Velm, many: World) -> None:
    many.write_rows([{**row, "page": "one"} for row in many.rows])
    many.write("task.yaml", TASK.replace("slices: [half]}", "group: page, slices: [half]}"))
    done = run(velm, many, "probe:sighted", "--controls")
    assert done.code == 2
    assert "has pictures in one group only" in done.sentence
    assert list(gains_of(done)) == ["blank", "absent"]
    assert done.json["gains"][0]["uses_image"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--control", "shufled"], ["shufled", "shuffled"]),
        (["--control", "noise:3"], ["Unknown control 'noise:3'"]),
        (["--perturb", "nois"], ["nois", "noise"]),
        (["--perturb", "blank"], ["Unknown perturbation 'blank'"]),
        (["--perturb", "noise:9"], ["noise:9", "from 1 to 5"]),
        (["--control", "blank", "--controls"], ["--control", "--controls"]),
        (["--control", "blank", "--perturb", "noise"], ["--control", "--perturb"]),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_run(
    velm: Velm, many: World, arguments: list[str], words: list[str]
) -> None:
    done = velm("run", "-m", "probe:x", "-t", many.task, *arguments)
    assert done.code == 2
    assert all(word in done.sentence for word in words)
    assert not many.results.exists()
