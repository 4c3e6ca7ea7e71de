"""Visual question answering: a question about the picture; references are the annotators' answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from velm_bench.samples import Sample
from velm_bench.tasks.base import TextKind


class Vqa(TextKind):
    """A short free-text answer, scored by consensus of the annotators."""

    name = "vqa"
    prompt = "Question: {question} Answer:"
    inputs = ("question",)

    def truth(self, sample: Sample) -> Any:
        """The source's own truth, else the annotators' most frequent answer (the first of several)."""
        oracle = sample.facts.get("oracle")
        return oracle if oracle is not None else Counter(sample.references).most_common(1)[0][0]
