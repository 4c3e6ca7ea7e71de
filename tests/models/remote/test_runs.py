"""Whole runs against a server on the loopback: one that fails a lot, and one that is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.models.remote.colours import given_answers, make_colours, right_answers
from tests.models.remote.serving import always, free_port, serving
from velm_bench.cli.main import execute
from velm_bench.digests import digest_json
from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import Setup, open_model

FAULTS = ("429", "500", "reset", "timeout", "malformed", "empty")
SAMPLES = 500


def three_in_ten(question: str, before: int) -> str:
    """A fault in 30 % of all requests, the same ones whatever their order."""
    draw = int(digest_json([question, before])[:8], 16)
    return FAULTS[draw // 10 % len(FAULTS)] if draw % 10 < 3 else ""


def test_a_server_that_fails_three_requests_in_ten_costs_no_sample_and_no_answer_is_wrong(tmp_path: Path) -> None:
    definition = make_colours(tmp_path / "task", SAMPLES)
    with serving(fail=three_in_ten) as server:
        setup = Setup(options={"timeout": "1", "backoff": "0.02", "concurrency": "32"})
        run = evaluate(definition, open_model(server.reference, setup), RunSettings(tmp_path / "out", replicates=0))
    given, errors = given_answers(run.folder)
    assert not errors
    assert given == right_answers(tmp_path / "task")
    assert run.result.n == SAMPLES
    assert set(server.faults) == set(FAULTS)
    assert min(server.faults.values()) >= 20
    assert 0.25 < server.faults.total() / server.asked.total() < 0.35
    more = [times - 1 - _faults_before(question) for question, times in server.asked.items()]
    assert min(more) == 0
    assert sum(more) <= SAMPLES // 20, "more was asked again than a busy machine's own timeouts can tell"


def _faults_before(question: str) -> int:
    """How many faults meet a question before it is answered: it is asked once more than that, at least."""
    return next(before for before in range(100) if not three_in_ten(question, before))


def test_a_dead_server_ends_with_exit_4_and_the_same_command_finishes_once_it_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_colours(tmp_path / "task", SAMPLES)
    port = free_port()
    command = ["run", "--model", f"openai:made@http://127.0.0.1:{port}", "--tasks", f"{tmp_path}/task/colours.yaml"]
    command += ["--output", f"{tmp_path}/out", "--replicates", "0", "--model-arg", "patience=0.2"]
    assert execute(command) == 4
    (folder,) = (path.parent for path in tmp_path.glob("out/*/*/*/result.json"))
    given, errors = given_answers(folder)
    assert (given, len(errors)) == ({}, SAMPLES)
    assert all("127.0.0.1" in error and "run the same command again" in error for error in errors.values())
    assert not (folder / "journal.jsonl").exists()
    with serving(port=port) as server:
        assert execute(command) == 0
        assert len(server.bodies) == SAMPLES  # nothing of the first try was kept as an answer
        given, errors = given_answers(folder)
        assert (given, errors) == (right_answers(tmp_path / "task"), {})
        assert execute(command) == 0
        assert len(server.bodies) == SAMPLES  # now everything is
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["n_errors"] == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_server_that_dies_in_the_middle_leaves_what_it_answered(tmp_path: Path) -> None:
    definition = make_colours(tmp_path / "task", 60)
    settings = RunSettings(tmp_path / "out", replicates=0)
    setup = Setup(options={"patience": "0.1", "backoff": "0.02", "concurrency": "4"})
    with serving() as server:
        server.fail = lambda *_: "500" if len(server.bodies) > 20 else ""
        run = evaluate(definition, open_model(server.reference, setup), settings)
        given, errors = given_answers(run.folder)
        assert len(given) == 20
        assert len(errors) == 40
        server.fail = always("")
        again = evaluate(definition, open_model(server.reference, setup), settings)
    assert again.result.timing.asked == 40
    assert given_answers(run.folder) == (right_answers(tmp_path / "task"), {})


def test_a_sample_that_fails_for_good_is_an_error_row_beside_right_answers(tmp_path: Path) -> None:
    definition = make_colours(tmp_path / "task", 40)
    setup = Setup(options={"retries": "2", "backoff": "0.01"})
    with serving(fail=lambda question, _: "500" if "number 13" in question else "") as server:
        run = evaluate(definition, open_model(server.reference, setup), RunSettings(tmp_path / "out", replicates=0))
    given, errors = given_answers(run.folder)
    right = right_answers(tmp_path / "task")
    assert list(errors) == ["s013"]
    assert "500 (wrong)" in errors["s013"]
    assert given == {key: text for key, text in right.items() if key != "s013"}
    assert server.asked.total() == 39 + 3  # a batch that is asked again in halves is not sent again


def test_one_model_meets_a_server_anew_on_each_task(tmp_path: Path) -> None:
    first, second = make_colours(tmp_path / "a", 10), make_colours(tmp_path / "b", 10, name="further")
    port = free_port()
    model = open_model(f"openai:made@http://127.0.0.1:{port}", Setup(options={"patience": "0.1", "backoff": "0.02"}))
    settings = RunSettings(tmp_path / "out", replicates=0)
    assert evaluate(first, model, settings).result.n_errors == 10
    with serving(port=port):
        assert evaluate(second, model, settings).result.n_errors == 0
