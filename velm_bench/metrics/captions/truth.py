"""Whether a caption of an embedded scene says what is in the picture: mentioned (colour, shape) pairs against it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from velm_bench.metrics.base import (
    Array,
    Metric,
    MetricInputError,
    aligned,
    as_text,
    divide,
    precision_recall_f1,
    predicted_texts,
    shown,
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


class PictureFacts(NamedTuple):
    """What is in a picture, and the words for it."""

    present: set[Pair]
    meant: Mapping[Pair, Pair]
    """What something may be called as well, to the pair that it stands for."""
    colours: Mapping[str, str]
    """Lower-case words to canonical ones, as in `mentioned`."""
    shapes: Mapping[str, str]


class Truth(Metric):
    """Precision, recall and F1 of the distinct (colour, shape) pairs that captions mention, summed over images.

    A mention is "<colour> [adjective]* <shape>": up to three words may stand between, none of them a colour, a mark
    or a function word. `truth_full` is the share of captions that mention at least one pair and only true ones: a
    caption that mentions nothing claims nothing and is not fully true. Needs `facts["mentions"]` of a sample: `pairs`
    that are there, `also` what one of them may be called as well (a hue in doubt: each counts as the pair it stands
    for), and the `vocabulary`.
    """

    form = Form.TEXT
    best = 1.0
    name = "truth"
    signature = "truth|pairs:distinct|adjectives:3|v:2"
    outputs = ("truth_f1", "truth_precision", "truth_recall", "truth_full")
    columns = ("true", "mentioned", "present", "full", "samples")
    gold = ("present", "samples")

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
        aligned(predictions, references)
        pictures = [picture_facts(facts, row) for row, facts in enumerate(references)]
        rows = [truth_row(*pair) for pair in zip(predicted_texts(predictions), pictures, strict=True)]
        return with_count(np.asarray(rows, dtype=np.float64).reshape(-1, 4))

    def finalize(self, totals: Array) -> Array:
        precision, recall, f1 = precision_recall_f1(totals[..., 0], totals[..., 1], totals[..., 2])
        full = divide(totals[..., 3], totals[..., 4])
        return undefined(np.stack([f1, precision, recall, full], axis=-1), totals[..., 4])


def truth_row(caption: str | None, picture: PictureFacts) -> tuple[int, int, int, int]:
    """True, mentioned and present pairs of one image, and whether the caption is fully true."""
    said = set() if caption is None else mentioned(caption, picture.colours, picture.shapes)
    found = {picture.meant.get(pair, pair) for pair in said}
    return len(found & picture.present), len(found), len(picture.present), int(bool(found) and found <= picture.present)


def picture_facts(facts: Any, row: int) -> PictureFacts:
    """What a reference says is in the picture; MetricInputError where it is of another form."""
    if not isinstance(facts, Mapping):
        raise MetricInputError(f": the reference is {shown(facts)}: truth needs a mapping with 'pairs'.", row)
    vocabulary = facts.get("vocabulary")
    words = vocabulary if isinstance(vocabulary, Mapping) else {}
    also = [items_of(names, "also", row, 2) for names in items_of(facts.get("also", ()), "also", row)]
    return PictureFacts(
        {pair_of(pair, "pairs", row) for pair in items_of(facts.get("pairs"), "pairs", row)},
        {pair_of(other, "also", row): pair_of(pair, "also", row) for other, pair in also},
        words_of(words.get("colours"), "colours", row),
        words_of(words.get("shapes"), "shapes", row),
    )


def pair_of(pair: Any, name: str, row: int) -> Pair:
    """A pair from JSON."""
    colour, shape = items_of(pair, name, row, 2)
    return as_text(colour, row, "colour"), as_text(shape, row, "shape")


def items_of(value: Any, name: str, row: int, count: int | None = None) -> Sequence[Any]:
    """A list from JSON, of so many items."""
    if isinstance(value, list | tuple) and count in (None, len(value)):
        return value
    wanted = "a list" if count is None else f"a list of {count}"
    raise MetricInputError(f": the reference's '{name}' has {shown(value)} in place of {wanted}.", row)


def words_of(value: Any, name: str, row: int) -> Mapping[str, str]:
    """A vocabulary from JSON."""
    if isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair):
        return value
    raise MetricInputError(f": the {name} of the reference's 'vocabulary' must map words to words.", row)


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
