"""CIDEr-D and CIDEr against their definitions, spelled out in plain_captions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.captions import plain_captions
from tests.metrics.captions.plain_captions import corpus_of, rows_of
from velm_bench.metrics import Cider, CiderD, build

WORDS = st.sampled_from(["a", "a", "dog", "cat", "runs", "on", "1\u00a01/2", ""])
TEXT = st.lists(WORDS, max_size=12).map(" ".join)
IMAGES = st.lists(st.tuples(st.none() | TEXT, st.lists(TEXT, min_size=1, max_size=4)), min_size=1, max_size=6)
OTHERS = st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=4)


@pytest.mark.parametrize("name", ["cider", "cider_plain"])
@settings(max_examples=150, deadline=None)
@given(IMAGES, OTHERS)
def test_scores_are_those_of_the_definition(
    name: str, images: list[tuple[str | None, list[str]]], others: list[list[str]]
) -> None:
    hypotheses, references = [text for text, _ in images], [captions for _, captions in images]
    everything = [tuple(captions) for captions in (*references, *others)]
    rows = rows_of(build(name), corpus_of(hypotheses, references, everything))
    wanted = plain_captions.cider(hypotheses, references, everything, clipped=name == "cider")
    assert rows[:, 0] == pytest.approx(wanted, abs=1e-12)
    assert (rows[:, 1] == 1).all()


def test_cider_is_the_cosine_of_tf_idf() -> None:
    """Three images; in the first, "dog" and "runs" are its own (idf log 3), and "a" is everywhere (idf 0)."""
    references = [["a dog runs", "a dog"], ["a cat"], ["a bird"]]
    rows = rows_of(Cider(), corpus_of(["a dog dog", "a cat", "a"], references))
    cosines = [  # of each order, for both references
        (1 / math.sqrt(2) + 1) / 2,
        (1 / math.sqrt(4) + 1 / math.sqrt(2)) / 2,  # "a dog", "dog dog" against "a dog", "dog runs" and "a dog"
        0.0,
        0.0,
    ]
    assert rows[0, 0] == pytest.approx(10 * sum(cosines) / 4)
    assert rows[1, 0] == pytest.approx(5.0)  # two of four orders, both perfect
    assert rows[2, 0] == 0


def test_cider_neither_clips_nor_minds_the_length() -> None:
    references = [["dog runs fast"], ["a cat"], ["a bird"]]
    repeated = ["dog runs fast " * 3, "a cat", "a bird"]
    plain, clipped = Cider().compute(repeated, references), CiderD().compute(repeated, references)
    assert plain["cider_plain"] > clipped["cider"]
    rows = rows_of(Cider(), corpus_of(["dog dog dog", "a", "a"], references))
    assert rows[0, 0] == pytest.approx(10 / math.sqrt(3) / 4)


def test_a_perfect_caption_scores_ten_in_both() -> None:
    references = [["a red dog runs fast"], ["two white cats sit here"]]
    hypotheses = [captions[0] for captions in references]
    for metric in (Cider(), CiderD()):
        assert rows_of(metric, corpus_of(hypotheses, references))[:, 0] == pytest.approx([10.0, 10.0])


def test_one_image_has_no_rare_words() -> None:
    for metric in (Cider(), CiderD()):
        assert rows_of(metric, corpus_of(["a dog"], [["a dog"]])).tolist() == [[0.0, 1.0]]


def test_document_frequencies_are_those_of_the_full_task() -> None:
    everything = [("a dog runs",), ("a cat sits",), ("a dog sits",), ("birds fly",)]
    hypotheses = ["a dog sits", "a cat sits", None, "a dog"]
    for metric in (Cider(), CiderD()):
        whole = rows_of(metric, corpus_of(hypotheses, everything))
        part = rows_of(metric, corpus_of(hypotheses[:2], everything[:2], everything))
        assert part.tolist() == whole[:2].tolist()
        assert part.tolist() != rows_of(metric, corpus_of(hypotheses[:2], everything[:2])).tolist()


def test_a_failed_sample_scores_nothing_and_counts() -> None:
    references = [["a dog"], ["a cat"]]
    for metric in (Cider(), CiderD()):
        rows = rows_of(metric, corpus_of([None, "a cat"], references))
        assert rows[0].tolist() == [0.0, 1.0]
        assert metric.value(rows) == pytest.approx(rows[1, 0] / 2)
        assert np.isnan(metric.value(rows, np.zeros(2)))


def test_the_two_are_told_apart() -> None:
    assert (Cider().outputs, CiderD().outputs) == (("cider_plain",), ("cider",))
    assert Cider().signature.startswith("cider|")
    assert CiderD().signature.startswith("cider-d|")
