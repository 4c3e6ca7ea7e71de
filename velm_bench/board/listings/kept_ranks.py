"""Rank frames of a board kept on the disk, since making one reads the samples of every run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from velm_bench.board.listings.index import INDEX
from velm_bench.board.listings.listing import Listing
from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import UsageError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import SAMPLES, encode_samples, read_table

FOLDER = "ranks"
VERSION = 2
"""Raised whenever the same runs give another frame than before."""
STAMP = b"velm_bench.samples"
"""File metadata: which samples the frame was made from."""


def kept(
    listing: Listing, question: Any, runs: Iterable[str], make: Callable[[], pd.DataFrame], types: dict[str, str]
) -> pd.DataFrame:
    """The frame that answers a question about some runs of a listing; made where it is not kept.

    Nothing is kept but beside a board's index. What is kept holds for one moment of the board and for the samples that
    lay there: once those of one of the runs come, go or change, the frame is made anew.
    """
    if not (listing.is_board and (listing.root.parent / INDEX).is_file()):
        return make()
    path = listing.root.parent / FOLDER / f"{listing.identity[:16]}.{digest_json([VERSION, question])[:16]}.parquet"
    stamp = samples_stamp(listing.root, runs).encode()
    frame = _read(path, stamp, types)
    if frame is None:
        frame = make()
        with suppress(OSError):  # a board that is only to be read
            _write(path, frame, stamp)
    return frame


def samples_stamp(root: Path, runs: Iterable[str]) -> str:
    """A digest of which runs' samples are under a folder, and of their sizes and times; nothing is read for it."""
    return digest_bytes("\n".join(f"{run} {_size(f'{root}/{run}/{SAMPLES}')}" for run in runs).encode())


def _size(path: str) -> str:
    try:
        status = os.stat(path)  # noqa: PTH116 - a hundred thousand Paths take longer than the question itself
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def _read(path: Path, stamp: bytes, types: dict[str, str]) -> pd.DataFrame | None:
    try:
        table = read_table(path)
    except UsageError:
        return None
    if table.column_names != list(types) or (table.schema.metadata or {}).get(STAMP) != stamp:
        return None
    frame: pd.DataFrame = table.to_pandas().astype(types)
    return frame


def _write(path: Path, frame: pd.DataFrame, stamp: bytes) -> None:
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.glob("*.parquet"):
        if not other.name.startswith(path.name[:16]):  # of an earlier moment
            with suppress(OSError):
                other.unlink()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    write_bytes(path, encode_samples(table.replace_schema_metadata({STAMP: stamp})))
