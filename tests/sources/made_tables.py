"""Parquet as public data sets have it, made in the tests."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(level: int) -> bytes:
    """A small picture of one grey level."""
    stream = io.BytesIO()
    Image.fromarray(np.full((3, 2, 3), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def packed(level: int | None) -> dict[str, Any] | None:
    """A picture as a cell of a Hugging Face data set; None for a row without one."""
    return None if level is None else {"bytes": png(level), "path": None}


def parquet(features: dict[str, Any] | None = None, **columns: Any) -> bytes:
    """A Parquet file with two rows per row group; `features` as `datasets` writes them."""
    table = pa.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=2)
    return stream.getvalue()


def write(root: Path, name: str, data: bytes) -> Path:
    """A file below a folder."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def levels(sample: Any) -> list[int]:
    """The grey levels of a sample's pictures."""
    return [int(picture.decode()[0, 0, 0]) for picture in sample.images]
