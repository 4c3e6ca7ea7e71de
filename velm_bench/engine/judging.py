"""What came of every sample: its answer read as the task's kind reads it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from velm_bench.engine.outcomes import Outcome, decode, reason
from velm_bench.engine.plan import Row, picture_digest
from velm_bench.engine.table import Judged
from velm_bench.tasks.base import Kind


def judge(plan: Sequence[Row], outcomes: Mapping[str, Outcome], kind: Kind) -> list[Judged]:
    """What came of every sample, in the order of the plan."""
    return [_judge(row, outcomes.get(row.id), kind) for row in plan]


def _judge(row: Row, outcome: Outcome | None, kind: Kind) -> Judged:
    judged = Judged(row.sample, row.key, content=row.content, pictures=tuple(map(picture_digest, row.sample.images)))
    if outcome is None or outcome.answer is None:
        why = row.error or (outcome.error if outcome else "") or "The sample was not asked."
        return replace(judged, error=why)
    try:
        prediction = kind.predict(row.asked, decode(outcome.answer))
    except Exception as error:  # an answer that a kind cannot read is that sample's error, not the run's
        return replace(judged, answer=outcome.answer, error=reason(error))
    return replace(judged, answer=outcome.answer, prediction=prediction)
