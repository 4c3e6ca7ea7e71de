"""Truthfulness of captions of embedded scenes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import build
from velm_bench.metrics.base import MetricInputError
from velm_bench.metrics.captions.truth import mentioned
from velm_bench.samples import Sample

COLOURS = {"red": "red", "crimson": "red", "blue": "blue", "green": "green"}
SHAPES = {"circle": "circle", "circles": "circle", "disc": "circle", "square": "square", "star": "star"}
VOCABULARY = {"colours": COLOURS, "shapes": SHAPES}


def facts(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"pairs": [list(pair) for pair in pairs], "vocabulary": VOCABULARY}


@pytest.mark.parametrize(
    ("caption", "pairs"),
    [
        ("a red circle and a blue square", {("red", "circle"), ("blue", "square")}),
        ("A Crimson, disc", set()),
        ("two large red striped circles", {("red", "circle")}),
        ("red big striped shiny disc", {("red", "circle")}),
        ("red one two three four disc", set()),
        ("red and blue square", {("blue", "square")}),
        ("a circle next to something red", set()),
        ("a red thing left of the star", set()),
        ("a red circle square", {("red", "circle")}),
        ("", set()),
        ("circlered", set()),
    ],
)
def test_mentions(caption: str, pairs: set[tuple[str, str]]) -> None:
    assert mentioned(caption, COLOURS, SHAPES) == pairs


def test_scores() -> None:
    metric = build("truth")
    golden = [
        facts(("red", "circle"), ("blue", "square")),
        facts(("red", "star")),
        facts(("red", "star")),
        facts(("red", "star")),
    ]
    rows = metric.statistics(["a red circle", "a red star and a blue star", "nothing", None], golden)
    assert rows.tolist() == [[1, 1, 2, 1, 1], [1, 2, 1, 0, 1], [0, 0, 1, 0, 1], [0, 0, 1, 0, 1]]
    f1, precision, recall, full = metric.values(rows)
    assert (precision, recall, full) == pytest.approx((2 / 3, 2 / 5, 1 / 4))
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert np.isnan(metric.values(rows[:0])).all()


def test_a_hue_in_doubt_may_be_called_either_way() -> None:
    doubtful = {**facts(("red", "star"), ("blue", "circle")), "also": [[["green", "star"], ["red", "star"]]]}
    captions = ["a red star and a blue circle", "a green star and a blue circle", "a red star and a green star", "none"]
    rows = build("truth").statistics([*captions, "a blue star"], [doubtful] * 5)
    assert rows[:, :4].tolist() == [[2, 2, 2, 1], [2, 2, 2, 1], [1, 1, 2, 1], [0, 0, 2, 0], [0, 1, 2, 0]]


def test_hostile_captions_break_nothing() -> None:
    metric = build("truth")
    scene = {"pairs": [["red", "star"], ["\ud800", "\x00"]], "vocabulary": VOCABULARY}
    rows = metric.statistics([*HOSTILE, "red star " * 11_111], [scene] * (len(HOSTILE) + 1))
    assert rows[:, 1].tolist() == [0.0] * len(HOSTILE) + [1.0]
    assert np.isfinite(metric.values(rows)).all()


@pytest.mark.parametrize("bad", [float("nan"), b"red star", ["red star"], 3.5, True, {"caption": "red star"}], ids=repr)
def test_a_prediction_that_is_no_text_is_one_sentence_that_names_the_sample(bad: object) -> None:
    with pytest.raises(MetricInputError, match="Sample 1: the prediction is"):
        build("truth").statistics(["a red star", bad], [facts(("red", "star"))] * 2)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        float("nan"),
        "red star",
        b"red star",
        ["red star"],
        {},
        {"pairs": [["red", "star"]]},
        {"vocabulary": VOCABULARY},
        *(
            facts() | {"pairs": pairs}
            for pairs in (None, "ab", {"red": "star"}, ["ab"], [["red"]], [["red", None]], [3])
        ),
        *(facts() | {"vocabulary": words} for words in (None, [], "red", {}, {"colours": COLOURS})),
        *(
            facts() | {"vocabulary": {"colours": COLOURS, "shapes": shapes}}
            for shapes in (None, ["star"], {"star": None}, {"star": ["star"]}, {3: "star"})
        ),
        *(facts() | {"also": also} for also in (3, "ab", [["red", "star"]], [[["red", "star"]]], [["ab", "cd"]])),
    ],
    ids=repr,
)
@pytest.mark.parametrize("caption", ["a red star", None])
def test_a_reference_that_is_no_scene_is_one_sentence_that_names_the_sample(bad: object, caption: str | None) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1: ") as caught:
        build("truth").statistics(["a red star", caption], [facts(("red", "star")), bad])
    assert caught.value.row == 1
    assert len(str(caught.value)) < 200


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["pairs", "vocabulary", "also", "colours", "shapes", "red"]), inner)
        ),
    )
)
def test_any_reference_is_scored_or_refused(anything: object) -> None:
    with suppress(MetricInputError):
        assert np.isfinite(build("truth").statistics(["a red star"], [anything])).all()


def test_reference_is_what_is_in_the_picture() -> None:
    scene = facts(("red", "star"))
    assert build("truth").reference(Sample("1", facts={"mentions": scene})) == scene
    with pytest.raises(ValueError, match="Sample 1 does not say what is in its picture"):
        build("truth").reference(Sample("1"))
