"""Logs that Inspect 0.3.285 wrote of six questions to its mock model, one of which failed, in both of its formats."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.foreign.exports import FILES, inspect_log, write_archive
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignRun
from velm_bench.results.foreign.converting import convert
from velm_bench.results.foreign.inspect import find_results, read_runs
from velm_bench.results.foreign.inspect_samples import to_number

FOLDER = FILES / "inspect"


def run_of(path: Path, model: str = "") -> ForeignRun:
    (run,) = read_runs(path, model)
    return run


def made(tmp_path: Path, samples: list[dict[str, Any]], **changes: Any) -> ForeignRun:
    path = tmp_path / "log.json"
    path.write_text(json.dumps(inspect_log(samples, **changes)))
    return run_of(path)


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        run_of(path)
    return str(caught.value)


def test_every_scorer_is_a_score_as_inspect_counts_it() -> None:
    run = run_of(FOLDER / "baseline.json")
    found = {sample.id: sample.scores for sample in run.samples}
    assert found["q1"] == {
        "match": 1.0, "includes": 1.0, "graded": 1.0, "length": 3.0, "parts/colour": 1.0, "parts/shape": 1.0
    }  # fmt: skip
    assert found["q5"]["parts/shape"] == 0.5
    candidate = {sample.id: sample.scores for sample in run_of(FOLDER / "candidate.json").samples}
    assert [candidate[name]["graded"] for name in ("q2", "q3", "q6")] == [0.0, 0.5, 1.0]
    assert (run.harness, run.task, run.model) == ("inspect 0.3.285", "colours", "mockllm/model")
    assert run_of(FOLDER / "baseline.json", "mine").model == "mine"


def test_the_means_are_inspects_own_over_the_samples_that_did_not_fail() -> None:
    for name in ("baseline", "candidate"):
        log = json.loads((FOLDER / f"{name}.json").read_text())
        result, _ = convert(run_of(FOLDER / f"{name}.json"), replicates=0)
        for score in log["results"]["scores"]:
            ours = score["name"] if score["name"] == score["scorer"] else f"{score['scorer']}/{score['name']}"
            (value,) = (one["value"] for key, one in score["metrics"].items() if key != "stderr")
            assert result.scores[ours].answered == pytest.approx(value)
            assert result.scores[ours].value == pytest.approx(value * 5 / 6)


def test_a_failed_sample_counts_as_wrong_and_says_why() -> None:
    run = run_of(FOLDER / "baseline.json")
    (failed,) = (sample for sample in run.samples if sample.error)
    assert (failed.id, failed.error) == ("q4", "RuntimeError('the picture cannot be read')")
    result, table = convert(run, replicates=0)
    assert (result.n, result.n_errors, result.scores["match"].n_errors) == (6, 1, 1)
    assert table.column("error").to_pylist().count(failed.error) == 1


def test_a_sample_with_an_error_is_wrong_even_where_it_was_scored(tmp_path: Path) -> None:
    right = {"scores": {"match": {"value": "C"}}}
    run = made(tmp_path, [{"id": 1, **right}, {"id": 2, **right, "error": {"message": "late"}}])
    result, _ = convert(run, replicates=0)
    assert result.scores["match"].value == 0.5
    run = made(tmp_path, [{"id": 1, **right}, {"id": 2, **right, "invalidation": {"author": "a"}}])
    assert convert(run, replicates=0)[0].scores["match"].value == 0.5


def test_a_log_in_which_everything_failed_is_all_wrong(tmp_path: Path) -> None:
    run = made(tmp_path, [{"id": name, "scores": {}, "error": {"message": "x"}} for name in "ab"])
    result, _ = convert(run, replicates=0)
    assert (result.primary, result.score.value, result.n_errors) == ("match", 0.0, 2)


def test_several_answers_of_a_sample_are_one_group() -> None:
    run = run_of(FOLDER / "baseline.eval")
    assert [sample.id for sample in run.samples][:4] == ["q1/1", "q1/2", "q2/1", "q2/2"]
    assert {sample.group for sample in run.samples} == {f"q{place}" for place in range(1, 7)}
    assert sum(bool(sample.error) for sample in run.samples) == 2
    assert run.total == 12


def test_both_formats_of_one_log_are_the_same_run(tmp_path: Path) -> None:
    log = json.loads((FOLDER / "baseline.json").read_text())
    run = run_of(FOLDER / "baseline.json")
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        assert run_of(write_archive(tmp_path / "log.eval", log, method)) == run


def test_two_models_on_one_task_compare_and_another_prompt_does_not(tmp_path: Path) -> None:
    first, second = (convert(run_of(FOLDER / f"{name}.json"), 0)[0] for name in ("baseline", "candidate"))
    assert (first.task.digest, first.data) == (second.task.digest, second.data)
    log = json.loads((FOLDER / "candidate.json").read_text())
    log["plan"]["steps"][0]["params"] = {"prompt": "Answer in one word."}
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert convert(run_of(tmp_path / "log.json"), 0)[0].task.digest != first.task.digest


def test_how_fast_a_model_was_asked_makes_no_other_task(tmp_path: Path) -> None:
    log = json.loads((FOLDER / "candidate.json").read_text())
    before = run_of(FOLDER / "candidate.json").settings
    for config in (log["eval"]["model_generate_config"], log["plan"]["config"]):
        config["max_connections"] = 3
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert run_of(tmp_path / "log.json").settings == before
    log["eval"]["model_generate_config"]["temperature"] = 0.5
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert run_of(tmp_path / "log.json").settings != before


def content(tmp_path: Path, asked: Any) -> Any:
    return made(tmp_path, [{"id": 1, "input": asked}]).samples[0].content


def test_what_is_random_or_local_in_a_question_does_not_count(tmp_path: Path) -> None:
    def asked(name: str, folder: str, text: str = "What is it?") -> list[dict[str, Any]]:
        parts = [{"type": "text", "text": text}, {"type": "image", "image": f"{folder}/a.png"}]
        return [{"id": name, "role": "user", "content": parts}]

    first = content(tmp_path, asked("x", "/home/me"))
    assert content(tmp_path, asked("y", "/data")) == first
    assert content(tmp_path, asked("x", "/home/me", "What is it not?")) != first
    assert content(tmp_path, asked("x", "attachment://1")) != content(tmp_path, asked("x", "attachment://2"))


def test_metadata_gives_groups_and_slices(tmp_path: Path) -> None:
    told = {"group": "im1", "slice.kind": "count", "slice:easy": True, "other": 3}
    (sample,) = made(tmp_path, [{"id": 1, "metadata": told}]).samples
    assert (sample.group, sample.slices) == ("im1", {"kind": "count", "easy": "true"})


def test_lists_are_as_many_scores_and_numbers_that_are_none_are_none(tmp_path: Path) -> None:
    scores = {"a": {"value": [1, "C"]}, "b": {"value": float("nan")}, "c": {"value": None}, "d:lower": {"value": 1}}
    (sample,) = made(tmp_path, [{"id": 1, "scores": scores}]).samples
    assert sample.scores == {"a/0": 1.0, "a/1": 1.0, "d": 1.0}


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.integers())))
def test_any_value_is_a_finite_number_or_none(value: Any) -> None:
    number = to_number(value)
    assert number is None or abs(number) < float("inf")
    assert not isinstance(value, str) or number is not None


@pytest.mark.parametrize(
    ("value", "number"),
    [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), ("Yes", 1), ("FALSE", 0), ("0.25", 0.25), (True, 1), ("c", 0), (7, 7)],
)
def test_values_count_as_inspects_value_to_float_says(value: Any, number: float) -> None:
    assert to_number(value) == number


def test_a_log_that_was_cut_off_has_what_it_lacks_wrong(tmp_path: Path) -> None:
    log = inspect_log([{"id": name} for name in "abcd"], status="cancelled")
    log["samples"] = log["samples"][:3]
    (tmp_path / "log.json").write_text(json.dumps(log))
    run = run_of(tmp_path / "log.json")
    assert [(sample.id, bool(sample.error)) for sample in run.samples][2:] == [("c", False), ("d", True)]
    assert "cancelled" in run.samples[-1].error
    del log["eval"]["dataset"]["sample_ids"]
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert "not written to its end (cancelled)" in refused(tmp_path / "log.json")


def test_an_archive_without_its_last_member_is_read_from_its_first(tmp_path: Path) -> None:
    log = inspect_log([{"id": "a"}, {"id": "b"}])
    path = tmp_path / "log.eval"
    write_archive(path, log)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "cut.eval", "w") as cut:
        for name in ("_journal/start.json", "samples/a_epoch_1.json"):
            cut.writestr(name, whole.read(name))
    run = run_of(tmp_path / "cut.eval")
    assert [(sample.id, bool(sample.error)) for sample in run.samples] == [("a", False), ("b", True)]


def test_a_limit_is_known(tmp_path: Path) -> None:
    log = inspect_log([{"id": "a"}, {"id": "b"}])
    log["eval"]["dataset"]["samples"] = 10
    (tmp_path / "log.json").write_text(json.dumps(log))
    result, _ = convert(run_of(tmp_path / "log.json"), 0)
    assert (result.data.limit, result.data.samples) == (2, 10)


def test_a_score_that_is_no_mean_is_kept_as_reported(tmp_path: Path) -> None:
    log = inspect_log([{"id": "a"}])
    metrics = {"pass": {"value": 0.9}, "mean": {"value": 0.5}, "stderr": {"value": 0.1}, "odd": 3}
    best = {"name": "f1", "scorer": "f1", "reducer": "max", "metrics": {"mean": {"value": 1}}}
    log["results"]["scores"] = [{"name": "f1", "scorer": "s", "metrics": metrics}, best]
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert run_of(tmp_path / "log.json").reported == {"s/f1@pass": 0.9, "f1@max:mean": 1.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eval": None}, "has no 'eval'"),
        ({"eval": {"task": 3}}, "has no 'eval' with a 'task'"),
        ({"samples": None}, "run Inspect with log_samples"),
        ({"samples": [1]}, "'samples' must be a list"),
        ({"samples": [{"epoch": 1}]}, "has the id None"),
        ({"samples": [{"id": True}]}, "has the id True"),
        ({"samples": [{"id": "a", "epoch": 0}]}, "has the epoch 0"),
        ({"samples": [{"id": "a", "epoch": "x"}]}, "has the epoch 'x'"),
        ({"samples": [{"id": "a"}, {"id": "a"}]}, "'a' twice"),
    ],
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**inspect_log([{"id": "a"}]), **change}))
    assert said in refused(path)
    assert str(path) in refused(path)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ODD = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(ODD, st.sampled_from(("eval", "plan", "results", "status", "samples")))
def test_whatever_stands_in_a_log_it_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, odd: Any, place: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.json"
    log = inspect_log([{"id": "a"}])
    first = log["samples"][0]
    samples = [{**first, "scores": odd, "metadata": odd, "output": odd, "input": odd, "target": odd, "error": odd}]
    scored = [{**first, "scores": {"a": {"value": odd}, "b": odd}}]
    told = {**log["eval"], "dataset": odd, "config": odd, "packages": odd, "scorers": odd, "model": odd}
    for change in ({place: odd}, {"samples": samples}, {"samples": scored}, {"eval": told}):
        path.write_text(json.dumps({**log, **change}))
        try:
            run = run_of(path)
            result, table = convert(run, replicates=0)
        except UsageError:
            continue
        assert len(table) == result.n == len(run.samples)


@pytest.mark.parametrize("kept", [40, 3000, 11_000])
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes((FOLDER / "baseline.eval").read_bytes()[:kept])
    assert "no whole zip archive" in refused(path)


def test_logs_are_found_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("deep/a.json", "b.eval"):
        (tmp_path / name).write_bytes((FOLDER / f"baseline{Path(name).suffix}").read_bytes())
    (tmp_path / "logs.json").write_text("{}")
    (tmp_path / "c.eval").write_text("no log")
    assert find_results(tmp_path) == [tmp_path / "b.eval", tmp_path / "deep" / "a.json"]


def test_scores_that_are_no_mappings_are_passed_over(tmp_path: Path) -> None:
    log = inspect_log([{"id": "a"}])
    log["results"]["scores"] = [None, 3, "x"]
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert run_of(tmp_path / "log.json").reported == {}


def test_more_answers_than_can_be_are_not_made_up(tmp_path: Path) -> None:
    log = inspect_log([{"id": "a"}, {"id": "b"}])
    log["eval"]["config"]["epochs"] = 10**8
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert "2 samples in 100,000,000 epochs" in refused(tmp_path / "log.json")


def test_a_sample_without_any_score_has_an_error(tmp_path: Path) -> None:
    nothing = {"scores": {"match": {"value": float("nan")}}}
    run = made(tmp_path, [{"id": 1, "scores": {"match": {"value": "C"}}}, {"id": 2, **nothing}])
    result, _ = convert(run, replicates=0)
    assert (result.n_errors, result.score.value, result.score.answered) == (1, 0.5, 1.0)
    assert run.samples[1].error == "it has no score"


def test_samples_are_kept_without_what_is_bulky(tmp_path: Path) -> None:
    bulky = {"input": "x" * 10_000, "metadata": {"group": "g", "rest": ["y"] * 1000}, "messages": ["z"] * 1000}
    (sample,) = made(tmp_path, [{"id": 1, **bulky, "output": {"completion": "A"}}]).samples
    assert len(repr(sample)) < 1000
    assert (sample.group, sample.answer) == ("g", "A")
