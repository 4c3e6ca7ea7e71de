"""A foreign run as one of ours: each score that it gave its samples becomes a mean with an interval.

Nothing is scored again, since neither the data nor the metric is ours; `Result.imported` says so. A score whose
reported value is not the mean of what the samples were given (a corpus metric) keeps that value, without interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from velm_bench.digests import canonical_json, digest_json
from velm_bench.errors import UsageError
from velm_bench.metrics import Array, Metric, build
from velm_bench.metrics.base import Mask
from velm_bench.results import provenance
from velm_bench.results.columns import list_column, text_column, whole_column
from velm_bench.results.foreign.base import ForeignRun, ForeignSample, plain
from velm_bench.results.provenance import redact_text
from velm_bench.results.schema import DataInfo, ModelInfo, Resampling, Result, Score, SliceResult, TaskInfo
from velm_bench.results.store import COLUMNS_KEY, SLICE, STATISTICS, run_folder, write_run
from velm_bench.statistics.resampling import interval

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "imported"
"""The kind of a task that is not one of ours."""
LONGEST_ERROR = 500
"""How many letters are kept of why a sample failed."""
SAME = 1e-6
"""A reported score this near to the mean of the samples' is that mean, rounded somewhere."""


@dataclass(frozen=True)
class _Given:
    """A score with the samples' statistics of it."""

    name: str
    metric: Metric
    statistics: Array
    known: Mask
    """Which samples were given one."""


def import_run(root: Path, foreign: ForeignRun, command: Sequence[str] = (), replicates: int = 1000) -> Path:
    """Write a foreign run into a results folder; the run's folder. UsageError where it has no sample or no score."""
    result, table = convert(foreign, replicates)
    origin = provenance.collect(command, "", "", None, None, 0)
    folder = run_folder(root, result.model.name, result.task.name, result.run_id)
    write_run(folder, result.model_copy(update={"provenance": origin}), table)
    return folder


def convert(foreign: ForeignRun, replicates: int = 1000) -> tuple[Result, pa.Table]:
    """The result and the samples of a foreign run; UsageError where it has no sample or no score."""
    names = list(dict.fromkeys([*foreign.names, *(name for sample in foreign.samples for name in sample.scores)]))
    if not foreign.samples or not (names or foreign.reported):
        raise UsageError(f"The run of {foreign.model} on {foreign.task} has no samples with scores: nothing to import.")
    given = [_given(foreign, name) for name in names]
    corpus = [one for one in given if _is_corpus(foreign, one)]
    means = [one for one in given if one not in corpus]
    only_reported = [name for name in foreign.reported if name not in {one.name for one in means}]
    scores = {name: score for one in means for name, score in _scores(foreign, one, replicates).items()}
    scores |= {name: _reported(foreign, name) for name in only_reported}
    skipped = dict.fromkeys(only_reported, "It is no mean of what the samples were given: the reported value is kept.")
    contents = [_content(sample) for sample in foreign.samples]
    result = _result(foreign, contents, scores, skipped, _slices(foreign, means, replicates), replicates)
    return result, _table(foreign, contents, means)


def _given(foreign: ForeignRun, name: str) -> _Given:
    """A score of all samples; those that failed, or were not given it, have the worst of the others', or 0."""
    direction = ":lower" if name in foreign.lower_is_better else ""
    metric = build(f"given:{name}{direction}")
    found = [sample.scores if name in sample.scores and not sample.error else None for sample in foreign.samples]
    statistics = metric.statistics(found, [None] * len(found))
    known = np.asarray([one is not None for one in found], dtype=np.bool_)
    statistics[~known] = metric.lost(statistics)[~known]
    return _Given(name, metric, statistics, known)


def _is_corpus(foreign: ForeignRun, given: _Given) -> bool:
    """Whether the harness reports something else than the mean of what it gave the samples."""
    reported = foreign.reported.get(given.name)
    means = [float(given.metric.values(part)[0]) for part in (given.statistics, given.statistics[given.known])]
    return reported is not None and not any(abs(reported - mean) <= SAME for mean in means)


def _scores(foreign: ForeignRun, given: _Given, replicates: int, mask: Mask | None = None) -> dict[str, Score]:
    groups = np.asarray([sample.group or sample.id for sample in foreign.samples], dtype=np.str_)
    estimates = interval(given.metric, given.statistics, groups, mask=mask, replicates=replicates)
    inside = np.ones(len(groups), dtype=np.bool_) if mask is None else mask
    answered = given.metric.values(given.statistics[inside & given.known])
    return {
        name: Score(
            value=_number(estimate.value),
            low=_number(estimate.low),
            high=_number(estimate.high),
            answered=_number(float(answered[place])),
            n=given.metric.count(given.statistics, mask),
            n_errors=int(np.count_nonzero(inside & ~given.known)),
            signature=f"{given.metric.signature}|by:{foreign.harness}",
            higher_is_better=given.metric.higher(name),
            metric=_column(given),
        )
        for place, (name, estimate) in enumerate(estimates.items())
    }


def unscored(foreign: ForeignRun, result: Result) -> Iterator[str]:
    """A sentence per score that samples lack which did not fail."""
    for name, score in result.scores.items():
        lacking = score.n_errors - result.n_errors if score.metric else 0
        if lacking > 0:
            known = "" if score.answered is None else f"; without them it is {score.answered:.4g}"
            yield (
                f"{lacking:,} of the {result.n:,} samples of {foreign.task} ({foreign.model}) did not fail and have no "
                f"value of '{name}': they count as wrong there{known}."
            )


