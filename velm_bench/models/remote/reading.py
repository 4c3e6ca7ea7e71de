"""What a server's reply says: an answer, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from velm_bench.models.remote.retrying import retry_after
from velm_bench.models.remote.troubles import Sort, Trouble
from velm_bench.samples import TextAnswer

LONGEST_QUOTE = 200
"""How many characters of a server's own words are kept."""
SORTS = {
    401: Sort.DENIED,
    403: Sort.DENIED,
    404: Sort.DENIED,
    408: Sort.BROKEN,
    409: Sort.BROKEN,
    425: Sort.BROKEN,
    429: Sort.CROWDED,
}
THINK, UNTHINK = "<think>", "</think>"
"""What stands around reasoning in a raw answer."""
SPENT = "insufficient_quota"
"""OpenAI's code of a 429 that will not pass: the account is empty."""


@dataclass(frozen=True)
class Reply:
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def read_reply(reply: Reply) -> TextAnswer | Trouble:
    """The answer in a reply, its reasoning (where the server tells it apart) in <think> tags before it."""
    if reply.status != HTTPStatus.OK:
        return _failed(reply)
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        return Trouble(Sort.GARBLED, "its answer is no JSON")
    if isinstance(said, dict) and said.get("error"):
        return Trouble(Sort.BROKEN, f"it answered with an error{_quoted(said)}")
    match said:
        case {"choices": [{"message": {} as message} as choice, *_]}:
            return _read_choice(message, choice.get("finish_reason"), said.get("usage"))
    return Trouble(Sort.GARBLED, "its answer holds no choice")


def _failed(reply: Reply) -> Trouble:
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        said = None
    after = retry_after(reply.headers, datetime.now(UTC))
    return Trouble(_sort(reply.status, said, after), f"it answered {reply.status}{_quoted(said)}", after)


def _sort(status: int, said: Any, after: float | None) -> Sort:
    if status == HTTPStatus.TOO_MANY_REQUESTS and SPENT in (_part(said, "code"), _part(said, "type")):
        return Sort.DENIED
    if status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None:
        return Sort.CROWDED
    return SORTS.get(status, Sort.BROKEN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Sort.REFUSED)


def _read_choice(message: Mapping[str, Any], finish: Any, usage: Any) -> TextAnswer | Trouble:
    refusal = message.get("refusal")
    if finish == "content_filter":
        return Trouble(Sort.REFUSED, "its content filter took the answer back")
    if refusal:
        return Trouble(Sort.REFUSED, f"it refused: {_short(refusal)}")
    if message.get("tool_calls"):
        return Trouble(Sort.REFUSED, "it called a tool instead of answering")
    text = _text(message.get("content"))
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    if text is None and not thought:
        return Trouble(Sort.GARBLED, "its answer holds no text")
    before = f"{THINK}{thought}{UNTHINK}" if thought else ""
    return TextAnswer(before + (text or ""), _tokens(usage))


def _text(content: Any) -> str | None:
    """A text, given whole or as parts; None for anything else."""
    if isinstance(content, list) and content and all(isinstance(part, dict) for part in content):
        parts = [part.get("text") for part in content if part.get("type") == "text"]
        content = "".join(parts) if parts and all(isinstance(part, str) for part in parts) else None
    return content if isinstance(content, str) else None


def _tokens(usage: Any) -> int | None:
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens >= 0 else None


def _quoted(said: Any) -> str:
    """The server's own words on an error, in brackets; nothing where it has none."""
    words = _part(said, "message")
    return f" ({_short(words)})" if words else ""


def _part(said: Any, name: str) -> Any:
    """A part of an error as the usual servers write it: {"error": {...}}, {"error": "..."}, {"detail": ...}, flat."""
    if not isinstance(said, dict):
        return None
    error = said.get("error")
    if isinstance(error, dict):
        return error.get(name)
    if name == "message":
        return error or said.get("message") or said.get("detail")
    return said.get(name)


def _short(words: Any) -> str:
    return " ".join(str(words).split())[:LONGEST_QUOTE]
