"""Two runs side by side: one difference, and a refusal wherever they are not about the same thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.models import open_model
from velm_bench.results.columns import text_column
from velm_bench.results.pairing import ReadRun, open_pair, pair_up, paired, read_run
from velm_bench.results.store import RESULT, read_result
from velm_bench.tasks.registry import resolve


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def run(root: Path, model: str, task: str = "vqa:lite", limit: int | None = 60) -> Path:
    settings = RunSettings(output=root, limit=limit, replicates=100)
    return evaluate(resolve(task)[0], open_model(f"baseline:{model}"), settings).folder


def test_the_difference_is_that_of_the_scores(root: Path) -> None:
    low, high = run(root, "constant"), run(root, "oracle")
    found = paired(low, high, "vqa_accuracy")
    scores = [read_result(folder).scores["vqa_accuracy"].value or 0.0 for folder in (low, high)]
    assert found.value == pytest.approx(scores[1] - scores[0])
    assert 0 < found.low <= found.value <= found.high
    assert paired(low, low, "vqa_accuracy") == (0.0, 0.0, 0.0, 1.0)


def test_a_slice_is_compared_alone(root: Path) -> None:
    low, high = run(root, "constant"), run(root, "oracle")
    counts = paired(low, high, "vqa_accuracy", {"question_type": "count"})
    sliced = [
        read_result(folder).slices["question_type"]["count"].scores["vqa_accuracy"].value for folder in (low, high)
    ]
    assert sliced[0] is not None
    assert sliced[1] is not None
    assert counts.value == pytest.approx(sliced[1] - sliced[0])
    with pytest.raises(UsageError, match="no slice 'weather'"):
        paired(low, high, "vqa_accuracy", {"weather": "rain"})


def test_what_is_not_about_the_same_thing_is_refused(root: Path) -> None:
    base = run(root, "constant")
    with pytest.raises(UsageError, match="the task differs"):
        paired(base, run(root, "constant", "classification:lite"), "vqa_accuracy")
    with pytest.raises(UsageError, match="the content of the samples differs"):
        paired(base, run(root, "oracle", limit=50), "vqa_accuracy")
    with pytest.raises(UsageError, match="has no score 'cider'"):
        paired(base, run(root, "oracle"), "cider")


def test_another_signature_is_refused(root: Path, tmp_path: Path) -> None:
    base = run(root, "constant")
    other = tmp_path / "other"
    other.mkdir()
    for path in base.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    result = json.loads((other / RESULT).read_text(encoding="utf-8"))
    result["scores"]["vqa_accuracy"]["signature"] = "another|v:2"
    (other / RESULT).write_text(json.dumps(result), encoding="utf-8")
    with pytest.raises(UsageError, match="the signature of 'vqa_accuracy' differs"):
        paired(base, other, "vqa_accuracy")


def test_the_scores_of_single_samples_are_what_the_whole_is_the_mean_of(root: Path) -> None:
    read = read_run(run(root, "majority"))
    found = read.sample_scores("vqa_accuracy")
    assert found is not None
    assert found.mean() == pytest.approx(read.result.scores["vqa_accuracy"].value)
    with pytest.raises(UsageError, match="has no score 'cider'"):
        read.sample_scores("cider")


def test_wins_and_losses_are_counted_sample_by_sample(root: Path) -> None:
    low, high = read_run(run(root, "constant")), read_run(run(root, "random"))
    mine, other = (read.table.column("stat.vqa_accuracy").to_pylist() for read in (low, high))
    kinds = low.table.column("slice.question_type").to_pylist()
    better = [second[0] - first[0] for first, second in zip(mine, other, strict=True)]
    tally = pair_up(low, high).tally("vqa_accuracy")
    assert tally == (
        sum(one > 0 for one in better),
        sum(one < 0 for one in better),
        sum(one == 0 for one in better),
    )
    assert tally is not None
    assert tally.wins > 0
    assert tally.losses > 0
    of_kind = pair_up(low, high).tally("vqa_accuracy", {"question_type": "count"})
    assert of_kind is not None
    assert of_kind.n == kinds.count("count") > 0
    turned = pair_up(high, low).tally("vqa_accuracy")
    assert turned == (tally.losses, tally.wins, tally.ties)


def test_a_score_of_the_whole_alone_has_no_wins(root: Path) -> None:
    low, high = (run(root, model, "classification:lite") for model in ("constant", "oracle"))
    assert read_run(low).sample_scores("macro_f1") is None
    assert open_pair(low, high).tally("macro_f1") is None
    assert open_pair(low, high).tally("accuracy") is not None


def test_a_sentence_without_an_entity_is_right_where_none_is_found(root: Path) -> None:
    oracle, random = (read_run(run(root, model, "ner:lite", 200)) for model in ("oracle", "random"))
    empty = [set(json.loads(text)) == {"O"} for text in oracle.table.column("references").to_pylist()]
    scores, others = oracle.sample_scores("entity_f1"), random.sample_scores("entity_f1")
    assert scores is not None
    assert others is not None
    assert scores[empty].tolist() == [1.0] * sum(empty)
    says_some = [set(json.loads(text)) != {"O"} for text in random.table.column("prediction").to_pylist()]
    wrongly = [nothing and said for nothing, said in zip(empty, says_some, strict=True)]
    assert any(wrongly)
    assert not others[wrongly].any()


def test_a_sentence_that_failed_is_not_right_for_having_no_entity(root: Path) -> None:
    oracle = read_run(run(root, "oracle", "ner:lite", 200))
    empty = [set(json.loads(text)) == {"O"} for text in oracle.table.column("references").to_pylist()]
    place = oracle.table.column_names.index("error")
    failed = text_column(["it broke"] * len(oracle.table))
    scores = ReadRun(oracle.folder, oracle.result, oracle.table.set_column(place, "error", failed)).sample_scores(
        "entity_f1"
    )
    assert scores is not None
    assert not scores[empty].any()


def test_of_a_smaller_is_better_score_the_smaller_wins(root: Path) -> None:
    low, high = (read_run(run(root, model)) for model in ("constant", "oracle"))
    results = [
        read.result.model_copy(
            update={
                "scores": {
                    name: score.model_copy(update={"higher_is_better": False})
                    for name, score in read.result.scores.items()
                }
            }
        )
        for read in (low, high)
    ]
    turned = [ReadRun(read.folder, result, read.table) for read, result in zip((low, high), results, strict=True)]
    plain, other = pair_up(low, high).tally("vqa_accuracy"), pair_up(*turned).tally("vqa_accuracy")
    assert plain is not None
    assert other == (plain.losses, plain.wins, plain.ties)


def test_the_slices_of_a_pair_are_those_of_its_samples(root: Path) -> None:
    found = open_pair(run(root, "constant"), run(root, "oracle")).slices()
    table = read_run(run(root, "constant")).table
    assert found["question_type"] == sorted(set(table.column("slice.question_type").to_pylist()))
    assert set(found) == {name[6:] for name in table.column_names if name.startswith("slice.")}
