"""Scores that samples came with."""

from __future__ import annotations

import math

import pytest

from velm_bench.metrics import MetricInputError, build


def test_it_is_the_mean_of_the_named_score_and_a_failed_sample_has_none() -> None:
    metric = build("given:acc")
    statistics = metric.statistics([{"acc": 1.0, "f1": 0.2}, None, {"acc": 0.5}], [None] * 3)
    assert metric.outputs == ("acc",)
    assert metric.values(statistics)[0] == pytest.approx(0.5)


def test_its_argument_may_say_that_less_is_better() -> None:
    metric = build("given:loss:lower")
    assert metric.outputs == ("loss",)
    assert not metric.higher("loss")
    assert metric.signature != build("given:loss").signature


@pytest.mark.parametrize(
    "prediction", [{}, {"acc": "1"}, {"acc": True}, {"acc": math.nan}, {"acc": math.inf}, {"acc": 10**400}, 3]
)
def test_what_is_no_finite_number_is_refused(prediction: object) -> None:
    with pytest.raises(MetricInputError, match="'acc'"):
        build("given:acc").statistics([prediction], [None])
