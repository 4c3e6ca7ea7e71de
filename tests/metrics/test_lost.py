"""Samples without an answer, filled in from another run's statistics: as if they had failed, and never better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.toys import ALL, ARGUMENTS, FORMS, LABELS, SAMPLES, WITHOUT_DATA, FirstLetter, data
from velm_bench.metrics import Metric, build
from velm_bench.metrics.base import Array

KEYED = {"pair_accuracy", "circular_choice", "nlvr"}
"""Metrics over samples that belong together, whose rows do not tell which."""
OPEN = KEYED | {"distinct"}
"""Metrics whose rows do not tell what a failed sample would have added; the others' do, of a single reference."""
DETERMINED = sorted(set(ALL) - WITHOUT_DATA - OPEN)
PICKS = st.lists(st.integers(0, SAMPLES), min_size=SAMPLES, max_size=SAMPLES)
"""For every sample whose answer it gets; the last number is none."""
SOME = st.sets(st.integers(0, SAMPLES - 1), min_size=1, max_size=SAMPLES - 1)


def fresh(name: str) -> Metric:
    return build(ARGUMENTS.get(name, name), LABELS)


def asked(name: str, picks: Sequence[int], references: int = 1) -> tuple[list[Any], list[Any]]:
    """Predictions by the picks, and references of a metric; of captions and transcripts so many."""
    predictions, golden = data(name)
    if FORMS[name] in ("caption", "transcript"):
        golden = [[*texts, "the small dog runs on the green grass"][-references:] for texts in golden]
    return [[*predictions, None][pick] for pick in picks], golden


def widened(rows: Array, width: int) -> Array:
    """Filled up with zeros, as those of `detection` are."""
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


@pytest.mark.parametrize("name", DETERMINED)
@settings(max_examples=10)
@given(picks=PICKS)
def test_a_lost_sample_is_a_failed_one(name: str, picks: list[int]) -> None:
    predictions, golden = asked(name, picks)
    metric = fresh(name)
    found = metric.lost(metric.statistics(predictions, golden))
    assert found.shape == (SAMPLES, len(metric.columns))
    np.testing.assert_array_equal(found, widened(fresh(name).statistics([None] * SAMPLES, golden), found.shape[1]))


