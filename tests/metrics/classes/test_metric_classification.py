"""Accuracy, F1 and its kin, and the report per class, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from velm_bench.errors import UsageError
from velm_bench.metrics import MetricInputError, build

LABELS = ("cat", "dog", "eel", "fox")
NOTHING = "nothing"
"""What scikit-learn is told where a model gives no label, or one that is none of the task's."""
OF_CLASSES = ("macro_f1", "micro_f1", "weighted_f1", "balanced_accuracy", "mcc", "class_report")
SAID = st.sampled_from([*LABELS, *LABELS, "whale", "shark", None])
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), SAID), min_size=1, max_size=40)


def said(label: Any, ranked: Any = None, **probabilities: float) -> dict[str, Any]:
    return {"label": label, "ranked": ranked, "probabilities": probabilities or None}


def test_accuracy() -> None:
    metric = build("accuracy", LABELS)
    rows = metric.statistics([said("cat"), said("dog"), said(None), None], [["cat"], ["cat"], ["cat"], ["cat"]])
    assert rows.tolist() == [[1, 1], [0, 1], [0, 1], [0, 1]]
    assert metric.value(rows) == 0.25


def test_accuracy_by_token_takes_the_label_by_token_where_there_is_one() -> None:
    counted = {**said("cat"), "label_norm": "dog"}
    predictions, references = (
        [counted, counted, said("cat"), "cat", None],
        [["dog"], ["cat"], ["cat"], ["cat"], ["cat"]],
    )
    metric = build("accuracy_norm", LABELS)
    assert metric.statistics(predictions, references)[:, 0].tolist() == [1, 0, 1, 1, 0]
    assert build("accuracy", LABELS).statistics(predictions, references)[:, 0].tolist() == [0, 1, 1, 1, 0]
    assert metric.signature != build("accuracy", LABELS).signature


@pytest.mark.parametrize("name", OF_CLASSES)
def test_several_right_labels_have_no_row_in_a_confusion_matrix(name: str) -> None:
    with pytest.raises(MetricInputError, match=f"Sample 1 has 2 right labels: {name} is defined for one"):
        build(name, LABELS).statistics(["cat", "dog"], [["cat"], ["dog", "cat"]])


def test_a_bare_label_is_a_prediction_and_an_integer_its_digits() -> None:
    metric = build("accuracy", ("3", "4"))
    assert metric.compute(["3", 3, said(3), 4], [[3], ["3"], [3], ["3"]]) == {"accuracy": 0.75}


def test_top5_reads_the_ranking() -> None:
    ranking = list("abcdefg")
    metric = build("accuracy_top5")
    rows = metric.statistics([said("a", ranking)] * 3 + [None], [["a"], ["e"], ["f"], ["a"]])
    assert rows[:, 0].tolist() == [1, 1, 0, 0]


@given(st.integers(1, 12), st.lists(st.permutations(list("abcdefgh")), min_size=1, max_size=20), st.data())
def test_top_k_counts_the_first_k(k: int, rankings: list[list[str]], data: st.DataObject) -> None:
    golden = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=len(rankings), max_size=len(rankings)))
    metric = build(f"accuracy_top:{k}")
    assert metric.signature == f"accuracy|top:{k}|v:1"
    found = metric.compute([said(ranked[0], ranked) for ranked in rankings], [[label] for label in golden])
    scores = -np.asarray([[ranked.index(label) for label in "abcdefgh"] for ranked in rankings])
    expected = sk.top_k_accuracy_score(golden, scores, k=min(k, 7), labels=list("abcdefgh")) if k < 8 else 1.0
    assert found == {f"accuracy_top{k}": pytest.approx(expected)}


def test_top_5_is_accuracy_top5() -> None:
    assert build("accuracy_top:5").signature == build("accuracy_top5").signature
    assert build("accuracy_top:5").outputs == build("accuracy_top5").outputs


@pytest.mark.parametrize("argument", ["", "0", "-1", "three", "1.5", "9" * 5000, "\ud800"])
def test_top_k_needs_a_number(argument: str) -> None:
    with pytest.raises(UsageError, match="write accuracy_top:3"):
        build(f"accuracy_top:{argument}")


@pytest.mark.parametrize(("name", "good"), [("accuracy_top5", said("a", ["a"])), ("accuracy_top:2", said("a", ["a"]))])
def test_a_metric_says_why_it_cannot_be_computed(name: str, good: dict[str, Any]) -> None:
    metric = build(name)
    assert metric.applicable([good, None]) is None
    assert "1 of 3 predictions carry no ranking" in (metric.applicable([good, None, said("a")]) or "")
    assert build("accuracy").applicable([said("a")]) is None


