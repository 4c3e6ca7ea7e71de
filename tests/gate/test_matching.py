"""Two runs side by side: what forbids to compare them, and samples that one lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gate.made_evidence import made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import differences, match, refusal


def part(evidence: Evidence, places: list[int]) -> Evidence:
    """Some of the samples, in this order."""
    return replace(
        evidence,
        ids=evidence.ids[places],
        groups=evidence.groups[places],
        contents=evidence.contents[places],
        failed=evidence.failed[places],
        slices={name: tuple(values[place] for place in places) for name, values in evidence.slices.items()},
        statistics={name: rows[places] for name, rows in evidence.statistics.items()},
    )


def test_the_same_samples_in_another_order_are_put_in_one_order() -> None:
    whole = made_evidence([1, 0, 1, 1])
    found = match(whole, part(whole, [3, 1, 0, 2]))
    first, second = found.statistics("score")
    assert np.array_equal(first, second)
    assert (found.baseline_lacks, found.candidate_lacks) == (0, 0)


@given(st.sets(st.integers(0, 7), min_size=1), st.sets(st.integers(0, 7), min_size=1))
def test_whoever_lacks_a_sample_has_it_wrong(mine: set[int], other: set[int]) -> None:
    whole = made_evidence([1] * 8, slices={"half": ["a"] * 4 + [None] * 4})
    if not mine & other:
        with pytest.raises(UsageError, match="no sample of scenes_vqa in common"):
            match(part(whole, sorted(mine)), part(whole, sorted(other)))
        return
    found = match(part(whole, sorted(mine)), part(whole, sorted(other)))
    first, second = found.statistics("score")
    assert len(found.ids) == len(mine | other)
    assert first[:, 0].sum() == len(mine)
    assert second[:, 0].sum() == len(other)
    assert set(first[:, 1]) == set(second[:, 1]) == {1.0}, "who lacks it counts it all the same"
    assert found.baseline_lacks == len(other - mine)
    assert found.candidate_lacks == len(mine - other)
    failed = found.failed
    assert failed[0].sum() == len(other - mine)
    assert failed[1].sum() == len(mine - other)
    values = dict(zip(found.ids.tolist(), found.slices["half"], strict=True))
    assert all(values[f"s{place}"] == ("a" if place < 4 else None) for place in mine | other)


def test_a_sample_twice_is_refused() -> None:
    one = made_evidence([1, 0])
    with pytest.raises(UsageError, match="has a sample of scenes_vqa twice"):
        match(one, replace(one, ids=np.asarray(["s0", "s0"])))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task_digest": "f" * 64}, "the task differs"),
        ({"fingerprint": "f" * 64}, "the data set differs"),
        ({"imported": "lm-eval 0.4.13"}, "different harnesses (velm-bench and lm-eval 0.4.13)"),
        ({"labels": ("a", "b")}, "the labels differ"),
        ({"statistics": {}}, "knows only the value"),
        ({"scores": {}}, "has no score 'score'"),
        ({"statistics": {"given:score": np.asarray([[80.0, 1], [0, 1], [95, 1]])}}, "as shares and percentages do"),
        ({"statistics": {"given:score": np.ones((3, 5))}}, "other columns"),
        ({"contents": np.asarray(["x", "y", "z"])}, "the content of 3 samples differs, such as 's0'"),
        ({"groups": np.asarray(["s0", "s1", "s1"])}, "the group of 1 samples differs, such as 's2'"),
        ({"ids": np.asarray(["a", "b", "c"])}, "no sample in common"),
    ],
)
def test_each_difference_is_told(changes: dict[str, object], said: str) -> None:
    one = made_evidence([1, 0, 1])
    found = differences(one, replace(one, **changes), ["score"])  # type: ignore[arg-type]
    assert len(found) == 1
    assert said in found[0]


def test_another_signature_is_told_with_both() -> None:
    one = made_evidence([1, 0, 1])
    score = one.scores["score"].model_copy(update={"signature": "given|v:2"})
    found = differences(one, replace(one, scores={"score": score}), ["score"])
    assert "given|score:score|better:higher|v:1 and given|v:2" in found[0]


def test_all_differences_are_listed_in_one_sentence() -> None:
    one = made_evidence([1, 0, 1])
    other = replace(one, task_digest="f" * 64, fingerprint="e" * 64, source="made/other")
    sentence = refusal(one, other, differences(one, other, ["score"]))
    assert "the task differs" in sentence
    assert "the data set differs" in sentence
    assert sentence.startswith("made/ref:prefix and made/other cannot be compared on scenes_vqa")


def test_contents_that_are_not_known_are_no_difference() -> None:
    one = made_evidence([1, 0, 1])
    assert differences(one, replace(one, contents=np.asarray(["", "", ""])), ["score"]) == []