@pytest.mark.parametrize("name", sorted(set(DETERMINED) | {"pair_accuracy"}))
@settings(max_examples=10)
@given(picks=PICKS, lacking=SOME)
def test_a_run_that_lacks_samples_is_never_better_than_one_that_failed_on_them(
    name: str, picks: list[int], lacking: set[int]
) -> None:
    """Of captions with two references too, where it may be worse: the main output."""
    predictions, golden = asked(name, picks, references=1 if name in ("meteor", "wer", "cer") else 2)
    keep = [place for place in range(SAMPLES) if place not in lacking]
    metric = fresh(name)
    known = fresh(name).statistics(predictions[::-1], golden)
    own = metric.statistics([predictions[place] for place in keep], [golden[place] for place in keep], golden)
    filled = metric.concatenate([own, metric.lost(known)[sorted(lacking)]])
    failed = [None if place in lacking else one for place, one in enumerate(predictions)]
    found, wrong = metric.value(filled), fresh(name).value(fresh(name).statistics(failed, golden))
    if name in {"bleu", "length", "pair_accuracy"}:
        assert found <= wrong + 1e-12 or np.isnan(wrong)
    else:
        np.testing.assert_allclose(found, wrong, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", sorted(OPEN))
def test_a_run_that_lacks_everything_scores_as_one_that_failed_on_everything(name: str) -> None:
    metric = fresh(name)
    _, golden = data(name)
    for output, one, other in zip(
        metric.outputs,
        metric.values(metric.lost(ALL[name][1])),
        metric.values(metric.statistics([None] * SAMPLES, golden)),
        strict=True,
    ):
        assert one == other == 0.0, output


def test_each_lost_sample_is_a_wrong_pair_of_its_own() -> None:
    """The twin that is there counts nothing without it, and the row does not say whose twin a sample is."""
    metric = build("pair_accuracy")
    golden: list[Any] = [(["yes"], place // 2) for place in range(6)]
    known = metric.statistics(["yes"] * 6, golden)
    own = metric.statistics(["yes"] * 5, golden[:5])
    assert metric.value(own) == 1.0
    filled = np.vstack([own, metric.lost(known)[5:]])
    assert metric.value(filled) == metric.value(metric.statistics([*["yes"] * 5, None], golden)) == pytest.approx(2 / 3)


def test_where_no_sample_has_a_key_none_is_lost() -> None:
    metric = build("nlvr")
    known = metric.statistics(["true"] * 3, [(["true"], None)] * 3)
    accuracy, consistency = metric.values(metric.lost(known))
    assert accuracy == 0.0
    assert np.isnan(consistency)


def test_a_lost_caption_has_the_other_runs_ngrams_and_none_distinct() -> None:
    metric = build("distinct")
    known = metric.statistics(["a dog", "a cat runs"], [["a dog"], ["a cat"]])
    np.testing.assert_array_equal(metric.lost(known), [[0, 0, 2, 1, 1], [0, 0, 3, 2, 1]])


def test_of_several_references_bleu_misses_the_one_nearest_to_the_other_runs_caption() -> None:
    metric = build("bleu")
    known = metric.statistics(["a big dog runs fast"], [["a dog", "the big brown dog runs fast"]])
    (row,) = metric.lost(known)
    found = dict(zip(metric.columns, row.tolist(), strict=True))
    assert [found[f"total_{order}"] for order in (1, 2, 3, 4)] == [6, 5, 4, 3]
    assert (found["length"], found["reference_length"], found["samples"]) == (0, 6, 1)
    assert not any(found[f"match_{order}"] for order in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("argument", "scores", "worst"),
    [("score", [2.0, 5.0], 0.0), ("score", [-3.0, -1.0], -3.0), ("score:lower", [0.5, 2.0], 2.0)],
)
def test_a_given_score_that_is_lost_is_as_bad_as_the_worst_that_is_known(
    argument: str, scores: list[float], worst: float
) -> None:
    metric = build(f"given:{argument}")
    known = metric.statistics([{"score": one} for one in scores], [None] * len(scores))
    np.testing.assert_array_equal(metric.lost(known), [[worst, 1.0]] * len(scores))


def test_neural_metrics_lose_as_they_fail() -> None:
    """No checkpoint is looked at where every sample failed."""
    golden = {"clipscore": [(["a.png"], ["a dog"])] * SAMPLES, "bertscore": [["a dog"]] * SAMPLES}
    for name, references in golden.items():
        metric, rows = ALL[name]
        np.testing.assert_array_equal(metric.lost(rows), metric.statistics([None] * SAMPLES, references))


def test_spice_keeps_which_categories_the_references_have() -> None:
    """Its jar, which may be absent, is not asked."""
    metric, rows = ALL["spice"]
    kept = np.asarray([name.startswith("has_") or name == "samples" for name in metric.columns])
    assert kept.sum() == 6 + 1
    np.testing.assert_array_equal(metric.lost(rows), np.where(kept, rows, 0.0))


@pytest.mark.parametrize("name", ALL)
def test_what_is_lost_has_the_shape_of_what_is_known(name: str) -> None:
    metric, rows = ALL[name]
    before = rows.copy()
    found = metric.lost(rows)
    np.testing.assert_array_equal(rows, before)
    assert found.shape == rows.shape
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(metric.lost(found), found)
    assert metric.lost(rows[:0]).shape == rows[:0].shape


@pytest.mark.parametrize("name", sorted(set(ALL) - {"wer", "cer", "detection"}))
def test_a_sample_of_unknown_gold_stays_unknown(name: str) -> None:
    metric, _ = ALL[name]
    rows = np.tile(metric.unknown(), (2, 1))
    np.testing.assert_array_equal(metric.lost(rows), rows)


def test_the_mean_of_a_newcomers_score_needs_nothing() -> None:
    metric = FirstLetter()
    known = metric.statistics(["a", "b"], [["a"], ["a"]])
    np.testing.assert_array_equal(metric.lost(known), [[0.0, 1.0]] * 2)
