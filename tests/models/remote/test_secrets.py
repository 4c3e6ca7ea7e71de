"""The key is nowhere but in the header of the requests to its own server."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import pytest

from tests.models.remote.colours import make_colours
from tests.models.remote.serving import always, completion, saying, serving
from velm_bench.cli.main import execute
from velm_bench.errors import UsageError
from velm_bench.models import Setup, open_model
from velm_bench.models.remote.keys import Key, read_key

SECRET = "abcdefgh-0123456789"


@pytest.mark.parametrize("fault", ["", "echo", "500", "redirect", "malformed", "reset"])
def test_no_file_no_log_and_no_word_on_the_terminal_holds_the_key(
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    make_colours(tmp_path / "task", 6)
    with serving(saying(completion(f"you are {SECRET}", reasoning=SECRET)), fail=always(fault)) as server:
        command = ["--debug", "run", "--model", server.reference, "--tasks", f"{tmp_path}/task/colours.yaml"]
        command += ["--output", f"{tmp_path}/out", "--replicates", "0"]
        command += ["--model-arg", "retries=1", "--model-arg", "backoff=0.01"]
        assert execute(command) == (4 if fault else 0)
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}  # it was there to leak
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "samples.parquet" for path in written)
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err + caplog.text
    assert "127.0.0.1" in said.out + said.err + caplog.text


def test_a_redirect_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    make_colours(tmp_path / "task", 2)
    with serving(fail=always("redirect")) as server:
        command = ["run", "--model", server.reference, "--tasks", f"{tmp_path}/task/colours.yaml"]
        assert execute([*command, "--output", f"{tmp_path}/out", "--replicates", "0"]) == 4
        assert server.asked.total() == 2


def test_neither_a_model_nor_its_parts_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    model = open_model("openai:m@http://127.0.0.1:9/v1")
    key = read_key("OPENAI_API_KEY")
    assert key.headers() == {"Authorization": f"Bearer {SECRET}"}
    for shown in (repr(key), str(key), repr(model), repr(vars(model)), repr(model.identity), f"{key}"):
        assert SECRET not in shown
    with pytest.raises(TypeError, match="not to be pickled"):
        pickle.dumps(key)


@pytest.mark.parametrize("name", ["sk-abcdefgh0123", "abcdefgh0123456789", "", "a b"])
def test_a_key_given_in_the_place_of_its_variable_is_not_repeated(name: str) -> None:
    with pytest.raises(UsageError, match="key_env") as refused:
        open_model("openai:m@http://host/v1", Setup(options={"key_env": name}))
    assert not name or name not in str(refused.value)


def test_a_key_that_no_header_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "first\nsecond")
    with pytest.raises(UsageError, match="copy it again") as refused:
        open_model("openai:m@http://host/v1")
    assert "second" not in str(refused.value)
    monkeypatch.setenv("OPENAI_API_KEY", f" {SECRET}\n")
    assert read_key("OPENAI_API_KEY") == Key(SECRET)


def test_placeholders_are_not_hidden_in_answers() -> None:
    assert Key("none").hide("none of them") == "none of them"
