"""Boards of which the truth is known: models of given ability on questions about shared images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.metrics import build
from velm_bench.statistics.joint import Asked, joint_replicates
from velm_bench.statistics.ranking import rank_intervals

Array = NDArray[np.float64]
MODELS, IMAGES, QUESTIONS = 50, 250, 4
ABILITIES = {
    "spread": lambda: np.linspace(0.2, 0.8, MODELS),
    "near ties": lambda: np.linspace(0.58, 0.62, MODELS),
    "exact ties": lambda: np.repeat(np.linspace(0.3, 0.7, MODELS // 5), 5),
}
"""How many models, each answering `QUESTIONS` about each of `IMAGES`; and the true accuracies."""


@dataclass(frozen=True)
class Simulated:
    """A board and its truth."""

    truth: Array
    scores: Array
    replicates: Array


def simulated(abilities: str, seed: int, replicates: int = 500) -> Simulated:
    """One draw of images and answers; an image is hard or easy for all models, and again for each on its own."""
    chance = np.random.default_rng(seed)
    truth = ABILITIES[abilities]()
    hard = chance.uniform(-0.15, 0.15, IMAGES)[:, None] + chance.uniform(-0.05, 0.05, (IMAGES, MODELS))
    right = chance.random((IMAGES, QUESTIONS, MODELS)) < np.clip(truth + hard, 0.0, 1.0)[:, None, :]
    rows = right.reshape(-1, MODELS).astype(np.float64)
    groups = np.repeat([f"image {image:04d}" for image in range(IMAGES)], QUESTIONS)
    runs = [np.column_stack([rows[:, model], np.ones(len(rows))]) for model in range(MODELS)]
    asked = Asked(build("accuracy"), "accuracy", "simulated", groups, runs)
    return Simulated(truth, rows.mean(axis=0), joint_replicates({"task": asked}, replicates, seed)["task"])


def consistent(low: NDArray[np.int64], high: NDArray[np.int64], truth: Array) -> NDArray[np.bool_]:
    """Whether each interval holds a rank that the truth allows; equals may share or take any of their places."""
    best = 1 + (truth[None, :] > truth[:, None] + 1e-12).sum(axis=1)
    worst = len(truth) - (truth[None, :] < truth[:, None] - 1e-12).sum(axis=1)
    return np.asarray((low <= worst) & (high >= best))


def coverage(board: Simulated) -> float:
    """The share of models whose interval holds a true rank."""
    found = rank_intervals(board.scores, board.replicates)
    return float(consistent(found.low, found.high, board.truth).mean())
