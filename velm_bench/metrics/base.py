"""What a metric is: a function of weighted samples (DESIGN section 5).

`statistics` reads texts, labels or tags once per run. Everything asked afterwards (a slice, a bootstrap replicate, a
comparison, merged shards) is `values` of the same statistics under other weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import UnavailableError, UsageError
from velm_bench.samples import Form

if TYPE_CHECKING:
    from velm_bench.samples import Sample

Array = NDArray[np.float64]
"""Numbers, float64."""
Mask = NDArray[np.bool_]
"""Which samples are meant."""


class MetricUnavailableError(UnavailableError):
    """A metric needs something that is not installed; the sentence says what to install."""


class MetricInputError(UsageError, ValueError):
    """A prediction or a reference has a form that the metric cannot read; the sentence names the row.

    `what` goes on a sentence that begins with "Sample 3": " needs a reference." or ": the label is None." Without a
    row it is the whole sentence.
    """

    of_corpus = False
    """Whether the row is one of the full task's references, and not of the samples scored; see `reading_corpus`."""

    def __init__(self, what: str, row: int | None = None) -> None:
        super().__init__(what if row is None else f"Sample {row}{what}")
        self.what, self.row = what, row

    def naming(self, names: Sequence[str]) -> MetricInputError:
        """The same error with the sample's name, one of those of all rows, in the place of its row, if it has one."""
        if self.row is None or self.row >= len(names):
            return MetricInputError(str(self))
        return MetricInputError(f"Sample '{names[self.row]}'{self.what}")


@contextmanager
def reading_corpus() -> Iterator[None]:
    """Marks errors as being about the full task's references: their rows count other samples than those scored."""
    try:
        yield
    except MetricInputError as error:
        error.of_corpus = True
        raise


