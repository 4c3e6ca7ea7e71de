"""The controls: what each shows, that it asks anew, and that a sample fails for its own picture only."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.toys import Toy, draw, make_task, rows_of, settings
from velm_bench.engine.controls import CONTROLS
from velm_bench.engine.runner import Run, evaluate
from velm_bench.engine.treatment import Treat
from velm_bench.errors import SampleError, UsageError
from velm_bench.results import schema
from velm_bench.results.store import read_samples
from velm_bench.samples import ArrayPicture, Picture, Pixels, Sample


def picture(level: int) -> ArrayPicture:
    return ArrayPicture(np.full((2, 2, 3), level, np.uint8))


def grid(groups: int, each: int = 2, pictures: int = 1) -> list[Sample]:
    """Groups of samples; each sample's pictures have levels of their own."""
    return [
        Sample(
            f"{group}.{place}", tuple(picture(10 * group + 2 * place + k) for k in range(pictures)), group=str(group)
        )
        for group in range(groups)
        for place in range(each)
    ]


def levels(treat: Treat, sample: Sample) -> list[int]:
    return [int(one.decode()[0, 0, 0]) for one in treat(sample).sample.images]


def shuffled(samples: list[Sample], seed: int = 0) -> Treat:
    return CONTROLS["shuffled"].begin(samples, seed)


def test_the_names_are_those_that_results_know() -> None:
    assert tuple(CONTROLS) == schema.CONTROLS
    assert all(CONTROLS[name].name == name for name in CONTROLS)


