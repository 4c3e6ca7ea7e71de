"""Each --model-arg changes what it says it changes, and what cannot be is refused before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.models.remote.colours import given_answers, make_colours
from tests.models.remote.serving import Served, at_first, completion, free_port, saying, serving
from velm_bench.engine.runner import Run, evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.models import Setup, open_model
from velm_bench.models.remote.options import RemoteOptions

QUICK = {"backoff": "0.01"}


def run(folder: Path, server: Served, n: int = 12, /, task: Any = None, setup: Any = None, **options: str) -> Run:
    """A run on the colours with these options."""
    definition = make_colours(folder / "task", n, **(task or {}))
    how = Setup(options={**QUICK, **options}, **(setup or {}))
    return evaluate(definition, open_model(server.reference, how), RunSettings(folder / "out", replicates=0))


def bodies(folder: Path, **how: Any) -> Sequence[dict[str, Any]]:
    """What a server is sent."""
    with serving() as server:
        assert run(folder, server, 3, **how).result.n_errors == 0
        return server.bodies


def test_concurrency_bounds_what_is_under_way_and_is_reached(tmp_path: Path) -> None:
    for places in (1, 6):
        with serving(latency=0.03) as server:
            run(tmp_path / str(places), server, 40, concurrency=str(places))
        assert server.most == places


def test_timeout_and_retries(tmp_path: Path) -> None:
    with serving(fail=at_first("timeout")) as server:
        assert run(tmp_path / "patient", server, 4, timeout="0.2").result.n_errors == 0
        assert server.asked.total() == 8
        failed = run(tmp_path / "other", server, 4, timeout="0.2", retries="0", max_requests="99")
    assert failed.result.n_errors == 0
    with serving(fail=at_first("timeout")) as server:
        _, errors = given_answers(run(tmp_path / "strict", server, 4, timeout="0.2", retries="0").folder)
        assert len(errors) == 4
        assert all("did not answer within 0.2 seconds" in error for error in errors.values())
        assert server.asked.total() == 4


def test_the_budget_of_requests(tmp_path: Path) -> None:
    with serving() as server:
        given, errors = given_answers(run(tmp_path, server, 12, max_requests="5").folder)
        assert (len(given), len(errors), server.asked.total()) == (5, 7, 5)
        assert all("budget of 5 requests is spent" in error for error in errors.values())
        again = run(tmp_path, server, 12, max_requests="20")
    assert again.result.n_errors == 0
    assert again.result.timing.asked == 7  # the budget is no part of who answered


def test_patience_backoff_and_longest_wait_end_a_run_without_a_server(tmp_path: Path) -> None:
    with serving() as dead:
        dead.port = free_port()
        quick = run(tmp_path / "a", dead, 12, patience="0.05", backoff="0.01")
        _, errors = given_answers(quick.folder)
        assert all("given up" in error for error in errors.values())
        stubborn = run(tmp_path / "b", dead, 12, patience="600", backoff="9", longest_wait="0.01", retries="2")
        _, errors = given_answers(stubborn.folder)
        assert all("after 3 requests" in error for error in errors.values())


def test_the_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("MY_KEY", "second-secret")
    seen = {}
    for name, options in (("none", {}), ("usual", {}), ("named", {"key_env": "MY_KEY"})):
        if name == "usual":
            monkeypatch.setenv("OPENAI_API_KEY", "first-secret")
        with serving() as server:
            run(tmp_path / name, server, 2, **options)
        seen[name] = {headers.get("Authorization") for headers in server.headers}
    assert seen == {"none": {None}, "usual": {"Bearer first-secret"}, "named": {"Bearer second-secret"}}


def test_what_is_sent_follows_the_options(tmp_path: Path) -> None:
    plain = bodies(tmp_path / "0")
    assert all(set(body) == {"model", "messages", "max_tokens", "temperature"} for body in plain)
    assert {body["model"] for body in plain} == {"made"}
    assert all(len(body["messages"]) == 1 for body in plain)
    changed = bodies(
        tmp_path / "1",
        system="You see.",
        max_tokens_field="max_completion_tokens",
        temperature="server",
        image_detail="low",
        extra_body='{"chat_template_kwargs": {"enable_thinking": false}}',
    )
    for body in changed:
        assert set(body) == {"model", "messages", "max_completion_tokens", "chat_template_kwargs"}
        assert body["messages"][0] == {"role": "system", "content": "You see."}
        assert body["messages"][1]["content"][0]["image_url"]["detail"] == "low"


def test_a_server_of_another_kind_takes_more(tmp_path: Path) -> None:
    task = {"chat_template": "{{ messages }}", "generation": {"temperature": 0.5, "top_k": 3}}
    sent = bodies(tmp_path / "0", task=task, setup={"seed": 5}, server="vllm")
    assert {(body["top_k"], body["chat_template"], body["seed"]) for body in sent} == {(3, "{{ messages }}", 5)}
    with serving() as server:
        with pytest.raises(UsageError, match=r"does not heed generation\.top_k"):
            run(tmp_path / "1", server, task={"generation": {"temperature": 0.5, "top_k": 3}})
        with pytest.raises(UsageError, match="--model-arg server=vllm"):
            run(tmp_path / "2", server, task={"chat_template": "{{ messages }}"})
        with pytest.raises(UsageError, match=r"does not heed generation\.beams"):
            run(tmp_path / "3", server, task={"generation": {"beams": 2}}, server="vllm")
    assert not server.bodies


def test_a_stop_text_ends_an_answer_even_where_the_server_leaves_it(tmp_path: Path) -> None:
    task = {"generation": {"stop": ["\n", "END"]}}
    with serving(saying(completion("red END\nblue", reasoning_content="one\ntwo"))) as server:
        done = run(tmp_path, server, 2, task=task)
    assert {body["stop"][0] for body in server.bodies} == {"\n"}
    answers = {json.loads(row["answer"])["text"] for row in _rows(done)}
    assert answers == {"<think>one\ntwo</think>red "}


def _rows(done: Run) -> list[dict[str, Any]]:
    from velm_bench.results.store import read_samples

    found: list[dict[str, Any]] = read_samples(done.folder).to_pylist()
    return found


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"revision": "v2"}, True),
        ({"system": "You see."}, True),
        ({"server": "vllm"}, True),
        ({"max_tokens_field": "max_completion_tokens"}, True),
        ({"temperature": "server"}, True),
        ({"image_detail": "low"}, True),
        ({"extra_body": '{"min_p": 0.1}'}, True),
        ({"concurrency": "3"}, False),
        ({"timeout": "3"}, False),
        ({"retries": "3"}, False),
        ({"backoff": "3"}, False),
        ({"longest_wait": "3"}, False),
        ({"patience": "3"}, False),
        ({"max_requests": "3"}, False),
        ({"key_env": "HOME"}, False),
    ],
)
def test_options_that_change_answers_change_who_answers(options: dict[str, str], changes: bool) -> None:
    plain = open_model("openai:m@http://host/v1").identity
    other = open_model("openai:m@http://host/v1", Setup(options=options)).identity
    assert (other.digest != plain.digest) is changes
    assert (other.details != plain.details) is changes
    assert other.name == plain.name == "openai:m@http://host/v1"


def test_every_option_is_tried_above() -> None:
    tried = test_options_that_change_answers_change_who_answers.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {name for options, _ in tried for name in options} == set(RemoteOptions.model_fields)


def test_model_and_server_are_a_part_of_who_answers_and_its_weights_are_unknown() -> None:
    references = ["openai:m@http://host/v1", "openai:n@http://host/v1", "openai:m@http://other/v1"]
    assert len({open_model(reference).identity.digest for reference in references}) == 3
    same = open_model("openai:m@http://host")
    assert same.identity == open_model(references[0]).identity
    assert "unknown" in same.identity.details["weights"]
    assert same.converses


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurency": "3"}, "concurrency"),
        ({"concurrency": "0"}, "concurrency"),
        ({"timeout": "0"}, "timeout"),
        ({"timeout": "nan"}, "timeout"),
        ({"retries": "-1"}, "retries"),
        ({"server": "tgi"}, "server"),
        ({"extra_body": "[1]"}, "extra_body"),
        ({"extra_body": "{"}, "extra_body"),
        ({"extra_body": '{"x": NaN}'}, "extra_body"),
        ({"extra_body": '{"messages": []}'}, "messages"),
        ({"extra_body": '{"top_k": 3}'}, "top_k"),
    ],
)
def test_options_that_cannot_be(options: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_model("openai:m@http://host/v1", Setup(options=options))


@pytest.mark.parametrize("how", [{"device": "cuda"}, {"dtype": "float16"}])
def test_device_and_dtype_are_the_servers_affair(how: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="its server decides that"):
        open_model("openai:m@http://host/v1", Setup(**how))
