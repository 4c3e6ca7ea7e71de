"""Statistics of two runs made up for the tests of contrasts."""

from __future__ import annotations

from typing import Any

import numpy as np

from velm_bench.metrics import Array, Metric, build

LABELS = ("x", "y", "z")
NAMES = ("accuracy", "bleu", "class_report", "ece", "mean_average_precision", "retrieval", "detection")


def made(name: str, samples: int, seed: int) -> tuple[Metric, Array, Array]:
    """A metric of that name, and the statistics of two runs."""
    metric, chance = build(name, LABELS), np.random.default_rng(seed)
    golden = [gold(name, chance) for _ in range(samples)]
    runs = [[answer(name, chance, one) for one in golden] for _ in range(2)]
    if name == "detection":  # the second run's images are fuller
        more = [answer(name, chance, right) for right in golden]
        runs[1] = [
            [*one, *({**thing, "score": thing["score"] + 0.1} for thing in others)]  # ties of images, never within one
            for one, others in zip(runs[1], more, strict=True)
        ]
    first, second = (metric.statistics(run, golden) for run in runs)
    return metric, first, second


def gold(name: str, chance: np.random.Generator) -> Any:
    """What is right of a sample."""
    if name == "detection":
        things = [{"category": str(chance.choice(LABELS)), "bbox": box(chance), "area": 100.0, "iscrowd": 0}]
        return {"objects": things, "height": 50, "width": 50}
    if name == "bleu":
        return [" ".join(chance.choice(list("abcd"), 6))]
    return [str(label) for label in chance.choice(LABELS, 1, replace=False)]


def answer(name: str, chance: np.random.Generator, right: Any) -> Any:
    """What a run says of it; right more often than by chance."""
    if name == "detection":
        found = [{**thing, "score": float(chance.integers(1, 4)) / 4} for thing in right["objects"]]
        return [one for one in found if chance.random() < 0.7]
    if name == "bleu":
        return " ".join(str(chance.choice(["a", word])) for word in right[0].split())
    label = right[0] if chance.random() < 0.5 else str(chance.choice(LABELS))
    scores = dict(zip(LABELS, (float(one) for one in chance.dirichlet(np.ones(3)).round(1) * 0.9), strict=True))
    if name == "retrieval":
        return [str(one) for one in chance.permutation(LABELS)]
    return {"label": label, "probabilities": scores}


def box(chance: np.random.Generator) -> list[float]:
    """One of a few places."""
    return [float(chance.integers(0, 3)) * 12, 5.0, 10.0, 10.0]


def codes(groups: Any, names: list[str]) -> list[int]:
    """The number of each sample's group."""
    return [names.index(one) for one in groups.tolist()]


def exchanged(metric: Metric, first: Array, second: Array, moved: Any) -> Array:
    """The difference after the runs were exchanged in the samples that moved."""
    width = max(first.shape[1], second.shape[1])
    wide = [np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in (first, second)]
    mine, other = np.where(moved[:, None], wide[1], wide[0]), np.where(moved[:, None], wide[0], wide[1])
    return metric.values(other) - metric.values(mine)
