"""Token F1, ANLS and relaxed accuracy."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import MetricInputError, MetricUnavailableError, build

NAMES = ["token_f1", "anls", "relaxed_accuracy"]


def scored(name: str, prediction: str, *references: str) -> float:
    return next(iter(build(name).compute([prediction], [list(references)]).values()))


@pytest.mark.parametrize(
    ("prediction", "references", "f1", "exact"),
    [
        ("The Denver Broncos!", ["Denver Broncos"], 1.0, 1.0),
        ("Broncos", ["Denver Broncos"], 2 / 3, 0.0),
        ("a b", ["b b c", "x"], 0.5, 0.0),  # the article goes; one b of three words
        ("blue blue", ["blue", "red"], 2 / 3, 0.0),
        ("red", ["blue", "red"], 1.0, 1.0),
        ("U.S.", ["us"], 1.0, 1.0),
        ("the", ["an"], 1.0, 1.0),
        ("", ["..."], 1.0, 1.0),
        ("", ["red"], 0.0, 0.0),
        ("red", ["", "blue"], 0.0, 0.0),
        ("theatre", ["atre"], 0.0, 0.0),
        ("“red”", ["red"], 0.0, 0.0),  # only ASCII marks go
    ],
)
def test_token_f1(prediction: str, references: list[str], f1: float, exact: float) -> None:
    assert build("token_f1").compute([prediction], [references]) == pytest.approx(
        {"token_f1": f1, "token_exact_match": exact}
    )


@pytest.mark.parametrize(
    ("prediction", "references", "expected"),
    [
        ("Paris", ["paris"], 1.0),
        ("pariz", ["Paris"], 0.8),
        ("  New\n york ", ["new  york"], 1.0),
        ("ab", ["ad"], 0.5),  # the threshold is in
        ("abc", ["axy"], 0.0),
        ("abcde", ["abxyz", "abcxy", "zzzzz"], 0.6),
        ("", [""], 1.0),
        ("", ["a"], 0.0),
        ("a", ["", "b"], 0.0),
        ("x" + " " * 100 + "y", ["a b"], 0.0),  # padding buys nothing
    ],
)
def test_anls(prediction: str, references: list[str], expected: float) -> None:
    assert scored("anls", prediction, *references) == pytest.approx(expected)


def test_anls_says_that_it_keeps_its_threshold() -> None:
    assert "|threshold:keep>=0.5|" in build("anls").signature


def edit_distance(first: str, second: str) -> int:
    """Wagner and Fischer's table, row by row."""
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, 1):
        last, row[0] = row[0], i
        for j, right in enumerate(second, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (left != right))
    return row[-1]


def slow_anls(prediction: str, references: list[str]) -> float:
    best = 0.0
    for gold in references:
        first, second = " ".join(prediction.lower().split()), " ".join(gold.lower().split())
        longest = max(len(first), len(second))
        best = max(best, 1 - edit_distance(first, second) / longest if longest else 1.0)
    return best if best >= 0.5 else 0.0


@given(
    st.text("aAbB é\n🙂\ud800", max_size=12), st.lists(st.text("aAbB é\n🙂\ud800", max_size=12), min_size=1, max_size=3)
)
def test_anls_equals_a_dynamic_programme(prediction: str, references: list[str]) -> None:
    assert scored("anls", prediction, *references) == slow_anls(prediction, references)


def test_anls_of_long_answers_equals_a_dynamic_programme() -> None:
    chance = random.Random(0)
    for changes in (10, 90, 140, 200):
        gold = "".join(chance.choices("abcdef", k=300))
        text = list(gold)
        for _ in range(changes):
            text[chance.randrange(len(text))] = chance.choice("xyz")
        assert scored("anls", "".join(text), gold) == slow_anls("".join(text), [gold])


def test_anls_without_rapidfuzz_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(MetricUnavailableError, match=r"'anls' needs rapidfuzz: run pip install"):
        build("anls").statistics(["a"], [["a"]])
    assert scored("token_f1", "a b", "b") == 1.0


@pytest.mark.parametrize(
    ("prediction", "gold", "right"),
    [
        ("105", "100", True),
        ("95", "100", True),
        ("105.1", "100", False),
        ("-10", "10", False),
        ("-9.8", "-10", True),
        ("5%", "0.05", True),
        ("0.05", "5%", True),
        ("5%", "5", False),
        ("5.2%", "5%", True),
        ("5 %", "5%", True),
        ("0", "0", True),
        ("0.0", "0", False),  # a right answer of 0 is text
        ("0.001", "0", False),
        ("0", "0.01", False),
        ("2011", "2010", True),  # years are numbers, as in the original
        ("1e2", "100", True),
        ("Yes ", "yes", True),
        ("Yes.", "yes", False),
        ("1,000", "1000", False),
        ("1,000", "1,000", True),
        ("$5", "5", False),
        ("ten", "10", False),
        ("inf", "100", False),
        ("inf", "inf", True),
        ("1e999", "inf", False),
        ("nan", "NaN", True),
        ("nan", "1", False),
        ("", "", True),
        ("%", "%", True),
        ("", "5", False),
    ],
)
def test_relaxed_accuracy(prediction: str, gold: str, right: bool) -> None:
    assert scored("relaxed_accuracy", prediction, gold) == float(right)


def test_relaxed_accuracy_takes_any_reference() -> None:
    assert scored("relaxed_accuracy", "7", "blue", "100", "7.1") == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_failures_score_nothing_and_count(name: str) -> None:
    metric = build(name)
    rows = metric.statistics(["red", None, "green"], [["red"], ["red"], ["red"]])
    assert rows[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert metric.value(rows) == pytest.approx(1 / 3)
    assert metric.value(rows, np.asarray([1.0, 1.0, 0.0])) == 0.5
    assert np.isnan(metric.values(metric.statistics([], []))).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [float("nan"), b"red", ["red"]])
def test_what_is_no_text_is_one_sentence(name: str, wrong: Any) -> None:
    with pytest.raises(MetricInputError, match="Sample 0: the prediction is"):
        build(name).statistics([wrong], [["red"]])
    with pytest.raises(MetricInputError, match="Sample 1: the reference is"):
        build(name).statistics(["red", "red"], [["red"], ["red", wrong]])
    with pytest.raises(MetricInputError, match=f"Sample 0 needs a list of at least one reference for {name}"):
        build(name).statistics(["red"], [[]])


@pytest.mark.parametrize("name", NAMES)
def test_hostile_answers_break_nothing(name: str) -> None:
    metric = build(name)
    for predictions, golden in (
        (HOSTILE, [["a dog"]] * len(HOSTILE)),
        (["a dog"] * len(HOSTILE), [[text, "x"] for text in HOSTILE]),
        (HOSTILE, [[text] for text in HOSTILE]),
    ):
        rows = metric.statistics(predictions, golden)
        assert np.isfinite(rows).all()
        assert ((rows >= 0) & (rows <= 1)).all()
    assert (rows[:, 0] == 1.0).all()


@given(st.text(), st.text())
def test_any_two_texts_have_a_score(prediction: str, gold: str) -> None:
    for name in NAMES:
        assert 0.0 <= scored(name, prediction, gold) <= 1.0
        assert scored(name, gold, gold) == 1.0
