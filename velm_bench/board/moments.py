"""When something was said: the one form of times in events, and those that lie ahead of the clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from velm_bench.board.schema import Event

FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
AHEAD = timedelta(days=1)
"""So far the clocks of two who share a board may differ; what is dated later than that does not count."""
NAMED = re.compile(r"([0-9a-f]{64})\.(?:submitted|([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)\.([a-z]+)\.[0-9a-f]{16})\.json")
"""How an event's file is called: the submission, the time and the kind; but for the one that submits."""


def now() -> str:
    """This moment as events have it."""
    return datetime.now(UTC).strftime(FORM)


def horizon() -> str:
    """The latest moment at which something can have been said, whoever's clock is right."""
    return (datetime.now(UTC) + AHEAD).strftime(FORM)


def after(at: str, said: Iterable[Event]) -> str:
    """This moment, or one behind all that was said: whoever says something now has the last word."""
    newest = max((event.at for event in said), default="")
    if at > newest:
        return at
    return (datetime.fromisoformat(newest) + timedelta(microseconds=1)).strftime(FORM)


def in_name(at: str) -> str:
    """A moment as the names of files have it."""
    return at.replace("-", "").replace(":", "")


def is_ahead(name: str, limit: str) -> bool:
    """Whether the name of an event's file has a time after a limit, given as names have it."""
    found = NAMED.fullmatch(name)
    return found is not None and (found.group(2) or "") > limit
