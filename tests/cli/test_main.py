"""The frame around all commands: imports, sentences, exit codes, real processes. Speed: see benchmarks/startup.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Velm, World
from tests.conftest import REPOSITORY
from velm_bench import __version__
from velm_bench.cli import app
from velm_bench.cli.main import PIPE_CLOSED, main

HEAVY = {"torch", "transformers", "streamlit", "pandas", "datasets", "pyarrow", "numpy"}


def process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "velm_bench.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["tasks", "list"], ["tasks", "list", "--json"], ["models", "list"], ["run", "--help"]],
)
def test_what_needs_no_model_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys; from velm_bench.cli.main import execute; import io, contextlib\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = execute({arguments!r})\n"
        "print(json.dumps([code, sorted(set(name.partition('.')[0] for name in sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    exit_code, modules = json.loads(done.stdout)
    assert exit_code == 0
    assert not HEAVY & set(modules)


def test_version(velm: Velm, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--version"])
    assert leaving.value.code == 0
    assert capsys.readouterr().out == f"velm-bench {__version__}\n"
    assert velm("--version").out == f"velm-bench {__version__}\n"


def test_the_package_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "velm_bench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"velm-bench {__version__}\n"


@pytest.mark.parametrize("command", list(app.COMMANDS))
def test_every_command_has_help(velm: Velm, command: str) -> None:
    done = velm(command, "--help")
    assert done.code == 0
    assert f"velm-bench {command}" in done.out
    assert command in velm("--help").out
    assert velm(command, "-h").out == done.out


def test_the_help_names_the_exit_codes_that_there_are(velm: Velm) -> None:
    said = " ".join(velm("--help").out.split())
    codes = ("0 done or pass", "1 regression", "2 usage or invalid input", "3 inconclusive",
             "4 the run failed or too many errors", "130 interrupted")  # fmt: skip
    assert ", ".join(codes) in said


def test_no_command_shows_the_help(velm: Velm) -> None:
    assert velm().out == velm("--help").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["rnu", "did you mean 'run'?"]),
        (["zzzzzz"], ["zzzzzz", "known are", "leaderboard"]),
        (["tasks"], ["list, show, check"]),
        (["tasks", "lst"], ["lst", "list"]),
        (["tasks", "list", "--knd", "vqa"], ["--knd", "--kind"]),
        (["tasks", "show"], ["NAME"]),
        (["tasks", "list", "more"], ["more"]),
        (["run", "--tasks", "vqa"], ["--model", "velm-bench run --help"]),
        (["run", "--model"], ["--model"]),
        (["results", "show"], ["RUN"]),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_exit_2(velm: Velm, arguments: list[str], words: list[str]) -> None:
    done = velm(*arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.strip().splitlines()) == 1
    assert all(word.lower() in done.sentence.lower() for word in words), done.sentence


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_trace_and_nothing_else_does(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["tasks", "show", "no_such_task"]
    for arguments, traced in ((call, False), (["--debug", *call] if place == "before" else [*call, "--debug"], True)):
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        assert leaving.value.code == 2
        said = capsys.readouterr().err
        assert ("Traceback" in said) == traced
        assert said.splitlines()[-1].startswith("Error: Unknown task 'no_such_task'")


def test_the_unforeseen_is_one_sentence_and_exit_4(velm: Velm, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr("velm_bench.tasks.registry.definitions", fail)
    done = velm("tasks", "list")
    assert done.code == 4
    assert "ZeroDivisionError: first second" in done.sentence
    assert "--debug" in done.sentence


def test_ctrl_c_is_130(velm: Velm, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("velm_bench.tasks.registry.definitions", stop)
    done = velm("tasks", "list")
    assert done.code == 130
    assert done.err == "Interrupted: run the same command again to resume.\n"


def test_ctrl_c_of_a_fresh_run_says_how_to_resume_it(velm: Velm, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(words: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("velm_bench.cli.evaluation.resolve", stop)
    done = velm("run", "-m", "baseline:oracle", "-t", "vqa", "--fresh")
    assert done.err == "Interrupted: run it again without --fresh to resume.\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "velm_bench.cli.main", "tasks", "list", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.stderr is not None
        assert child.stderr.read() == b""
    assert child.returncode == PIPE_CLOSED


def test_exit_codes_leave_the_process(tmp_path: Path) -> None:
    assert process("tasks", "list", "--json", cwd=tmp_path).returncode == 0
    wrong = process("tasks", "show", "nothing", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--version"], ["tasks", "list", "--json"]])
def test_a_full_output_is_one_sentence(arguments: list[str], unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "velm_bench.cli.main", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment)
    assert done.returncode == 4
    assert (
        done.stderr
        == "Error: The output cannot be written (No space left on device): make room, or send it elsewhere.\n"
    )


def test_a_name_that_the_locale_cannot_write_is_escaped(velm: Velm, world: World) -> None:
    velm("score", "-t", world.task, "-p", world.predictions(), "--name", "Modèle ☃")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "velm_bench.cli.main", "results", "list"]
    done = subprocess.run(command, capture_output=True, cwd=world.folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Mod\\xe8le \\u2603" in done.stdout
