"""The folders that Runs live in: `<root>/<model>/<task>/<run id>/` with result.json and samples.parquet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.digests import digest_bytes
from velm_bench.errors import RunError, UsageError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.schema import SCHEMA_VERSION, Result
from velm_bench.schema import parse

if TYPE_CHECKING:
    import pyarrow as pa

RESULT = "result.json"
SAMPLES = "samples.parquet"
STATISTICS = "stat."
"""What the names of the statistics' columns begin with; the metric's name follows."""
SLICE = "slice."
"""What the names of the slices' columns begin with; the slice's name follows."""
COLUMNS_KEY = b"velm_bench.statistics"
"""File metadata: JSON of each metric's signature, outputs and column names."""
LONGEST_NAME = 80

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(?<!\.)")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def safe_name(name: str) -> str:
    """A folder name for any text, different for different texts: "ref:prefix" is "ref=prefix", "hf:a/b" is "hf=a+b".

    What a file system may refuse or confuse is replaced, and the text's digest makes the name unique again.
    """
    readable = name.replace(":", "=").replace("/", "+")
    parts = re.split(r"[:/]", name)
    if all(map(_is_plain, parts)) and len(readable) <= LONGEST_NAME:
        return readable
    kept = re.sub(r"[^A-Za-z0-9_.\-=+]+", "-", readable)[: LONGEST_NAME - 13].strip(".-=+")
    return f"{kept}~{digest_bytes(name.encode('utf-8', 'surrogatepass'))[:12]}"


def _is_plain(part: str) -> bool:
    return bool(_PLAIN.fullmatch(part)) and part.partition(".")[0].lower() not in _DEVICES


def run_folder(root: Path, model_name: str, task_name: str, run_id: str) -> Path:
    """Where a run's files lie under `root`."""
    return root / safe_name(model_name) / safe_name(task_name) / run_id


def encode_result(result: Result) -> bytes:
    """The bytes of result.json."""
    return (json.dumps(result.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode("ascii")


def encode_samples(table: pa.Table) -> bytes:
    """The bytes of samples.parquet: the same table always gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", version="2.6", row_group_size=65536)
    return bytes(sink.getvalue())


def write_run(folder: Path, result: Result, table: pa.Table) -> Result:
    """Write both files, the samples first, and give back the result with the samples' digest in it.

    A kill between the two leaves samples that the old result does not describe; reading them says so.
    """
    data = encode_samples(table)
    complete = result.model_copy(update={"samples_digest": digest_bytes(data)})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / SAMPLES, data)
        write_bytes(folder / RESULT, encode_result(complete))
    except OSError as error:
        raise RunError(
            f"The run cannot be written to {folder} ({error.strerror or error}): make room there and run the same "
            "command again: no answer is lost."
        ) from error
    return complete


def read_result(folder: Path) -> Result:
    """The result of a run; UsageError where it is absent, damaged, or of a version unknown here."""
    path = folder / RESULT
    return parse(Result, _versioned(path), f"the result file {path}")


def _versioned(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The result file {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The result file {path} is damaged ({error}): run the same command again.") from error
    if not isinstance(data, dict) or "schema_version" not in data:
        raise UsageError(f"The file {path} is no result of velm-bench: it has no 'schema_version'.")
    if data["schema_version"] != SCHEMA_VERSION:
        raise UsageError(
            f"The result file {path} has schema version {data['schema_version']!r} and this velm-bench reads "
            f"{SCHEMA_VERSION}: use the version that wrote it, or run again."
        )
    return data


def read_table(path: Path) -> pa.Table:
    """A samples file as it is; UsageError where it is absent or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # One thread, not Arrow's pool: a pool thread that drops the buffer while Python ends takes the process with it.
        return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(use_threads=False)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"The samples file {path} cannot be read ({reason}): run the same command again.") from error


def read_samples(folder: Path) -> pa.Table:
    """The samples of a finished run; UsageError where they are not those that its result describes."""
    described = read_result(folder).samples_digest
    path = folder / SAMPLES
    table = read_table(path)
    if digest_bytes(path.read_bytes()) != described:
        raise UsageError(f"The samples file {path} is not the one that {RESULT} describes: run the same command again.")
    return table


def statistics_of(table: pa.Table, metric: str) -> NDArray[np.float64]:
    """A metric's statistics, shape (samples, k), from the samples of a run; UsageError if they hold none."""
    name = f"{STATISTICS}{metric}"
    if name not in table.column_names:
        held = [column.removeprefix(STATISTICS) for column in table.column_names if column.startswith(STATISTICS)]
        raise UsageError(f"The run holds no statistics of '{metric}', only of {', '.join(held) or 'no metric'}.")
    column = table.column(name).combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float64).reshape(len(table), -1)


def result_files(root: Path) -> Iterator[Path]:
    """The result file of every finished run under `root`, in no particular order, unread."""
    return root.glob(f"*/*/*/{RESULT}")


def list_runs(root: Path, report: Callable[[str], None]) -> list[tuple[Path, Result]]:
    """Every finished run under `root`, in the order of its folders; what is damaged goes to `report` as a sentence."""
    runs = []
    for path in sorted(result_files(root)):
        try:
            runs.append((path.parent, read_result(path.parent)))
        except UsageError as error:
            report(str(error))
        except Exception as error:  # whatever is odd about one file, the others are listed
            said = " ".join(str(error).split())
            report(f"The result file {path} cannot be used ({type(error).__name__}: {said:.200}).")
    return runs
