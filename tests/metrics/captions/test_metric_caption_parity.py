"""BLEU, ROUGE-L and CIDEr-D against pycocoevalcap, run here on the same tokens: corpus and per image."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.metrics.captions.plain_captions import bleu_row, corpus_of, rouge_l, rows_of
from velm_bench.metrics import build
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.texts import CaptionSet

pytest.importorskip("pycocoevalcap")

BLEU_ORDER = [1, 2, 3, 0]
"""From (bleu_4, bleu_1, bleu_2, bleu_3) to the official order."""
STEP = 1 if os.environ.get("VELM_FULL_PARITY") == "1" else 5
"""Of val2017 each fifth image is compared; all of them with VELM_FULL_PARITY=1."""


def assert_official(corpus: CaptionCorpus) -> None:
    """BLEU and ROUGE-L to the last bit, CIDEr-D within 1e-12."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    gts = {row: list(texts) for row, texts in enumerate(corpus.references)}
    res = {row: [text] for row, text in enumerate(corpus.hypotheses)}
    bleu, rouge, cider = build("bleu"), build("rouge_l"), build("cider")
    score, images = Bleu(4).compute_score(gts, res, verbose=0)
    rows = rows_of(bleu, corpus)
    assert bleu.values(rows)[BLEU_ORDER].tolist() == score
    assert bleu.per_sample(rows)[:, BLEU_ORDER].T.tolist() == images
    score, images = Rouge().compute_score(gts, res)
    rows = rows_of(rouge, corpus)
    assert rouge.value(rows) == score
    assert rouge.per_sample(rows)[:, 0].tolist() == images.tolist()
    score, images = Cider().compute_score(gts, res)
    rows = rows_of(cider, corpus)
    assert cider.value(rows) == pytest.approx(score, abs=1e-12, rel=0)
    assert cider.per_sample(rows)[:, 0] == pytest.approx(images, abs=1e-12, rel=0)


def val2017(shared: Path) -> list[list[str]]:
    """The captions of each `STEP`th image."""
    images: dict[int, list[str]] = {}
    for caption in json.loads((shared / "coco_caption" / "captions_val2017.json").read_text())["annotations"]:
        images.setdefault(caption["image_id"], []).append(caption["caption"])
    return list(images.values())[::STEP]


def test_fakecap(shared: Path) -> None:
    folder = shared / "coco_caption"
    items = json.loads((folder / "spice_example_input_larger.json").read_text())
    results = json.loads((folder / "captions_val2014_fakecap_results.json").read_text())
    caption = {item["image_id"]: item["caption"] for item in results}
    corpus = CaptionCorpus.of([caption[item["image_id"]] for item in items], [item["refs"] for item in items])
    assert len(corpus.hypotheses) == 1000
    assert_official(corpus)


def test_val2017_first_caption_against_the_others(shared: Path) -> None:
    captions = val2017(shared)
    corpus = CaptionCorpus.of([texts[0] for texts in captions], [texts[1:] for texts in captions])
    assert len(corpus.hypotheses) == 5000 // STEP
    assert_official(corpus)


def test_val2017_against_captions_of_other_images(shared: Path) -> None:
    captions = val2017(shared)
    order = random.Random(0).sample(range(len(captions)), len(captions))
    assert_official(CaptionCorpus.of([captions[other][0] for other in order], captions))


def test_recorded_quirks(shared: Path) -> None:
    cases = json.loads((shared / "metric_cases" / "official_quirks.json").read_text())
    scored = {name: case for name, case in cases.items() if name.startswith("score: ")}
    assert len(scored) == 4
    for case in scored.values():
        corpus = corpus_of([texts[0] for texts in case["res"].values()], list(case["gts"].values()))
        values = {name: build(name).values(rows_of(build(name), corpus)) for name in ("bleu", "rouge_l", "cider")}
        assert values["bleu"][BLEU_ORDER].tolist() == case["out"]["Bleu"]
        assert values["rouge_l"].tolist() == [case["out"]["ROUGE_L"]]
        assert values["cider"] == pytest.approx(case["out"]["CIDEr"], abs=1e-12, rel=0)


WORDS = st.sampled_from(["a", "a", "a", "dog", "cat", "runs", "1\u00a01/2", "\u3000", "", "é", "\ud800", "|||"])
TEXT = st.lists(WORDS, max_size=9).map(" ".join) | st.just("")
IMAGE = st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=4))
IMAGES = st.lists(IMAGE, min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(IMAGES)
@example([("", ["a dog"]), ("a cat", ["a cat"])])
@example([("a dog runs", ["a dog runs"])])
@example([("a a a a a a", ["a a", "a b a"]), ("b", ["b b b b b b b b"])])
@example([("a dog", ["a dog"]), ("a dog", ["a dog"])])
@example([("a dog " * 40, ["a dog " * 31 + "cat", "dog"]), ("a dog", ["dog " * 70])])
@example([("1\u00a01/2 cups", ["1 1/2 cups", "1\u00a01/2 cups of milk"]), ("", ["", "a"])])
def test_generated_corpora(images: list[tuple[str, list[str]]]) -> None:
    assume(any(text.split() for _, references in images for text in references))  # the official CIDEr fails there
    assert_official(corpus_of([text for text, _ in images], [references for _, references in images]))


def test_captions_of_about_a_machine_word() -> None:
    """62 to 67 words: compared in machine words up to 64, in long integers beyond."""
    chance = random.Random(5)
    texts = [" ".join(chance.choices("abcdefghij", k=62 + number % 6)) for number in range(60)]
    assert_official(corpus_of(texts[::3], [[one, other] for one, other in zip(texts[1::3], texts[2::3], strict=True)]))


def test_replicates_are_the_scores_of_repeated_samples(shared: Path) -> None:
    captions = val2017(shared)[:40]
    known = CaptionSet(tuple(tuple(texts[1:]) for texts in captions))
    corpus = CaptionCorpus(tuple(texts[0] for texts in captions), known, known)
    weights = np.random.default_rng(0).integers(0, 3, size=(20, 40))
    for name in ("bleu", "rouge_l", "cider", "cider_plain", "distinct", "length"):
        metric = build(name)
        rows = rows_of(metric, corpus)
        repeated = [metric.values(np.repeat(rows, times, axis=0)) for times in weights]
        assert metric.values(rows, weights) == pytest.approx(np.asarray(repeated), rel=1e-12)
        assert metric.values(rows, np.eye(40)) == pytest.approx(metric.per_sample(rows), rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | TEXT, st.lists(TEXT, min_size=1, max_size=4)), min_size=1, max_size=6))
def test_statistics_are_those_of_the_definitions_failed_samples_included(
    images: list[tuple[str | None, list[str]]],
) -> None:
    corpus = corpus_of([text for text, _ in images], [references for _, references in images])
    assert rows_of(build("bleu"), corpus)[:, :-1].tolist() == [bleu_row(*image) for image in images]
    assert rows_of(build("rouge_l"), corpus)[:, 0] == pytest.approx([rouge_l(*image) for image in images], abs=1e-15)
