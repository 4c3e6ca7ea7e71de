"""A few samples of a task as they are asked, for those who want to know what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from velm_bench.board.listings.listing import ListedTask
from velm_bench.board.pages.pictures import Questions, large, questions
from velm_bench.errors import SampleError
from velm_bench.inert import inert
from velm_bench.iob import entity_text
from velm_bench.samples import Sample


class Example(NamedTuple):
    """One sample; both texts are inert."""

    question: str
    reference: str
    picture: bytes
    """A PNG of our own making; empty where the sample has none."""


def examples(task: ListedTask, most: int = 3, data: Sequence[Path] = (), snapshot: str = "") -> list[Example]:
    """The first samples of a task, each of another picture; none where its data is not on this machine."""
    asked = questions(task, data, snapshot)
    firsts: dict[str, Sample] = {}
    for sample in asked.samples.values():
        firsts.setdefault(sample.cluster, sample)
        if len(firsts) == most:
            break
    return [_example(asked, sample, task.kind) for sample in firsts.values()]


def _example(asked: Questions, sample: Sample, kind: str) -> Example:
    tokens = [str(token) for token in sample.inputs.get("tokens", ())]
    question = " ".join(tokens) if kind == "ner" else str(sample.inputs.get("question", "")) or asked.prompt(sample)
    return Example(inert(question), inert(_reference(sample, kind, tokens)), _picture(sample))


def _reference(sample: Sample, kind: str, tokens: Sequence[str]) -> str:
    """What is right, in short: the entities, or the most frequent reference."""
    texts = [str(one) for one in sample.references]
    if kind == "ner":
        return entity_text(texts, tokens)
    return max(texts, key=texts.count, default="")


def _picture(sample: Sample) -> bytes:
    try:
        return large(sample.images[0]) if sample.images else b""
    except SampleError:
        return b""
