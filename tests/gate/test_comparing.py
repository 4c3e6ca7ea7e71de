"""Differences, wins, losses and flips of two matched runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.gate.made_evidence import drawn_pair, made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.comparing import Settings, Stakes, effects, flips, measure, parts_of, stakes_of
from velm_bench.gate.matching import match
from velm_bench.metrics import Array, build
from velm_bench.statistics.contrasts import Contrast, resample
from velm_bench.statistics.noninferiority import assess

FEW = Settings(replicates=1000)


def test_a_row_tells_both_scores_and_the_difference() -> None:
    first, second = drawn_pair(400, 1, drop=0.05)
    (one,) = measure(match(first, second), [("score", "")], {}, FEW)
    row = one.row
    assert row.baseline == pytest.approx(first.scores["score"].value)
    assert row.candidate == pytest.approx(second.scores["score"].value)
    assert row.change == pytest.approx(row.candidate - row.baseline)
    assert row.low <= row.change <= row.high
    assert row.bound >= row.low
    assert (row.n, row.groups) == (400, 400)
    better = second.statistics["given:score"][:, 0] - first.statistics["given:score"][:, 0]
    assert (row.wins, row.losses, row.ties) == ((better > 0).sum(), (better < 0).sum(), (better == 0).sum())


def test_mcnemar_is_told_for_right_and_wrong_only() -> None:
    from scipy.stats import binomtest

    first, second = drawn_pair(300, 2, drop=0.04)
    row = measure(match(first, second), [("score", "")], {}, FEW)[0].row
    assert row.p_mcnemar == pytest.approx(binomtest(row.wins, row.wins + row.losses).pvalue)
    thirds = made_evidence([1 / 3, 1, 0])
    assert measure(match(thirds, thirds), [("score", "")], {}, FEW)[0].row.p_mcnemar is None


def test_a_score_of_which_less_is_better_is_turned() -> None:
    metric = build("given:rate:lower")
    one = made_evidence([0.2] * 30, output="rate")
    score = one.scores["rate"].model_copy(update={"metric": "given:rate:lower", "signature": metric.signature})
    first = replace(one, scores={"rate": score}, statistics={"given:rate:lower": one.statistics["given:rate"]})
    worse = {"given:rate:lower": first.statistics["given:rate:lower"] + [0.1, 0.0]}
    row = measure(match(first, replace(first, statistics=worse)), [("rate", "")], {}, FEW)[0].row
    assert row.change == pytest.approx(-0.1)
    assert (row.wins, row.losses) == (0, 30)
    assert not row.higher_is_better


def test_failed_samples_of_both_are_counted() -> None:
    first = made_evidence([1, 1, 0, 1])
    second = replace(first, failed=np.asarray([False, True, True, False]))
    row = measure(match(first, second), [("score", "")], {}, FEW)[0].row
    assert (row.baseline_errors, row.candidate_errors) == (0, 2)


def test_the_effect_of_a_sample_on_a_mean_is_its_own_difference() -> None:
    first, second = made_evidence([1, 0, 0.5]), made_evidence([0, 0, 1.0])
    metric = first.metric("score")
    found = effects(metric, "score", first.statistics["given:score"], second.statistics["given:score"])
    assert found == pytest.approx([-1, 0, 0.5])


def test_the_effect_of_a_caption_on_bleu_is_that_of_exchanging_it() -> None:
    metric = build("bleu")
    references = [
        ["a red cat sits on the mat there"],
        ["two dogs run in the green park"],
        ["a man eats some bread now"],
    ]
    first = metric.statistics(["a red cat sits on the mat there", "two dogs run in the park", "a man"], references)
    second = metric.statistics(
        ["a red cat sits on a mat", "two dogs run in the park", "a man eats some bread"], references
    )
    found = effects(metric, "bleu_4", first, second)
    for place in range(3):
        exchanged = first.copy()
        exchanged[place] = second[place]
        gained = metric.values(exchanged)[0] - metric.values(first)[0]
        assert found[place] == pytest.approx(3 * gained)
    assert found[1] == 0.0


def test_a_found_entity_where_there_is_none_is_a_loss() -> None:
    metric = build("entity_f1", ["PER"])
    references = [["O", "O"], ["B-PER", "O"]]
    first = metric.statistics([["O", "O"], ["B-PER", "O"]], references)
    second = metric.statistics([["B-PER", "O"], ["B-PER", "O"]], references)
    found = effects(metric, metric.outputs[0], first, second)
    assert found[0] < 0
    assert found[1] == 0


def test_flips_come_worst_first_and_equal_ones_by_id() -> None:
    first, second = made_evidence([1, 1, 0, 0.5, 1]), made_evidence([0, 0.5, 1, 0, 0])
    matched = match(first, second)
    assert [matched.ids[place] for _, place in flips(matched, "score")] == ["s0", "s4", "s1", "s3"]
    assert [matched.ids[place] for _, place in flips(matched, "score", worse=False)] == ["s2"]


def test_slices_are_named_and_small_ones_left_out() -> None:
    one = made_evidence([1, 0, 1, 1], slices={"type": ["a", "a", "b", None]})
    masks, small = parts_of(match(one, one), None, smallest=2)
    assert list(masks) == ["type=a"]
    assert masks["type=a"].tolist() == [True, True, False, False]
    assert small == 1
    assert list(parts_of(match(one, one), ["type=b"])[0]) == ["type=b"]


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (["tipe"], "has no slice 'tipe': did you mean 'type'"),
        (["type=c"], "The slice 'type=c' of scenes_vqa has no sample"),
    ],
)
def test_a_slice_without_samples_is_refused(by: list[str], said: str) -> None:
    one = made_evidence([1, 0, 1, 1], slices={"type": ["a", "a", "b", None]})
    with pytest.raises(UsageError, match=said):
        parts_of(match(one, one), by)


def test_a_slice_equals_the_comparison_of_its_samples_alone() -> None:
    first, second = drawn_pair(200, 3, drop=0.1)
    first = replace(first, slices={"half": tuple("ab"[place % 2] for place in range(200))})
    matched = match(first, second)
    masks, _ = parts_of(matched, ["half"])
    row = measure(matched, [("score", ""), ("score", "half=a")], masks, FEW)[1].row
    values = [one.statistics["given:score"][::2, 0].mean() for one in (first, second)]
    assert (row.baseline, row.candidate) == pytest.approx(tuple(values))
    assert (row.slice, row.n) == ("half=a", 100)


def stakes(
    name: str, rows: Array, groups: list[str] | None = None, labels: Sequence[str] = (), output: str = ""
) -> Stakes:
    """What can be lost, of the same statistics on both sides."""
    metric = build(name, labels)
    names = np.asarray(groups or [f"g{place}" for place in range(len(rows))])
    return stakes_of(metric, output or metric.outputs[0], rows, rows, names, float(len(set(names.tolist()))))


def test_of_a_share_each_group_can_lose_its_part_of_one() -> None:
    rows = np.column_stack([[1.0] * 60 + [0.0] * 40, np.ones(100)])
    found = stakes("accuracy", rows, labels=["a", "b"])
    assert (found.span, found.loss) == pytest.approx((1.0, 0.01))
    assert found.trials == pytest.approx(100)
    images = stakes("accuracy", np.ones((100, 2)), [f"g{one // 5}" for one in range(100)])
    assert images.trials == pytest.approx(20)


def test_what_says_nothing_of_a_score_is_no_group_of_it() -> None:
    metric = build("entity_f1", ["LOC", "PER"])
    tags = [["B-LOC", "O"]] * 3 + [["B-PER", "O"]] * 197
    rows = metric.statistics(tags, tags)
    output = next(name for name in metric.outputs if "LOC" in name and "f1" in name.lower())
    few = stakes("entity_f1", rows, labels=["LOC", "PER"], output=output)
    assert few.loss == pytest.approx(1 - 2 * 2 / (2 + 3)), "two of three found, and nothing else"
    assert stakes("entity_f1", rows, labels=["LOC", "PER"]).loss == pytest.approx(1 - 2 * 199 / (199 + 200))
    seen = assess(resample([Contrast(metric, rows, rows)], np.arange(200).astype(str), 1000)[0],
                  metric.outputs.index(output), True, 0.05, few.span, few.loss)  # fmt: skip
    assert seen.bound < -0.4, "three sentences show next to nothing"


def test_a_score_without_bound_can_lose_what_it_has() -> None:
    found = stakes("cider", np.asarray([[0.5, 1.0], [2.5, 1.0]]))
    assert found.span == pytest.approx(1.5)
    assert found.loss == pytest.approx((0.25**2 + 1.25**2) / 1.5)
    around_zero = stakes("given:reward", np.asarray([[5.0, 1.0], [-5.0, 1.0]]))
    assert (around_zero.span, around_zero.loss) == pytest.approx((5.0, 5.0))


def test_where_nothing_is_left_to_lose_all_groups_count_alike() -> None:
    nothing = np.column_stack([np.zeros(50), np.ones(50)])
    assert stakes("accuracy", nothing, labels=["a"]) == Stakes(1.0, 0.02)
    assert stakes("given:toxic:lower", nothing) == Stakes(1.0, 0.02)


def test_failed_samples_of_another_harness_are_as_bad_as_the_worst_of_both() -> None:
    """Of a rate of which less is better, a failure is no success."""
    name = "given:rate:lower"
    metric = build(name)
    changed = {"metric": name, "signature": metric.signature, "higher_is_better": False}
    score = made_evidence([0.0]).scores["score"].model_copy(update=changed)
    rows = np.column_stack([[1.0] * 3 + [0.0] * 27, np.ones(30)])
    one = replace(made_evidence([0.0] * 30, output="rate"), scores={"rate": score}, statistics={name: rows})
    silent = replace(one, statistics={name: rows * [0.0, 1.0]}, failed=np.arange(30) < 15)
    row = measure(match(one, silent), [("rate", "")], {}, FEW)[0].row
    assert (row.baseline, row.candidate) == pytest.approx((0.1, 0.5))
    assert row.candidate_errors == 15
