"""How far a model's probabilities can be believed: the reliability diagram of a run, from its samples alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from velm_bench.metrics import MetricInputError
from velm_bench.metrics.classes.calibration import BINS, CalibrationError
from velm_bench.results.store import STATISTICS, read_samples, statistics_of
from velm_bench.statistics.resampling import CELLS, cluster_codes, group_weights, percentiles

if TYPE_CHECKING:
    import pyarrow as pa

Array = NDArray[np.float64]
ECE = "ece"
"""The metric whose statistics are the diagram's bins."""
COLUMNS = ("from", "to", "n", "confidence", "accuracy", "low", "high")
"""Of `Reliability.bins`: the edges of a bin, how many samples fell in it, how sure the model was of them, and how many
of them it got right, with the 95 % interval. A bin without samples has no numbers."""


@dataclass(frozen=True)
class Reliability:
    """The reliability diagram of one run."""

    bins: pd.DataFrame
    """A row per bin: COLUMNS."""
    error: float
    """The expected calibration error."""
    n: int
    """How many samples there are, failed ones (wrong with confidence 1) included."""


def reliability_of(folder: Path, replicates: int = 1000, seed: int = 0) -> Reliability | None:
    """The diagram of the run in a folder; None where its answers come without probabilities.

    UsageError where the samples are absent, damaged, or not those that the result describes.
    """
    table = read_samples(folder)
    statistics = _statistics(table)
    if statistics is None or not len(statistics):
        return None
    groups = table.column("group").to_pylist()
    return reliability(statistics, groups, replicates, seed)


def reliability(statistics: Array, groups: Sequence[str], replicates: int = 1000, seed: int = 0) -> Reliability:
    """The diagram of calibration statistics, shape (samples, 3); its intervals are a cluster bootstrap's."""
    metric = CalibrationError()
    count, confidence, accuracy = metric.reliability(statistics).T
    low, high = _intervals(metric, statistics, groups, replicates, seed)
    edges = np.arange(BINS + 1) / BINS
    columns = (edges[:-1], edges[1:], count.astype(np.int64), confidence, accuracy)
    bounds = (np.minimum(low, accuracy), np.maximum(high, accuracy))
    frame = pd.DataFrame(dict(zip(COLUMNS, (*columns, *bounds), strict=True)))
    return Reliability(frame, float(metric.values(statistics)[0]), len(statistics))


def _intervals(
    metric: CalibrationError, statistics: Array, groups: Sequence[str], replicates: int, seed: int
) -> tuple[Array, Array]:
    """The interval of each bin's accuracy, two of shape (15,); NaN where there are too few groups to say."""
    codes, found = cluster_codes(groups)
    if found < 2 or not replicates:
        return np.full(BINS, np.nan), np.full(BINS, np.nan)
    block = max(1, CELLS // len(codes))
    drawn = group_weights(found, replicates, seed, block)
    parts = [metric.reliability(statistics, weights[:, codes])[..., 2] for weights in drawn]
    return percentiles(np.concatenate(parts), 0.95)


def _statistics(table: pa.Table) -> Array | None:
    """The calibration statistics that the run kept, or else those of its predictions."""
    if f"{STATISTICS}{ECE}" in table.column_names:
        return statistics_of(table, ECE)
    texts = table.column("prediction").to_pylist()
    references = [json.loads(text) for text in table.column("references").to_pylist()]
    predictions = [None if text is None else json.loads(text) for text in texts]
    if not any(isinstance(one, dict) and "probabilities" in one for one in predictions):
        return None
    return _computed(predictions, references)


def _computed(predictions: Sequence[Any], references: Sequence[Any]) -> Array | None:
    """Statistics of predictions with probabilities, failed ones (None) at their worst; None where they do not fit."""
    metric = CalibrationError()
    answered = [place for place, prediction in enumerate(predictions) if prediction is not None]
    rows = np.tile(metric.unknown(), (len(predictions), 1))
    try:
        rows[answered] = metric.statistics([predictions[at] for at in answered], [references[at] for at in answered])
    except MetricInputError:
        return None
    return rows
