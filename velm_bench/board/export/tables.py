"""CSV and Parquet: a row per run and metric, with the card and the verification of the submission beside it."""

from __future__ import annotations

import io

import pandas as pd

from velm_bench.board.export.snapshot import Snapshot
from velm_bench.board.spreadsheets import spreadsheet

OF_RUN = (
    "submission", "run", "model", "revision", "organisation", "parameters", "licence", "training_data", "released",
    "parent", "task", "kind", "control", "samples", "unparsed", "level", "status", "reason", "submitted", "attempts",
    "samples_per_second", "device",
)  # fmt: skip
"""What is said of the run: columns of `Listing.runs`."""
OF_SCORE = ("metric", "primary", "score", "low", "high", "n", "errors", "higher_is_better", "signature")
"""What is said of the metric: columns of `Listing.scores`, and whether it is the task's primary one."""
OF_PRIMARY = ("corrected", "corrected_low", "corrected_high", "claimed")
"""What is known of the primary score only; missing in the rows of other metrics."""
COLUMNS = ("snapshot", *OF_RUN, *OF_SCORE, *OF_PRIMARY)


def table(snapshot: Snapshot) -> pd.DataFrame:
    """A row per run and metric with COLUMNS, in the order of the runs; slices are left to the JSON.

    A run without any score (it was rejected, or its data was nowhere at hand) has one row, of its primary metric.
    """
    listing = snapshot.listing
    scores = listing.scores[listing.scores["slice"] == ""].drop(columns="slice")
    named = {"metric": "primary_metric", "higher_is_better": "better"}
    runs = listing.runs[[*OF_RUN, *named, *OF_PRIMARY]].rename(columns=named)
    runs = runs.assign(place=range(len(runs)))
    joined = runs.merge(scores, on="run", how="left").sort_values("place", kind="stable", ignore_index=True)
    for name, value in {"metric": joined["primary_metric"], "higher_is_better": joined["better"]}.items():
        joined[name] = joined[name].fillna(value)
    joined["signature"] = joined["signature"].fillna("")
    joined["primary"] = (joined["metric"] == joined["primary_metric"]).astype("boolean")
    for name in OF_PRIMARY:
        joined[name] = joined[name].where(joined["primary"])
    joined["snapshot"] = pd.Series(listing.identity, index=joined.index, dtype="string")
    return joined[list(COLUMNS)]


def csv(snapshot: Snapshot) -> bytes:
    """The table as UTF-8 CSV in which no cell is a formula; numbers are exact, a missing one is empty."""
    frame = table(snapshot)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].map({text: spreadsheet(text) for text in frame[name].unique()})
    return frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8")


def parquet(snapshot: Snapshot) -> bytes:
    """The table as Parquet, every text as it was given; the same table always gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    arrow = pa.Table.from_pandas(table(snapshot), preserve_index=False).replace_schema_metadata(None)
    pq.write_table(arrow, sink, compression="zstd", version="2.6")
    return sink.getvalue()
