"""What a model would not heed is refused before it is asked anything."""

from __future__ import annotations

from collections.abc import Sequence

from velm_bench.engine.plan import Row
from velm_bench.errors import UsageError
from velm_bench.models.base import Model
from velm_bench.results.provenance import redact_text
from velm_bench.samples import GenerateRequest, Request
from velm_bench.tasks.definition import Task


def require_conversation(task: Task, model: Model) -> None:
    """UsageError where a task has a system prompt or a chat template and the model takes none."""
    if model.converses:
        return
    for key, what in (("system", "system prompt"), ("chat_template", "chat template")):
        if getattr(task, key):
            raise UsageError(
                f"The task '{task.name}' has a {what} ('{key}'), which the model '{redact_text(model.identity.name)}' "
                "does not take: choose a model that converses, or leave the key out."
            )


def require_heeded(plan: Sequence[Row], model: Model, replaced: Sequence[str] = ()) -> None:
    """Put the first request of each class to the model; UsageError where it would not heed something in it.

    `replaced` names generation settings given for this run: a model that writes nothing would not heed them.
    """
    seen: set[type[Request]] = set()
    for row in plan:
        if row.request is not None and type(row.request) not in seen:
            seen.add(type(row.request))
            model.require(row.request)
    generated = model.generates and any(issubclass(kind, GenerateRequest) for kind in seen)
    if replaced and seen and not generated:
        raise UsageError(
            f"--generation {replaced[0]} would do nothing: the model '{redact_text(model.identity.name)}' generates no "
            "text here; leave it out."
        )
