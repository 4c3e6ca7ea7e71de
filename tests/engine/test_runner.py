"""The promises of a run, each on a small task with a model that misbehaves in one way."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import Toy, draw, make_task, rows_of, settings
from velm_bench.engine.journal import JOURNAL
from velm_bench.engine.runner import Run, evaluate, too_many_errors
from velm_bench.errors import RunError, UsageError
from velm_bench.results.store import read_result, read_samples, statistics_of
from velm_bench.samples import ChoiceAnswer, TagAnswer, TextAnswer


def errors_of(run: Run) -> dict[str, str]:
    return {row["id"]: row["error"] for row in read_samples(run.folder).to_pylist() if row["error"]}


@pytest.mark.parametrize("kind", ["vqa", "classification", "ner"])
def test_a_run_has_a_row_per_sample_and_scores_with_intervals(kind: str, tmp_path: Path) -> None:
    run = evaluate(make_task(tmp_path, 12, kind), Toy(), settings(tmp_path / "out"))
    table = read_samples(run.folder)
    assert table["id"].to_pylist() == [f"s{i:03d}" for i in range(12)]
    assert run.result == read_result(run.folder)
    assert (run.result.n, run.result.n_errors, run.result.data.samples) == (12, 0, 12)
    assert run.result.score.low is not None
    assert run.result.score.value == run.result.score.answered
    assert set(run.result.slices["q"]) == {"even", "odd"}
    assert run.result.slices["q"]["odd"].n == 6
    assert statistics_of(table, run.result.score.metric).shape[0] == 12
    assert not (run.folder / JOURNAL).exists()


def test_scores_are_those_of_the_answers(tmp_path: Path) -> None:
    run = evaluate(make_task(tmp_path, 12), Toy(), settings(tmp_path / "out"))
    right = [(i // 2) % 3 == i % 3 for i in range(12)]
    assert run.result.scores["vqa_accuracy"].value == pytest.approx(sum(right) / 12)
    assert run.result.slices["q"]["even"].scores["vqa_accuracy"].value == pytest.approx(sum(right[::2]) / 6)


def test_an_error_that_is_no_unicode_is_a_row_like_any_other(tmp_path: Path) -> None:
    class Garbled(Toy):
        def generate(self, prepared: Any) -> Any:
            raise ValueError("file \udc80")

    run = evaluate(make_task(tmp_path, 3), Garbled(), settings(tmp_path / "out"))
    assert set(errors_of(run).values()) == {r"ValueError: file \udc80"}


def test_credentials_in_a_models_name_are_stored_nowhere(tmp_path: Path) -> None:
    model = Toy(name="openai:m@https://user:s3cret@host/v1")
    run = evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert run.result.model.name == "openai:m@https://***@host/v1"
    assert "s3cret" not in str(run.folder)
    assert not [path for path in run.folder.iterdir() if b"s3cret" in path.read_bytes()]


def test_another_name_is_another_run_id(tmp_path: Path) -> None:
    runs = []
    for name in ("toy:model", "toy:another"):
        model = Toy()
        model.identity = replace(model.identity, name=name)
        runs.append(evaluate(make_task(tmp_path), model, settings(tmp_path / "out")))
    runs.append(evaluate(make_task(tmp_path, name="another"), Toy(), settings(tmp_path / "out")))
    assert len({run.result.run_id for run in runs}) == 3


def test_a_model_loads_once_for_many_tasks(tmp_path: Path) -> None:
    model = Toy()
    for name in ("one", "two"):
        evaluate(make_task(tmp_path / name, name=name), model, settings(tmp_path / "out"))
    assert (model.loads, len(model.asked)) == (1, 24)


@pytest.mark.parametrize(
    "change",
    [{"prompt": "Say: {question}"}, {"generation": {"max_new_tokens": 5}}],
    ids=["prompt", "generation"],
)
def test_another_question_is_another_run(change: dict[str, Any], tmp_path: Path) -> None:
    first = evaluate(make_task(tmp_path), Toy(), settings(tmp_path / "out"))
    again = Toy()
    second = evaluate(make_task(tmp_path, **change), again, settings(tmp_path / "out"))
    assert len(again.asked) == 12
    assert second.folder != first.folder


def test_another_model_digest_is_another_run(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    second = evaluate(task, Toy(weights=2), settings(tmp_path / "out"))
    assert first.folder != second.folder


def test_the_blank_control_shows_grey_and_is_a_run_of_its_own(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    plain = evaluate(task, Toy(), settings(tmp_path / "out"))
    blank = evaluate(task, Toy(), settings(tmp_path / "out", control="blank"))
    answers = {json.loads(text)["text"] for text in read_samples(blank.folder)["answer"].to_pylist()}
    assert answers == {str(128 // 10 % 3)}
    assert blank.folder != plain.folder
    assert blank.result.control == "blank"
    assert blank.result.data.content == plain.result.data.content


def test_a_model_that_does_not_see_gets_no_pictures(tmp_path: Path) -> None:
    model = Toy()
    model.sees = False
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.png").write_bytes(b"broken")
    run = evaluate(make_task(tmp_path, 4), model, settings(tmp_path / "out"))
    assert (run.result.n_errors, len(model.asked)) == (0, 4)


def test_memory_running_out_halves_the_batches_from_then_on(tmp_path: Path) -> None:
    task = make_task(tmp_path, 32)
    model = Toy()
    model.capacity = 3
    run = evaluate(task, model, settings(tmp_path / "out", batch_size=16))
    assert [len(batch) for batch in model.batches] == [16, 8, 4, *[2] * 16]
    assert run.result.n_errors == 0
    assert (run.result.provenance.batch_size, run.result.provenance.smallest_batch) == (16, 2)
    whole = evaluate(task, Toy(), settings(tmp_path / "whole", batch_size=16))
    assert run.result.stable() == whole.result.stable()


def test_a_sample_too_large_on_its_own_is_an_error_and_the_others_keep_their_batches(tmp_path: Path) -> None:
    model = Toy()
    take = model._take

    def remember(prepared: Any) -> None:
        model.capacity = 0 if "s004" in [request.sample_id for request, _ in prepared] else 99
        take(prepared)

    model._take = remember  # type: ignore[method-assign]
    run = evaluate(make_task(tmp_path, 16), model, settings(tmp_path / "out"))
    assert errors_of(run) == {"s004": "OutOfMemoryError: 1 do not fit"}
    assert len(model.batches[-1]) == 4


def test_a_poison_sample_is_found_and_the_others_are_answered(tmp_path: Path) -> None:
    model = Toy()
    model.poison = {"s003"}
    run = evaluate(make_task(tmp_path, 32), model, settings(tmp_path / "out", batch_size=16))
    assert errors_of(run) == {"s003": "ValueError: poison"}
    score = run.result.score
    assert (score.n, score.n_errors) == (32, 1)
    assert score.value is not None
    assert score.answered == pytest.approx(score.value * 32 / 31)


def test_a_dead_model_still_ends_with_a_row_per_sample(tmp_path: Path) -> None:
    model = Toy()
    model.poison = {f"s{i:03d}" for i in range(12)}
    run = evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert (run.result.n, run.result.n_errors) == (12, 12)
    assert (run.result.score.value, run.result.score.answered) == (0.0, None)


def test_what_cannot_be_prepared_is_an_error(tmp_path: Path) -> None:
    model = Toy()
    model.unreadable = {"s001"}
    run = evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert errors_of(run) == {"s001": "ZeroDivisionError: cannot prepare"}


def test_pictures_missing_or_cut_short_are_errors_that_name_the_file(tmp_path: Path) -> None:
    rows = rows_of("vqa", 6)
    rows[0]["image"] = "pictures/missing.png"
    draw(tmp_path / "pictures" / "1.png", 10)
    whole = (tmp_path / "pictures" / "1.png").read_bytes()
    (tmp_path / "pictures" / "1.png").write_bytes(whole[: len(whole) // 2])
    model = Toy()
    run = evaluate(make_task(tmp_path, rows=rows), model, settings(tmp_path / "out"))
    errors = errors_of(run)
    assert set(errors) == {"s000", "s002", "s003"}
    assert "missing.png" in errors["s000"]
    assert "cannot be decoded" in errors["s002"]
    assert "s000" not in model.asked


@pytest.mark.parametrize("metrics", [["vqa_accuracy", "exact_match", "pair_accuracy"], ["exact_match"]])
def test_an_empty_reference_list_is_an_error_that_counts_as_wrong(metrics: list[str], tmp_path: Path) -> None:
    rows = rows_of("vqa", 6)
    rows[0]["gold"] = []
    model = Toy()
    run = evaluate(make_task(tmp_path, rows=rows, metrics=metrics), model, settings(tmp_path / "out"))
    score = run.result.score
    assert set(errors_of(run)) == {"s000"}
    assert set(run.result.skipped) <= {"pair_accuracy"}
    assert score.value is not None
    assert score.answered == pytest.approx(score.value * 6 / 5)
    assert "s000" not in model.asked


BAD_ANSWERS = [
    ("classification", ChoiceAnswer((math.nan, -1.0)), "no finite number"),
    ("classification", ChoiceAnswer((-math.inf, 0.0)), "no finite number"),
    ("classification", ChoiceAnswer((-1.0,)), "1 log-probabilities for 2 options"),
    ("classification", TextAnswer("dark"), "answered with TextAnswer"),
    ("ner", TagAnswer(("B-PER",) * 7), "7 tags for"),
    ("ner", TagAnswer(("B-XYZ",)), "'B-XYZ'"),
    ("vqa", TextAnswer(7), "generated int"),  # type: ignore[arg-type]
    ("vqa", None, "answered with NoneType"),
    ("vqa", TextAnswer("1", 2**70), "more than there can be"),
    ("vqa", TextAnswer("1", -1), "fewer tokens than none"),
    ("vqa", TextAnswer("1", 1.5), "1.5 tokens"),  # type: ignore[arg-type]
    ("vqa", TextAnswer("1", math.nan), "nan tokens"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("kind", "bad", "complaint"), BAD_ANSWERS)
def test_an_answer_that_makes_no_sense_is_an_error(kind: str, bad: Any, complaint: str, tmp_path: Path) -> None:
    model = Toy()
    model.spoil = lambda sample_id, answer: bad if sample_id == "s002" else answer
    run = evaluate(make_task(tmp_path, kind=kind), model, settings(tmp_path / "out"))
    errors = errors_of(run)
    assert list(errors) == ["s002"]
    assert complaint in errors["s002"]


def test_too_few_answers_are_nobody_elses(tmp_path: Path) -> None:
    class Forgetful(Toy):
        def generate(self, prepared: Any) -> Any:
            return super().generate(prepared)[: 1 if len(prepared) == 1 else -1]

    run = evaluate(make_task(tmp_path), Forgetful(), settings(tmp_path / "out"))
    whole = evaluate(make_task(tmp_path), Toy(), settings(tmp_path / "whole"))
    assert run.result.stable() == whole.result.stable()


def test_the_unwritable_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    model = Toy()
    with pytest.raises(UsageError, match=r"cannot be written.*--output"):
        evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert (model.asked, model.loads) == ([], 0)


def test_the_first_metric_keeps_its_place_when_it_does_not_apply(tmp_path: Path) -> None:
    model = Toy()
    model.abilities = frozenset(ability for ability in model.abilities if ability.value == "generate")
    task = make_task(tmp_path, kind="classification", metrics=["ece", "accuracy"])
    run = evaluate(task, model, settings(tmp_path / "out"))
    assert (run.result.primary, run.result.score.value) == ("ece", None)
    assert "probabilities" in run.result.skipped["ece"]
    assert run.result.scores["accuracy"].value == 0.0
    assert run.result.parse_failures == 12


@pytest.mark.parametrize(
    ("errors", "rate", "verdict"),
    [(0, 0.0, False), (1, 0.0, True), (29, 0.29, False), (30, 0.29, True), (100, 1.0, False), (7, 0.07, False)],
)
def test_too_many_errors(errors: int, rate: float, verdict: bool, tmp_path: Path) -> None:
    result = evaluate(make_task(tmp_path, 2), Toy(), settings(tmp_path / "out")).result
    assert too_many_errors(result.model_copy(update={"n": 100, "n_errors": errors}), rate) is verdict


@pytest.mark.parametrize("odd", [{"x": object()}, {"x": [b"\xff"]}, {3: "x"}])
def test_a_model_that_cannot_say_who_it_is_is_asked_nothing(odd: Any, tmp_path: Path) -> None:
    model = Toy()
    model.identity = replace(model.identity, details=odd)
    with pytest.raises(UsageError, match="identity of the model 'toy:model'"):
        evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert (model.asked, model.loads) == ([], 0)


def test_a_model_that_exits_is_a_failed_batch(tmp_path: Path) -> None:
    def leave(sample_id: str, answer: Any) -> Any:
        if sample_id == "s002":
            raise SystemExit(0)
        return answer

    model = Toy()
    model.spoil = leave
    run = evaluate(make_task(tmp_path), model, settings(tmp_path / "out"))
    assert errors_of(run) == {"s002": "SystemExit: 0"}


def test_a_model_that_exits_while_loading_is_a_sentence(tmp_path: Path) -> None:
    class Leaving(Toy):
        def load(self) -> None:
            raise SystemExit("no licence")

    with pytest.raises(RunError, match="'toy:model' ended instead of loading: SystemExit: no licence"):
        evaluate(make_task(tmp_path), Leaving(), settings(tmp_path / "out"))


@pytest.mark.parametrize("replicates", [-1, 1, 9])
def test_too_few_replicates_for_an_interval_are_refused(replicates: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--replicates must be a whole number from 10"):
        settings(tmp_path, replicates=replicates)


def test_an_undefined_score_says_why(tmp_path: Path) -> None:
    run = evaluate(make_task(tmp_path, metrics=["pair_accuracy", "exact_match"]), Toy(), settings(tmp_path / "out"))
    assert (run.result.score.value, run.result.score.n) == (None, 0)
    assert "no pairs among the 12 samples" in run.result.skipped["pair_accuracy"]
