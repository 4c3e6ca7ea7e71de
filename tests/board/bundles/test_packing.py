"""From runs to bundles: one per model, always the same, and only of runs that can be one's."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.board.made_bundles import copied_run, runs_of
from velm_bench.board.bundles.answers import read_answers
from velm_bench.board.bundles.packing import pack, run_files
from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import UsageError
from velm_bench.results.store import encode_samples, read_result, read_samples


def refused(*folders: Path, **card: object) -> str:
    with pytest.raises(UsageError) as caught:
        pack(folders, card)
    return str(caught.value)


def changed(run: Path, **fields: object) -> Path:
    """The run with other fields at the top of its result."""
    path = run / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return run


def test_a_bundle_holds_the_claims_and_the_answers_of_each_run(real_results: Path) -> None:
    runs = runs_of(real_results, "ref=prefix")
    (bundle,) = pack(runs, {})
    results = {read_result(run).title: (run, read_result(run)) for run in runs}
    assert len(bundle.manifest.runs) == len(runs) == 5
    assert [entry.name for entry in bundle.manifest.runs] == sorted(entry.name for entry in bundle.manifest.runs)
    assert {entry.path: entry.sha256 for entry in bundle.manifest.files} == {
        path: digest_bytes(data) for path, data in bundle.files.items()
    }
    for entry in bundle.manifest.runs:
        run, result = results[f"{entry.task} ({entry.control})" if entry.control else entry.task]
        claims, answers = run_files(entry.name)
        assert json.loads(bundle.files[claims])["scores"] == result.model_dump(mode="json")["scores"]
        lines = read_answers(bundle.files[answers], answers)
        table = read_samples(run).to_pylist()
        assert [line.id for line in lines] == [row["id"] for row in table]
        assert [line.answer for line in lines] == [json.loads(row["answer"]) for row in table]
        assert [list(line.pictures) for line in lines] == [json.loads(row["pictures"]) for row in table]
        assert digest_json([line.content for line in lines]) == result.data.content


def test_a_bundle_per_model_whatever_the_order(real_results: Path) -> None:
    runs = [*runs_of(real_results, "ref=prefix"), *runs_of(real_results, "baseline=random")]
    bundles = pack(runs, {})
    assert [bundle.manifest.model for bundle in bundles] == ["baseline:random", "ref:prefix"]
    again = pack([*reversed(runs), runs[0]], {})  # one folder twice is one run
    assert [bundle.id for bundle in again] == [bundle.id for bundle in bundles]
    assert bundles[0].id != pack(runs[:-1], {})[0].id


def test_the_card_stands_over_what_the_run_knows(real_results: Path) -> None:
    runs = runs_of(real_results, "ref=prefix")
    card = pack(runs, {})[0].manifest.card
    assert (card.name, card.parameters, card.licence) == ("ref:prefix", read_result(runs[0]).model.parameters, "")
    said = pack(runs, {"name": "Ours", "revision": "2", "release_date": "2026-05-01"})[0].manifest.card
    assert (said.name, said.revision, str(said.release_date)) == ("Ours", "2", "2026-05-01")
    assert said.parameters == card.parameters
    assert "did you mean 'licence'" in refused(*runs, license="MIT")
    assert "'name'" in refused(*runs, name="")
    assert "2 models" in refused(*runs, *runs_of(real_results, "ref=concat"), name="Ours")


def test_runs_of_other_weights_under_one_name_are_refused(real_results: Path, tmp_path: Path) -> None:
    one = copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite")
    other = copied_run(real_results, tmp_path, "ref=prefix", "scenes_ner=lite")
    model = read_result(other).model.model_copy(update={"digest": "f" * 64})
    changed(other, model=model.model_dump(mode="json"))
    said = refused(one, other)
    assert str(one) in said
    assert str(other) in said
    assert "ffffffffffff" in said


def test_two_runs_of_the_same_are_refused(real_results: Path, tmp_path: Path) -> None:
    one = copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite")
    other = copied_run(real_results, tmp_path / "again", "ref=prefix", "scenes_vqa=lite")
    data = read_result(other).data.model_copy(update={"limit": 50})
    changed(other, data=data.model_dump(mode="json"))
    said = refused(one, other)
    assert "scenes_vqa:lite" in said
    assert "limit" in said
    assert "50" in said


def test_an_unfinished_run_is_refused(real_results: Path, tmp_path: Path) -> None:
    run = copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite")
    (run / "journal.jsonl").write_text("")
    said = refused(run)
    assert str(run) in said
    assert "not finished" in said
    assert "same command" in said


def test_a_run_of_an_earlier_version_is_refused_with_what_to_do(real_results: Path, tmp_path: Path) -> None:
    run = copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite")
    data = encode_samples(read_samples(run).drop_columns(["pictures"]))
    (run / "samples.parquet").write_bytes(data)
    changed(run, samples_digest=digest_bytes(data))
    said = refused(run)
    assert "'pictures'" in said
    assert "same run command" in said


def test_samples_that_were_changed_are_refused(real_results: Path, tmp_path: Path) -> None:
    run = copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite")
    pq.write_table(read_samples(run).slice(0, 10), run / "samples.parquet")
    assert "is not the one" in refused(run)


def test_no_runs_are_refused() -> None:
    assert "no run" in refused()
