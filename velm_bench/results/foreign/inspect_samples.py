"""A sample of an Inspect log as a foreign sample: its scores as numbers, its content without what is random."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignSample, finite, plain, slice_columns, slice_values

LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Inspect's correct, partial, incorrect and no answer (`value_to_float` of inspect_ai.scorer)."""
WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
MEDIA = ("image", "audio", "video", "document")
"""The parts of a message that may be the addresses of files."""
CARRIED = ("attachment://", "data:", "http://", "https://")
"""How the address of a picture begins that is the same on every machine."""


class Asked(NamedTuple):
    """One of the answers to a sample."""

    sample: ForeignSample
    """With the id that the log gives it."""
    epoch: int


def numbered(asked: Iterable[Asked], epochs: int) -> list[ForeignSample]:
    """The samples, each called "ID/epoch" where there are several epochs."""
    return [replace(one, id=f"{one.id}/{epoch}") if epochs > 1 else one for one, epoch in asked]


def read_sample(record: Mapping[str, Any], where: str) -> Asked:
    """One sample of a log, with no more of it than is needed; UsageError where it has no id.

    One that was given no number by any scorer has an error: it counts as wrong.
    """
    name, epoch = record.get("id"), record.get("epoch", 1)
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name):
        raise UsageError(f"In {where}: a sample has the id {name!r:.40}: it must be a text or a whole number.")
    if type(epoch) is not int or epoch < 1:
        raise UsageError(f"In {where}: the sample '{name}' has the epoch {epoch!r:.40}: it must be 1 or more.")
    told = record.get("metadata")
    metadata = told if isinstance(told, dict) else {}
    scores = _scores(record)
    sample = ForeignSample(
        id=str(name),
        answer=_answer(record),
        references=tuple(_texts(record.get("target"))),
        scores=scores,
        content=[digest_json(plain([_content(record.get("input")), _texts(record.get("choices"))]))],
        group=_group(metadata) or str(name),
        slices=slice_values(metadata, slice_columns(metadata)),
        error=_error(record) or ("" if scores else "it has no score"),
    )
    return Asked(sample, epoch)


def require_unique(samples: Sequence[ForeignSample], path: Path) -> None:
    """UsageError where two samples have one id."""
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise UsageError(f"The log {path} has the sample '{sample.id}' twice.")
        seen.add(sample.id)


def to_number(value: Any) -> float | None:
    """A score's value as Inspect counts it; None for a number that is none, and 0 for a text that says nothing."""
    if isinstance(value, str):
        if value in LETTERS:
            return LETTERS[value]
        text = value.lower()
        if text in WORDS:
            return WORDS[text]
        try:
            number = float(text)
        except ValueError:
            return 0.0
        return number if math.isfinite(number) else 0.0
    return finite(value)


def _scores(record: Mapping[str, Any]) -> dict[str, float]:
    scores = record.get("scores")
    found = {}
    for name, score in (scores if isinstance(scores, dict) else {}).items():
        value = score.get("value") if isinstance(score, dict) else None
        for key, part in _parts(name, value):
            number = to_number(part)
            if number is not None:
                found[key.removesuffix(":lower")] = number  # in our names that says which way is better
    return found


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A score of several values is as many scores: NAME/KEY, or NAME/0, NAME/1, ..."""
    if isinstance(value, dict):
        yield from ((f"{name}/{key}", part) for key, part in value.items())
    elif isinstance(value, list):
        yield from ((f"{name}/{place}", part) for place, part in enumerate(value))
    else:
        yield name, value


def _error(record: Mapping[str, Any]) -> str:
    error = record.get("error")
    if error:
        return str(error.get("message") or "failed") if isinstance(error, dict) else str(error)
    return "declared invalid" if record.get("invalidation") else ""


def _answer(record: Mapping[str, Any]) -> str | None:
    output = record.get("output")
    said = output.get("completion") if isinstance(output, dict) else None
    return said if isinstance(said, str) else None


def _group(metadata: Mapping[str, Any]) -> str:
    group = metadata.get("group")
    return str(group) if isinstance(group, str | int) and not isinstance(group, bool) else ""


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _content(value: Any) -> Any:
    """What was asked: a text, or messages without their ids, which are drawn at random, and folders of pictures."""
    if isinstance(value, list):
        return [_content(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "role" in value:
        return [value["role"], _content(value.get("content"))]
    return {key: _address(one) if key in MEDIA else one for key, one in value.items() if key != "internal"}


def _address(value: Any) -> Any:
    if not isinstance(value, str) or value.startswith(CARRIED):
        return value
    return PurePosixPath(value.replace("\\", "/")).name
