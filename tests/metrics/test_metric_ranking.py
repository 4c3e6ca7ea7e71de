"""Mean average precision against scikit-learn, retrieval against its definition."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from velm_bench.errors import UsageError
from velm_bench.metrics import MetricInputError, build
from velm_bench.statistics import interval

LABELS = ("cat", "dog", "eel")


def scored(**scores: Any) -> dict[str, Any]:
    return {"label": None, "ranked": None, "probabilities": scores}


def mean_over_classes(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> float:
    """scikit-learn's average precision of every class that has a right sample with some weight."""
    kept = weights > 0
    there = [place for place in range(right.shape[1]) if right[kept, place].any()]
    each = [average_precision_score(right[kept, p], scores[kept, p], sample_weight=weights[kept]) for p in there]
    return float(np.mean(each)) if each else np.nan


SAMPLE = st.tuples(st.lists(st.integers(-3, 3), min_size=3, max_size=3), st.sets(st.sampled_from(LABELS)))


@settings(deadline=None, max_examples=150)
@given(st.lists(SAMPLE, min_size=1, max_size=30), st.data())
def test_mean_average_precision_equals_scikit_learn_with_ties_and_weights(
    samples: list[tuple[list[int], set[str]]], data: st.DataObject
) -> None:
    metric = build("mean_average_precision", LABELS)
    rows = metric.statistics(
        [scored(**dict(zip(LABELS, values, strict=True))) for values, _ in samples],
        [sorted(golden) for _, golden in samples],
    )
    scores, right = np.split(rows, 2, axis=1)
    weight = st.one_of(st.integers(0, 3), st.floats(0.25, 4))
    drawn = np.asarray(data.draw(st.lists(weight, min_size=len(rows), max_size=len(rows))), dtype=float)
    ones = np.ones(len(rows))
    expected = [mean_over_classes(scores, right, drawn), mean_over_classes(scores, right, ones)]
    np.testing.assert_allclose(metric.value(rows, np.stack([drawn, ones])), expected, atol=1e-12)
    np.testing.assert_allclose(metric.value(rows), expected[1], atol=1e-12)
    np.testing.assert_allclose(metric.value(rows, drawn), expected[0], atol=1e-12)


def test_a_failed_sample_has_the_worst_place_in_every_class() -> None:
    metric = build("mean_average_precision", ("cat", "dog"))
    golden = [["cat"], ["dog"], []]
    answered = [scored(cat=0.9, dog=0.1), scored(cat=0.2, dog=0.3), scored(cat=0.1, dog=0.0)]
    assert metric.compute(answered, golden)["mean_average_precision"] == 1.0
    failing = [metric.compute([*answered[:place], None, *answered[place + 1 :]], golden) for place in range(3)]
    # of the cat: not found; of the dog: before the right one. Then the other way round; then before both.
    assert [found["mean_average_precision"] for found in failing] == pytest.approx([(0 + 1 / 2) / 2] * 2 + [1 / 2])
    assert metric.compute([None] * 3, golden) == {"mean_average_precision": 0.0}


@pytest.mark.parametrize("wrong", [{"label": "cat"}, {"probabilities": {}}, {"probabilities": None}, "cat", 5,
                                   float("nan"), b"x", {"cat": 0.9, "dog": 0.1}])  # fmt: skip
def test_an_answer_without_scores_is_no_failure(wrong: Any) -> None:
    metric = build("mean_average_precision", ("cat", "dog"))
    assert metric.applicable([None, scored(cat=1), wrong]) == "1 of 3 predictions carry no probabilities."
    with pytest.raises(MetricInputError, match=r"^Sample 1: its prediction has no 'probabilities': "):
        metric.statistics([None, wrong], [["cat"], []])


SPARSE = st.dictionaries(st.sampled_from(LABELS), st.integers(0, 2), min_size=1)
ANSWERS = st.lists(st.tuples(st.none() | SPARSE, st.sets(st.sampled_from(LABELS))), min_size=1, max_size=12)


