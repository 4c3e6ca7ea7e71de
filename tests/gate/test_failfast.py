"""`--fail-fast`: a broken candidate is stopped, an unchanged one is not, and nothing is lost by either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.toys import Toy, make_task, rows_of, settings
from tests.gate.watched import SAMPLES, baseline, folder_of, many, wrong
from velm_bench.engine.runner import evaluate
from velm_bench.engine.watching import StoppedError
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.failfast import FailFast
from velm_bench.results.store import read_result
from velm_bench.samples import TextAnswer
from velm_bench.tasks.registry import Definition


@pytest.fixture
def task(tmp_path: Path) -> Definition:
    return many(tmp_path / "data")


@pytest.fixture
def before(task: Definition, tmp_path: Path) -> Evidence:
    return baseline(task, tmp_path)


def test_an_unchanged_candidate_comes_to_its_end_with_the_same_files(
    task: Definition, before: Evidence, tmp_path: Path
) -> None:
    alone = evaluate(task, wrong(lambda place: place % 50 == 0), settings(tmp_path / "alone"))
    watched = evaluate(
        task, wrong(lambda place: place % 50 == 0), settings(tmp_path / "out"), watch=FailFast([before], margin=0.05)
    )
    assert watched.result.stable() == alone.result.stable()
    names = ["result.json", "samples.parquet"]
    assert sorted(path.name for path in watched.folder.iterdir()) == names
    assert (watched.folder / names[1]).read_bytes() == (alone.folder / names[1]).read_bytes()


def test_a_broken_candidate_is_stopped_and_goes_on_without_the_flag(
    task: Definition, before: Evidence, tmp_path: Path
) -> None:
    model = wrong(lambda place: place % 3 == 0)
    with pytest.raises(StoppedError) as stopped:
        evaluate(task, model, settings(tmp_path / "out"), watch=FailFast([before]))
    assert stopped.value.exit_code == 1
    asked = len(model.asked)
    assert 50 <= asked < SAMPLES / 2
    for part in ("toy ", f"after {asked} of {SAMPLES} samples", before.source, "reaches 20", "no verdict"):
        assert part in str(stopped.value)
    folder = folder_of(tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "plan.json"]
    evaluate(task, model, settings(tmp_path / "out"))
    assert sorted(model.asked) == sorted(before.ids.tolist())
    whole = evaluate(task, wrong(lambda place: place % 3 == 0), settings(tmp_path / "whole")).result
    assert read_result(folder).stable() == whole.stable()


def test_answers_of_an_earlier_session_count_before_anything_is_asked(
    task: Definition, before: Evidence, tmp_path: Path
) -> None:
    first = wrong(lambda place: place % 3 == 0)
    first.load = _interrupted_after(first, 100)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, first, settings(tmp_path / "out"))
    again = wrong(lambda place: place % 3 == 0)
    with pytest.raises(StoppedError):
        evaluate(task, again, settings(tmp_path / "out"), watch=FailFast([before]))
    assert (again.asked, again.loads) == ([], 0)


def _interrupted_after(model: Toy, samples: int) -> Callable[[], None]:
    spoil = model.spoil

    def answer(sample: str, given: Any) -> Any:
        if len(model.asked) > samples:
            raise KeyboardInterrupt
        return spoil(sample, given)

    def load() -> None:
        model.spoil = answer

    return load


def test_a_fresh_run_is_told_to_go_on_without_fresh(task: Definition, before: Evidence, tmp_path: Path) -> None:
    watch = FailFast([before])
    with pytest.raises(StoppedError, match="without --fail-fast and --fresh"):
        evaluate(task, wrong(lambda _: True), settings(tmp_path / "out", fresh=True), watch=watch)


def test_failed_samples_are_losses(task: Definition, before: Evidence, tmp_path: Path) -> None:
    model = Toy(name="toy:worse")
    model.unreadable = {name for name in before.ids.tolist() if int(name[1:]) % 3 == 0}
    with pytest.raises(StoppedError):
        evaluate(task, model, settings(tmp_path / "out"), watch=FailFast([before]))


def test_a_better_candidate_is_never_stopped(task: Definition, tmp_path: Path) -> None:
    before = baseline(task, tmp_path, wrong(lambda place: place % 2 == 0))
    assert evaluate(task, Toy(), settings(tmp_path / "out"), watch=FailFast([before])).result.score.value == 1.0


def test_a_margin_puts_up_with_a_loss(task: Definition, before: Evidence, tmp_path: Path) -> None:
    def run(margin: float) -> Any:
        model = wrong(lambda place: place % 5 == 0)
        return evaluate(task, model, settings(tmp_path / f"{margin}"), watch=FailFast([before], margin))

    with pytest.raises(StoppedError):
        run(0.0)
    assert run(0.2).result.score.value == pytest.approx(0.8)


def test_several_tasks_share_the_chance_of_a_false_alarm(task: Definition, before: Evidence, tmp_path: Path) -> None:
    def asked(tasks: int) -> int:
        model = wrong(lambda place: place % 5 == 0)
        with pytest.raises(StoppedError, match=f"reaches {20 * tasks} "):
            evaluate(task, model, settings(tmp_path / str(tasks)), watch=FailFast([before], tasks=tasks))
        return len(model.asked)

    assert asked(1) < asked(10)


def test_questions_about_one_picture_count_once(tmp_path: Path) -> None:
    """Twenty groups of ten that turn together: what 200 independent samples would show, 20 groups do not."""
    apart, together = many(tmp_path / "apart"), many(tmp_path / "together", per_group=10)

    def run(task: Definition, name: str) -> Any:
        before = baseline(task, tmp_path / name)
        model = wrong(lambda place: place // 10 in (3, 9, 15))
        return evaluate(task, model, settings(tmp_path / name / "out"), watch=FailFast([before]))

    with pytest.raises(StoppedError):
        run(apart, "apart")
    assert run(together, "together").result.score.value == pytest.approx(0.85)


def test_a_margin_is_one_of_the_score_though_groups_are_of_unequal_sizes(task: Definition, tmp_path: Path) -> None:
    """Half of the questions are about one picture: what the others lose counts half."""
    held = baseline(task, tmp_path)
    groups = np.asarray(["large" if place % 2 else f"g{place}" for place in range(SAMPLES)])
    named = dict(zip(sorted(held.ids.tolist()), groups.tolist(), strict=True))
    uneven = replace(held, groups=np.asarray([named[name] for name in held.ids.tolist()]))

    def run(margin: float) -> Any:
        model = wrong(lambda place: place % 6 == 0)  # a third of the small groups: a sixth of the score
        return evaluate(task, model, settings(tmp_path / f"{margin}"), watch=FailFast([uneven], margin))

    with pytest.raises(StoppedError):
        run(0.0)
    assert run(0.17).result.score.value == pytest.approx(0.83)


@pytest.mark.parametrize("metric", ["bleu", "cider"])
def test_scores_without_bounds_are_watched_by_their_signs(metric: str, tmp_path: Path) -> None:
    rows = [{**row, "image": "pictures/0.png", "gold": [f"this is a picture of {place} things"]}
            for place, row in enumerate(rows_of("vqa", 200))]  # fmt: skip
    fields = {"id": "id", "image": "image", "question": "question", "answers": "gold", "group": "id"}
    task = make_task(
        tmp_path / "data",
        rows=rows,
        metrics=[metric],
        slices=[],
        source={"type": "jsonl", "path": "data.jsonl", "fields": fields},
    )

    def model(name: str, wrong: str) -> Toy:
        made = Toy(name=name)
        made.spoil = lambda sample, _: TextAnswer(
            f"this is a picture of {int(sample[1:])} {'' if int(sample[1:]) % 4 else wrong}things"
        )
        return made

    before = baseline(task, tmp_path, model("toy:model", ""))
    worse, better = model("toy:worse", "or so and so many "), model("toy:other", "")
    with pytest.raises(StoppedError, match=r"more often than better: it is in \d+ of \d+ groups"):
        evaluate(task, worse, settings(tmp_path / "out"), watch=FailFast([before]))
    assert evaluate(task, better, settings(tmp_path / "out"), watch=FailFast([before])).result.n == 200
    with pytest.raises(UsageError, match=r"leave it out \(--fail-fast-margin"):
        evaluate(task, worse, settings(tmp_path / "other"), watch=FailFast([before], margin=0.01))


def test_a_score_that_is_better_where_it_is_lower_is_turned(tmp_path: Path) -> None:
    task = many(tmp_path / "data", metrics=["wer"])
    worse = wrong(lambda place: place % 3 == 0)
    with pytest.raises(StoppedError, match="wer"):
        evaluate(task, worse, settings(tmp_path / "out"), watch=FailFast([baseline(task, tmp_path)]))
    watch = FailFast([baseline(task, tmp_path / "worse", worse)])
    assert evaluate(task, Toy(), settings(tmp_path / "out"), watch=watch).result.score.value == 0.0


def test_tags_are_watched(tmp_path: Path) -> None:
    rows = [{**row, "image": f"pictures/{place % 20}.png"} for place, row in enumerate(rows_of("ner", 200))]
    task = make_task(tmp_path / "data", rows=rows, kind="ner")
    before = baseline(task, tmp_path)
    worse = Toy(name="toy:worse")
    worse.spoil = lambda _, answer: replace(answer, tags=("O",) * len(answer.tags))
    with pytest.raises(StoppedError, match="entity_f1"):
        evaluate(task, worse, settings(tmp_path / "out"), watch=FailFast([before]))


CHANGED: dict[str, Callable[[Evidence], Evidence]] = {
    "the task differs": lambda one: replace(one, task_digest="f" * 64),
    "the data set differs": lambda one: replace(one, fingerprint="f" * 64),
    "the labels differ": lambda one: replace(one, labels=("a",)),
    "no statistics of 'vqa_accuracy'": lambda one: replace(one, statistics={}),
    "the signature of 'vqa_accuracy' differs": lambda one: replace(
        one, scores={name: score.model_copy(update={"signature": "x"}) for name, score in one.scores.items()}
    ),
    "lacks 1 samples, such as 's000'": lambda one: _without_first(one),
    "the content of sample 's000' differs": lambda one: replace(one, contents=np.roll(one.contents, 1)),
    "no task toy, only tiy": lambda one: replace(one, title="tiy"),
    "no task toy, only toy \\(blank\\)": lambda one: replace(one, title="toy (blank)"),
}


def _without_first(one: Evidence) -> Evidence:
    cut = {name: getattr(one, name)[1:] for name in ("ids", "groups", "contents", "failed")}
    return replace(one, **cut, statistics={name: table[1:] for name, table in one.statistics.items()})


@pytest.mark.parametrize("said", CHANGED)
def test_a_baseline_of_something_else_is_refused_before_anything_is_asked(
    said: str, task: Definition, before: Evidence, tmp_path: Path
) -> None:
    model = Toy()
    with pytest.raises(UsageError, match=said):
        evaluate(task, model, settings(tmp_path / "out"), watch=FailFast([CHANGED[said](before)]))
    assert (model.asked, model.loads) == ([], 0)


def test_a_score_that_is_no_sum_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "image": f"pictures/{place % 20}.png"} for place, row in enumerate(rows_of("classification", 60))]
    task = make_task(tmp_path / "data", rows=rows, kind="classification", metrics=["ece"])
    with pytest.raises(UsageError, match="no sum over samples"):
        evaluate(task, Toy(), settings(tmp_path / "out"), watch=FailFast([baseline(task, tmp_path)]))


def test_a_smaller_limit_than_the_baseline_had_is_watched(task: Definition, before: Evidence, tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="of 120 samples"):
        evaluate(task, wrong(lambda _: True), settings(tmp_path / "out", limit=120), watch=FailFast([before]))


@pytest.mark.parametrize("margin", [-0.1, 1.5, float("nan")])
def test_a_margin_that_makes_no_sense_is_refused(margin: float) -> None:
    with pytest.raises(UsageError, match="--fail-fast-margin"):
        FailFast([], margin)
