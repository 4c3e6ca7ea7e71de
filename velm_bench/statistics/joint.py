"""Bootstrap replicates of many models on many tasks under one set of draws.

Whole groups of samples (images) are drawn with replacement. Models share the draws, so that their differences are
paired; tasks share them where they ask about the same images, so that an image which is hard for all four tasks of a
model is drawn for all four. Tasks that share no image are drawn independently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from velm_bench.digests import digest_json
from velm_bench.statistics.resampling import CELLS, Metric, cluster_codes, cluster_sums, determined, group_weights

Array = NDArray[np.float64]

COLUMNS = 4_000_000
"""Numbers of models' statistics that are weighted at a time (32 MB)."""


@dataclass(frozen=True)
class Asked:
    """What many models did on the same samples of one task."""

    metric: Metric
    output: str
    """Which of the metric's outputs is meant."""
    source: str
    """Where the samples come from; groups of one name are the same image where this agrees too."""
    groups: NDArray[np.str_]
    """The image of each sample, shape (samples,)."""
    runs: Sequence[Array]
    """Each model's statistics, shape (samples, k)."""


def joint_replicates(tasks: Mapping[str, Asked], replicates: int, seed: int = 0) -> dict[str, Array]:
    """The output of every model on every task under shared draws: by task, shape (replicates, models).

    A replicate in which an output is undefined is NaN. Where a task has fewer than two groups, so that resampling says
    nothing, all of its are.
    """
    found: dict[str, Array] = {}
    for names in worlds({name: (task.source, task.groups) for name, task in tasks.items()}):
        found.update(_of_world({name: tasks[name] for name in names}, replicates, seed))
    return found


def worlds(tasks: Mapping[str, tuple[str, NDArray[np.str_]]]) -> list[list[str]]:
    """The tasks in sets that are about the same images: of one source, and linked by common names of groups."""
    found: list[tuple[str, set[str], list[str]]] = []
    for name, (source, groups) in tasks.items():
        images = set(groups.tolist())
        joined = [world for world in found if world[0] == source and not images.isdisjoint(world[1])]
        found = [world for world in found if world not in joined]
        members = [member for world in joined for member in world[2]]
        found.append((source, images.union(*(world[1] for world in joined)), [*members, name]))
    return [members for _, _, members in found]


def _of_world(tasks: Mapping[str, Asked], replicates: int, seed: int) -> dict[str, Array]:
    images = np.unique(np.concatenate([task.groups for task in tasks.values()]))
    columns = {name: np.searchsorted(images, np.unique(task.groups)) for name, task in tasks.items()}
    values: dict[str, list[Array]] = {name: [] for name in tasks}
    summed = {name: _Summed(task) for name, task in tasks.items()}
    widest = max([len(images), *(len(task.groups) for task in tasks.values() if not task.metric.additive)])
    for weights in group_weights(len(images), replicates, _seed(tasks, seed), max(1, CELLS // widest)):
        for name, table in summed.items():
            values[name].append(table.values(weights[:, columns[name]]))
    return {name: np.concatenate(found) if found else np.empty((0, 0)) for name, found in values.items()}


def _seed(tasks: Mapping[str, Asked], seed: int) -> int:
    """Another stream for each world, the same whatever the order of its tasks."""
    first = min(tasks)
    return int(digest_json([seed, tasks[first].source, sorted(tasks)])[:16], 16)


class _Summed:
    """A task's statistics, summed within images where the metric allows it."""

    def __init__(self, task: Asked) -> None:
        self.task = task
        self.place = task.metric.outputs.index(task.output)
        self.codes, count = cluster_codes(task.groups)
        self.determined = determined(task.groups, 1)
        self.tables = [cluster_sums(run, self.codes, count) for run in task.runs] if task.metric.additive else []

    def values(self, weights: Array) -> Array:
        """The output under weights of images, shape (replicates, images) -> (replicates, models)."""
        runs = len(self.task.runs)
        if not (self.determined and runs):
            return np.full((len(weights), runs), np.nan)
        if not self.tables:
            spread = weights[:, self.codes]
            found = [self.task.metric.values(run, spread)[:, self.place] for run in self.task.runs]
            return np.stack(found, axis=1)
        height, width = self.tables[0].shape
        step = max(1, COLUMNS // max(1, height * width))
        pieces = [self._weighted(weights, self.tables[start : start + step]) for start in range(0, runs, step)]
        return np.concatenate(pieces, axis=1)

    def _weighted(self, weights: Array, tables: Sequence[Array]) -> Array:
        """One product for several models, whose columns stand side by side."""
        totals = (weights @ np.concatenate(tables, axis=1)).reshape(len(weights), len(tables), -1)
        return self.task.metric.finalize(totals)[..., self.place]
