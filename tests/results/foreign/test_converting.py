"""Foreign runs as runs of ours: means with intervals, comparable with each other, and marked as imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from velm_bench.board.listings.results_listing import list_results
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignRun, ForeignSample
from velm_bench.results.foreign.converting import convert, import_run
from velm_bench.results.pairing import paired
from velm_bench.results.store import read_result, read_samples, statistics_of


def made(scores: list[float], model: str = "m", **changes: object) -> ForeignRun:
    samples = tuple(
        ForeignSample(str(place), "yes", ("yes",), {"acc": score}, [place], group=str(place // 2))
        for place, score in enumerate(scores)
    )
    run = ForeignRun(
        "lm-eval 1", model, "t", {"prompt": "p"}, samples, len(samples), {"acc": sum(scores) / len(scores)}
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def test_a_score_is_the_mean_with_a_clustered_interval() -> None:
    result, table = convert(made([1.0, 0.0, 1.0, 1.0]))
    score = result.score
    assert score.value == 0.75
    assert score.low is not None
    assert score.low < 0.75 < 1.0 == score.high
    assert statistics_of(table, "given:acc").tolist() == [[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert result.imported == "lm-eval 1"


def test_two_imported_runs_are_compared_like_any(tmp_path: Path) -> None:
    one = import_run(tmp_path, made([1.0, 0.0, 0.0, 0.0]))
    other = import_run(tmp_path, made([1.0, 1.0, 1.0, 0.0], model="n"))
    assert paired(one, other, "acc").value == 0.5


def test_other_settings_are_not_compared(tmp_path: Path) -> None:
    one = import_run(tmp_path, made([1.0, 0.0]))
    other = import_run(tmp_path, made([1.0, 0.0], model="n", settings={"prompt": "q"}))
    with pytest.raises(UsageError, match="the task differs"):
        paired(one, other, "acc")


def test_a_corpus_score_keeps_what_was_reported_without_an_interval() -> None:
    result, table = convert(made([1.0, 0.0], reported={"acc": 0.9, "bleu": 31.0}))
    assert {name: score.value for name, score in result.scores.items()} == {"acc": 0.9, "bleu": 31.0}
    assert result.score.low is None
    assert set(result.skipped) == {"acc", "bleu"}
    assert not [name for name in table.column_names if name.startswith("stat.")]


def test_a_sample_without_a_score_counts_as_wrong() -> None:
    run = made([1.0, 1.0], reported={})
    silent = ForeignSample("x", None, (), {}, ["x"])
    result, _ = convert(replace(run, samples=(*run.samples, silent)))
    assert result.score.value == pytest.approx(2 / 3)


def test_less_is_better_where_the_harness_says_so() -> None:
    result, _ = convert(made([0.5, 0.25], lower_is_better=frozenset({"acc"})))
    assert not result.score.higher_is_better
    assert result.score.metric == "given:acc:lower"


def test_slices_are_scored_apart() -> None:
    run = made([1.0, 0.0])
    samples = tuple(replace(sample, slices={"c": name}) for sample, name in zip(run.samples, ["x", "y"], strict=True))
    result, _ = convert(replace(run, samples=samples))
    assert {value: part.scores["acc"].value for value, part in result.slices["c"].items()} == {"x": 1.0, "y": 0.0}


def test_nothing_to_import_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to import"):
        convert(made([1.0], samples=()))


def test_a_written_run_reads_like_any_and_is_listed_as_imported(tmp_path: Path) -> None:
    folder = import_run(tmp_path, made([1.0, 0.0]))
    assert read_result(folder).scores["acc"].value == 0.5
    assert read_samples(folder).column("answer").to_pylist()[0] == '{"text":"yes","tokens":null}'
    assert list(list_results(tmp_path).runs["level"]) == ["imported"]


def test_the_same_import_gives_the_same_run(tmp_path: Path) -> None:
    assert import_run(tmp_path, made([1.0, 0.0])) == import_run(tmp_path, made([1.0, 0.0]))
