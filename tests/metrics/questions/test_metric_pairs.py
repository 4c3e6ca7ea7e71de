"""Metrics over samples that belong together: twins, and sentences of NLVR2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, build
from velm_bench.samples import Sample


def test_pairs_count_where_both_are_right() -> None:
    golden = [(["red"], "p"), (["blue"], "p"), (["1"], "q"), (["2"], "q"), (["x"], "alone"), (["x"], None)]
    metric = build("pair_accuracy")
    rows = metric.statistics(["red", "blue", "1", None, "x", "x"], golden)
    assert rows.tolist() == [[1, 1], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]
    assert metric.value(rows) == 0.5
    assert np.isnan(metric.value(rows[4:]))


def test_a_pair_stands_at_its_failed_member() -> None:
    """Over answered rows alone, a pair of which a member failed is left out."""
    golden = [(["1"], "p"), (["2"], "p"), (["1"], "q"), (["2"], "q"), (["1"], "r"), (["2"], "r")]
    predictions = ["1", None, "1", "2", None, None]
    metric = build("pair_accuracy")
    rows = metric.statistics(predictions, golden)
    assert rows.tolist() == [[0, 0], [0, 1], [1, 1], [0, 0], [0, 1], [0, 0]]
    answered = np.asarray([prediction is not None for prediction in predictions])
    assert metric.value(rows) == pytest.approx(1 / 3)
    assert metric.value(rows[answered]) == 1.0
    assert (metric.count(rows), metric.count(rows, answered), metric.count(rows[answered])) == (3, 1, 1)
    assert (metric.count(rows, np.zeros(6)), metric.count(rows[:0])) == (0, 0)


def test_a_pair_is_judged_by_the_most_frequent_answer() -> None:
    golden = [(["red"] * 6 + ["blue"] * 4, 1), (["no"] * 10, 1)]
    metric = build("pair_accuracy")
    assert metric.value(metric.statistics(["Red.", "no"], golden)) == 1.0
    assert metric.value(metric.statistics(["blue", "no"], golden)) == 0.0


def test_the_keys_are_read_from_the_facts() -> None:
    sample = Sample("1", references=("red",), facts={"pair": "p", "sentence": "s"})
    assert build("pair_accuracy").reference(sample) == (["red"], "p")
    assert build("nlvr").reference(sample) == (["red"], "s")
    assert build("nlvr").reference(Sample("1", references=("True",))) == (["True"], None)


def test_a_sentence_is_consistent_where_it_is_judged_rightly_for_all_pictures() -> None:
    golden = [(["True"], "s"), (["False"], "s"), (["True"], "t"), (["True"], "t"), (["False"], "u"), (["True"], None)]
    metric = build("nlvr")
    rows = metric.statistics(["true", "It is false.", "True", "no", "No, it isn't.", "Yes"], golden)
    assert rows.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert metric.values(rows) == pytest.approx([5 / 6, 2 / 3])
    assert metric.compute(["maybe", None], [(["True"], "s"), (["True"], "t")]) == {
        "nlvr_accuracy": 0.0,
        "nlvr_consistency": 0.0,
    }


def test_consistency_without_keys_is_undefined() -> None:
    metric = build("nlvr")
    accuracy, consistency = metric.values(metric.statistics(["True"], [(["True"], None)]))
    assert accuracy == 1.0
    assert np.isnan(consistency)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        *[("True", True), ("False.", False), ("yes", True), ("That is not the case.", False), ("true or false", None)],
        *[("True/False", None), ("Yep", True), ("Nope", False), ("I can't tell", None), ("It isn't.", False)],
    ],
)
def test_what_a_judgement_says(text: str, right: bool | None) -> None:
    scores = [build("nlvr").compute([text], [([gold], 1)])["nlvr_accuracy"] for gold in ("True", "False")]
    assert scores == [float(right is True), float(right is False)]


answers = st.lists(st.tuples(st.sampled_from(["True", "False", "?", None]), st.sampled_from("TF"), st.integers(0, 5)))


@given(answers)
def test_consistency_equals_going_through_the_sentences(given_answers: list[tuple[str | None, str, int]]) -> None:
    predictions = [text for text, _, _ in given_answers]
    golden = [([{"T": "True", "F": "False"}[gold]], key) for _, gold, key in given_answers]
    values = build("nlvr").values(build("nlvr").statistics(predictions, golden))
    if not golden:
        assert np.isnan(values).all()
        return
    right = [text == texts[0] for text, (texts, _) in zip(predictions, golden, strict=True)]
    sentences = {key for _, key in golden}
    whole = [all(one for one, (_, other) in zip(right, golden, strict=True) if other == key) for key in sentences]
    assert values == pytest.approx([np.mean(right), np.mean(whole)])


@pytest.mark.parametrize(
    ("name", "golden", "words"),
    [
        ("pair_accuracy", [(["red"], "p"), (["red"], ["p"])], "Sample 1: the key is"),
        (
            "pair_accuracy",
            [(["red"], "p"), ["red"]],
            "Sample 1 needs references of two parts: the answers and the pair",
        ),
        ("pair_accuracy", [(["red"], "p"), ([], "p")], "Sample 1 needs a list of at least one reference"),
        ("nlvr", [(["True"], "p"), (["red"], "p")], "Sample 1: the most frequent of the references .'red'. is neither"),
        ("nlvr", [(["True"], "p"), (["maybe"] * 2 + ["True"], "p")], "Sample 1: the most frequent of the references"),
        ("nlvr", [(["True"], float("nan")), (["True"], "p")], "Sample 0: the key is nan"),
        ("nlvr", [(["True"], "p"), (b"True", "p")], "Sample 1 needs a list"),
        ("nlvr", [(["True"], "p")], "2 predictions for 1 references"),
    ],
)
def test_references_of_another_form_are_one_sentence(name: str, golden: list[Any], words: str) -> None:
    with pytest.raises(MetricInputError, match=words):
        build(name).statistics(["red", "red"], golden)


def test_keys_of_a_table_are_whole_numbers() -> None:
    keys = [1.0, 1, np.int64(2), np.float32(2), 3, "3"]
    golden = [(["true"], key) for key in keys]
    assert build("pair_accuracy").statistics(["true"] * 6, golden)[:, 1].tolist() == [1, 0, 1, 0, 0, 0]
    assert build("nlvr").statistics(["true"] * 6, golden)[:, 3].tolist() == [1, 0, 1, 0, 1, 1]
    for odd in (1.5, float("inf"), float("nan"), b"1", [1]):
        with pytest.raises(MetricInputError, match=r"^Sample 0: the key is .*give text or a whole number\.$"):
            build("nlvr").statistics(["true"], [(["true"], odd)])


@pytest.mark.parametrize("name", ["pair_accuracy", "nlvr"])
def test_hostile_answers_break_nothing(name: str) -> None:
    metric = build(name)
    rows = metric.statistics(HOSTILE, [(["true"] * 10, "pair")] * len(HOSTILE))
    assert np.isfinite(metric.values(rows)).all()
    assert metric.value(rows) == 0.0
    assert np.isnan(metric.values(metric.statistics([], []))).all()


def test_a_hostile_text_equals_itself() -> None:
    metric = build("pair_accuracy")
    assert metric.value(metric.statistics(HOSTILE, [([text], "pair") for text in HOSTILE])) == 1.0
