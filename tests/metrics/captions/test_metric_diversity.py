"""Distinct-n and length: of the whole, of parts, and of failed samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.captions.plain_captions import bleu_row, corpus_of, ngrams, rows_of
from velm_bench.metrics.captions.diversity import Distinct, Length

WORDS = st.sampled_from(["a", "a", "dog", "cat", "runs", "1\u00a01/2", ""])
TEXT = st.lists(WORDS, max_size=9).map(" ".join)
IMAGES = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=8)
REFERENCES = [["a dog runs fast", "a dog"], ["a cat"], ["two birds"]]


def plain_distinct(texts: list[str], order: int) -> float:
    grams = [gram for text in texts for gram in ngrams(text.split(), order).elements()]
    return len(set(grams)) / len(grams) if grams else 0.0


@settings(max_examples=200, deadline=None)
@given(IMAGES)
def test_distinct_is_distinct_ngrams_over_ngrams(images: list[tuple[str, list[str]]]) -> None:
    texts = [text for text, _ in images]
    rows = rows_of(Distinct(), corpus_of(texts, [references for _, references in images]))
    assert Distinct().values(rows) == pytest.approx([plain_distinct(texts, 1), plain_distinct(texts, 2)], rel=1e-12)


def test_each_distinct_ngram_is_shared_by_those_who_hold_it() -> None:
    rows = rows_of(Distinct(), corpus_of(["a dog a dog", "a cat", "a"], REFERENCES))
    assert rows == pytest.approx(
        np.asarray([[1 / 3 + 1, 2, 4, 3, 1], [1 / 3 + 1, 1, 2, 1, 1], [1 / 3, 0, 1, 0, 1]], dtype=float)
    )
    assert Distinct().values(rows) == pytest.approx([3 / 7, 3 / 4])
    assert Distinct().per_sample(rows) == pytest.approx(np.asarray([[1 / 3, 2 / 3], [2 / 3, 1], [1 / 3, 0]]))


@settings(max_examples=50, deadline=None)
@given(IMAGES, st.randoms(use_true_random=False))
def test_the_parts_average_to_the_whole(images: list[tuple[str, list[str]]], chance: np.random.Generator) -> None:
    metric = Distinct()
    rows = rows_of(metric, corpus_of([text for text, _ in images], [references for _, references in images]))
    mask = np.asarray([chance.random() < 0.5 for _ in images], dtype=float)
    parts = metric.totals(rows, np.stack([mask, 1 - mask]))
    assert parts.sum(axis=0) == pytest.approx(metric.totals(rows))


def test_a_failed_sample_adds_ngrams_and_nothing_distinct() -> None:
    rows = rows_of(Distinct(), corpus_of([None, "a cat", "two birds"], REFERENCES))
    assert rows[0].tolist() == [0, 0, 2, 1, 1]  # "a dog", the shortest reference
    empty = rows_of(Distinct(), corpus_of(["", "a cat", "two birds"], REFERENCES))
    assert (Distinct().values(rows) < Distinct().values(empty)).all()


def test_no_ngrams_are_not_diverse() -> None:
    rows = rows_of(Distinct(), corpus_of(["", ""], [["a"], ["b"]]))
    assert Distinct().values(rows).tolist() == [0.0, 0.0]
    assert np.isnan(Distinct().values(rows, np.zeros(2))).all()


@settings(max_examples=100, deadline=None)
@given(IMAGES)
def test_length_counts_words(images: list[tuple[str, list[str]]]) -> None:
    lengths = np.asarray([bleu_row(text, references)[-2:] for text, references in images])
    rows = rows_of(Length(), corpus_of([text for text, _ in images], [references for _, references in images]))
    assert rows[:, :2].tolist() == lengths.tolist()
    words, reference_words = lengths.sum(axis=0)
    ratio = words / reference_words if reference_words else 0.0
    assert Length().values(rows).tolist() == [words / len(images), ratio]


def test_length_of_a_failed_sample_is_none() -> None:
    rows = rows_of(Length(), corpus_of([None, "a black cat", "two birds"], REFERENCES))
    assert rows.tolist() == [[0, 2, 1], [3, 2, 1], [2, 2, 1]]
    assert Length().values(rows) == pytest.approx([5 / 3, 5 / 6])
    assert Length().per_sample(rows) == pytest.approx(np.asarray([[0, 0], [3, 1.5], [2, 1]]))
    assert Length().higher("length")


def test_weights_of_replicates() -> None:
    corpus = corpus_of(["a dog a dog", "a cat", "a"], REFERENCES)
    weights = np.asarray([[1.0, 1, 1], [0, 2, 1], [0, 0, 0]])
    for metric in (Distinct(), Length()):
        values = metric.values(rows_of(metric, corpus), weights)
        assert values.shape == (3, 2)
        assert values[0].tolist() == metric.values(rows_of(metric, corpus)).tolist()
        assert np.isnan(values[2]).all()
    assert Length().values(rows_of(Length(), corpus), weights)[1] == pytest.approx([5 / 3, 5 / 6])
