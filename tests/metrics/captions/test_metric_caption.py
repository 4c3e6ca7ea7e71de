"""BLEU, ROUGE-L and CIDEr against pycocoevalcap's numbers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE, LONG
from velm_bench.metrics import build
from velm_bench.metrics.captions.lcs import common_subsequence

pytest.importorskip("pycocoevalcap")

CASES = json.loads((Path(__file__).parents[1] / "cases" / "caption.json").read_text())
BLEU_ORDER = [1, 2, 3, 0]
"""From (bleu_4, bleu_1, bleu_2, bleu_3) to the official order."""
WORDS = "a the dog dogs cat runs running quickly on grass man woman red big large near of two people".split()


def sentences(seed: int, count: int) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 12))) for _ in range(count)]


def generated() -> tuple[list[str], list[list[str]]]:
    """200 generated candidates with 1 to 4 references each, an empty candidate among them."""
    candidates = ["", *sentences(1, 199)]
    pool = sentences(2, 800)
    return candidates, [pool[4 * row : 4 * row + 1 + row % 4] for row in range(200)]


def fakecap(shared: Path) -> tuple[list[str], list[list[str]]]:
    folder = shared / "coco_caption"
    items = json.loads((folder / "spice_example_input_larger.json").read_text())
    results = json.loads((folder / "captions_val2014_fakecap_results.json").read_text())
    caption = {item["image_id"]: item["caption"] for item in results}
    return [caption[item["image_id"]] for item in items], [item["refs"] for item in items]


def expected(shared: Path) -> Any:
    scores = json.loads((shared / "metric_cases" / "expected_official_scores.json").read_text())
    return next(found for name, found in scores.items() if name.startswith("fakecap"))


def hostile_pairs() -> tuple[list[Any], list[list[str]]]:
    """Hostile captions against a plain reference, and a plain caption against hostile references."""
    plain = ["a dog runs"] * len(HOSTILE)
    return [*HOSTILE, *plain], [[text] for text in (*plain, *HOSTILE)]


def test_hostile_captions_break_nothing() -> None:
    for name in ("bleu", "rouge_l", "cider"):
        metric = build(name)
        rows = metric.statistics(*hostile_pairs())
        assert rows.shape == (2 * len(HOSTILE), len(metric.columns))
        assert np.isfinite(rows).all()
        assert np.isfinite(metric.values(rows)).all()
        assert np.isfinite(metric.statistics([LONG, LONG], [[LONG], [LONG + " on"]])).all()


@pytest.mark.parametrize("case", CASES["corpora"], ids=lambda case: case["why"])
def test_small_corpora(case: dict[str, Any]) -> None:
    values = {
        n: build(n).values(build(n).statistics(case["candidates"], case["references"]))
        for n in ("bleu", "rouge_l", "cider")
    }
    assert values["bleu"][BLEU_ORDER] == pytest.approx(case["bleu"], abs=1e-15)
    assert values["rouge_l"][0] == case["rouge_l"]
    assert values["cider"][0] == pytest.approx(case["cider"], abs=1e-12)


def test_fakecap_gives_the_published_scores(shared: Path) -> None:
    candidates, references = fakecap(shared)
    official = expected(shared)
    values = {
        name: build(name).values(build(name).statistics(candidates, references))
        for name in ("bleu", "rouge_l", "cider")
    }
    assert values["bleu"][BLEU_ORDER] == pytest.approx(official["Bleu"], abs=1e-15)
    assert np.round(values["bleu"][BLEU_ORDER], 4).tolist() == [0.5794, 0.4044, 0.2785, 0.1908]
    assert values["rouge_l"][0] == pytest.approx(official["ROUGE_L"], abs=1e-15)
    assert values["cider"][0] == pytest.approx(official["CIDEr"], abs=1e-12)
    assert round(float(values["cider"][0]), 4) == 0.5999


def test_bleu_counts_of_fakecap(shared: Path) -> None:
    metric, counts = build("bleu"), expected(shared)["bleu_counts"]
    totals = dict(zip(metric.columns, metric.totals(metric.statistics(*fakecap(shared))), strict=True))
    assert [totals[f"match_{n}"] for n in (1, 2, 3, 4)] == counts["correct"]
    assert [totals[f"total_{n}"] for n in (1, 2, 3, 4)] == counts["guess"]
    assert (totals["length"], totals["reference_length"]) == (counts["testlen"], counts["reflen"])


def test_per_image_and_corpus_scores_equal_pycocoevalcap() -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    candidates, references = generated()
    gts, res = dict(enumerate(references)), {i: [text] for i, text in enumerate(candidates)}
    bleu = build("bleu")
    rows = bleu.statistics(candidates, references)
    corpus, images = Bleu(4).compute_score(gts, res, verbose=0)
    assert bleu.values(rows)[BLEU_ORDER] == pytest.approx(corpus, abs=1e-14)
    alone = bleu.values(rows, np.eye(200))[:, BLEU_ORDER]
    assert alone == pytest.approx(np.asarray(images).T, abs=1e-14)
    for name, official in (("cider", Cider()), ("rouge_l", Rouge())):
        mean, images = official.compute_score(gts, res)
        rows = build(name).statistics(candidates, references)
        assert rows[:, 0] == pytest.approx(np.asarray(images), abs=1e-12)
        assert build(name).value(rows) == pytest.approx(mean, abs=1e-12)


def test_cider_takes_document_frequencies_from_the_full_task() -> None:
    candidates, references = generated()
    metric = build("cider")
    full = metric.statistics(candidates, references)
    part = metric.statistics(candidates[:20], references[:20], corpus=references)
    assert (part == full[:20]).all()
    assert (metric.statistics(candidates[:20], references[:20]) != full[:20]).any()


@pytest.mark.parametrize("name", ["bleu", "rouge_l", "cider"])
def test_a_failed_sample_never_pays(name: str) -> None:
    candidates, references = generated()
    metric = build(name)
    whole = metric.statistics(candidates, references)
    for worse in ("", "zebra", "zebra " * 30):
        with_failure = metric.statistics([None, *candidates[1:]], references)
        with_answer = metric.statistics([worse, *candidates[1:]], references)
        assert (metric.values(with_failure) <= metric.values(with_answer) + 1e-15).all() or worse == "zebra " * 30
    assert (metric.values(metric.statistics([None, *candidates[1:]], references)) <= metric.values(whole[1:])).all()


@pytest.mark.parametrize("name", ["bleu", "rouge_l", "cider"])
@pytest.mark.parametrize("references", [[[]], ["a dog"]])
def test_a_sample_without_reference_captions_is_an_error(name: str, references: list[Any]) -> None:
    with pytest.raises(ValueError, match="Sample 0 needs a list of at least one reference"):
        build(name).statistics(["a"], references)


def slow_subsequence(first: list[str], second: list[str]) -> int:
    table = np.zeros((len(first) + 1, len(second) + 1), dtype=int)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    return int(table[-1, -1])


TEXT = st.lists(st.sampled_from("abcd"), max_size=80)


@settings(max_examples=60, deadline=None)
@given(TEXT, TEXT)
def test_longest_common_subsequence_equals_dynamic_programming(first: list[str], second: list[str]) -> None:
    assert common_subsequence(first, second) == slow_subsequence(first, second)
