"""CSV and Parquet: the same rows, exact numbers, and no formula."""

from __future__ import annotations

import dataclasses
import io

import pandas as pd
import pyarrow.parquet as pq

from tests.board.export.made_snapshots import HOSTILE, ranks, run, small_board
from velm_bench.board.export.snapshot import arrange
from velm_bench.board.export.tables import COLUMNS, csv, parquet, table
from velm_bench.board.listings.listing import RUN_COLUMNS
from velm_bench.board.listings.results_listing import framed

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _read(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values={"score": [""], "low": [""], "claimed": [""]})


def test_a_row_per_run_and_metric_without_slices() -> None:
    found = table(small_board())
    assert tuple(found.columns) == COLUMNS
    assert len(found) == 2 * (6 * 2 + 4)
    assert set(found["metric"]) == {"accuracy", "ece"}
    assert found.groupby("run")["primary"].sum().eq(1).all()


def test_a_run_without_a_score_has_a_row() -> None:
    """Of one that is but complete, say, or that was rejected before anything was recomputed."""
    found = small_board().listing
    runs = [*found.runs.astype(object).where(found.runs.notna(), None).to_dict("records")]
    runs.append(run("3", "Complete", "seen", "vqa", None, level="complete", n=None))
    snapshot = arrange(dataclasses.replace(found, runs=framed(runs, RUN_COLUMNS)), {"": ranks(found)})
    frame = table(snapshot)
    assert len(frame) == len(table(small_board())) + 1
    (row,) = frame[frame["model"] == "Complete"].to_dict("records")
    assert (row["metric"], row["primary"], row["level"], row["signature"]) == ("accuracy", True, "complete", "")
    assert row["higher_is_better"] is True
    assert pd.isna(row["score"])
    assert pq.read_table(io.BytesIO(parquet(snapshot))).column("score").null_count == 1
    assert _read(csv(snapshot))["score"].isna().sum() == 1


def test_what_is_known_of_the_primary_score_stands_in_its_rows_only() -> None:
    found = table(small_board())
    assert found.loc[found["primary"], "claimed"].notna().all()
    assert found.loc[~found["primary"], ["claimed", "corrected"]].isna().all().all()


def test_csv_gives_the_same_numbers_back_and_no_cell_is_a_formula() -> None:
    snapshot = small_board()
    read, given = _read(csv(snapshot)), table(snapshot)
    assert list(read["score"]) == list(given["score"].astype(float))
    assert list(read["run"]) == list(given["run"])
    texts = [name for name in given.columns if isinstance(given[name].dtype, pd.StringDtype)]
    cells = [str(cell) for name in texts for cell in read[name]]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert f"'{HOSTILE['formula']}" in set(read["model"])
    assert not [cell for cell in cells if "\u202e" in cell]


def test_csv_keeps_quotes_line_breaks_and_commas_in_their_cells() -> None:
    read = _read(csv(small_board()))
    assert HOSTILE["quote"] in set(read["model"])
    assert HOSTILE["tag"] in set(read["organisation"])


def test_parquet_holds_every_text_as_it_was() -> None:
    snapshot = small_board()
    read = pq.read_table(io.BytesIO(parquet(snapshot)))
    assert set(HOSTILE.values()) <= set(read.column("model").to_pylist())
    assert (
        read.column("parameters").to_pylist()
        == table(snapshot)["parameters"].astype(object).replace({pd.NA: None}).to_list()
    )


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert csv(small_board()) == csv(small_board())
    assert parquet(small_board()) == parquet(small_board())
