"""Whether a caption of an embedded scene says what is in the picture: mentioned (colour, shape) pairs against it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.metrics.base import (
    Array,
    Metric,
    MetricInputError,
    aligned,
    divide,
    precision_recall_f1,
    undefined,
    with_count,
)
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[^\w\s]")
"""Words, with inner hyphens and apostrophes, and single marks."""
BREAKS = frozenset(
    "a an and are at behind below beside above by from has in is it left next of on one or right that the there these "
    "this to two three four five under was were which with".split()
)
"""Words that cannot stand between a colour and the shape it describes."""
MOST_ADJECTIVES = 3

Pair = tuple[str, str]


class Truth(Metric):
    """Precision, recall and F1 of the distinct (colour, shape) pairs that captions mention, summed over images.

    A mention is "<colour> [adjective]* <shape>": up to three words may stand between, none of them a colour, a mark
    or a function word. `truth_full` is the share of captions that mention at least one pair and only true ones: a
    caption that mentions nothing claims nothing and is not fully true. Needs `facts["mentions"]` of a sample: `pairs`
    that are there, `also` what one of them may be called as well (a hue in doubt: each counts as the pair it stands
    for), and the `vocabulary`.
    """

    form = Form.TEXT
    name = "truth"
    signature = "truth|pairs:distinct|adjectives:3|v:2"
    outputs = ("truth_f1", "truth_precision", "truth_recall", "truth_full")
    columns = ("true", "mentioned", "present", "full", "samples")

    def reference(self, sample: Sample) -> Any:
        mentions = sample.facts.get("mentions")
        if mentions is None:
            raise MetricInputError(
                f"Sample {sample.id} does not say what is in its picture: use truth on embedded tasks."
            )
        return mentions

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        rows = [truth_row(caption, facts) for caption, facts in aligned(predictions, references)]
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 4))

    def finalize(self, totals: Array) -> Array:
        precision, recall, f1 = precision_recall_f1(totals[..., 0], totals[..., 1], totals[..., 2])
        full = divide(totals[..., 3], totals[..., 4])
        return undefined(np.stack([f1, precision, recall, full], axis=-1), totals[..., 4])


def truth_row(caption: str | None, facts: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """True, mentioned and present pairs of one image, and whether the caption is fully true."""
    present = {pair_of(pair) for pair in facts["pairs"]}
    vocabulary = facts["vocabulary"]
    said = set() if caption is None else mentioned(str(caption), vocabulary["colours"], vocabulary["shapes"])
    meant = {pair_of(other): pair_of(pair) for other, pair in facts.get("also", ())}
    found = {meant.get(pair, pair) for pair in said}
    return len(found & present), len(found), len(present), int(bool(found) and found <= present)


def pair_of(pair: Sequence[Any]) -> Pair:
    """A pair from JSON."""
    colour, shape = pair
    return str(colour), str(shape)


def mentioned(caption: str, colours: Mapping[str, str], shapes: Mapping[str, str]) -> set[Pair]:
    """The (colour, shape) pairs that a caption mentions, in canonical words.

    `colours` and `shapes` map lower-case words (plurals and synonyms included) to canonical ones.
    """
    found: set[Pair] = set()
    colour, between = "", 0
    for word in WORD.findall(caption.lower()):
        if word in colours:
            colour, between = colours[word], 0
        elif word in shapes:
            if colour:
                found.add((colour, shapes[word]))
            colour = ""
        elif between == MOST_ADJECTIVES or word in BREAKS or not word[0].isalnum():
            colour = ""
        else:
            between += 1
    return found
