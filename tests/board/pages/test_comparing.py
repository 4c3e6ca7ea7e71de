"""Comparisons against slow definitions: every difference, interval, p, win and adjustment computed again by hand."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.comparing import (
    COMPARE_COLUMNS,
    compare_frame,
    compare_tasks,
    metrics_of,
    replicates_for,
    sentence,
    slices_of,
)
from velm_bench.board.pages.entrants import entrants, folder_of
from velm_bench.errors import UsageError

VQA, NER, CAPTIONS, CLASSES = (f"scenes_{kind}:lite" for kind in ("vqa", "ner", "captioning", "classification"))


@pytest.fixture(scope="module")
def listing(real_results: Path) -> Listing:
    return list_results(real_results)


def key(listing: Listing, label: str) -> str:
    return next(one.key for one in entrants(listing).values() if one.label == label)


def table(listing: Listing, label: str, task: str) -> pd.DataFrame:
    (run,) = next(one for one in entrants(listing).values() if one.label == label).runs[task]
    return pq.read_table(folder_of(listing, run) / "samples.parquet").to_pandas()


def drawn_by_hand(groups: list[str], replicates: int, seed: int) -> list[list[int]]:
    """For each replicate the rows that are drawn: PCG64's words, their upper halves scaled to a group's number."""
    names = sorted(set(groups))
    bits = np.random.PCG64(seed)
    found = []
    for _ in range(replicates):
        drawn = [names[((int(bits.random_raw()) >> 32) * len(names)) >> 32] for _ in names]
        found.append([row for name in drawn for row in range(len(groups)) if groups[row] == name])
    return found


def test_difference_interval_and_p_are_those_of_a_bootstrap_by_hand(listing: Listing) -> None:
    frame = compare_frame(listing, [key(listing, "ref:concat"), key(listing, "ref:prefix")], VQA, replicates=60)
    first, second = (table(listing, label, VQA) for label in ("ref:concat", "ref:prefix"))
    a, b = ([row[0] for row in one["stat.vqa_accuracy"]] for one in (first, second))
    draws = drawn_by_hand(list(first["group"]), 60, seed=0)
    differences = [float(np.mean([b[row] for row in rows]) - np.mean([a[row] for row in rows])) for rows in draws]
    row = frame.iloc[1]
    assert row["difference"] == pytest.approx(np.mean(b) - np.mean(a))
    assert [row["diff_low"], row["diff_high"]] == pytest.approx(list(np.quantile(differences, [0.025, 0.975])))
    beyond = min(sum(one <= 1e-12 for one in differences), sum(one >= -1e-12 for one in differences))
    assert beyond == 0  # so that p says how far beyond all replicates zero is
    error = max(row["difference"] - row["diff_low"], row["diff_high"] - row["difference"]) / 1.959964
    t, freedom = row["difference"] / error, len(set(first["group"])) - 1
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log(1 + t * t / freedom))
    assert row["p"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-4)
    assert row["wins"] == sum(y > x for x, y in zip(a, b, strict=True))
    assert row["losses"] == sum(y < x for x, y in zip(a, b, strict=True))
    assert row["ties"] == sum(y == x for x, y in zip(a, b, strict=True))
    assert row["n"] == len(a) == 400


def test_the_first_is_the_one_that_the_others_are_compared_with(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("ref:prefix", "baseline:oracle", "baseline:constant")]
    frame = compare_frame(listing, keys, VQA)
    assert list(frame.columns) == list(COMPARE_COLUMNS)
    assert list(frame["key"]) == keys
    assert list(frame["verdict"]) == ["reference", "better", "worse"]
    assert frame["difference"].isna().tolist() == [True, False, False]
    back = compare_frame(listing, [keys[1], keys[0]], VQA)
    assert back["difference"].iloc[1] == pytest.approx(-frame["difference"].iloc[1])
    assert (back["wins"].iloc[1], back["losses"].iloc[1]) == (frame["losses"].iloc[1], frame["wins"].iloc[1])


def test_scores_are_those_of_the_runs(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("ref:prefix", "ref:concat")]
    for task in listing.tasks:
        frame = compare_frame(listing, keys, task)
        for _, row in frame.iterrows():
            of_run = listing.runs[
                (listing.runs["submission"].str.startswith(row["key"])) & (listing.runs["task"] == task)
            ]
            ordinary = of_run[of_run["control"] == ""].iloc[0]
            assert [row[name] for name in ("score", "low", "high", "n", "errors")] == [
                ordinary[name] for name in ("score", "low", "high", "n", "errors")
            ]


def test_p_values_are_adjusted_for_all_that_is_shown(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("ref:prefix", "ref:concat", "baseline:random", "baseline:majority")]
    frame = compare_frame(listing, keys, VQA, by="question_type", replicates=200)
    known = [p for p in frame["p"] if not pd.isna(p)]
    ranked = sorted(known)
    for p, adjusted in zip(frame["p"], frame["p_holm"], strict=True):
        if not pd.isna(p):
            slow = max(min(1.0, (len(ranked) - place) * one) for place, one in enumerate(ranked) if one <= p)
            assert adjusted == pytest.approx(slow)
    assert set(frame["verdict"]) <= {"reference", "better", "worse", "even"}
    assert all(
        (row["p_holm"] < 0.05) == (row["verdict"] != "even")
        for _, row in frame.iterrows()
        if row["verdict"] != "reference"
    )


def test_a_slice_is_compared_on_its_samples_alone(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("ref:concat", "ref:prefix")]
    assert "question_type" in slices_of(listing, keys, VQA)
    frame = compare_frame(listing, keys, VQA, by="question_type", replicates=100)
    first, second = (table(listing, label, VQA) for label in ("ref:concat", "ref:prefix"))
    values = set(first["slice.question_type"])
    assert set(frame["slice"]) == {f"question_type={value}" for value in values}
    for value in values:
        keep = first["slice.question_type"] == value
        means = [np.mean([row[0] for row in one[keep]["stat.vqa_accuracy"]]) for one in (first, second)]
        rows = frame[frame["slice"] == f"question_type={value}"]
        assert rows["score"].tolist() == pytest.approx(means)
        assert rows["difference"].iloc[1] == pytest.approx(means[1] - means[0])
        assert rows["wins"].iloc[1] + rows["losses"].iloc[1] + rows["ties"].iloc[1] == keep.sum()


def test_a_model_is_compared_with_itself_under_a_control(listing: Listing) -> None:
    frame = compare_frame(listing, [key(listing, "ref:prefix"), key(listing, "ref:prefix (blank)")], VQA)
    assert list(frame["verdict"]) == ["reference", "worse"]
    assert frame["difference"].iloc[1] == pytest.approx(frame["score"].iloc[1] - frame["score"].iloc[0])


def test_a_smaller_is_better_score_turns_the_verdict(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("baseline:oracle", "baseline:random")]
    assert "ece" in metrics_of(listing, keys, CLASSES)
    frame = compare_frame(listing, keys, CLASSES, "ece", replicates=200)
    row = frame.iloc[1]
    assert row["difference"] > 0
    assert row["verdict"] == "worse"
    assert pd.isna(row["wins"])
    assert "above baseline:oracle" in sentence(row, "baseline:oracle", "classification")
    assert "which is worse" in sentence(row, "baseline:oracle", "classification")


def test_several_tasks_stand_below_each_other(listing: Listing) -> None:
    keys = [key(listing, label) for label in ("ref:concat", "ref:prefix (blank)")]
    frame = compare_tasks(listing, keys)
    assert list(dict.fromkeys(frame["task"])) == list(listing.tasks)
    assert len(frame) == 2 * len(listing.tasks)
    missing = frame[(frame["model"] == "ref:prefix (blank)") & (frame["task"] != VQA)]
    assert missing["difference"].isna().all()
    assert all("has no run of" in note for note in missing["note"])
    single = compare_frame(listing, keys, VQA)
    assert frame[frame["task"] == VQA]["difference"].iloc[1] == single["difference"].iloc[1]


def copied(listing: Listing, place: Path) -> Listing:
    shutil.copytree(listing.root, place)
    return list_results(place)


def test_samples_that_are_elsewhere_leave_the_score_and_a_sentence(listing: Listing, tmp_path: Path) -> None:
    copy = copied(listing, tmp_path / "results")
    keys = [key(copy, label) for label in ("ref:concat", "ref:prefix")]
    (run,) = next(one for one in entrants(copy).values() if one.key == keys[1]).runs[VQA]
    (folder_of(copy, run) / "samples.parquet").unlink()
    frame = compare_frame(copy, keys, VQA)
    assert frame["score"].tolist() == compare_frame(listing, keys, VQA)["score"].tolist()
    assert pd.isna(frame["difference"].iloc[1])
    assert "not on this machine" in frame["note"].iloc[1]
    assert sentence(frame.iloc[1], "ref:concat", "vqa") == frame["note"].iloc[1]
    back = compare_frame(copy, keys[::-1], VQA)
    assert pd.isna(back["difference"].iloc[1])
    assert "not on this machine" in back["note"].iloc[0]


def changed(listing: Listing, label: str, change: Any) -> None:
    (run,) = next(one for one in entrants(listing).values() if one.label == label).runs[VQA]
    path = folder_of(listing, run) / "result.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_runs_about_other_things_are_not_compared(listing: Listing, tmp_path: Path) -> None:
    copy = copied(listing, tmp_path / "results")
    changed(copy, "ref:prefix", lambda data: data["data"].update(content="f" * 64))
    frame = compare_frame(copy, [key(copy, "ref:concat"), key(copy, "ref:prefix")], VQA)
    assert "content of the samples differs" in frame["note"].iloc[1]
    assert frame["verdict"].iloc[1] == ""


def test_what_cannot_be_compared_is_refused(listing: Listing) -> None:
    keys = [one.key for one in entrants(listing).values()]
    with pytest.raises(UsageError, match="At most four"):
        compare_frame(listing, keys[:5], VQA)
    with pytest.raises(UsageError, match="Two models are needed"):
        compare_frame(listing, [keys[0], "000000000000"], VQA)


def test_a_sentence_says_by_how_much_and_whether_it_is_more_than_chance(listing: Listing) -> None:
    row = compare_frame(listing, [key(listing, "ref:prefix"), key(listing, "ref:prefix (blank)")], VQA).iloc[1]
    said = sentence(row, "ref:prefix", "vqa")
    assert f"scores {-100 * row['difference']:.1f} points below ref:prefix" in said
    assert said.endswith("p < 0.001: separable.")
    same = row.copy()
    same["difference"], same["diff_low"], same["diff_high"], same["p_holm"], same["verdict"] = (
        0.001,
        -0.02,
        0.03,
        0.4,
        "even",
    )
    assert "cannot be told apart at n = 400: difference +0.1 points [−2.0, +3.0], p = 0.40." in sentence(
        same, "x", "vqa"
    )
    assert "difference +0.001 [−0.020, +0.030]" in sentence(same, "x", "captioning")


def test_much_data_draws_fewer_replicates() -> None:
    drawn = [replicates_for(samples) for samples in (1, 1_000, 10_000, 40_000, 10_000_000)]
    assert drawn == sorted(drawn, reverse=True)
    assert (drawn[0], drawn[-1]) == (10_000, 1_000)
