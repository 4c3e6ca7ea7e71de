"""One set of draws for all models and tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from velm_bench.metrics import build
from velm_bench.statistics import joint
from velm_bench.statistics.joint import Asked, joint_replicates, worlds
from velm_bench.statistics.resampling import replicate_values


def names(*images: int) -> np.ndarray:
    return np.asarray([f"image {image}" for image in images])


def answered(*right: float) -> np.ndarray:
    return np.column_stack([right, np.ones(len(right))]).astype(float)


def asked(groups: np.ndarray, *runs: np.ndarray, source: str = "scenes", metric: str = "accuracy", **how: Any) -> Asked:
    built = build(metric, how.get("labels", ()))
    return Asked(built, built.outputs[0], source, groups, runs)


GROUPS = names(*np.arange(40) // 2)
CHANCE = np.random.default_rng(0)
RUNS = [answered(*CHANCE.integers(0, 2, 40)) for _ in range(5)]


def test_one_task_is_resampled_as_for_its_interval() -> None:
    """The same distribution as the interval's, whose draws have another seed."""
    drawn = joint_replicates({"vqa": asked(GROUPS, *RUNS)}, 4000)["vqa"]
    assert drawn.shape == (4000, 5)
    for place, run in enumerate(RUNS):
        alone = replicate_values(build("accuracy"), [run], GROUPS, 4000)[0][:, 0]
        assert drawn[:, place].mean() == pytest.approx(alone.mean(), abs=0.01)
        assert drawn[:, place].std() == pytest.approx(alone.std(), rel=0.1)


def test_tasks_about_the_same_images_share_their_draws() -> None:
    shared = joint_replicates({"a": asked(GROUPS, RUNS[0]), "b": asked(GROUPS, RUNS[0])}, 100)
    np.testing.assert_array_equal(shared["a"], shared["b"])
    order = CHANCE.permutation(40)
    mixed = joint_replicates({"a": asked(GROUPS, RUNS[0]), "b": asked(GROUPS[order], RUNS[0][order])}, 100)
    np.testing.assert_allclose(mixed["a"], mixed["b"], rtol=1e-12)


@pytest.mark.parametrize(
    "other", [asked(GROUPS, RUNS[0], source="coco"), asked(np.char.add("x", GROUPS), RUNS[0])], ids=["source", "names"]
)
def test_tasks_about_other_images_are_drawn_on_their_own(other: Asked) -> None:
    drawn = joint_replicates({"a": asked(GROUPS, RUNS[0]), "b": other}, 2000)
    assert abs(np.corrcoef(drawn["a"][:, 0], drawn["b"][:, 0])[0, 1]) < 0.1


def test_a_task_about_some_of_the_images_is_weighted_by_these() -> None:
    """Image 2 is right and image 9 wrong in the smaller task; the larger one says how often each was drawn."""
    shares = [asked(names(*range(12)), answered(*(image == one for image in range(12)))) for one in (2, 9)]
    tasks = {"right": shares[0], "wrong": shares[1], "part": asked(names(9, 2), answered(0, 1))}
    drawn = joint_replicates(tasks, 300)
    right, wrong, part = (drawn[name][:, 0] for name in tasks)
    known = right + wrong > 0
    np.testing.assert_allclose(part[known], right[known] / (right + wrong)[known])
    assert np.isnan(part[~known]).all()
    assert not known.all()


def test_which_tasks_are_about_the_same_images() -> None:
    groups = {name: np.asarray(images) for name, images in {"a": ["1", "2"], "b": ["3"], "c": ["2", "3"]}.items()}
    tasks = {name: ("coco", images) for name, images in groups.items()} | {"d": ("scenes", np.asarray(["1"]))}
    assert sorted(sorted(world) for world in worlds(tasks)) == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize(("metric", "labels"), [("accuracy", ()), ("macro_f1", ("x", "y"))], ids=["sums", "no sums"])
def test_pieces_change_nothing(metric: str, labels: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [CHANCE.integers(0, 2, (40, 2)).astype(float) for _ in range(3)] if metric == "macro_f1" else RUNS
    task = asked(GROUPS, *runs, metric=metric, labels=labels)
    whole = joint_replicates({"t": task}, 50)["t"]
    monkeypatch.setattr(joint, "CELLS", 70)
    monkeypatch.setattr(joint, "COLUMNS", 1)
    np.testing.assert_allclose(joint_replicates({"t": task}, 50)["t"], whole, rtol=1e-12)
    alone = joint_replicates({"t": asked(GROUPS, runs[-1], metric=metric, labels=labels)}, 50)["t"]
    np.testing.assert_allclose(alone[:, 0], whole[:, -1], rtol=1e-12)


def test_one_image_says_nothing() -> None:
    drawn = joint_replicates({"t": asked(names(1, 1, 1), answered(0, 1, 1))}, 10)["t"]
    assert drawn.shape == (10, 1)
    assert np.isnan(drawn).all()