@settings(deadline=None, max_examples=300)
@given(ANSWERS, st.integers(0, 11))
def test_failing_any_sample_never_raises_the_score(
    samples: list[tuple[dict[str, int] | None, set[str]]], place: int
) -> None:
    """Not among equal scores either, and not where others failed or labels have no number."""
    metric = build("mean_average_precision", LABELS)
    predictions = [None if scores is None else scored(**scores) for scores, _ in samples]
    golden = [sorted(labels) for _, labels in samples]
    answered = metric.compute(predictions, golden)["mean_average_precision"]
    predictions[place % len(samples)] = None
    failed = metric.compute(predictions, golden)["mean_average_precision"]
    assert failed <= answered + 1e-12 or np.isnan([failed, answered]).all()


def test_failing_everywhere_is_worse_than_the_worst_answers() -> None:
    metric = build("mean_average_precision", ("cat",))
    golden = [["cat"] if place % 5 else [] for place in range(1000)]
    inverted = metric.compute([scored(cat=-len(right)) for right in golden], golden)["mean_average_precision"]
    assert metric.compute([None] * 1000, golden)["mean_average_precision"] == 0.0 < 0.5 < inverted


def test_a_failure_among_equal_scores_does_not_pay() -> None:
    """A single right sample, found late, and then many of equal scores: at the very end precision is higher."""
    metric = build("mean_average_precision", ("cat",))
    predictions = [*[scored(cat=3)] * 99, scored(cat=2), *[scored(cat=1)] * 900]
    golden = [[]] * 99 + [["cat"]] * 901
    answered = metric.compute(predictions, golden)["mean_average_precision"]
    predictions[99] = None  # type: ignore[call-overload]
    assert metric.compute(predictions, golden)["mean_average_precision"] < answered


def test_a_label_without_a_number_is_not_found_and_a_foreign_one_is_ignored() -> None:
    metric = build("mean_average_precision", ("cat",))
    assert metric.compute([scored(dog=9), scored(cat=-5, whale=3)], [["cat"], []]) == {"mean_average_precision": 0.0}
    half = metric.compute([scored(dog=9), scored(cat=-5), scored(cat=-6)], [["cat"], [], ["cat"]])
    assert half == {"mean_average_precision": (1 / 2) / 2}
    assert metric.compute([scored(cat=-1e300), scored(dog=3)], [["cat"], []]) == {"mean_average_precision": 1.0}


def test_what_is_unknown_counts_nothing() -> None:
    metric = build("mean_average_precision", ("cat",))
    rows = metric.statistics([scored(cat=0.5), scored(cat=0.4)], [["cat"], []])
    more = np.vstack([[[0.9, -1.0]], rows])
    assert metric.value(more) == metric.value(rows) == 1.0
    assert np.isnan(metric.value(rows[1:]))
    assert np.isnan(metric.value(rows[:0]))


def test_an_interval_of_mean_average_precision() -> None:
    chance = np.random.default_rng(0)
    right = chance.random((60, 3)) < 0.4
    rows = np.hstack([chance.random((60, 3)) + right / 2, right]).astype(float)
    found = interval(build("mean_average_precision", LABELS), rows, np.arange(60).astype(str), replicates=100)
    estimate = found["mean_average_precision"]
    assert 0 < estimate.low < estimate.value < estimate.high <= 1


def test_mean_average_precision_names_what_is_wrong() -> None:
    metric = build("mean_average_precision", LABELS)
    with pytest.raises(UsageError, match="needs the task's labels"):
        build("mean_average_precision")
    with pytest.raises(MetricInputError, match="Sample 1 has the label 'whale'"):
        metric.statistics([None, None], [[], ["cat", "whale"]])
    for golden in (None, "cat", b"cat", 3, [None], [b"cat"], [["cat"]], {"cat"}):
        with pytest.raises(MetricInputError, match=r"^Sample 1: the list of right labels is"):
            metric.statistics([None, None], [[], golden])
    for scores in ({"cat": float("nan")}, {"cat": None}, {"cat": "high"}, [1, 2, 3], {None: 1.0}):
        with pytest.raises(MetricInputError, match=r"^Sample 1: "):
            metric.statistics([None, {"probabilities": scores}], [[], ["cat"]])
    assert "carry no probabilities" in (metric.applicable(["cat"]) or "")


def slow_rank(scores: dict[str, float], right: set[str]) -> float:
    """The first right place of the order that puts right ones last among equals."""
    order = sorted(scores, key=lambda one: (-scores[one], one in right))
    return next((place for place, one in enumerate(order, 1) if one in right), 1e9)