class Metric(ABC):
    """A score of a weighted set of samples, or several scores that share their statistics.

    A metric is built from the task's labels: classes for classification, entity types for NER, nothing otherwise. One
    that `takes` an argument is built from labels and that argument.
    """

    name: str
    """The key in a task's YAML."""
    form: Form | None = None
    """What kind of predictions it scores; None where it takes any."""
    takes: str = ""
    """What may stand after a colon behind its name ("a checkpoint", as in `clipscore:DIR`); empty: nothing may."""
    signature: str
    """Every choice that changes the number; runs compare only where signatures agree."""
    outputs: tuple[str, ...]
    """The names of the numbers it gives, the main one first."""
    columns: tuple[str, ...]
    """The names of the k columns of the statistics."""
    higher_is_better: bool | Mapping[str, bool] = True
    """For all outputs alike, or by output."""
    best: float | None = None
    """What no main output can be better than: 1 for an accuracy, 0 for an error rate; None where there is no such bound
    (CIDEr), or nobody knows it."""
    counted: str = "samples"
    """What the number of a score's `n` are."""
    gold: tuple[str, ...] = ("samples",)
    """The columns, or what stands before a slash in the names of several, that the references alone decide."""
    additive: bool = True
    """Whether `totals` is the plain weighted sum of the rows, so that rows may be summed per cluster beforehand."""

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.labels = task_labels(labels)

    def reference(self, sample: Sample) -> Any:
        """What this metric needs of a sample: its references as a list, unless a metric says otherwise."""
        return list(sample.references)

    @abstractmethod
    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        """Sufficient statistics per sample, shape (samples, k).

        A prediction of None is a failed sample and gets its worst statistics. `corpus` holds the references of the
        full task where only a part of it is scored (CIDEr's document frequencies); left out, it is `references`.
        Raises MetricInputError where a prediction or reference has the wrong form.
        """

    def totals(self, statistics: Array, weights: Array | None = None) -> Array:
        """Weighted sums, shape (k,) or (replicates, k), for weights of shape (samples,) or (replicates, samples).

        Raises MetricInputError where weights have another shape, or one is below 0 or not finite.
        """
        if weights is None:
            rows = np.ascontiguousarray(statistics.T)  # contiguous, so that numpy sums pairwise, as np.mean does
            return np.asarray(rows.sum(axis=1))
        return np.asarray(checked_weights(statistics, weights) @ statistics)

    def concatenate(self, shards: Sequence[Array]) -> Array:
        """The statistics of several parts of a data set as those of the whole: (samples, k) each -> (samples, k)."""
        return np.concatenate(shards)

    def unknown(self) -> Array:
        """What a failed sample adds whose gold cannot be read, shape (k,): it is wrong, but has no gold to miss.

        1 in the column "samples" and 0 in all others, which is right wherever the worst that a sample adds to a score
        is 0. It is asked for after `statistics`, which may set the columns.
        """
        return np.asarray([float(column == "samples") for column in self.columns])

    def lost(self, known: Array) -> Array:
        """What samples without an answer add, of which only another run's statistics are at hand: their worst.

        (samples, k) -> (samples, k): what `statistics` gives for None wherever the other run's row tells what is right.
        Give all samples of the other run and take the rows that are lacking: a row where nothing can tell how bad a
        wrong answer is (`given`) is taken as bad as the worst there. Where several references leave open which of them
        a failed sample is counted against, it is the one that the other run's answer was, and all of it is missed.

        The columns of `gold` are kept and the others are those of `unknown`, unless a metric says otherwise.
        """
        rows = np.tile(self.unknown(), (len(known), 1))
        kept = [column.partition("/")[0] in self.gold for column in self.columns]
        rows[:, kept] = known[:, kept]
        return rows

    @abstractmethod
    def finalize(self, totals: Array) -> Array:
        """Scores from totals, shape (..., k) -> (..., len(outputs)); NaN where undefined (no samples)."""

    def values(self, statistics: Array, weights: Array | None = None) -> Array:
        """All outputs under the weights (all ones if left out), shape (outputs,) or (replicates, outputs)."""
        return self.finalize(self.totals(statistics, weights))

    def value(self, statistics: Array, weights: Array | None = None) -> Array:
        """The main output under the weights, shape () or (replicates,)."""
        return np.asarray(self.values(statistics, weights)[..., 0])

    def per_sample(self, statistics: Array) -> Array:
        """All outputs of each sample on its own, shape (samples, outputs)."""
        if self.additive:
            return self.finalize(statistics)
        rows = [self.values(statistics[row : row + 1]) for row in range(len(statistics))]
        return np.asarray(rows, dtype=np.float64).reshape(-1, len(self.outputs))

    def compute(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> dict[str, float]:
        """Every output by name, in one call: `CiderD().compute(captions, references)`."""
        values = self.values(self.statistics(predictions, references, corpus))
        return dict(zip(self.outputs, map(float, values), strict=True))

    def count(self, statistics: Array, weights: Array | Mask | None = None) -> int:
        """How many things the value stands for (a score's `n`), under weights or a mask of shape (samples,).

        Samples, unless a metric's value is over something else.
        """
        return round(float(checked_weights(statistics, weights).sum()))

    def applicable(self, predictions: Sequence[Any]) -> str | None:
        """A reason why these predictions cannot be scored by this metric, or None where they can."""
        return None

    def higher(self, output: str) -> bool:
        """Whether a larger number of this output is the better one."""
        if isinstance(self.higher_is_better, bool):
            return self.higher_is_better
        return self.higher_is_better.get(output, True)


class ColumnMeans(Metric):
    """A metric whose outputs are the means of its columns; the last column counts what they are means over.

    A failed sample has `worst` in every other column.
    """

    outputs: tuple[str, ...] = ()
    """The metric's name alone, if left out."""
    columns: tuple[str, ...] = ()
    """The outputs and "samples", if left out."""
    worst: float = 0.0

    def __init__(self, labels: Sequence[str] = ()) -> None:
        super().__init__(labels)
        self.outputs = self.outputs or (self.name,)
        self.columns = self.columns or (*self.outputs, "samples")

    def unknown(self) -> Array:
        row = super().unknown()
        row[:-1] = self.worst
        return row

    def finalize(self, totals: Array) -> Array:
        return divide(totals[..., :-1], totals[..., -1:], empty=np.nan)


class MeanMetric(ColumnMeans):
    """A metric that is the mean of one score per sample, `score`; a failed sample has `worst`."""

    @abstractmethod
    def score(self, prediction: Any, reference: Any) -> float:
        """The score of one answered sample; the prediction is text where the metric's form is."""

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = aligned(predictions, references)
        given = [prediction for prediction, _ in pairs]
        found = predicted_texts(given) if self.form is Form.TEXT else given
        scores = [
            self.worst if prediction is None else self.score(prediction, gold)
            for prediction, (_, gold) in zip(found, pairs, strict=True)
        ]
        return with_count(np.asarray(scores, dtype=np.float64).reshape(-1, 1))


def listed(value: Any) -> Sequence[Any] | None:
    """A list or a tuple as it is, an array or a pandas Series as a list; None for all else that could be gone through.

    The keys of a mapping, the characters of a text or the numbers of a range are seldom what is meant.
    """
    if isinstance(value, list | tuple):
        return value
    if getattr(value, "ndim", 0) and hasattr(value, "tolist"):
        return list(value.tolist())
    return None


def samples_of(values: Any, what: str) -> Sequence[Any]:
    """The predictions or references of all samples; MetricInputError where they are no list, array or Series."""
    found = listed(values)
    if found is None:
        raise MetricInputError(f"The {what} are of type {type(values).__name__}: give a list with one per sample.")
    return found


def aligned(predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The two in pairs; MetricInputError where one is no list, array or Series, or their lengths differ."""
    found, golden = samples_of(predictions, "predictions"), samples_of(references, "references")
    if len(found) != len(golden):
        raise MetricInputError(f"There are {len(found)} predictions for {len(golden)} references.")
    return list(zip(found, golden, strict=True))


def shown(value: Any) -> str:
    """The start of what a value looks like, on one line: tables and arrays have several."""
    return " ".join(repr(value).splitlines())[:40]


def task_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """A task's labels; whole numbers are their digits. UsageError where they are no list of texts."""
    found = listed(labels)
    if found is None:
        raise UsageError(f"The labels of a metric are a list of texts, not {shown(labels)}.")
    texts = tuple(text_of(label) for label in found)
    if None in texts:
        raise UsageError(f"The label {shown(found[texts.index(None)])} of a metric is no text.")
    return tuple(text for text in texts if text is not None)


def text_of(value: Any) -> str | None:
    """A text as it is, the digits of a whole number, None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if is_whole(value) else None


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; numpy's are, truth values are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def as_text(value: Any, row: int, what: str) -> str:
    """The text of a prediction or a reference; an integer is its digits.

    MetricInputError, naming the row, for anything else (None, NaN, bytes, a list): nothing is guessed.
    """
    text = value if type(value) is str else text_of(value)
    if text is None:
        raise MetricInputError(f": the {what} is {shown(value)}, of type {type(value).__name__}: give text.", row)
    return text


def predicted_texts(predictions: Sequence[Any]) -> list[str | None]:
    """Predicted texts, None where failed; MetricInputError where one is no text."""
    return [None if one is None else as_text(one, row, "prediction") for row, one in enumerate(predictions)]


def reference_texts(references: Sequence[Any], metric: str) -> list[list[str]]:
    """The reference texts of every sample.

    MetricInputError where one is no text, or where a sample has no reference or a bare string for one.
    """
    found = []
    for row, given in enumerate(samples_of(references, "references")):
        texts = listed(given)
        if not texts:
            raise MetricInputError(f" needs a list of at least one reference for {metric}.", row)
        found.append([text if type(text) is str else as_text(text, row, "reference") for text in texts])
    return found


def text_pairs(
    predictions: Sequence[Any], references: Sequence[Any], metric: str
) -> list[tuple[str | None, list[str]]]:
    """`predicted_texts` with their `reference_texts`; MetricInputError also as for `aligned`."""
    pairs = aligned(predictions, references)
    golden = reference_texts([gold for _, gold in pairs], metric)
    return list(zip(predicted_texts([text for text, _ in pairs]), golden, strict=True))


def with_count(rows: Array) -> Array:
    """The rows with a last column of ones, which counts samples: (samples, k) -> (samples, k + 1)."""
    return np.hstack([rows, np.ones((len(rows), 1))])


def divide(numerator: Array, denominator: Array, empty: float = 0.0) -> Array:
    """The elementwise quotient, `empty` where the denominator is 0 (conlleval and scikit-learn take 0/0 as 0)."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    out = np.full(numerator.shape, empty, dtype=np.float64)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def undefined(scores: Array, count: Array) -> Array:
    """The scores (..., outputs), NaN where the count (...) of what they are over is 0."""
    return np.where(count[..., None] == 0, np.nan, scores)


def precision_recall_f1(correct: Array, predicted: Array, gold: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and their harmonic mean from counts of any common shape; 0/0 is 0 (van Rijsbergen 1979)."""
    return divide(correct, predicted), divide(correct, gold), divide(2 * correct, predicted + gold)


def scatter(weights: Array, index: NDArray[np.int64], size: int) -> Array:
    """Sums of weights by index: (..., samples) -> (..., size), in O(samples) memory; negative indices are left out."""
    out = np.zeros((*weights.shape[:-1], size))
    order = np.argsort(index, kind="stable")[np.count_nonzero(index < 0) :]
    if len(order):
        ranked = index[order]
        starts = np.flatnonzero(np.diff(ranked, prepend=-1))
        out[..., ranked[starts]] = np.add.reduceat(weights[..., order], starts, axis=-1)
    return out


def checked_weights(statistics: Array, weights: Array | Mask | None) -> Array:
    """The weights, or a mask, as float64, or one per row where there are none.

    MetricInputError unless their shape is (samples,) or (replicates, samples), and all are finite and 0 or more.
    """
    samples = len(statistics)
    if weights is None:
        return np.ones(samples)
    try:
        found = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise MetricInputError(f"The weights are {shown(weights)}: give a number per sample.") from None
    if found.ndim not in (1, 2) or found.shape[-1] != samples:
        raise MetricInputError(
            f"The weights have the shape {found.shape} for {samples} samples: give one per sample, in one row or more."
        )
    least, most = found.min(initial=0.0), found.max(initial=0.0)  # NaN if one is
    if not (least >= 0.0 and most < np.inf):
        raise MetricInputError(f"A weight is {least if most < np.inf else most}: give finite numbers of 0 or more.")
    return found
