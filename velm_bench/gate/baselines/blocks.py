"""One task's evidence as a block of a baseline file, and back: equal, but for where it was read and the answers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from velm_bench.digests import digest_bytes
from velm_bench.errors import UsageError
from velm_bench.gate.baselines.encoding import (
    decode_table,
    decode_texts,
    decode_truths,
    encode_table,
    encode_texts,
)
from velm_bench.gate.baselines.packing import MOST, MOST_LETTERS, DamagedError, pack_whole
from velm_bench.gate.baselines.schema import MOST_NUMBERS, MOST_SAMPLES, Block, Event, Table, Where
from velm_bench.gate.evidence import Circumstances, Evidence, Names
from velm_bench.metrics import Array

T = TypeVar("T")
APART = frozenset({"source", "run"})
"""What a baseline does not keep: where a run lay on somebody's machine, and its answers."""
SPARSE = ("log", "ids", "groups", "contents", "failed", "slices", "statistics")
"""Where nothing is written of what is absent."""
PLAIN = ("kind", "task_digest", "fingerprint", "limit", "imported", "primary", "model", "model_digest", "run_id")
"""What stands in a block as it does in evidence."""


def block_of(evidence: Evidence, log: Sequence[Event]) -> dict[str, Any]:
    """The block of a task as JSON data, its digest last. UsageError where it cannot be kept exactly."""
    _require_small(evidence)
    block = Block(
        **{name: getattr(evidence, name) for name in PLAIN},
        labels=list(evidence.labels),
        n=evidence.n,
        n_errors=int(np.count_nonzero(evidence.failed)),
        scores=dict(evidence.scores),
        log=list(log),
        timing=evidence.timing,
        circumstances=Where(**dataclasses.asdict(evidence.circumstances)),
        ids=encode_texts(evidence.ids.tolist()),
        groups=encode_texts(evidence.groups.tolist()),
        contents=encode_texts(evidence.contents.tolist()),
        failed=pack_whole(evidence.failed.astype(np.int64)),
        slices={name: encode_texts(values) for name, values in evidence.slices.items()},
        statistics={name: _table(evidence, name) for name in evidence.statistics},
        digest="",
    )
    data = block.model_dump(mode="json", exclude={"digest"})
    data |= {name: _sparse(data[name]) for name in SPARSE}
    return {**data, "digest": block_digest(evidence.title, data)}


def block_digest(title: str, data: Mapping[str, Any]) -> str:
    """SHA-256 over a task's name and its block without the digest, the order of its keys included."""
    text = json.dumps([title, {key: value for key, value in data.items() if key != "digest"}], separators=(",", ":"))
    return digest_bytes(text.encode("ascii"))


def evidence_in(title: str, block: Block, source: str, where: str) -> Evidence:
    """The evidence of a block; UsageError, beginning with `where`, where its parts do not fit each other."""
    n = block.n
    _require_few(block, where)
    failed = _decoded(where, "failed", lambda: decode_truths(block.failed, n))
    if int(np.count_nonzero(failed)) != block.n_errors:
        raise UsageError(f"In {where}: it says that {block.n_errors} samples failed, and marks {failed.sum()}.")
    return Evidence(
        **{name: getattr(block, name) for name in PLAIN},
        source=source,
        title=title,
        labels=tuple(block.labels),
        **_names(block, where),
        failed=failed,
        slices={
            name: tuple(_decoded(where, f"slice {name}", lambda column=column: decode_texts(column, n)))  # type: ignore[misc]
            for name, column in block.slices.items()
        },
        scores=block.scores,
        statistics={name: _statistics(name, table, n, where) for name, table in block.statistics.items()},
        timing=block.timing,
        circumstances=Circumstances(**block.circumstances.model_dump()),
    )


def weight(evidence: Evidence) -> tuple[int, int]:
    """How many letters the names of the samples take in memory, each as long as the longest, and how many statistics
    there are."""
    names = (evidence.ids, evidence.groups, evidence.contents)
    return sum(one.nbytes // 4 for one in names), sum(table.size for table in evidence.statistics.values())


def same_evidence(one: Evidence, other: Evidence) -> bool:
    """Whether a baseline of one is a baseline of the other: all is equal but where it was read and the answers."""
    names = [field.name for field in dataclasses.fields(Evidence) if field.name not in APART]
    return all(_same(getattr(one, name), getattr(other, name)) for name in names)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        bits = one.dtype.kind == "f"  # of which -0.0 is not 0.0
        alike = one.shape == other.shape and one.dtype.kind == other.dtype.kind
        return alike and (one.tobytes() == other.tobytes() if bits else bool((one == other).all()))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _table(evidence: Evidence, name: str) -> Table:
    try:
        return encode_table(evidence.statistics[name])
    except ValueError as error:
        raise UsageError(
            f"{evidence.source} has a statistic of '{name}' that is not finite, or beyond {MOST:g}: no baseline can "
            "be made of it; run it again."
        ) from error


def _require_small(evidence: Evidence) -> None:
    letters, numbers = weight(evidence)
    if letters > MOST_LETTERS:
        raise UsageError(
            f"{evidence.source} has samples whose ids and groups take {letters} letters, and a baseline holds at most "
            f"{MOST_LETTERS}: give them shorter names."
        )
    if evidence.n > MOST_SAMPLES or numbers > MOST_NUMBERS:
        raise UsageError(
            f"{evidence.source} has {evidence.n} samples and {numbers} statistics, and a baseline holds at most "
            f"{MOST_SAMPLES} and {MOST_NUMBERS}: run fewer samples or metrics."
        )


def _require_few(block: Block, where: str) -> None:
    """UsageError where columns that pack to nothing would unpack to more than memory."""
    tables = block.statistics.values()
    if sum(max(block.n, table.rows or 0) * len(table.columns) for table in tables) > MOST_NUMBERS:
        raise UsageError(f"In {where}: it says that it holds more than {MOST_NUMBERS} statistics, which none has.")
    if block.n * len(block.slices) > MOST_NUMBERS:
        raise UsageError(f"In {where}: it says that it holds {len(block.slices)} slices, which none has.")


def _names(block: Block, where: str) -> dict[str, Any]:
    """What names the samples, by field; UsageError where it would take more memory than `MOST_LETTERS` do."""
    found: dict[str, Names] = {}
    for name in ("ids", "groups", "contents"):
        found[name] = _texts(block, name, where, MOST_LETTERS - sum(one.nbytes // 4 for one in found.values()))
    return found


def _texts(block: Block, name: str, where: str, most: int) -> Names:
    found = _decoded(where, name, lambda: decode_texts(getattr(block, name), block.n))
    if None in found:
        raise UsageError(f"In {where}: the column '{name}' has no text for a sample.")
    if max((len(text or "") for text in found), default=0) * len(found) > most:
        raise UsageError(f"In {where}: the column '{name}' has a text that is too long.")
    return np.asarray(found, dtype=np.str_).reshape(block.n)


def _statistics(name: str, table: Table, n: int, where: str) -> Array:
    return _decoded(where, f"statistics of {name}", lambda: decode_table(table, n))


def _decoded(where: str, name: str, decode: Callable[[], T]) -> T:
    try:
        return decode()
    except DamagedError as error:
        raise UsageError(f"In {where}: the column '{name}' {error}.") from error


def _sparse(value: Any) -> Any:
    """What there is, without what is null or false wherever nothing is said."""
    if isinstance(value, dict):
        return {key: _sparse(part) for key, part in value.items() if part is not None and part is not False}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_sparse(part) for part in value]
    return value
