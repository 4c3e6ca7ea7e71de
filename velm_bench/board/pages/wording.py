"""Questions, references and answers in words: short ones for lists, whole ones, and what a search looks through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from velm_bench.inert import inert
from velm_bench.iob import entity_text
from velm_bench.samples import Sample

SHORT = 80
"""Letters of a short answer."""
LONG = 4000
"""Letters of an answer that is shown whole."""


def question_text(sample: Sample | None) -> str:
    if sample is None:
        return ""
    given = sample.inputs.get("question", "")
    return inert(str(given), 200) if given else inert(" ".join(map(str, sample.inputs.get("tokens", ()))), 200)


def short_text(text: str | None, sample: Sample | None, kind: str) -> str:
    """A prediction, or references, in a few words."""
    value = loaded(text)
    if value is None:
        return ""
    if kind == "ner" and isinstance(value, list):
        return inert(entity_text([str(tag) for tag in value], tokens_of(sample)), SHORT)
    if isinstance(value, dict) and "label" in value:
        return inert(str(value["label"] if value["label"] is not None else "no option"), SHORT)
    if isinstance(value, list):
        return inert(max(map(str, value), key=value.count, default=""), SHORT)
    return inert(str(value), SHORT)


def tokens_of(sample: Sample | None) -> Sequence[str]:
    return [str(token) for token in sample.inputs.get("tokens", ())] if sample else []


def searchable(texts: Sequence[str]) -> str:
    return "\n".join(" ".join(_plain(text)) for text in texts).casefold()


def _plain(text: str) -> list[str]:
    """The texts in a JSON value, or the text itself where it is none."""
    value = loaded(text, text)
    if isinstance(value, dict):
        return [str(value.get("label", ""))]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def loaded(text: str | None, otherwise: Any = None) -> Any:
    try:
        return otherwise if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def counted(values: Sequence[Any]) -> list[str]:
    """Each text once, the most frequent first, with how often it is there if any is there twice."""
    texts = [str(value) for value in values]
    order = sorted(dict.fromkeys(texts), key=lambda text: -texts.count(text))
    repeated = len(order) < len(texts)
    return [f"{text} × {texts.count(text)}" if repeated and len(texts) > 1 else text for text in order]
