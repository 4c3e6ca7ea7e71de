"""Whether a task's data is what its YAML says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from velm_bench.cli.options import RESULTS
from velm_bench.engine.opening import Opened, open_task
from velm_bench.engine.outcomes import reason
from velm_bench.engine.scoring import build_metrics
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UnavailableError, UsageError, VelmError
from velm_bench.metrics import Metric, MetricInputError
from velm_bench.samples import Ability, Form
from velm_bench.tasks.registry import Definition


@dataclass
class Check:
    """What was found out about one task."""

    task: str
    ok: bool = True
    """Whether it can be run; single bad samples do not forbid that."""
    samples: int = 0
    problems: int = 0
    """Samples that cannot be asked: each will be an error row."""
    fingerprint: str = ""
    complaints: list[str] = field(default_factory=list)


def check(definition: Definition, folders: tuple[Path, ...]) -> Check:
    """Read every sample of a task and put it to the kind; the first thing that forbids a run ends the check."""
    found = Check(definition.task.name)
    try:
        opened = open_task(definition, RunSettings(RESULTS, data=folders))
        found.samples, found.fingerprint = len(opened.everything), opened.fingerprint
        metrics = build_metrics(opened.kind)
        found.complaints.extend(metrics.skipped.values())
        _put_to_kind(opened, found)
        _put_to_metrics(opened, metrics.built, found)
    except VelmError as error:
        found.ok = False
        found.complaints.append(str(error))
    return found


def _put_to_kind(opened: Opened, found: Check) -> None:
    """Count samples that cannot be asked, and make a request of every other: a bad prompt field shows itself here."""
    for sample in opened.everything:
        problem = opened.kind.problem(sample)
        if not problem:
            opened.kind.request(sample, frozenset(Ability))
        elif not found.problems:
            found.complaints.append(f"sample '{sample.id}' cannot be asked: {problem}")
        found.problems += bool(problem)


def _put_to_metrics(opened: Opened, metrics: Mapping[str, Metric], found: Check) -> None:
    """Have every metric take what it needs of the samples; UsageError where a fact is missing.

    Metrics of labels also read what they took, which is quick; those of texts may start Java or a neural model.
    """
    sound = [sample for sample in opened.everything if opened.kind.scorable(sample)]
    for name, metric in metrics.items():
        try:
            golden = [metric.reference(sample) for sample in sound]
            if metric.form is Form.LABEL:
                metric.statistics([None] * len(golden), golden)
        except UnavailableError as error:
            found.complaints.append(str(error))
        except Exception as error:  # a metric may fail in any way
            named = error.naming([one.id for one in sound]) if isinstance(error, MetricInputError) else error
            raise UsageError(f"The metric '{name}' cannot score this data: {reason(named)}") from error
