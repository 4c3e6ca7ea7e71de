"""What a server's reply is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.models.remote.serving import completion
from velm_bench.models.remote.reading import Reply, read_reply
from velm_bench.models.remote.troubles import Sort, Trouble
from velm_bench.samples import TextAnswer


def read(said: Any, status: int = 200, **headers: str) -> TextAnswer | Trouble:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return read_reply(Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (completion("a cat"), "a cat"),
        (completion("a ca", finish="length"), "a ca"),
        (completion(""), ""),
        (completion("4", reasoning_content="2 and 2"), "<think>2 and 2</think>4"),
        (completion("4", reasoning="2 and 2"), "<think>2 and 2</think>4"),
        (completion("4", reasoning_content=None, refusal=None, tool_calls=[]), "4"),
        (completion(None, finish="length", reasoning_content="well, 2"), "<think>well, 2</think>"),
        (completion("<think>hm</think>4"), "<think>hm</think>4"),
        (completion([{"type": "text", "text": "a "}, {"type": "text", "text": "cat"}]), "a cat"),
        (completion("\ud83d\ude00"), "\U0001f600"),
    ],
)
def test_answers(said: Any, text: str) -> None:
    assert read(said) == TextAnswer(text, 3)


@pytest.mark.parametrize("usage", [None, {}, {"completion_tokens": None}, {"completion_tokens": -1}, "many", [1]])
def test_tokens_that_are_not_told_are_not_made_up(usage: Any) -> None:
    assert read({**completion("a cat"), "usage": usage}) == TextAnswer("a cat", None)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        completion("wrong")["choices"],
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"text": "wrong"}]},
        completion(None),
        completion(7),
        completion([{"type": "image_url"}]),
        completion(["wrong"]),
    ],
    ids=repr,
)
def test_what_holds_no_text_is_garbled_and_no_answer(said: Any) -> None:
    found = read(said)
    assert isinstance(found, Trouble)
    assert found.sort is Sort.GARBLED


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (completion("wrong", finish="content_filter"), "content filter"),
        (completion(None, refusal="I would rather not."), "it refused: I would rather not."),
        (completion("wrong", refusal="I would rather not."), "it refused"),
        (completion(None, tool_calls=[{"id": "1"}]), "tool"),
    ],
)
def test_a_refusal_is_no_answer_and_is_not_asked_again(said: Any, words: str) -> None:
    found = read(said)
    assert isinstance(found, Trouble)
    assert found.sort is Sort.REFUSED
    assert words in found.said


@pytest.mark.parametrize(
    ("status", "sort"),
    [
        (201, Sort.REFUSED),
        (307, Sort.REFUSED),
        (400, Sort.REFUSED),
        (401, Sort.DENIED),
        (403, Sort.DENIED),
        (404, Sort.DENIED),
        (408, Sort.BROKEN),
        (409, Sort.BROKEN),
        (413, Sort.REFUSED),
        (422, Sort.REFUSED),
        (429, Sort.CROWDED),
        (500, Sort.BROKEN),
        (502, Sort.BROKEN),
        (503, Sort.BROKEN),
        (529, Sort.BROKEN),
    ],
)
def test_statuses(status: int, sort: Sort) -> None:
    found = read(completion("wrong"), status)
    assert isinstance(found, Trouble)
    assert (found.sort, found.after) == (sort, None)
    assert str(status) in found.said


def test_a_503_that_names_a_time_asks_for_fewer_requests() -> None:
    assert read(b"", 503, retry_after="3") == Trouble(Sort.CROWDED, "it answered 503", 3.0)


def test_an_empty_account_is_not_asked_again() -> None:
    found = read({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, 429)
    assert found == Trouble(Sort.DENIED, "it answered 429 (You exceeded your quota)")


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ({"error": {"message": "out of\n paper"}}, " (out of paper)"),
        ({"error": "out of paper"}, " (out of paper)"),
        ({"detail": "out of paper"}, " (out of paper)"),
        ({"message": "out of paper"}, " (out of paper)"),
        ({"error": {"message": "x" * 900}}, f" ({'x' * 200})"),
        ({}, ""),
        ([1], ""),
        (b"<html>", ""),
    ],
)
def test_the_servers_own_words_are_quoted_briefly(said: Any, quoted: str) -> None:
    assert read(said, 500) == Trouble(Sort.BROKEN, f"it answered 500{quoted}")


def test_an_error_under_the_status_of_success_is_one() -> None:
    assert read({"error": {"message": "upstream"}, "choices": []}) == Trouble(
        Sort.BROKEN, "it answered with an error (upstream)"
    )