def scikit(name: str, golden: list[str], predicted: list[str], weights: Any) -> float:
    """scikit-learn's number; averages are over the task's labels that occur."""
    occurring = sorted((set(golden) | set(predicted)) - {NOTHING})
    averaged = {"macro_f1": "macro", "weighted_f1": "weighted", "class_report": "macro"}
    if name == "micro_f1":  # over all that is said, so that saying nothing is wrong
        return float(sk.f1_score(golden, predicted, average="micro", sample_weight=weights, zero_division=0))
    if name == "mcc":
        return float(sk.matthews_corrcoef(golden, predicted, sample_weight=weights))
    if name == "balanced_accuracy":
        return float(sk.recall_score(golden, predicted, labels=sorted(set(golden)), average="macro", zero_division=0,
                                     sample_weight=weights))  # fmt: skip
    return float(sk.f1_score(golden, predicted, labels=occurring, average=averaged[name], zero_division=0,
                             sample_weight=weights))  # fmt: skip


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@settings(max_examples=50, deadline=None)
@given(pairs=PAIRS, data=st.data())
def test_scores_equal_scikit_learn_with_and_without_weights(
    name: str, pairs: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    golden = [gold for gold, _ in pairs]
    predicted = [label if label in LABELS else NOTHING for _, label in pairs]
    metric = build(name, LABELS)
    rows = metric.statistics([said(label) for _, label in pairs], [[gold] for gold in golden])
    assert metric.value(rows) == pytest.approx(scikit(name, golden, predicted, None))
    quarters = st.lists(st.integers(0, 12), min_size=len(pairs), max_size=len(pairs))
    weights = np.asarray(data.draw(quarters)) / 4  # their sums are exact: MCC is a difference of products
    kept = np.flatnonzero(weights)
    if len(kept):
        drawn = [[part[place] for place in kept] for part in (golden, predicted)]
        both = metric.value(rows, np.stack([weights, np.ones(len(pairs))]))
        assert both == pytest.approx([scikit(name, *drawn, weights[kept]), float(metric.value(rows))])
        assert metric.value(rows, weights) == pytest.approx(both[0])


@pytest.mark.filterwarnings("ignore:y_pred contains classes:UserWarning", "ignore:A single label:UserWarning")
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40))
def test_balanced_accuracy_and_micro_f1_by_their_other_names(pairs: list[tuple[str, str]]) -> None:
    golden, predicted = [gold for gold, _ in pairs], [label for _, label in pairs]
    references = [[gold] for gold in golden]
    found = build("balanced_accuracy", LABELS).compute(predicted, references)["balanced_accuracy"]
    assert found == pytest.approx(sk.balanced_accuracy_score(golden, predicted))
    micro = build("micro_f1", LABELS).compute(predicted, references)["micro_f1"]
    assert micro == pytest.approx(build("accuracy").compute(predicted, references)["accuracy"])


@settings(deadline=None)
@given(PAIRS, st.data())
def test_the_report_and_the_confusion_matrix_equal_scikit_learn(
    pairs: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    golden = [gold for gold, _ in pairs]
    predicted = [label if label in LABELS else NOTHING for _, label in pairs]
    counts = st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)).filter(any)
    weights = np.asarray(data.draw(counts), dtype=float)
    metric = build("class_report", LABELS)
    rows = metric.statistics([label for _, label in pairs], [[gold] for gold in golden])
    parts = sk.precision_recall_fscore_support(golden, predicted, labels=LABELS, zero_division=0, sample_weight=weights)
    values = dict(zip(metric.outputs, metric.values(rows, weights), strict=True))
    matrix = sk.confusion_matrix(golden, predicted, labels=[*LABELS, NOTHING], sample_weight=weights)[:-1]
    np.testing.assert_allclose(metric.confusion(rows, weights), matrix)
    np.testing.assert_allclose(metric.confusion(rows, np.stack([weights * 2, weights]))[1], matrix)
    for place, label in enumerate(LABELS):
        known = matrix[place].sum() + matrix[:, place].sum() > 0
        for measure, part in zip(("precision", "recall", "f1"), parts, strict=False):
            expected = part[place] if known else np.nan
            np.testing.assert_allclose(values[f"class_{measure}/{label}"], expected, atol=1e-12)
        assert values[f"class_support/{label}"] == parts[3][place]


def test_failures_and_foreign_labels_are_misses() -> None:
    metric = build("macro_f1", LABELS)
    rows = metric.statistics([said("cat"), said("whale"), None], [["cat"], ["cat"], ["dog"]])
    assert rows.tolist() == [[0, 0], [0, -1], [1, -1]]
    assert metric.value(rows) == pytest.approx((2 / 3 + 0) / 2)
    assert build("micro_f1", LABELS).value(rows) == pytest.approx(1 / 3)
    assert build("class_report", LABELS).confusion(rows)[:2].tolist() == [[1, 0, 0, 0, 1], [0, 0, 0, 0, 1]]