def _failed(foreign: ForeignRun) -> Mask:
    return np.asarray([bool(sample.error) for sample in foreign.samples], dtype=np.bool_)


def _reported(foreign: ForeignRun, name: str) -> Score:
    return Score(
        value=foreign.reported[name],
        n=len(foreign.samples),
        n_errors=int(np.count_nonzero(_failed(foreign))),
        signature=f"reported|score:{name}|by:{foreign.harness}",
        higher_is_better=name not in foreign.lower_is_better,
    )


def _slices(foreign: ForeignRun, means: Sequence[_Given], replicates: int) -> dict[str, dict[str, SliceResult]]:
    found: dict[str, dict[str, SliceResult]] = {}
    for name in sorted({name for sample in foreign.samples for name in sample.slices}):
        values = [sample.slices.get(name) for sample in foreign.samples]
        for value in sorted({value for value in values if value is not None}):
            mask = np.asarray([one == value for one in values], dtype=np.bool_)
            scores = {key: score for one in means for key, score in _scores(foreign, one, replicates, mask).items()}
            found.setdefault(name, {})[value] = SliceResult(
                n=int(mask.sum()), n_errors=int((mask & _failed(foreign)).sum()), scores=scores
            )
    return found


def _result(
    foreign: ForeignRun,
    contents: Sequence[str],
    scores: Mapping[str, Score],
    skipped: Mapping[str, str],
    slices: dict[str, dict[str, SliceResult]],
    replicates: int,
) -> Result:
    name, primary = redact_text(foreign.model), next(iter(scores))
    task_digest = digest_json([foreign.harness.partition(" ")[0], foreign.task, plain(foreign.settings)])
    model_digest = digest_json([name, plain(foreign.model_settings)])
    known = [text or sample.id for text, sample in zip(contents, foreign.samples, strict=True)]
    return Result(
        run_id=digest_json([task_digest, model_digest, known])[:12],
        model=ModelInfo(name=name, digest=model_digest, details={"harness": foreign.harness}),
        task=TaskInfo(name=foreign.task, kind=KIND, digest=task_digest, primary=primary),
        data=DataInfo(
            fingerprint=digest_json([foreign.task, _data(foreign, contents)]),
            content=digest_json(known),
            samples=foreign.total,
            limit=len(contents) if len(contents) < foreign.total else None,
        ),
        n=len(contents),
        n_errors=int(np.count_nonzero(_failed(foreign))),
        imported=foreign.harness,
        primary=primary,
        scores=dict(scores),
        skipped=dict(skipped),
        slices=slices,
        resampling=Resampling(replicates=replicates),
    )


def _data(foreign: ForeignRun, contents: Sequence[str]) -> Any:
    return sorted(contents) if foreign.data is None else plain(list(foreign.data))


def _content(sample: ForeignSample) -> str:
    """The digest of what was asked and is right; empty where only the id is known."""
    if sample.content is None:
        return ""
    return digest_json([sample.id, plain(list(sample.content)), list(sample.references)])


def _table(foreign: ForeignRun, contents: Sequence[str], means: Sequence[_Given]) -> pa.Table:
    """The samples with the columns of any run; there are no pictures and no keys of ours."""
    import pyarrow as pa

    samples = foreign.samples
    empty = [""] * len(samples)
    columns = {
        "id": text_column([sample.id for sample in samples]),
        "group": text_column([sample.group or sample.id for sample in samples]),
        **{
            f"{SLICE}{name}": text_column([sample.slices.get(name) for sample in samples])
            for name in sorted({name for sample in samples for name in sample.slices})
        },
        "key": text_column(empty),
        "content": text_column(contents),
        "pictures": text_column(["[]"] * len(samples)),
        "answer": text_column([_answer(sample) for sample in samples]),
        "prediction": text_column([_prediction(sample) for sample in samples]),
        "references": text_column([canonical_json(one.references) if one.references else "[]" for one in samples]),
        "error": text_column([redact_text(one.error)[:LONGEST_ERROR] if one.error else "" for one in samples]),
        "parse_failures": whole_column([0] * len(samples)),
        "tokens": whole_column([None] * len(samples)),
        **{f"{STATISTICS}{_column(one)}": list_column(one.statistics) for one in means},
    }
    described = {
        _column(one): {
            "signature": one.metric.signature, "outputs": list(one.metric.outputs), "columns": list(one.metric.columns)
        }
        for one in means
    }  # fmt: skip
    metadata = {COLUMNS_KEY: canonical_json(described).encode("ascii")}
    return pa.Table.from_arrays(list(columns.values()), names=list(columns), metadata=metadata)


def _column(given: _Given) -> str:
    """The metric's name with its argument, by which it can be built again."""
    return f"given:{given.name}{'' if given.metric.higher(given.name) else ':lower'}"


def _answer(sample: ForeignSample) -> str | None:
    if sample.answer is None or sample.error:
        return None
    return canonical_json({"text": sample.answer, "tokens": None})


def _prediction(sample: ForeignSample) -> str:
    return "null" if sample.answer is None or sample.error else canonical_json(sample.answer)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
