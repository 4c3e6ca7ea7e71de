"""What is refused before anything is asked, and which samples a limit keeps."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.toys import FIELDS, Toy, make_task, rows_of, settings
from velm_bench.engine.opening import _check, limited, open_task
from velm_bench.engine.runner import evaluate
from velm_bench.errors import UsageError
from velm_bench.models import open_model
from velm_bench.samples import Sample
from velm_bench.tasks.registry import resolve


def test_duplicate_ids_are_refused(tmp_path: Path) -> None:
    rows = rows_of("vqa", 4)
    rows[3]["id"] = "s001"
    with pytest.raises(UsageError, match="s001"):
        evaluate(make_task(tmp_path, rows=rows), Toy(), settings(tmp_path / "out"))


def test_duplicate_ids_of_any_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the id 'a' twice"):
        _check(make_task(tmp_path).task, [Sample("a"), Sample("b"), Sample("a")])


def test_another_number_of_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has 12 samples where 'expected_samples' says 13"):
        open_task(make_task(tmp_path, expected_samples=13), settings(tmp_path / "out"))


def test_a_limit_does_not_change_the_expected_number(tmp_path: Path) -> None:
    opened = open_task(make_task(tmp_path, expected_samples=12), settings(tmp_path / "out", limit=3))
    assert (len(opened.chosen), len(opened.everything)) == (3, 12)


def test_a_slice_that_no_sample_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"slice 'qq'.*did you mean 'q'"):
        open_task(make_task(tmp_path, slices=["qq"]), settings(tmp_path / "out"))


def test_no_slices_at_all(tmp_path: Path) -> None:
    fields = {key: value for key, value in FIELDS["vqa"].items() if key != "slices"}
    source = {"type": "jsonl", "path": "data.jsonl", "fields": fields}
    with pytest.raises(UsageError, match="has no slices"):
        open_task(make_task(tmp_path, source=source), settings(tmp_path / "out"))


def test_samples_of_the_same_pictures_are_one_group_where_the_source_names_none(tmp_path: Path) -> None:
    """As most public Parquet has it: the picture is in the row, and no column says which it is."""
    fields = {key: value for key, value in FIELDS["vqa"].items() if key != "group"}
    make_task(tmp_path, n=6)
    data = [{**row, "image": {"bytes": (tmp_path / row["image"]).read_bytes()}} for row in rows_of("vqa", 6)]
    pq.write_table(
        pa.Table.from_pylist([*data, {**data[0], "id": "s006", "image": {"bytes": b""}}]), tmp_path / "x.parquet"
    )
    source = {"type": "parquet", "path": "x.parquet", "fields": fields}
    run = evaluate(make_task(tmp_path, n=6, source=source), Toy(), settings(tmp_path / "out"))
    table = pq.read_table(run.folder / "samples.parquet")
    groups = dict(zip(table["id"].to_pylist(), table["group"].to_pylist(), strict=True))
    own = {"s000": "s000", "s001": "s000", "s002": "s002", "s003": "s002", "s004": "s004", "s005": "s004"}
    assert groups == {**own, "s006": "s006"}
    named = make_task(tmp_path, n=6, source={**source, "fields": {**fields, "group": "id"}})
    table = pq.read_table(evaluate(named, Toy(), settings(tmp_path / "out")).folder / "samples.parquet")
    assert table["group"] == table["id"]


def test_limits_are_seeded_nested_and_in_order() -> None:
    samples = tuple(Sample(f"s{i}") for i in range(50))
    chosen = [{sample.id for sample in limited(samples, limit, 0)} for limit in range(1, 51)]
    assert [len(ids) for ids in chosen] == list(range(1, 51))
    assert all(small < large for small, large in pairwise(chosen))
    kept = limited(samples, 20, 0)
    assert list(kept) == sorted(kept, key=samples.index)
    assert limited(samples, 20, 0) == kept
    assert limited(samples, 20, 1) != kept
    assert limited(samples, 99, 1) == limited(samples, None, 1) == samples


def twins(pairs: int, alone: int = 0) -> tuple[Sample, ...]:
    """Samples of which every two far apart are twins, and some alone."""
    halves = [Sample(f"{side}{i}", facts={"pair": f"p{i}"}) for side in "ab" for i in range(pairs)]
    return (*halves, *(Sample(f"s{i}") for i in range(alone)))


@pytest.mark.parametrize("alone", [0, 15])
def test_a_limit_keeps_twins_together(alone: int) -> None:
    samples = twins(20, alone)
    chosen = [limited(samples, limit, 0) for limit in range(1, len(samples))]
    assert [len(kept) for kept in chosen] == list(range(1, len(samples)))
    assert all(set(map(id, small)) < set(map(id, large)) for small, large in pairwise(chosen))
    for kept in chosen:
        sizes = Counter(sample.facts["pair"] for sample in kept if sample.facts)
        assert list(sizes.values()).count(1) <= 1
        assert list(kept) == sorted(kept, key=samples.index)
    assert limited(samples, 20, 1) != limited(samples, 20, 0)


def test_a_limit_of_an_embedded_task_keeps_pairs_to_score(tmp_path: Path) -> None:
    run = evaluate(resolve("vqa:lite")[0], open_model("baseline:constant"), settings(tmp_path, limit=40, replicates=0))
    pairs = run.result.scores["pair_accuracy"]
    assert (run.result.n, run.result.score.n) == (40, 40)
    assert pairs.n == 20
    assert pairs.value is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "a\udc80"}, r"the id 'a\\udc80'"),
        ({"image": "pictures/0.png", "group": "g\ud800"}, r"the group 'g\\ud800'"),
        ({"q": "\udfff"}, r"the slice '\\udfff'"),
    ],
)
def test_what_is_no_unicode_is_refused_before_anything_is_asked(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    rows = [{**row, "group": row["image"]} for row in rows_of("vqa", 4)]
    rows[2] |= change
    source = {"type": "jsonl", "path": "data.jsonl", "fields": {**FIELDS["vqa"], "group": "group"}}
    model = Toy()
    with pytest.raises(UsageError, match=f"has {words}, which is no valid Unicode"):
        evaluate(make_task(tmp_path, rows=rows, source=source), model, settings(tmp_path / "out", limit=3))
    assert model.asked == []


def test_a_limited_run_is_scored_against_the_full_tasks_corpus(tmp_path: Path, monkeypatch: Any) -> None:
    from velm_bench.metrics.questions.vqa import VqaAccuracy

    seen = []
    statistics = VqaAccuracy.statistics

    def spy(self: Any, predictions: Any, references: Any, corpus: Any = None) -> Any:
        seen.append(None if corpus is None else len(corpus))
        return statistics(self, predictions, references, corpus)

    monkeypatch.setattr(VqaAccuracy, "statistics", spy)
    task = make_task(tmp_path, metrics=["vqa_accuracy"], slices=[])
    run = evaluate(task, Toy(), settings(tmp_path / "out", limit=5))
    evaluate(task, Toy(), settings(tmp_path / "out"))
    assert seen == [12, None]
    assert (run.result.n, run.result.data.samples, run.result.data.limit) == (5, 12, 5)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"limit": 0}, "--limit"),
        ({"limit": -3}, "--limit"),
        ({"batch_size": 0}, "--batch-size"),
        ({"workers": 0}, "--workers"),
        ({"seed": -1}, "--seed"),
        ({"replicates": -1}, "--replicates"),
        ({"max_error_rate": 1.5}, "--max-error-rate"),
        ({"max_error_rate": float("nan")}, "--max-error-rate"),
        ({"control": "blnk"}, "did you mean 'blank'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], flag: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=flag):
        settings(tmp_path, **change)


def test_metrics_are_built_before_anything_is_asked(tmp_path: Path) -> None:
    model = Toy()
    with pytest.raises(UsageError, match="exact_match"):
        evaluate(make_task(tmp_path, metrics=["exact_mach"]), model, settings(tmp_path / "out"))
    assert model.asked == []
