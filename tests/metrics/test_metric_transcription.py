"""Error rates of transcriptions against jiwer."""

from __future__ import annotations

import sys
import unicodedata

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.errors import UsageError
from velm_bench.metrics import MetricInputError, MetricUnavailableError, build

WORDS = st.lists(st.sampled_from(["a", "the", "red", "Red", "dog", "dog.", "don't"]), max_size=12)
LINES = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=10)
JIWER_BASIC = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.RemoveMultipleSpaces()])
PREPARED = {"none": str, "lower": str.lower, "basic": lambda text: str(JIWER_BASIC(text))}


@pytest.mark.parametrize("normalisation", PREPARED)
@settings(deadline=None)
@given(lines=LINES)
def test_rates_equal_jiwer(normalisation: str, lines: list[tuple[list[str], list[str]]]) -> None:
    hypotheses, references = ([" ".join(words) for words in part] for part in zip(*lines, strict=True))
    ready = [[PREPARED[normalisation](text) for text in part] for part in (references, hypotheses)]
    for name, output in (("wer", jiwer.process_words(*ready)), ("cer", jiwer.process_characters(*ready))):
        metric = build(f"{name}:{normalisation}")
        rows = metric.statistics(hypotheses, [[text] for text in references])
        counts = [output.substitutions, output.deletions, output.insertions]
        assert rows[:, :3].sum(axis=0).tolist() == counts
        length = max(1.0, rows[:, 3].sum())
        assert metric.values(rows).tolist() == pytest.approx([getattr(output, name), *(n / length for n in counts)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=5))
def test_rates_of_any_text_equal_jiwer_after_our_normalisation(lines: list[tuple[str, str]]) -> None:
    hypotheses, references = ([text for text, _ in lines], [text for _, text in lines])
    for normalisation in ("none", "basic"):
        ready = [[" ".join(plain(text, normalisation).split()) for text in part] for part in (references, hypotheses)]
        for name, rate in (("wer", jiwer.wer), ("cer", jiwer.cer)):
            metric = build(f"{name}:{normalisation}")
            found = metric.value(metric.statistics(hypotheses, [[text] for text in references]))
            assert found == pytest.approx(rate(*ready))


def plain(text: str, normalisation: str) -> str:
    """The definition of `basic`, character by character."""
    if normalisation == "none":
        return text
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(one for one in folded if unicodedata.category(one)[0] != "P")


def test_the_normalisation_is_named_and_changes_the_number() -> None:
    said, right = ["A RED dog!"], [["a red  dog"]]
    rates = {"wer": 0.0, "wer:basic": 0.0, "wer:lower": pytest.approx(1 / 3), "wer:none": 1.0}
    for name, found in rates.items():
        assert build(name).compute(said, right)[name.removesuffix(":basic").replace(":", "_")] == found
    assert build("wer").signature == build("wer:basic").signature != build("wer:none").signature
    assert build("cer:none").compute(["ﬁn"], [["fin"]])["cer_none"] == pytest.approx(2 / 3)
    assert build("cer").compute(["ﬁn"], [["fin"]])["cer"] == 0.0


def test_normalisations_can_stand_side_by_side() -> None:
    names = [set(build(f"{name}:{norm}").outputs) for name in ("wer", "cer") for norm in ("basic", "lower", "none")]
    assert len(set.union(*names)) == sum(map(len, names)) == 24
    assert build("wer:basic").outputs == build("wer").outputs
    assert build("wer:none").outputs == (
        "wer_none",
        "wer_none_substitutions",
        "wer_none_deletions",
        "wer_none_insertions",
    )


@pytest.mark.parametrize("name", ["wer", "cer"])
@pytest.mark.parametrize("argument", ["", "ptb", "Basic"])
def test_an_unknown_normalisation_is_told_the_known_ones(name: str, argument: str) -> None:
    with pytest.raises(UsageError, match=f"metric {name} knows no .*known are basic, lower, none"):
        build(f"{name}:{argument}")


def test_the_rate_is_of_sums_and_lower_is_better() -> None:
    metric = build("wer")
    rows = metric.statistics(["a b c", "x"], [["a b c d"], ["y"]])
    assert rows.tolist() == [[0, 1, 0, 4, 1], [1, 0, 0, 1, 1]]
    assert metric.outputs == ("wer", "wer_substitutions", "wer_deletions", "wer_insertions")
    assert metric.values(rows).tolist() == [0.4, 0.2, 0.2, 0.0]
    assert metric.per_sample(rows)[:, 0].tolist() == [0.25, 1.0]
    assert metric.value(rows, np.asarray([[1.0, 0.0], [0.0, 2.0]])).tolist() == [0.25, 1.0]
    assert not any(map(metric.higher, metric.outputs))


def test_of_several_references_the_one_with_the_lowest_rate_counts() -> None:
    metric = build("wer")
    assert metric.statistics(["a b c"], [["a", "a b c d e f", "x b c"]]).tolist() == [[1, 0, 0, 3, 1]]
    assert metric.statistics(["a b"], [["", "a c", "b b"]]).tolist() == [[1, 0, 0, 2, 1]]
    assert metric.statistics([""], [["a", ""]]).tolist() == [[0, 0, 0, 0, 1]]


def test_a_failed_sample_and_an_empty_reference() -> None:
    metric = build("wer")
    rows = metric.statistics([None, None, "a b", ""], [["", "a", "a b c"], [""], ["..."], ["?"]])
    assert rows.tolist() == [[0, 3, 0, 3, 1], [0, 0, 1, 0, 1], [0, 0, 2, 0, 1], [0, 0, 0, 0, 1]]
    assert metric.value(rows[2:]) == jiwer.wer(["", ""], ["a b", ""]) == 2
    assert metric.value(rows[3:]) == 0
    assert np.isnan(metric.values(rows[:0])).all()


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_hostile_text_has_a_finite_rate(name: str) -> None:
    metric = build(name)
    assert metric.compute(HOSTILE, [[text] for text in HOSTILE])[name] == 0
    shifted = [[text] for text in HOSTILE[1:] + HOSTILE[:1]]
    for hypotheses in (HOSTILE, [None] * len(HOSTILE)):
        rows = metric.statistics(hypotheses, shifted)
        assert np.isfinite(rows).all()
        assert metric.value(rows) > 0.3


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_what_is_no_text_is_one_error_that_names_the_row(name: str) -> None:
    metric = build(name)
    for prediction in (b"a", float("nan"), ["a"], 1.5):
        with pytest.raises(MetricInputError, match=r"^Sample 1: the prediction is"):
            metric.statistics(["a", prediction], [["a"], ["a"]])
    for golden in ([None], [b"a"], [], "a", None):
        with pytest.raises(MetricInputError, match=r"^Sample 1"):
            metric.statistics(["a", "a"], [["a"], golden])


def test_a_missing_rapidfuzz_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(MetricUnavailableError, match="The metric 'wer' needs rapidfuzz: run pip install"):
        build("wer").statistics(["a"], [["a"]])
