"""samples.parquet: a row per sample in source order, the statistics of every metric beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velm_bench.digests import canonical_json
from velm_bench.engine.outcomes import Outcome, decode
from velm_bench.errors import UsageError
from velm_bench.results.columns import list_column, text_column, whole_column
from velm_bench.results.store import COLUMNS_KEY, SLICE, STATISTICS
from velm_bench.samples import Prediction, Sample

if TYPE_CHECKING:
    import pyarrow as pa

    from velm_bench.metrics.base import Array, Metric


TEXTS = frozenset({"string", "large_string"})
"""The types of a column of text."""


@dataclass(frozen=True)
class Judged:
    """One sample with all that came of it."""

    sample: Sample
    key: str = ""
    answer: Mapping[str, Any] | None = None
    """The raw answer as JSON."""
    prediction: Prediction | None = None
    """None where there is an error."""
    error: str = ""
    content: str = ""
    """Digest of the sample as its source gives it: id, pictures, inputs, references."""
    pictures: tuple[str, ...] = ()
    """The digests of its pictures, so that who finds another content can say whether it is one of them."""


@dataclass(frozen=True)
class Measured:
    """A metric and its statistics of all samples, shape (samples, k)."""

    name: str
    metric: Metric
    statistics: Array


def build_table(rows: Sequence[Judged], measured: Sequence[Measured]) -> pa.Table:
    """The table that is written; a function of its arguments alone, without any timing."""
    import pyarrow as pa

    columns = _plain_columns(rows)
    for one in measured:
        columns[f"{STATISTICS}{one.name}"] = list_column(one.statistics)
    described = {
        one.name: {
            "signature": one.metric.signature,
            "outputs": list(one.metric.outputs),
            "columns": list(one.metric.columns),
        }
        for one in measured
    }
    metadata = {COLUMNS_KEY: canonical_json(described).encode("ascii")}
    return pa.Table.from_arrays(list(columns.values()), names=list(columns), metadata=metadata)


def _plain_columns(rows: Sequence[Judged]) -> dict[str, Any]:
    slices = sorted({name for row in rows for name in row.sample.slices})
    answers = [row.answer or {} for row in rows]
    predictions = [row.prediction for row in rows]
    return {
        "id": text_column([row.sample.id for row in rows]),
        "group": text_column([row.sample.cluster for row in rows]),
        **{f"{SLICE}{name}": text_column([_text(row.sample.slices.get(name)) for row in rows]) for name in slices},
        "key": text_column([row.key for row in rows]),
        "content": text_column([row.content for row in rows]),
        "pictures": text_column([canonical_json(row.pictures) for row in rows]),
        "answer": text_column([canonical_json(answer) if answer else None for answer in answers]),
        "prediction": text_column([canonical_json(found.value) if found else None for found in predictions]),
        "references": text_column([canonical_json(list(row.sample.references)) for row in rows]),
        "error": text_column([row.error for row in rows]),
        "parse_failures": whole_column([found.failures if found else 0 for found in predictions]),
        "tokens": whole_column([answer.get("tokens") for answer in answers]),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def stored_outcomes(table: pa.Table) -> list[Outcome]:
    """The answers that an earlier table holds; failed samples are not among them, nor is anything malformed.

    UsageError or KeyError for a table without columns of text for them.
    """
    chosen = table.select(["id", "key", "answer", "error"])
    odd = [column.name for column in chosen.schema if str(column.type) not in TEXTS]
    if odd:
        raise UsageError(f"The column '{odd[0]}' holds no text.")
    found = []
    for row in chosen.to_pylist():
        if row["error"] or not row["answer"] or None in (row["id"], row["key"]):
            continue
        try:
            answer = json.loads(row["answer"])
            decode(answer)
        except (ValueError, RecursionError):
            continue
        found.append(Outcome(row["id"], row["key"], answer))
    return found