@pytest.mark.parametrize("name", OF_CLASSES)
def test_a_sample_whose_class_is_unknown_counts_nothing(name: str) -> None:
    metric = build(name, LABELS)
    rows = metric.statistics(["cat", "dog", "eel"], [["cat"], ["cat"], ["eel"]])
    more = np.vstack([rows, [[-1, -1], [-1, 2]]])
    np.testing.assert_array_equal(metric.values(more), metric.values(rows))
    assert metric.confusion(more).sum() == 3
    assert np.isnan(metric.values(more[3:])).all()
    assert np.isnan(metric.values(rows[:0])).all()


@pytest.mark.parametrize("golden", [["cat"] * 9, ["cat", "dog", "eel"] * 3])
def test_mcc_of_one_class_alone_is_0_under_any_weights(golden: list[str]) -> None:
    metric = build("mcc", LABELS)
    weights = np.random.default_rng(0).random((50, 9))
    for predicted, right in (("dog", golden), (None, golden), ("cat", ["cat"] * 9)):
        rows = metric.statistics([predicted] * 9, [[label] for label in right])
        assert (metric.value(rows, weights) == 0).all()
    rows = metric.statistics(["cat", "dog"], [["cat"], ["dog"]])
    assert metric.value(rows) == 1.0


@pytest.mark.parametrize("name", OF_CLASSES)
def test_metrics_of_classes_name_what_is_missing(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} needs the task's labels"):
        build(name)
    with pytest.raises(UsageError, match="lists one twice"):
        build(name, ("cat", "cat"))
    with pytest.raises(ValueError, match="Sample 1 has the label 'whale'"):
        build(name, LABELS).statistics([None, None], [["cat"], ["whale"]])


HOSTILE = [float("nan"), b"cat", ["cat"], {"cat"}, 1.0, True, np.nan, object()]


@pytest.mark.parametrize("name", ["accuracy", *OF_CLASSES])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: type(value).__name__)
def test_a_label_that_is_none_is_one_error_that_names_the_row(name: str, value: Any) -> None:
    metric = build(name, LABELS)
    for predictions, references in (
        (["cat", said(value)], [["cat"], ["cat"]]),
        (["cat", "cat"], [["cat"], [value]]),
        (["cat", None], [["cat"], [None]]),
        (["cat", None], [["cat"], "cat"]),
        (["cat", None], [["cat"], []]),
    ):
        with pytest.raises(MetricInputError, match=r"^Sample 1\b"):
            metric.statistics(predictions, references)
    with pytest.raises(MetricInputError, match="1 predictions for 2 references"):
        metric.statistics([None], [["cat"], ["cat"]])


@pytest.mark.parametrize("ranked", ["cat", b"cat", 3, {"cat": 1}, [None], [["cat"]], [b"cat"], [float("nan")]])
def test_a_ranking_that_is_none_is_one_error_that_names_the_row(ranked: Any) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1: the ranking is"):
        build("accuracy_top5").statistics([None, said("cat", ranked)], [["cat"], ["cat"]])


@settings(deadline=None)
@given(st.lists(st.text() | st.sampled_from(["\ud800", "\x00", "a" * 100_000]), min_size=1, max_size=9))
def test_any_text_is_a_label(texts: list[str]) -> None:
    labels = tuple(dict.fromkeys(texts))
    for name in OF_CLASSES:
        metric = build(name, labels)
        found = metric.compute(texts, [[text] for text in texts])
        assert found[metric.outputs[0]] == (0.0 if name == "mcc" and len(labels) == 1 else 1.0)


def test_a_mapping_without_a_label_is_no_failure() -> None:
    for name in ("accuracy", *OF_CLASSES):
        metric = build(name, LABELS)
        with pytest.raises(MetricInputError, match=r"^Sample 1: its prediction has no 'label': \{'lable': 'cat'\}\.$"):
            metric.statistics([None, {"lable": "cat"}], [["cat"], ["cat"]])
        unread = metric.statistics([{"label": None}], [["cat"]])
        np.testing.assert_array_equal(unread, metric.statistics([None], [["cat"]]))
    for wrong in ("cat", 3, said("cat"), {"ranked": []}):
        with pytest.raises(MetricInputError, match=r"^Sample 1: its prediction has no 'ranked': "):
            build("accuracy_top5").statistics([None, wrong], [["cat"], ["cat"]])


def test_several_right_labels_suit_accuracy_and_no_matrix() -> None:
    assert build("accuracy").compute(["dog", "eel"], [["cat", "dog"]] * 2) == {"accuracy": 0.5}
    assert build("accuracy_top:1").compute([said("dog", ["dog"])], [["cat", "dog"]]) == {"accuracy_top1": 1.0}
    for name in OF_CLASSES:
        with pytest.raises(MetricInputError, match=f"^Sample 1 has 2 right labels: {name} is defined for one"):
            build(name, LABELS).statistics(["cat", "dog"], [["cat"], ["cat", "dog"]])
