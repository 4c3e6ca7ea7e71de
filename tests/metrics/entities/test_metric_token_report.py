"""The token report against scikit-learn and a plain count of tags."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.entities.tagging import ANY_TAG, Tags, pairs_of, real_tags, scores, split
from velm_bench.iob import to_iob2
from velm_bench.metrics import build

TAGS = ["O", *(f"{prefix}-{kind}" for kind in ("PER", "LOC") for prefix in "BI")]
CORPUS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(CORPUS)
@pytest.mark.filterwarnings("ignore")
def test_token_report_equals_scikit_learn(corpus: list[list[tuple[str, str]]]) -> None:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    predictions = [[tag for tag, _ in line] for line in corpus]
    golden = [to_iob2([tag for _, tag in line]) for line in corpus]
    found = scores("token_report", predictions, golden, ("PER", "LOC"))
    flat, right = list(chain.from_iterable(predictions)), list(chain.from_iterable(golden))
    assert found["token_accuracy"] == pytest.approx(accuracy_score(right, flat))
    occurring = sorted({*flat, *right})
    for average, labels in (("micro", TAGS[1:]), ("macro", occurring), ("weighted", occurring)):
        for suffix, tags in (("", [tag for tag in labels if tag != "O"]), ("_all", labels)):
            if not tags or f"token_f1_{average}{suffix}" not in found:
                continue
            official = precision_recall_fscore_support(right, flat, labels=tags, average=average, zero_division=0)[:3]
            ours = [found[f"token_{part}_{average}{suffix}"] for part in ("precision", "recall", "f1")]
            assert ours == pytest.approx(official)
    each = precision_recall_fscore_support(right, flat, labels=TAGS, zero_division=0)
    for part, official in zip(("precision", "recall", "f1", "support"), each, strict=True):
        due = [np.nan if tag not in occurring and part != "support" else official[i] for i, tag in enumerate(TAGS)]
        assert [found[f"token_{part}/{tag}"] for tag in TAGS] == pytest.approx(due, nan_ok=True)


def plain_row(tags: Tags | None, gold: Tags, classes: tuple[str, ...]) -> list[float]:
    """The statistics of one sentence, counted tag by tag."""
    right = to_iob2(gold)
    hits = Counter(tag for tag, due in zip(tags or [], right, strict=False) if tag == due)
    parts = (hits, Counter(tags or []), Counter(right))
    named = [float(part[name]) for name in classes for part in parts]
    others = [float(sum(n for name, n in part.items() if name not in classes)) for part in parts]
    return [*named, *others, float(len(gold)), 1.0]


@settings(max_examples=100, deadline=None)
@given(pairs_of(ANY_TAG, ANY_TAG))
def test_statistics_are_plain_counts(drawn: list[tuple[list[tuple[str, str]], bool]]) -> None:
    predictions, golden = split(drawn)
    metric = build("token_report", ("PER", "geo-loc"))
    classes = ("O", "B-PER", "I-PER", "B-geo-loc", "I-geo-loc")
    due = [plain_row(tags, gold, classes) for tags, gold in zip(predictions, golden, strict=True)]
    assert metric.statistics(predictions, golden).tolist() == due


def test_gold_iob1_is_read_as_iob2_and_predictions_as_they_are() -> None:
    found = scores("token_report", [["I-PER", "I-PER", "B-PER"]], [["I-PER", "I-PER", "B-PER"]], ("PER",))
    assert found["token_accuracy"] == pytest.approx(2 / 3)
    assert found["token_support/B-PER"] == 2.0


def test_supports_of_the_real_test_set(shared: Path) -> None:
    golden = real_tags(shared)
    found = scores("token_report", golden, golden)
    assert len(golden) == 3453
    assert {name.partition("/")[2]: value for name, value in found.items() if "support" in name} == {
        "O": 38323, "B-PER": 1617, "I-PER": 1156, "B-LOC": 1668, "I-LOC": 257,
        "B-ORG": 1661, "I-ORG": 835, "B-MISC": 702, "I-MISC": 216,
    }  # fmt: skip


def test_a_tag_that_is_neither_predicted_nor_gold_has_a_support_and_no_scores() -> None:
    found = scores("token_report", [["B-PER"]], [["B-LOC"]])
    assert [found[f"token_{part}/B-PER"] for part in ("f1", "precision", "recall", "support")] == [0.0, 0.0, 0.0, 0.0]
    assert np.isnan([found[f"token_{part}/I-PER"] for part in ("f1", "precision", "recall")]).all()
    assert found["token_support/I-PER"] == 0.0
    assert found["token_f1_macro"] == found["token_f1_macro_all"] == 0.0


def test_without_tokens_scores_are_zero_and_without_samples_unknown() -> None:
    metric = build("token_report", ("PER",))
    rows = metric.statistics([["O"], [], None], [["O"], [], []])
    assert rows[:, -2:].tolist() == [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    assert metric.value(rows) == 0.0
    assert np.isnan(metric.values(rows[:0])).all()
    assert metric.statistics([], []).shape == (0, len(metric.columns))
