"""Reliability diagrams, against counting by hand and against the metric's own error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from velm_bench.board.pages.calibration import reliability, reliability_of
from velm_bench.metrics.classes.calibration import CalibrationError
from velm_bench.results.schema import Result
from velm_bench.results.store import read_result, read_samples, write_run


def run_of(results: Path, task: str) -> Path:
    return next(iter(sorted((results / "ref=prefix" / f"scenes_{task}=lite").iterdir())))


def counted(predictions: list[dict[str, object]], references: list[list[str]]) -> dict[int, tuple[int, float, float]]:
    """Bin -> samples, mean confidence, share right; as plain as it can be said."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for prediction, golden in zip(predictions, references, strict=True):
        confidence = prediction["probabilities"][prediction["label"]]
        place = next(at for at in range(15) if confidence <= (at + 1) / 15 or at == 14)
        bins.setdefault(place, []).append((confidence, prediction["label"] in golden))
    return {
        place: (len(rows), float(np.mean([one for one, _ in rows])), float(np.mean([right for _, right in rows])))
        for place, rows in bins.items()
    }


def test_the_bins_of_a_real_run_are_those_that_counting_gives(real_results: Path) -> None:
    folder = run_of(real_results, "classification")
    rows = read_samples(folder).to_pylist()
    expected = counted([json.loads(row["prediction"]) for row in rows], [json.loads(row["references"]) for row in rows])
    found = reliability_of(folder, replicates=50)
    assert found is not None
    used = found.bins[found.bins["n"] > 0]
    assert list(used.index) == sorted(expected)
    assert_allclose(used[["n", "confidence", "accuracy"]].to_numpy(float), [expected[place] for place in used.index])
    assert found.bins["n"].sum() == found.n == 200


def test_the_error_is_the_one_that_the_run_reports(real_results: Path) -> None:
    folder = run_of(real_results, "classification")
    found = reliability_of(folder, replicates=10)
    assert found is not None
    assert_allclose(found.error, read_result(folder).scores["ece"].value)
    used = found.bins[found.bins["n"] > 0]
    assert_allclose(found.error, (abs(used["accuracy"] - used["confidence"]) * used["n"]).sum() / found.n)


def test_predictions_are_enough_where_a_run_kept_no_statistics(real_results: Path, tmp_path: Path) -> None:
    folder = run_of(real_results, "classification")
    kept = reliability_of(folder, replicates=10)
    result: Result = read_result(folder)
    write_run(tmp_path / "run", result, read_samples(folder).drop_columns(["stat.ece"]))
    anew = reliability_of(tmp_path / "run", replicates=10)
    assert kept is not None
    assert anew is not None
    assert_allclose(kept.bins.to_numpy(float), anew.bins.to_numpy(float))


def test_answers_without_probabilities_have_no_diagram(real_results: Path) -> None:
    assert reliability_of(run_of(real_results, "ner")) is None


def test_intervals_hold_the_share_and_shrink_with_samples() -> None:
    def width(copies: int) -> float:
        rows = [[7.0, 0.5, float(place % 2)] for place in range(20 * copies)]
        bins = reliability(np.asarray(rows), [f"picture {place}" for place in range(len(rows))]).bins
        row = bins.iloc[7]
        assert row["low"] <= row["accuracy"] <= row["high"]
        return float(row["high"] - row["low"])

    assert width(16) < 0.5 * width(1)


def test_samples_of_one_picture_are_drawn_together() -> None:
    rows = np.asarray([[7.0, 0.5, float(place // 10 % 2)] for place in range(200)])
    alone = reliability(rows, [str(place) for place in range(200)]).bins.iloc[7]
    together = reliability(rows, [str(place // 10) for place in range(200)]).bins.iloc[7]
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_one_picture_gives_no_interval_and_a_failed_sample_is_surely_wrong() -> None:
    rows = np.asarray([CalibrationError().unknown(), [14.0, 1.0, 1.0]])
    found = reliability(rows, ["same", "same"])
    last = found.bins.iloc[14]
    assert (last["n"], last["confidence"], last["accuracy"]) == (2, 1.0, 0.5)
    assert np.isnan(last["low"])
    assert found.error == 0.5
