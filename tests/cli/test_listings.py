"""`tasks`, `models`, `results` and `doctor`: what they show, as tables and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import TASK, Velm, World
from velm_bench.tasks.registry import definitions, embedded


def test_tasks_list(velm: Velm) -> None:
    done = velm("tasks", "list")
    assert {"scenes_vqa", "scenes_ner"} <= set(done.out.split())
    assert {task["name"] for task in velm("tasks", "list", "--json").json} == set(definitions())


def test_tasks_list_of_a_kind(velm: Velm) -> None:
    assert {task["kind"] for task in velm("tasks", "list", "--kind", "ner", "--json").json} == {"ner"}
    wrong = velm("tasks", "list", "--kind", "nre")
    assert wrong.code == 2
    assert "did you mean 'ner'?" in wrong.sentence


def test_tasks_show(velm: Velm, world: World) -> None:
    done = velm("tasks", "show", world.task)
    assert "Whether a picture is light." in done.out
    shown = velm("tasks", "show", world.task, "--json").json
    assert shown["name"] == "shades"
    assert len(shown["digest"]) == 64


def test_tasks_show_an_unknown_one(velm: Velm) -> None:
    done = velm("tasks", "show", "scenes_vqaa")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'scenes_vqa'?" in done.sentence


def test_tasks_check_counts_samples_and_problems(velm: Velm, world: World) -> None:
    world.write_rows([{**row, "answers": []} if row["id"] == "q2" else row for row in world.rows])
    done = velm("tasks", "check", world.task, "--json")
    assert done.code == 0
    (found,) = done.json
    assert (found["samples"], found["problems"], found["ok"]) == (8, 1, True)
    assert "q2" in found["complaints"][0]
    assert "ok" in velm("tasks", "check", world.task).out


def test_tasks_check_looks_for_data(velm: Velm, world: World) -> None:
    (world.folder / "away").mkdir()
    task = world.write("away/task.yaml", TASK)
    lost = velm("tasks", "check", task)
    assert lost.code == 2
    assert "--data" in lost.sentence
    assert velm("tasks", "check", task, "--data", world.folder).code == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("kind: vqa\n", "kind: vqa\nexpected_samples: 9\n"), "9"),
        (("exact_match,", "exact_mtch,"), "exact_mtch"),
        (("{question} Answer", "{qestion} Answer"), "qestion"),
        (("slices: [half]\n", "slices: [hlf]\n"), "hlf"),
        (("questions.jsonl", "absent.jsonl"), "absent.jsonl"),
    ],
)
def test_tasks_check_refuses_what_cannot_be_run(velm: Velm, world: World, change: tuple[str, str], word: str) -> None:
    done = velm("tasks", "check", world.write("bad.yaml", TASK.replace("shades", "bad").replace(*change)), world.task)
    assert done.code == 2
    assert word in done.sentence
    assert "not valid" in done.out


def test_tasks_check_without_names_checks_what_needs_no_data(velm: Velm) -> None:
    assert {found["task"] for found in velm("tasks", "check", "--json").json} == {one.task.name for one in embedded()}


def test_models_list(velm: Velm) -> None:
    models = {row["model"] for row in velm("models", "list", "--json").json}
    assert {"baseline:majority", "baseline:oracle", "ref:...", "answers:...", "hf:...", "openai:..."} <= models
    described = {row["model"]: row["description"] for row in velm("models", "list", "--json").json}
    assert "transformers" in described["hf:..."]
    assert "MODEL@URL" in described["openai:..."]
    assert "baseline:majority" in velm("models", "list").out


def test_models_show(velm: Velm, world: World) -> None:
    shown = velm("models", "show", "baseline:random", "--json").json
    assert shown["abilities"] == ["choose", "generate", "tag"]
    assert len(shown["digest"]) == 64
    assert velm("models", "show", "probe:x", "--device", "cuda:3", "--json").json["device"] == "cuda:3"
    assert "generate" in velm("models", "show", "probe:x").out
    assert velm("models", "show", "baseline:randm").code == 2


@pytest.fixture
def ran(velm: Velm, world: World) -> World:
    velm("run", "-m", "baseline:majority", "-t", world.task)
    return world


def test_results_list(velm: Velm, ran: World) -> None:
    (row,) = velm("results", "list", "--json").json
    assert (row["model"], row["task"], row["n"]) == ("baseline:majority", "shades", 8)
    assert row["run_id"] in velm("results", "list").out
    assert velm("results", "list", "--output", ran.folder / "pictures", "--json").json == []


def test_a_limited_run_says_of_how_many(velm: Velm, ran: World) -> None:
    velm("run", "-m", "baseline:majority", "-t", ran.task, "--limit", "3")
    assert [row["samples"] for row in velm("results", "list", "--json").json] == [8, 8]
    listed = velm("results", "list").out
    assert "  3 of 8  " in listed
    assert "8 of 8" not in listed
    (short,) = [row for row in velm("results", "list", "--json").json if row["n"] == 3]
    assert "3 of 8, 0 failed" in velm("results", "show", short["run_id"]).out


def test_what_is_no_folder_is_called_a_file(velm: Velm, ran: World) -> None:
    assert "is a file" in velm("results", "list", "-o", ran.task).sentence
    assert velm("results", "list", "-o", "").code == 2


def test_an_overlong_name_is_one_sentence(velm: Velm, ran: World) -> None:
    for arguments in (["show", "a" * 5000], ["list", "-o", "a" * 5000]):
        done = velm("results", *arguments)
        assert done.code == 2
        assert "unforeseen" not in done.sentence
        assert len(done.sentence) < 300


def test_results_show_by_id_by_its_beginning_and_by_folder(velm: Velm, ran: World) -> None:
    (row,) = velm("results", "list", "--json").json
    for name in (row["run_id"], row["run_id"][:5], row["folder"]):
        assert velm("results", "show", name, "--json").json["run_id"] == row["run_id"]
    shown = velm("results", "show", row["run_id"])
    assert "half=dark" in shown.out
    assert "exact_match" in shown.out


def test_results_show_what_is_not_there(velm: Velm, ran: World) -> None:
    for arguments in (["zzz"], ["zzz", "--output", "nowhere"], [""]):
        done = velm("results", "show", *arguments)
        assert done.code == 2 if arguments != [""] else done.code == 0
    assert "nowhere" in velm("results", "list", "--output", "nowhere").sentence


def test_a_damaged_result_is_left_out_and_said_so(velm: Velm, ran: World) -> None:
    (path,) = ran.results.glob("*/*/*/result.json")
    path.write_text("{", encoding="utf-8")
    done = velm("results", "list", "--json")
    assert done.json == []
    assert "damaged" in done.err


def test_an_inconsistent_result_does_not_hide_the_others(velm: Velm, ran: World) -> None:
    velm("run", "-m", "baseline:oracle", "-t", ran.task)
    path = sorted(ran.results.glob("*/*/*/result.json"))[0]
    path.write_text(path.read_text().replace('"primary": "exact_match"', '"primary": "gone"'), encoding="utf-8")
    done = velm("results", "list", "--json")
    assert (done.code, len(done.json)) == (0, 1)
    assert done.err.startswith("Left out:")
    assert str(path.parent.name) in done.err


def test_names_cannot_steer_the_terminal(velm: Velm, world: World) -> None:
    velm("score", "-t", world.task, "-p", world.predictions(), "--name", "a\x1b[31mred")
    assert "\x1b" not in velm("results", "list").out


def test_doctor(velm: Velm, world: World) -> None:
    done = velm("doctor", "--json")
    assert done.code == 0
    areas = {one["area"] for one in done.json}
    assert {"python", "core", "models", "metrics", "leaderboard", "java", "output", "tasks", "reference"} <= areas
    assert all(one["mend"] for one in done.json if one["state"] == "missing")
    assert "numpy" in velm("doctor").out


def test_doctor_looks_at_the_output_and_at_velm_data(velm: Velm, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write("file", "")
    monkeypatch.setenv("VELM_DATA", str(world.folder / "nowhere"))
    missing = {one["area"]: one for one in velm("doctor", "--output", "file/results", "--json").json if one["mend"]}
    assert "--output" in missing["output"]["mend"]
    assert "VELM_DATA" in missing["data"]["mend"]


def test_doctor_ends_with_4_where_the_core_is_broken(
    velm: Velm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from velm_bench.cli import diagnosis

    monkeypatch.setattr(diagnosis, "_requirements", lambda _: ("no-such-package",))
    assert velm("doctor").code == 4
