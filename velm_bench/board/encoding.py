"""The bytes and names of a board's files: the same record always has the same bytes, and a digest in its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from velm_bench.board.moments import in_name
from velm_bench.board.schema import BOARD_VERSION, Event, EventKind
from velm_bench.digests import canonical_json, digest_bytes
from velm_bench.errors import UsageError
from velm_bench.results.schema import Record
from velm_bench.schema import parse

SUBMITTED = ".submitted.json"
"""How the name of the event ends that makes a submission one."""

M = TypeVar("M", bound=Record)


def encode(record: Record) -> bytes:
    """A record as the bytes of its file; the same record always gives the same bytes."""
    return (json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True, allow_nan=False) + "\n").encode(
        "ascii"
    )


def encode_event(event: Event) -> bytes:
    """An event as the one line of its file."""
    return f"{canonical_json(event.model_dump(mode='json'))}\n".encode("ascii")


def event_name(event: Event) -> str:
    """The name of an event's file; a submission is submitted once, by whoever creates that file."""
    return _name(event, digest_bytes(encode_event(event)))


def decode(model: type[M], data: bytes, where: str) -> M:
    """The record in a file; UsageError naming the field for one that is none."""
    try:
        return model.model_validate_json(data)
    except ValidationError:  # ten thousand are read in a second or two: the sentence is looked for where it is needed
        return parse(model, _loaded(data, where), where)


def decode_event(name: str, data: bytes, where: str) -> Event:
    """The event in a file of that name; UsageError for one that is none, or was changed."""
    if name.endswith(SUBMITTED):
        return _submitted(name, data, where)
    event = decode(Event, data, where)
    if _name(event, digest_bytes(data)) != name:
        raise UsageError(f"The file {where} was changed: it does not fit its name.")
    return event


def _submitted(name: str, data: bytes, where: str) -> Event:
    """The earliest of the lines, of which there are several after a merge."""
    said = [decode(Event, line, where) for line in data.splitlines() if line.strip()]
    if not said or any(event_name(event) != name for event in said):
        raise UsageError(f"The file {where} was changed: it does not fit its name.")
    return min(said, key=lambda event: (event.at, encode_event(event)))


def _name(event: Event, digest: str) -> str:
    if event.kind is EventKind.SUBMITTED:
        return f"{event.submission}{SUBMITTED}"
    return f"{event.submission}.{in_name(event.at)}.{event.kind}.{digest[:16]}.json"


def _loaded(data: bytes, path: str) -> Mapping[str, Any]:
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The file {path} is damaged ({error}).") from error
    return versioned(loaded, path)


def versioned(data: Any, where: str) -> Mapping[str, Any]:
    """What a file of a board holds; UsageError for one of another program or of another version."""
    if not isinstance(data, dict) or "board_version" not in data:
        raise UsageError(f"The file {where} is none of a board: it has no 'board_version'.")
    if data["board_version"] != BOARD_VERSION:
        raise UsageError(
            f"The file {where} has board version {data['board_version']!r:.20} and this velm-bench reads "
            f"{BOARD_VERSION}: use the version that wrote it."
        )
    return data