@pytest.mark.parametrize("pictures", [1, 2])
def test_shuffling_gives_every_picture_to_another_group_once(pictures: int) -> None:
    samples = grid(9, pictures=pictures)
    treat = shuffled(samples)
    given = [level for sample in samples for level in levels(treat, sample)]
    own = [int(one.decode()[0, 0, 0]) for sample in samples for one in sample.images]
    assert Counter(given) == Counter(own)
    assert all(here // 10 != there // 10 for here, there in zip(own, given, strict=True))
    assert {sample.id for sample in samples} == {treat(sample).sample.id for sample in samples}


def test_shuffling_is_decided_by_the_seed_and_not_by_the_order_of_the_groups() -> None:
    samples = grid(9)
    first = {sample.id: levels(shuffled(samples), sample) for sample in samples}
    turned = shuffled(samples[10:] + samples[:10])
    assert first == {sample.id: levels(turned, sample) for sample in samples}
    assert first != {sample.id: levels(shuffled(samples, seed=1), sample) for sample in samples}


def test_shuffling_never_shows_equal_content() -> None:
    """Three of four groups have the same picture: none of them is shown it."""
    samples = [Sample(str(n), (picture(7 if n < 3 else 9),)) for n in range(4)]
    treat = shuffled(samples)
    assert [levels(treat, sample) for sample in samples] == [[9], [9], [9], [7]]


def test_groups_that_share_a_picture_exchange_the_others() -> None:
    """Every group begins with the same picture, as documents do with a cover."""
    cover = picture(1)
    samples = [
        Sample(f"{group}.{place}", (picture(10 * group) if place else cover,), group=str(group))
        for group in range(1, 4)
        for place in range(2)
    ]
    treat = shuffled(samples)
    for sample in samples:
        (level,) = levels(treat, sample)
        assert level not in {int(sample.images[0].decode()[0, 0, 0]), 10 * int(sample.group)}


def test_samples_without_pictures_stay_without_and_give_none() -> None:
    samples = [*grid(3), Sample("bare")]
    treat = shuffled(samples)
    assert treat(samples[-1]).sample.images == ()
    assert all(len(treat(sample).sample.images) == 1 for sample in samples[:-1])


def test_a_number_of_pictures_that_nobody_else_has_is_made_up_of_others() -> None:
    samples = [*grid(3, 1), Sample("pair", (picture(200), picture(201)))]
    treat = shuffled(samples)
    given = levels(treat, samples[-1])
    assert len(given) == 2
    assert set(given) <= {0, 10, 20}
    assert all(level < 200 for sample in samples[:-1] for level in levels(treat, sample))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (grid(1, 4), "one group only"),
        ([Sample(str(n), (picture(5),)) for n in range(4)], "alike"),
        ([Sample(str(n), (picture(5), picture(n))) for n in range(4)], "that another has not"),
    ],
)
def test_shuffling_needs_something_to_exchange(samples: list[Sample], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        shuffled(samples)


class Broken(Picture):
    """Bytes that can be read and not decoded, or not even read."""

    def __init__(self, digest: str = "") -> None:
        self.known = digest

    @property
    def digest(self) -> str:
        if not self.known:
            raise SampleError("The image cannot be read.")
        return self.known

    def decode(self) -> Pixels:
        raise SampleError("The image cannot be decoded.")


def test_a_broken_picture_is_given_to_nobody() -> None:
    samples = grid(6, 1)
    samples[2] = replace(samples[2], images=(Broken(),))
    samples[4] = replace(samples[4], images=(Broken("f" * 64),))
    treat = shuffled(samples)
    assert all(levels(treat, sample)[0] in {0, 10, 30, 50} for sample in samples)


def errors_of(run: Run) -> dict[str, str]:
    return {row["id"]: row["error"] for row in read_samples(run.folder).to_pylist() if row["error"]}


@pytest.mark.parametrize("defect", ["missing", "truncated"])
def test_a_sample_fails_under_every_control_as_it_does_with_its_picture(defect: str, tmp_path: Path) -> None:
    task = make_task(tmp_path, 12)
    path = tmp_path / "pictures" / "2.png"
    if defect == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    plain = evaluate(task, Toy(), settings(tmp_path / "out"))
    assert set(errors_of(plain)) == {"s004", "s005"}
    for control in (*CONTROLS, "noise:3"):
        assert errors_of(evaluate(task, Toy(), settings(tmp_path / "out", control=control))) == errors_of(plain)


def keys(run: Run) -> set[str]:
    return set(read_samples(run.folder)["key"].to_pylist())


def test_every_treatment_asks_anew_under_keys_of_its_own(tmp_path: Path) -> None:
    task = make_task(tmp_path, 12)
    seen: set[str] = set()
    folders = set()
    for control in ("", *CONTROLS, "noise:3", "noise:4", "blur:3", "jpeg:3", "rotate:3", "occlude:3", "typos:3"):
        model = Toy()
        run = evaluate(task, model, settings(tmp_path / "out", control=control))
        assert len(model.asked) == 12
        assert not seen & keys(run)
        assert run.result.control == control
        seen |= keys(run)
        folders.add(run.folder)
    assert len(folders) == 11


def test_absent_hands_over_no_picture(tmp_path: Path) -> None:
    class Counting(Toy):
        def prepare(self, request: Any) -> Any:
            assert request.images == ()
            return super().prepare(request)

    run = evaluate(make_task(tmp_path, 6), Counting(), settings(tmp_path / "out", control="absent"))
    assert run.result.n_errors == 0


def test_a_limit_changes_nobodys_picture(tmp_path: Path) -> None:
    task = make_task(tmp_path, 24)
    whole, part = (
        evaluate(task, Toy(), settings(tmp_path / "out", control="shuffled", limit=limit)) for limit in (None, 7)
    )
    assert len(keys(part)) == 7
    assert keys(part) < keys(whole)


def test_a_task_without_pictures_has_nothing_to_control(tmp_path: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "image"} for row in rows_of("vqa", 6)]
    fields = {"id": "id", "question": "question", "answers": "gold", "slices": ["q"]}
    (tmp_path / "pictures").mkdir()
    task = make_task(
        tmp_path,
        rows=[{**row, "image": "pictures/missing.png"} for row in rows],
        source={"type": "jsonl", "path": "data.jsonl", "fields": fields},
    )
    model = Toy()
    for control in (*CONTROLS, "blur"):
        with pytest.raises(UsageError, match="have no pictures"):
            evaluate(task, model, settings(tmp_path / "out", control=control))
    assert model.asked == []
    assert evaluate(task, model, settings(tmp_path / "out", control="typos")).result.n_errors == 0


def test_answers_given_elsewhere_cannot_be_controlled(tmp_path: Path) -> None:
    model = Toy()
    model.sees = False
    with pytest.raises(UsageError, match="given elsewhere"):
        evaluate(make_task(tmp_path, 4), model, settings(tmp_path / "out", control="blank"))


def test_a_changed_picture_is_asked_again_even_where_it_is_not_shown(tmp_path: Path) -> None:
    task = make_task(tmp_path, 4)
    evaluate(task, Toy(), settings(tmp_path / "out", control="absent"))
    draw(tmp_path / "pictures" / "0.png", 99)
    model = Toy()
    evaluate(task, model, settings(tmp_path / "out", control="absent"))
    assert set(model.asked) == {"s000", "s001"}
