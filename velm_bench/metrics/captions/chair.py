"""CHAIR: objects that captions mention although they are not in the picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import Array, Metric, MetricInputError, aligned, as_text, divide, undefined, with_count
from velm_bench.metrics.captions.chair_words import COLOUR_ORANGE, coco_synonyms, singulars
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

WORD = re.compile(r"[^\W\d_]+")
"""Runs of letters, so that hyphens and apostrophes part words."""


@dataclass(frozen=True)
class Vocabulary:
    """Phrases, in lower case and singular, with the category each stands for; "" where it stands for none."""

    phrases: Mapping[str, str]
    nothing: re.Pattern[str] | None = None
    """What looks like a phrase in a text in lower case and is none."""

    @classmethod
    def of(cls, synonyms: Mapping[str, str]) -> Vocabulary:
        """The vocabulary of synonyms; every category is also called by its own name."""
        categories = {name.lower() for name in synonyms.values()}
        pairs = [*((name, name) for name in categories), *synonyms.items()]
        return cls({" ".join(WORD.findall(phrase.lower())): name.lower() for phrase, name in pairs})

    @cached_property
    def longest(self) -> int:
        """The words of the longest phrase."""
        return max((len(phrase.split()) for phrase in self.phrases), default=0)

    @cached_property
    def categories(self) -> frozenset[str]:
        """All categories."""
        return frozenset(self.phrases.values()) - {""}

    def category(self, words: Sequence[str]) -> str | None:
        """What words, of which the last may be a plural, stand for; None if they are no phrase."""
        start = "".join(f"{word} " for word in words[:-1])
        return next((self.phrases[start + last] for last in singulars(words[-1]) if start + last in self.phrases), None)

    def mentions(self, text: str) -> list[str]:
        """The category of every phrase in a text, from the left, longer phrases first."""
        text = text.lower()
        if self.nothing:
            text = self.nothing.sub(" nothing ", text)  # a word, so that its neighbours form no phrase
        words = WORD.findall(text)
        found: list[str] = []
        place = 0
        while place < len(words):
            for size in range(min(self.longest, len(words) - place), 0, -1):
                category = self.category(words[place : place + size])
                if category is not None:
                    found.append(category)
                    place += size - 1
                    break
            place += 1
        return [category for category in found if category]


@cache
def coco_vocabulary() -> Vocabulary:
    """Our words for COCO's 80 categories."""
    return replace(Vocabulary.of(coco_synonyms()), nothing=COLOUR_ORANGE)


class Chair(Metric):
    """Hallucinated objects (Rohrbach et al. 2018): by mention (`chair_i`), by caption (`chair_s`), and the recall.

    Mentions are words or phrases of a category, every one counted. An object is there if it is among the annotated
    categories or a reference caption mentions it. `chair_i` is the share of mentions of objects that are not there,
    `chair_s` the share of captions with such a mention, `chair_recall` the share of the images' objects that their
    captions mention. A caption that mentions nothing hallucinates nothing, and recalls nothing.

    A reference is {"objects": categories, "captions": texts}, and may have "synonyms", which map phrases to categories
    (to "" where a compound means none). Of a sample these are its references and `objects` and `synonyms` of its facts.
    Without synonyms those of `chair_words` for COCO's 80 categories are taken: they are ours, not the paper's list. The
    plurals of all phrases are understood. A failed sample hallucinates as many objects as there are, at least one.
    """

    name = "chair"
    best = 0.0
    form = Form.TEXT
    signature = "chair|objects:annotated+captions|mentions:all|tok:letters|plural:rules|synonyms:facts-or-own80|v:1"
    outputs = ("chair_i", "chair_s", "chair_recall")
    columns = ("hallucinated", "mentions", "captions_with_hallucination", "recalled", "objects", "samples")
    higher_is_better: bool | Mapping[str, bool] = {"chair_i": False, "chair_s": False}

    def reference(self, sample: Sample) -> Any:
        if "objects" not in sample.facts:
            raise MetricInputError(
                f"Sample '{sample.id}' has no facts['objects'], the categories in its picture: "
                "give the coco source its 'instances'."
            )
        facts = {key: sample.facts[key] for key in ("objects", "synonyms") if key in sample.facts}
        return {"captions": list(sample.references), **facts}

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows = [chair_row(caption, gold, row) for row, (caption, gold) in enumerate(aligned(predictions, references))]
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 5))

    def unknown(self) -> Array:
        return np.asarray([1.0, 1.0, 1.0, 0.0, 0.0, 1.0])  # at least one hallucinated object, and none to recall

    def lost(self, known: Array) -> Array:
        there = known[:, 4]
        worst, none = np.maximum(1.0, there), np.zeros(len(known))
        return np.column_stack([worst, worst, none + 1.0, none, there, known[:, 5]])

    def finalize(self, totals: Array) -> Array:
        scores = [divide(totals[..., top], totals[..., bottom]) for top, bottom in ((0, 1), (2, 5), (3, 4))]
        return undefined(np.stack(scores, axis=-1), totals[..., 5])


def chair_row(caption: Any, reference: Any, row: int) -> tuple[int, int, int, int, int]:
    """Hallucinated mentions, mentions, whether there is a hallucination, objects recalled, objects that are there."""
    if not isinstance(reference, Mapping) or not {"objects", "captions"} <= reference.keys():
        raise MetricInputError(": a reference of chair must be a mapping with 'objects' and 'captions'.", row)
    vocabulary = vocabulary_of(reference.get("synonyms"), row)
    there = objects_of(reference, vocabulary, row)
    if caption is None:
        worst = max(1, len(there))
        return worst, worst, 1, 0, len(there)
    said = vocabulary.mentions(as_text(caption, row, "prediction"))
    hallucinated = sum(category not in there for category in said)
    return hallucinated, len(said), int(hallucinated > 0), len(there & set(said)), len(there)


def vocabulary_of(synonyms: Any, row: int) -> Vocabulary:
    """The vocabulary of a sample's synonyms, COCO's if it has none."""
    if synonyms is None:
        return coco_vocabulary()
    if isinstance(synonyms, Mapping) and all(isinstance(text, str) for pair in synonyms.items() for text in pair):
        return Vocabulary.of(synonyms)
    raise MetricInputError(": the synonyms of chair must map phrases to the names of categories.", row)


def objects_of(reference: Mapping[str, Any], vocabulary: Vocabulary, row: int) -> set[str]:
    """The categories that are annotated or that a reference caption mentions."""
    for part in ("objects", "captions"):
        if not isinstance(reference[part], list | tuple):
            raise MetricInputError(f": the '{part}' of a reference of chair must be a list of texts.", row)
    there = {as_text(name, row, "object").lower() for name in reference["objects"]}
    unknown = sorted(there - vocabulary.categories)
    if unknown:
        raise MetricInputError(f": chair has no words for the object {unknown[0]!r:.40}: give synonyms.", row)
    captions = [as_text(text, row, "reference") for text in reference["captions"]]
    return there.union(*map(vocabulary.mentions, captions))
