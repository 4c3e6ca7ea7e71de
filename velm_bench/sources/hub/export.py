"""Data sets that are no Parquet on the hub, as Parquet: what `datasets` reads, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.sources.hub.remote import UnreachableError, require_client, translated
from velm_bench.sources.hub.settings import Part

ROWS = 100
"""Rows of a row group: pictures may be large."""
ROWS_PER_FILE = 20_000


def export(part: Part, commit: str, folder: Path) -> None:
    """Write a part as Parquet files 0000.parquet, ... in `folder`, pictures inside, a row group in memory at a time.

    An empty `commit` is whatever `datasets` has kept of it, and nobody is asked. UnreachableError where nobody answers,
    UsageError where `datasets` cannot read it.
    """
    require_client(part)
    try:
        with nullcontext() if commit else _offline():
            written = _write(_opened(part, commit), folder)
    except (UsageError, UnreachableError):
        raise
    except Exception as error:
        raise _refusal(error, part) from error
    if not written:
        raise UsageError(f"The data set {part} has no rows: correct the task's 'source'.")


@contextmanager
def _offline() -> Iterator[None]:
    """A block in which `datasets` asks nobody: it would try several times."""
    from datasets import config

    before = config.HF_HUB_OFFLINE
    config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before


def _opened(part: Part, commit: str) -> Any:
    """The rows, pictures and sounds not decoded."""
    import datasets

    files = list(part.files) or None
    found = datasets.load_dataset(
        f"hf://datasets/{part.id}",
        part.config or None,
        data_files={part.split: files} if files else None,
        split=part.split,
        revision=commit or None,
        streaming=bool(commit),
    )
    if commit:
        return found.decode(False)
    plain = {
        name: type(feature)(decode=False)
        for name, feature in found.features.items()
        if isinstance(feature, datasets.Image | datasets.Audio)
    }
    for name, feature in plain.items():
        found = found.cast_column(name, feature)
    return found


def _write(rows: Any, folder: Path) -> list[Path]:
    """The files that were written."""
    import pyarrow.parquet as pq
    from datasets.table import embed_table_storage

    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    writer: Any = None
    written = 0
    try:
        for table in _groups(rows):
            embedded = embed_table_storage(table)
            if writer is None:
                paths.append(folder / f"{len(paths):04d}.parquet")
                writer = pq.ParquetWriter(paths[-1], embedded.schema)
            writer.write_table(embedded)
            written += embedded.num_rows
            if written >= ROWS_PER_FILE:
                writer.close()
                writer, written = None, 0
    finally:
        if writer is not None:
            writer.close()
    return paths


def _groups(rows: Any) -> Iterator[Any]:
    """Tables of the rows, with the data set's features in their schema."""
    resolved = rows._resolve_features() if rows.features is None else rows
    schema = resolved.features.arrow_schema
    for table in resolved.with_format("arrow").iter(batch_size=ROWS):
        yield table.cast(schema)


def _refusal(error: Exception, part: Part) -> Exception:
    import datasets

    said = " ".join(str(error).split())
    if isinstance(error, ConnectionError):
        return UnreachableError(said)
    if isinstance(error, ValueError | FileNotFoundError | RuntimeError | datasets.exceptions.DatasetsError):
        return UsageError(
            f"The data set {part} cannot be read by `datasets` ({said:.200}): correct the task's 'source'."
        )
    return translated(error, part.id, part.revision)
