"""Worked examples: whose they are, that they never give a sample away, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.toys import FIELDS, Toy, draw, make_task, rows_of, settings
from velm_bench.engine import shots
from velm_bench.engine.opening import open_task
from velm_bench.engine.runner import Run, evaluate
from velm_bench.engine.shots import Pool, open_shots, shuffled
from velm_bench.errors import UsageError
from velm_bench.results.gain import measure_gain
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest, Request, Sample
from velm_bench.tasks.registry import Definition


class Talker(Toy):
    """A toy that converses and remembers every request."""

    converses = True

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.requests: dict[str, Request] = {}

    def prepare(self, request: Request) -> Any:
        self.requests[request.sample_id] = request
        return super().prepare(request)


class Writer(Talker):
    """One that can only write."""

    abilities = frozenset({Ability.GENERATE})


def training(n: int, **changes: Any) -> list[dict[str, Any]]:
    """Rows with pictures, ids and groups of their own; their answers tell them apart."""
    return [
        {"id": f"t{i:03d}", "image": f"pictures/{100 + i}.png", "question": f"Train {i}?", "gold": [f"word{i}"] * 3}
        | {"q": "even", "tokens": ["Ada"], **changes}
        for i in range(n)
    ]


def with_training(
    folder: Path,
    taught: Sequence[dict[str, Any]] | None = None,
    kind: str = "vqa",
    split: str = "train",
    **changes: Any,
) -> Definition:
    """A toy task of six samples with training data."""
    known = training(9) if taught is None else taught
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known))
    for row in known:
        if not (folder / row["image"]).exists() and "missing" not in row["image"]:
            draw(folder / row["image"], int(Path(row["image"]).stem))
    splits = {split: {"path": "more.jsonl"}}
    source = {"type": "jsonl", "path": "data.jsonl", "fields": FIELDS[kind], "splits": splits}
    return make_task(folder, n=6, kind=kind, **{"source": source, **changes})


def run(definition: Definition, out: Path, model: Toy | None = None, **changes: Any) -> tuple[Run, Talker]:
    talker = model or Writer()
    assert isinstance(talker, Talker)
    return evaluate(definition, talker, settings(out, **{"shots": 3, **changes})), talker


def pool_of(definition: Definition, shots: int = 3, seed: int = 0) -> tuple[Pool, tuple[Sample, ...]]:
    how = settings(definition.path.parent / "out", shots=shots, seed=seed)
    opened = open_task(definition, how)
    pool = open_shots(definition, opened, Writer(), how)
    assert pool
    return pool, opened.everything


def answers(request: Request) -> list[str]:
    return [shot.answer for shot in request.shots]


def keys(run: Run) -> dict[str, str]:
    table = pq.read_table(run.folder / "samples.parquet")
    return dict(zip(table["id"].to_pylist(), table["key"].to_pylist(), strict=True))


def test_examples_stand_before_each_question_asked_as_it_is_and_rightly_answered(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t", prompt="Q: {question} A:")
    _, talker = run(definition, tmp_path / "out")
    assert len(talker.requests) == 6
    for request in talker.requests.values():
        assert len(set(answers(request))) == 3
        for shot in request.shots:
            number = shot.answer.removeprefix("word")
            assert shot.prompt == f"Q: Train {number}? A:"
            assert [picture.decode().flat[0] for picture in shot.images] == [100 + int(number)]
        own = request.images
        assert request.pictures == (*(picture for shot in request.shots for picture in shot.images), *own)
    assert len({tuple(answers(request)) for request in talker.requests.values()}) > 1


def test_without_them_nothing_stands_there(tmp_path: Path) -> None:
    made, talker = run(with_training(tmp_path / "t"), tmp_path / "out", shots=0)
    assert {request.shots for request in talker.requests.values()} == {()}
    assert made.result.shots is None
    assert made.result.title == "toy"


def test_they_are_part_of_the_run_and_of_every_key_and_stand_in_the_result(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    runs = [run(definition, tmp_path / "out", shots=count)[0] for count in (0, 1, 3)]
    assert len({one.result.run_id for one in runs}) == 3
    assert len({keys(one)["s001"] for one in runs}) == 3
    assert len({one.result.task.digest for one in runs}) == 1
    told = runs[2].result.shots
    assert told is not None
    assert (told.count, told.split, len(told.fingerprint)) == (3, "train", 64)
    assert [one.result.title for one in runs] == ["toy", "toy (1 shot)", "toy (3 shots)"]


def test_other_training_data_is_another_run(tmp_path: Path) -> None:
    runs = [run(with_training(tmp_path / str(n), training(n)), tmp_path / f"out{n}")[0] for n in (8, 9)]
    assert runs[0].result.run_id != runs[1].result.run_id


def test_a_sample_gets_the_same_ones_whatever_the_limit_the_batches_and_the_control(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    known: dict[str, list[str]] = {}
    for number, change in enumerate(
        ({}, {"limit": 2}, {"batch_size": 1, "workers": 1}, {"control": "blank"}, {"control": "noise:5"})
    ):
        _, talker = run(definition, tmp_path / f"out{number}", **change)
        found = {name: answers(request) for name, request in talker.requests.items()}
        known = known or found
        assert found.items() <= known.items()
        assert found


def test_a_control_leaves_the_examples_as_they_are(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    _, seen = run(definition, tmp_path / "out")
    _, blank = run(definition, tmp_path / "out", control="blank")
    for name, request in blank.requests.items():
        assert request.shots == seen.requests[name].shots
        assert request.images != seen.requests[name].images


def test_the_seed_decides(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    drawn = [run(definition, tmp_path / f"out{place}", seed=seed)[1].requests for place, seed in enumerate((0, 1, 0))]
    orders = [{name: answers(request) for name, request in requests.items()} for requests in drawn]
    assert orders[0] == orders[2] != orders[1]


def test_over_many_samples_every_example_comes_up(tmp_path: Path) -> None:
    drawn: set[str] = set()
    for seed in range(10):
        pool, everything = pool_of(with_training(tmp_path / "t"), seed=seed)
        drawn |= {shot.answer for sample in everything for shot in pool.draw(sample)}
    assert drawn == {f"word{i}" for i in range(9)}


def test_of_much_training_data_a_seeded_part_is_drawn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shots, "MOST", 4)
    parts = []
    for seed in (0, 1, 0):
        pool, everything = pool_of(with_training(tmp_path / "t"), seed=seed)
        parts.append({shot.answer for sample in everything for shot in pool.draw(sample)})
    assert all(len(part) == 4 for part in parts)
    assert parts[0] == parts[2] != parts[1]


def grouped(folder: Path, rows: list[dict[str, Any]]) -> Definition:
    """The toy task with a column for the group: the questions about a picture are of one."""
    own = [{**row, "scene": row["image"]} for row in rows_of("vqa", 6)]
    source = {"type": "jsonl", "path": "data.jsonl", "fields": {**FIELDS["vqa"], "group": "scene"}}
    return with_training(
        folder,
        [{"scene": row["image"], **row} for row in rows],
        rows=own,
        source={**source, "splits": {"train": {"path": "more.jsonl"}}},
    )


EVERY = {f"word{i}" for i in range(9)}
BOTH = {name: {"word0", "word1"} for name in ("s000", "s001")}
"""The first two examples are forbidden to the first two samples, whose picture is one."""


@pytest.mark.parametrize(
    ("changes", "forbidden"),
    [
        ([{"id": "s000"}, {"id": "s001"}], {"s000": {"word0"}, "s001": {"word1"}}),
        ([{"scene": "pictures/0.png"}, {"scene": "pictures/0.png"}], BOTH),
        ([{"image": "pictures/200.png"}, {"image": "pictures/201.png"}], BOTH),
    ],
    ids=["id", "group", "content"],
)
def test_a_sample_is_never_shown_itself(
    tmp_path: Path, changes: list[dict[str, str]], forbidden: dict[str, set[str]]
) -> None:
    folder, rows = tmp_path / "t", training(9)
    for name in ("200", "201"):  # what picture 0 shows, in files of other names
        draw(folder / f"pictures/{name}.png", 0)
    for row, change in zip(rows, changes, strict=False):
        row.update(change)
    definition = grouped(folder, rows)
    drawn: dict[str, set[str]] = {}
    for seed in range(12):
        pool, everything = pool_of(definition, seed=seed)
        for sample in everything:
            drawn.setdefault(sample.id, set()).update(shot.answer for shot in pool.draw(sample))
    for name, words in forbidden.items():
        assert drawn[name] == EVERY - words
    assert drawn["s004"] == EVERY
    for control in ("blank", "shuffled"):  # what a model is shown instead does not make its own picture another's
        _, talker = run(definition, tmp_path / "out", control=control, shots=7)
        for name, words in forbidden.items():
            assert not words & set(answers(talker.requests[name]))


def test_the_data_that_is_asked_may_be_drawn_from_too(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t", rows_of("vqa", 6))
    pool, everything = pool_of(definition, shots=4)
    for sample in everything:
        assert len(pool.draw(sample)) == 4  # all but the two of its own picture
    with pytest.raises(
        UsageError, match=r"--shots 5 is more than the split 'train' of task 'toy' has for sample 's000'"
    ):
        pool_of(definition, shots=5)[0].draw(everything[0])


def test_what_cannot_be_shown_or_answered_is_passed_over(tmp_path: Path) -> None:
    rows = training(7)
    rows[0]["image"] = "pictures/missing.png"
    rows[1]["gold"] = []
    rows[2]["image"] = "pictures/102.png"
    folder = tmp_path / "t"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures/102.png").write_bytes(b"\x89PNG no picture")
    definition = with_training(folder, rows)
    made, talker = run(definition, tmp_path / "out")
    assert made.result.n_errors == 0
    assert {answer for request in talker.requests.values() for answer in answers(request)} <= {
        f"word{i}" for i in range(3, 7)
    }
    with pytest.raises(UsageError, match=r"4 of its 7 samples can be examples"):
        run(definition, tmp_path / "out", shots=5)


def test_a_split_of_another_name(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t", split="practice", shots_split="practice")
    made, _ = run(definition, tmp_path / "out")
    assert made.result.shots is not None
    assert made.result.shots.split == "practice"


def test_options_are_weighed_after_examples_too(tmp_path: Path) -> None:
    rows = training(5, gold="light")
    made, talker = run(with_training(tmp_path / "t", rows, "classification"), tmp_path / "out", Talker())
    assert made.result.n_errors == 0
    for request in talker.requests.values():
        assert isinstance(request, ChooseRequest)
        assert answers(request) == ["light"] * 3
        assert {shot.prompt for shot in request.shots} == {request.prompt}


def test_entities_are_shown_as_they_are_to_be_written(tmp_path: Path) -> None:
    rows = training(5, gold=["B-PER"])
    _, talker = run(with_training(tmp_path / "t", rows, "ner"), tmp_path / "out", Writer())
    for request in talker.requests.values():
        assert answers(request) == ["Ada | PER"] * 3
        assert request.shots[0].prompt.endswith("Sentence: Ada")


def test_samples_without_pictures_have_examples_without(tmp_path: Path) -> None:
    fields = {key: value for key, value in FIELDS["vqa"].items() if key not in ("image", "group")}
    source = {"type": "jsonl", "path": "data.jsonl", "fields": fields, "splits": {"train": {"path": "more.jsonl"}}}
    made, talker = run(with_training(tmp_path / "t", source=source), tmp_path / "out")
    assert (made.result.n, made.result.n_errors) == (6, 0)
    assert {request.pictures for request in talker.requests.values()} == {()}
    assert {len(request.shots) for request in talker.requests.values()} == {3}


def test_the_same_again_asks_nothing(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    first, _ = run(definition, tmp_path / "out")
    again, talker = run(definition, tmp_path / "out")
    assert talker.requests == {}
    assert again.result.stable() == first.result.stable()


REFUSED: list[tuple[str, Toy, dict[str, Any], str]] = [
    ("vqa", Toy(), {}, "The model 'toy:model' takes no worked examples: leave --shots out."),
    (
        "vqa",
        Writer(),
        {"shots": 10},
        r"--shots 10 is more than the split 'train' of task 'toy' has: it has 9 samples\.",
    ),
    ("ner", Talker(), {}, "tags the words of task 'toy' and takes no worked examples for that"),
]


@pytest.mark.parametrize(("kind", "model", "change", "why"), REFUSED)
def test_what_is_refused(tmp_path: Path, kind: str, model: Toy, change: dict[str, Any], why: str) -> None:
    definition = with_training(tmp_path / "t", kind=kind)
    with pytest.raises(UsageError, match=why):
        evaluate(definition, model, settings(tmp_path / "out", **{"shots": 3, **change}))
    assert model.batches == []


def test_a_task_without_such_a_split_is_refused(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t", split="other")
    with pytest.raises(
        UsageError, match=r"--shots .* the split 'train' \('shots_split'\) of task 'toy', which cannot"
    ) as said:
        run(definition, tmp_path / "out")
    assert "\n" not in str(said.value)


def test_a_gain_compares_runs_after_the_same_examples(tmp_path: Path) -> None:
    definition = with_training(tmp_path / "t")
    seen, _ = run(definition, tmp_path / "out")
    blank, _ = run(definition, tmp_path / "out", control="blank")
    bare, _ = run(definition, tmp_path / "out", control="blank", shots=0)
    assert measure_gain(seen.folder, blank.folder).control == "blank"
    with pytest.raises(UsageError, match="their difference is no gain"):
        measure_gain(seen.folder, bare.folder)


def test_examples_make_a_request_longer(tmp_path: Path) -> None:
    pool, everything = pool_of(with_training(tmp_path / "t"))
    bare = GenerateRequest("s000", (), "how many?")
    assert Writer().cost(replace(bare, shots=pool.draw(everything[0]))) > Writer().cost(bare)


def test_a_number_below_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--shots must be a whole number from 0, not -1"):
        settings(tmp_path, shots=-1)


@given(st.integers(0, 60), st.integers(0, 2**32))
def test_shuffled_is_a_permutation(count: int, seed: int) -> None:
    assert sorted(shuffled(count, Random(seed))) == list(range(count))


def test_shuffled_is_fair() -> None:
    firsts = [next(shuffled(4, Random(seed))) for seed in range(2000)]
    seconds = [list(shuffled(4, Random(seed)))[1] for seed in range(2000)]
    for found in (firsts, seconds):
        assert all(400 < found.count(number) < 600 for number in range(4))
