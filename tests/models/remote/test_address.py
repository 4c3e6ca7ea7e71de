"""What stands after `openai:`."""

from __future__ import annotations

import pytest

from velm_bench.errors import UsageError
from velm_bench.models.remote.address import Address, parse_address


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.mark.parametrize(
    ("rest", "model", "url"),
    [
        ("m@http://127.0.0.1:8000/v1", "m", "http://127.0.0.1:8000/v1"),
        ("m@http://127.0.0.1:8000", "m", "http://127.0.0.1:8000/v1"),
        ("m@http://127.0.0.1:8000/", "m", "http://127.0.0.1:8000/v1"),
        ("m@http://127.0.0.1:8000/v1/chat/completions", "m", "http://127.0.0.1:8000/v1"),
        ("m@https://host/v1beta/openai/", "m", "https://host/v1beta/openai"),
        ("org/name@main@http://[::1]:80/v1", "org/name@main", "http://[::1]:80/v1"),
        ("/a/folder:x@http://host", "/a/folder:x", "http://host/v1"),
    ],
)
def test_addresses(rest: str, model: str, url: str) -> None:
    assert parse_address(rest) == Address(model, url)
    assert parse_address(rest).completions == f"{url}/chat/completions"


def test_the_environment_names_the_server_where_the_reference_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://host:1/v1/")
    assert parse_address("m") == Address("m", "http://host:1/v1")
    assert parse_address("m@http://other").url == "http://other/v1"
    assert parse_address("m").reference == "openai:m@http://host:1/v1"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("m", "OPENAI_BASE_URL"),
        ("@http://host", "names no model"),
        ("m@host:8000/v1", "no scheme"),
        ("m@localhost", "no scheme"),
        ("m@ftp://host", "not one that can be asked"),
        ("m@http://", "not one that can be asked"),
        ("m@http://host:port", "not one that can be asked"),
        ("m@http://ho st", "not one that can be asked"),
        ("m@http://host/v1?api-version=1", "something after its path"),
        ("m@http://user:hunter2@host/v1", "holds credentials"),
        ("m@http://hunter2@host/v1", "holds credentials"),
    ],
)
def test_what_cannot_be_is_refused_without_repeating_a_secret(rest: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        parse_address(rest)
    assert "hunter2" not in str(refused.value)