QUERY = st.tuples(
    st.dictionaries(st.sampled_from("abcdefghijklmno"), st.integers(0, 4), max_size=15),
    st.sets(st.sampled_from("abcdefghijklmno"), min_size=1, max_size=3),
)


@settings(deadline=None)
@given(st.lists(st.none() | QUERY, min_size=1, max_size=20), st.data())
def test_retrieval_equals_its_definition_under_weights(queries: list[Any], data: st.DataObject) -> None:
    metric = build("retrieval")
    rows = metric.statistics([q and q[0] for q in queries], [sorted(q[1]) if q else ["a"] for q in queries])
    ranks = [1e9 if q is None else slow_rank(*q) for q in queries]
    assert rows[:, 0].tolist() == ranks
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(ranks), max_size=len(ranks)))
    again = np.sort(np.repeat(ranks, counts))
    if not len(again):
        assert np.isnan(metric.values(rows, np.asarray(counts, dtype=float))).all()
        return
    recalls = [(again <= depth).mean() for depth in (1, 5, 10)]
    median = again[(len(again) - 1) // 2]
    expected = [*recalls, median, np.where(again < 1e9, 1 / again, 0).mean()]
    np.testing.assert_allclose(metric.values(rows, np.asarray([counts], dtype=float))[0], expected, atol=1e-12)


@given(st.lists(st.permutations("abcdefgh"), min_size=1, max_size=10), st.data())
def test_reciprocal_rank_of_one_right_candidate_equals_scikit_learn(
    rankings: list[list[str]], data: st.DataObject
) -> None:
    golden = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=len(rankings), max_size=len(rankings)))
    found = build("retrieval").compute(rankings, [[one] for one in golden])["mean_reciprocal_rank"]
    truth = np.asarray([[one == gold for one in "abcdefgh"] for gold in golden])
    scores = -np.asarray([[ranking.index(one) for one in "abcdefgh"] for ranking in rankings])
    assert found == pytest.approx(label_ranking_average_precision_score(truth, scores))


def test_a_ranking_and_its_scores_are_the_same_prediction() -> None:
    metric = build("retrieval")
    ids = [str(number) for number in range(20)]
    random.Random(0).shuffle(ids)
    scores = {one: -place for place, one in enumerate(ids)}
    for gold in ids:
        assert metric.compute([ids], [[gold]]) == metric.compute([scores], [[int(gold)]])


def test_what_is_absent_has_a_rank_beyond_any_ranking() -> None:
    metric = build("retrieval")
    rows = metric.statistics([["a", "b"], [], None, ["b", "a"], {}, [3, 4]], [["a"]] * 5 + [["4"]])
    assert rows[:, 0].tolist() == [1, 1e9, 1e9, 2, 1e9, 2]
    found = dict(zip(metric.outputs, metric.values(rows), strict=True))
    assert found == {
        "recall_at_1": 1 / 6,
        "recall_at_5": 0.5,
        "recall_at_10": 0.5,
        "median_rank": 2.0,
        "mean_reciprocal_rank": 1 / 3,
    }
    assert metric.value(rows[1:3]) == 0.0
    assert metric.values(rows[1:3])[3:].tolist() == [1e9, 0.0]
    assert [metric.higher(output) for output in metric.outputs] == [True, True, True, False, True]


def test_many_right_ids_are_counted_as_few() -> None:
    """Two thousand of four: a look at each label for each right one would be millions of steps for every query."""
    chance = random.Random(0)
    scores = {str(number): chance.randrange(50) - 60 * (number % 2) for number in range(4000)}
    right = {str(number) for number in range(1, 4000, 2)}
    rows = build("retrieval").statistics([scores], [sorted(right)])
    assert rows[0, 0] == slow_rank(scores, right)


def test_retrieval_names_the_row_that_it_cannot_read() -> None:
    metric = build("retrieval")
    for prediction in ("abc", b"abc", 3, float("nan"), [None], [b"a"], {"a": float("nan")}, {"a": "b"}, {None: 1}):
        with pytest.raises(MetricInputError, match=r"^Sample 1: "):
            metric.statistics([["a"], prediction], [["a"], ["a"]])
    for golden in ([], "a", None, [None]):
        with pytest.raises(MetricInputError, match=r"^Sample 1"):
            metric.statistics([["a"], ["a"]], [["a"], golden])
    assert metric.statistics([], []).shape == (0, 2)
    assert np.isnan(metric.values(np.zeros((0, 2)))).all()
