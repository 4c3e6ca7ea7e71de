"""Reads predictions of labels, for the metrics of classification, calibration and ranking.

Predictions are mappings {"label", "ranked", "probabilities"}, any of which may be None, or a bare label; references
are lists that hold the right label.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np

from velm_bench.metrics.base import Array, MetricInputError, aligned, as_text, listed, shown, text_pairs


def label_of(prediction: Any, row: int) -> Any:
    """The predicted label, None where there is none; MetricInputError where a mapping does not speak of one."""
    if not isinstance(prediction, Mapping):
        return prediction
    if "label" not in prediction:
        raise MetricInputError(f": its prediction has no 'label': {shown(prediction)}.", row)
    return prediction["label"]


def part_of(prediction: Any, part: str) -> Any:
    """Another part of a prediction, None where it has none or an empty one."""
    found = prediction.get(part) if isinstance(prediction, Mapping) else None
    return None if isinstance(found, Sized) and not len(found) else found


def needed_part(prediction: Any, part: str, row: int) -> Any:
    """Another part of a prediction, None where the sample failed; MetricInputError where an answer has none."""
    found = part_of(prediction, part)
    if found is None and prediction is not None:
        raise MetricInputError(f": its prediction has no '{part}': {shown(prediction)}.", row)
    return found


def without(predictions: Sequence[Any], part: str, what: str) -> str | None:
    """A sentence if some answered prediction lacks a part, else None."""
    lacking = sum(prediction is not None and part_of(prediction, part) is None for prediction in predictions)
    return f"{lacking} of {len(predictions)} predictions carry no {what}." if lacking else None


def label_pairs(
    predictions: Sequence[Any], references: Sequence[Any], metric: str
) -> list[tuple[str | None, list[str]]]:
    """Predicted labels, None where there is none, with the right ones.

    MetricInputError as for `text_pairs` and `label_of`.
    """
    given = [label_of(prediction, row) for row, (prediction, _) in enumerate(aligned(predictions, references))]
    return text_pairs(given, references, metric)


def texts_of(value: Any, row: int, what: str, most: int | None = None) -> list[str]:
    """The first `most` labels of a ranking; MetricInputError, naming the row, where it is no list of labels."""
    found = listed(value)
    if found is None:
        raise MetricInputError(f": the {what} is of type {type(value).__name__}: give a list of labels.", row)
    head = found[:most]
    return list(head) if all_text(head) else [as_text(one, row, what) for one in head]


class Numbers(NamedTuple):
    """A finite number for each of some labels."""

    labels: list[str]
    values: Array
    """Shape (labels,)."""

    def best(self, labels: Collection[str]) -> float | None:
        """The largest number that one of these labels has; None where none has any."""
        return max((self.values[self.labels.index(label)] for label in labels if label in self.labels), default=None)


def numbers_of(value: Any, row: int, what: str) -> Numbers:
    """A mapping of labels to finite numbers, read; MetricInputError, naming the row, where it is none.

    It is read as one array: a sample may have thousands.
    """
    if not isinstance(value, Mapping):
        raise MetricInputError(f": give a {what} by label, not a {type(value).__name__}.", row)
    labels = list(value) if all_text(value) else [as_text(label, row, "label") for label in value]
    try:
        found = np.asarray(list(value.values()))
    except ValueError:  # lists of different lengths among them
        found = np.asarray([None])
    if found.ndim != 1 or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        for label, number in zip(labels, value.values(), strict=True):
            if not is_finite(number):
                raise MetricInputError(f": the {what} of {label!r:.40} is {shown(number)}: give a number.", row)
        found = np.asarray(list(map(float, value.values())))
    return Numbers(labels, found.astype(np.float64))


def all_text(labels: Any) -> bool:
    """Whether all are strings: a look at types is fast where there are thousands."""
    return set(map(type, labels)) <= {str}


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold; numpy's numbers are, truth values are not."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
