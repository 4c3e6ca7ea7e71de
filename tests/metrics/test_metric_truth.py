"""Truthfulness of captions of embedded scenes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import build
from velm_bench.metrics.truth import mentioned
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


def test_reference_is_what_is_in_the_picture() -> None:
    scene = facts(("red", "star"))
    assert build("truth").reference(Sample("1", facts={"mentions": scene})) == scene
    with pytest.raises(ValueError, match="Sample 1 does not say what is in its picture"):
        build("truth").reference(Sample("1"))
