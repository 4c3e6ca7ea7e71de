"""The end of a run: its result put together and written."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from velm_bench.digests import digest_bytes, digest_file, digest_json
from velm_bench.engine.answering import Answered
from velm_bench.engine.opening import Opened
from velm_bench.engine.plan import Row, data_digest
from velm_bench.engine.scoring import Scores
from velm_bench.engine.settings import RunSettings
from velm_bench.engine.table import Judged
from velm_bench.errors import UsageError
from velm_bench.models.base import Model
from velm_bench.results import provenance
from velm_bench.results.provenance import redact_text
from velm_bench.results.schema import (
    DataInfo,
    ModelInfo,
    Provenance,
    Resampling,
    Result,
    TaskInfo,
    Timing,
    WorkedExamples,
)
from velm_bench.results.store import SAMPLES, encode_samples, read_result, write_run

if TYPE_CHECKING:
    import pyarrow as pa


class Clock:
    """How long a command and its phases take."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.phases: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block under a name."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = time.perf_counter() - started

    def timing(self, answered: Answered, earlier: Result | None) -> Timing:
        """What the clock says by now; the time spent on answers includes that of an earlier result."""
        answering = answered.seconds + (earlier.timing.answering if earlier else 0.0)
        return Timing(
            wall=time.perf_counter() - self.started,
            phases=dict(self.phases),
            asked=answered.asked,
            reused=answered.reused,
            answering=answering,
            samples_per_second=len(answered.outcomes) / answering if answering else None,
            pieces=list(answered.pieces),
            process_memory=answered.process_memory,
            device_memory=answered.device_memory,
        )


def run_id(opened: Opened, model: ModelInfo, settings: RunSettings, examples: WorkedExamples | None = None) -> str:
    """The identity of a run: 12 hexadecimal digits."""
    asked = [opened.task.digest(), opened.fingerprint, model.digest]
    parts = [opened.task.name, model.name, *asked, settings.control, settings.limit, settings.seed]
    return digest_json([*parts, examples.model_dump(mode="json")] if examples else parts)[:12]


def draft_result(
    opened: Opened, plan: Sequence[Row], model: ModelInfo, settings: RunSettings, primary: str,
    found: Scores, rows: Sequence[Judged], examples: WorkedExamples | None = None,
) -> Result:  # fmt: skip
    """The result without its volatile parts, timing and provenance."""
    return Result(
        run_id=run_id(opened, model, settings, examples),
        model=model,
        task=_task_info(opened, primary),
        data=DataInfo(
            fingerprint=opened.fingerprint,
            content=data_digest(plan),
            samples=len(opened.everything),
            limit=settings.limit,
            seed=settings.seed,
        ),
        control=settings.control,
        shots=examples,
        n=len(rows),
        n_errors=sum(bool(row.error) for row in rows),
        parse_failures=sum(row.prediction.failures for row in rows if row.prediction),
        primary=primary,
        scores=found.scores,
        skipped=found.skipped,
        slices=found.slices,
        resampling=Resampling(replicates=settings.replicates, seed=settings.seed),
        provenance=Provenance(data_revision=opened.revision),
    )


def require_storable(model: Model) -> None:
    """Make sure that a result file can say who answered; UsageError where what the model says of itself is no JSON."""
    try:
        json.dumps(model_info(model).model_dump(mode="json"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise UsageError(
            f"The identity of the model '{model.identity.name}' cannot be written as JSON ({said:.200}): its adapter "
            "must give plain texts, numbers, lists and mappings."
        ) from error


def model_info(model: Model) -> ModelInfo:
    """Who answers, as a result says it."""
    identity = model.identity
    return ModelInfo(
        name=redact_text(identity.name),
        digest=identity.digest,
        parameters=identity.parameters,
        dtype=identity.dtype,
        abilities=sorted(ability.value for ability in model.abilities),
        details=dict(identity.details),
    )


def _task_info(opened: Opened, primary: str) -> TaskInfo:
    task = opened.task
    return TaskInfo(
        name=task.name,
        kind=task.kind,
        digest=task.digest(),
        description=task.description,
        primary=primary,
        labels=list(opened.kind.labels),
        definition=task.public_definition(),
    )


def write(folder: Path, draft: Result, table: pa.Table, answered: Answered, clock: Clock, device: str) -> Result:
    """Write both files. Where nothing was asked and nothing changed the old ones stay, with their timing."""
    earlier = None if answered.anew else _earlier(folder)
    if earlier and not answered.asked and _is_current(folder, earlier, draft, table):
        return earlier
    volatile = {
        "timing": clock.timing(answered, earlier),
        "provenance": _provenance(draft, answered, device, earlier),
    }
    return write_run(folder, draft.model_copy(update=volatile), table)


def _earlier(folder: Path) -> Result | None:
    try:
        return read_result(folder)
    except UsageError:  # absent, damaged or of another version: it is about to be replaced
        return None


def _is_current(folder: Path, earlier: Result, draft: Result, table: pa.Table) -> bool:
    """Whether the files of a run already say all that would be written."""
    digest = digest_bytes(encode_samples(table))
    same = earlier.stable() == draft.model_copy(update={"samples_digest": digest}).stable()
    path = folder / SAMPLES
    return same and path.exists() and digest_file(path) == digest


def _provenance(draft: Result, answered: Answered, device: str, earlier: Result | None) -> Provenance:
    """Where the numbers come from; the device and batches of an earlier result where nothing was asked anew."""
    now = provenance.collect(
        sys.argv, device, draft.model.dtype, answered.batch_size, answered.smallest_batch, draft.data.seed
    ).model_copy(update={"data_revision": draft.provenance.data_revision})
    if earlier is None or answered.asked:
        return now
    kept = {name: getattr(earlier.provenance, name) for name in ("device", "dtype", "batch_size", "smallest_batch")}
    return now.model_copy(update=kept)
