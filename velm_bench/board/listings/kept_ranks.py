"""Rank frames of a board kept on the disk, since making one reads the samples of every run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.board.listings.index import INDEX
from velm_bench.board.listings.listing import Listing
from velm_bench.digests import canonical_json, digest_json
from velm_bench.errors import UsageError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import SAMPLES, encode_samples, read_table

FOLDER = "ranks"
VERSION = 1
"""Raised whenever the same runs give another frame than before."""
MISSING = b"velm_bench.missing"
"""File metadata: the runs whose samples were not there."""


def kept(
    listing: Listing, question: Any, make: Callable[[], tuple[pd.DataFrame, list[str]]], types: dict[str, str]
) -> pd.DataFrame:
    """The frame that answers a question about a listing; made where it is not kept.

    Nothing is kept but beside a board's index. `make` also says which runs could not be used: once one of them is
    there, the frame is made anew.
    """
    if not (listing.is_board and (listing.root.parent / INDEX).is_file()):
        return make()[0]
    path = listing.root.parent / FOLDER / f"{listing.identity[:16]}.{digest_json([VERSION, question])[:16]}.parquet"
    frame = _read(path, listing.root, types)
    if frame is None:
        frame, missing = make()
        with suppress(OSError):  # a board that is only to be read
            _write(path, frame, missing)
    return frame


def _read(path: Path, root: Path, types: dict[str, str]) -> pd.DataFrame | None:
    try:
        table = read_table(path)
    except UsageError:
        return None
    missing = json.loads((table.schema.metadata or {}).get(MISSING, b"[]"))
    if table.column_names != list(types) or any((root / run / SAMPLES).exists() for run in missing):
        return None
    frame: pd.DataFrame = table.to_pandas().astype(types)
    return frame


def _write(path: Path, frame: pd.DataFrame, missing: list[str]) -> None:
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.glob("*.parquet"):
        if not other.name.startswith(path.name[:16]):  # of an earlier moment
            with suppress(OSError):
                other.unlink()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write_bytes(path, encode_samples(table.replace_schema_metadata({MISSING: canonical_json(missing).encode()})))
