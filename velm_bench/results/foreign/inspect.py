"""Inspect (inspect_ai): the logs of its evaluations, `*.eval` (a zip file of JSON) or `*.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from velm_bench.digests import canonical_json
from velm_bench.errors import UsageError
from velm_bench.results.foreign.archives import Archive, open_archive
from velm_bench.results.foreign.base import (
    ABSENT,
    ForeignRun,
    ForeignSample,
    files_below,
    finite,
    head_of,
    is_zip,
    read_json,
)
from velm_bench.results.foreign.inspect_samples import Asked, numbered, read_sample, require_unique

HEADERS = ("header.json", "_journal/start.json")
"""The members of an archive that say what was run; the second alone where the run was cut off."""
SAMPLES = "samples/"
DONE = "success"
"""The status of a log that was written to its end."""
SPREAD = frozenset({"stderr", "std", "var", "bootstrap_stderr", "ci"})
"""Metrics of Inspect that say how sure a score is; ours say it as an interval."""
LOG = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"')
"""How a log in JSON begins."""
MEANS = frozenset({"accuracy", "mean"})
"""Metrics that are the mean over the samples."""
MOST_SAMPLES = 1_000_000
"""How many answers a log may say that it was to ask for."""
HANDLING = frozenset({"max_retries", "timeout", "attempt_timeout", "stream_idle_timeout", "max_connections",
                      "adaptive_connections", "batch", "cache", "cache_prompt"})  # fmt: skip
"""Settings of the generation that decide how fast an answer comes, and not which."""


def find_results(path: Path) -> list[Path]:
    """The logs that a path names: itself, or those in the folder and below."""
    if path.is_file():
        return [path]
    return [one for one in files_below(path, "*.eval", "*.json") if is_log(one)]


def is_log(path: Path) -> bool:
    """Whether a file begins as a log does."""
    if path.suffix == ".eval":
        return is_zip(path)
    return LOG.match(head_of(path)) is not None


def read_runs(path: Path, model: str = "") -> Iterator[ForeignRun]:
    """The run of one log; UsageError where it is none, is damaged, or has no samples.

    A sample that failed, that somebody declared invalid, or that a run which was cut off did not come to has an error.
    `model` replaces the name that the log gives.
    """
    header, found = _read(path)
    told = header.get("eval")
    if not isinstance(told, dict) or not isinstance(told.get("task"), str):
        raise UsageError(f"The file {path} is no log of Inspect: it has no 'eval' with a 'task'.")
    if not found:
        raise UsageError(f"The log {path} holds no samples: run Inspect with log_samples, and to its end.")
    yield _run(path, header, told, found, model)


def _read(path: Path) -> tuple[Mapping[str, Any], list[Asked]]:
    """What was run, and the samples as they stand there."""
    if is_zip(path):
        with open_archive(path) as archive:
            return _read_archive(archive)
    log = read_json(path)
    samples = log.get("samples") or []
    if not isinstance(samples, list) or not all(isinstance(one, dict) for one in samples):
        raise UsageError(f"In the log {path}: 'samples' must be a list of objects.")
    header = {key: value for key, value in log.items() if key != "samples"}
    return header, [read_sample(one, f"the log {path}") for one in samples]


def _read_archive(archive: Archive) -> tuple[Mapping[str, Any], list[Asked]]:
    name = next((name for name in HEADERS if name in archive.names), None)
    if name is None:
        raise UsageError(f"The archive {archive.path} is no log of Inspect: it holds no {HEADERS[0]}.")
    names = [one for one in archive.names if one.startswith(SAMPLES) and one.endswith(".json")]
    where = f"the log {archive.path}"
    return _object(archive, name), [read_sample(_object(archive, one), where) for one in names]  # each kept in small


def _object(archive: Archive, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(archive.read(name))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"In the archive {archive.path}: {name} is no valid JSON ({error}).") from error
    if not isinstance(found, dict):
        raise UsageError(f"In the archive {archive.path}: {name} must hold one JSON object.")
    return found


def _run(
    path: Path, header: Mapping[str, Any], told: Mapping[str, Any], asked: Sequence[Asked], model: str
) -> ForeignRun:
    dataset, config = _mapping(told, "dataset"), _mapping(told, "config")
    epochs = max([_whole(config.get("epochs")), *(_whole(epoch) for _, epoch in asked), 1])
    found = numbered(asked, epochs)
    require_unique(found, path)
    found += _absent(path, header, dataset, epochs, {sample.id for sample in found})
    packages = _mapping(told, "packages")
    return ForeignRun(
        harness=f"inspect {packages.get('inspect_ai', '')}".strip(),
        model=model or str(told.get("model") or "unnamed"),
        task=told["task"],
        settings=_settings(header, told, config, epochs),
        samples=tuple(_in_order(found, dataset, epochs)),
        total=max(len(found), _whole(dataset.get("samples")) * epochs),
        reported=_reported(header),
        model_settings={"base": told.get("model_base_url"), "arguments": _lasting(told.get("model_args"))},
        names=[] if any(sample.scores for sample in found) else [str(one.get("name")) for one in _scorers(told)],
        data=[dataset.get("name"), dataset.get("samples")],
    )


def _settings(
    header: Mapping[str, Any], told: Mapping[str, Any], config: Mapping[str, Any], epochs: int
) -> dict[str, Any]:
    """What decides answers and scores: the task with its arguments, the solvers, the generation and the scorers."""
    plan = _mapping(header, "plan")
    return {
        "version": told.get("task_version"),
        "arguments": _lasting(told.get("task_args")),
        "plan": _lasting([plan.get("steps"), plan.get("finish"), _generation(plan, "config")]),
        "generation": _lasting(_generation(told, "model_generate_config")),
        "limits": {key: config.get(key) for key in sorted(config) if key.endswith("_limit")},
        "epochs": epochs,
        "scorers": _lasting([{"name": one.get("name"), "options": one.get("options")} for one in _scorers(told)]),
    }


def _scorers(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _objects(told.get("scorers"))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; whatever else stands there is passed over."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _absent(
    path: Path, header: Mapping[str, Any], dataset: Mapping[str, Any], epochs: int, known: set[str]
) -> list[ForeignSample]:
    """The samples that a log names and has not; UsageError where it was cut off and does not name them."""
    status, named = str(header.get("status") or "started"), dataset.get("sample_ids")
    if not isinstance(named, list):
        if status != DONE:
            raise UsageError(
                f"The log {path} was not written to its end ({status}): retry it with `inspect eval-retry`."
            )
        return []
    error = f"{ABSENT}: its status is {status}"
    if len(named) * epochs > MOST_SAMPLES:
        raise UsageError(f"The log {path} names {len(named):,} samples in {epochs:,} epochs: that is too many.")
    asked = [(str(name), epoch) for name in named for epoch in range(1, epochs + 1)]
    ids = {f"{name}/{epoch}" if epochs > 1 else name: name for name, epoch in asked}
    return [
        ForeignSample(id=one, answer=None, references=(), scores={}, content=None, group=name, error=error, absent=True)
        for one, name in ids.items()
        if one not in known
    ]


def _in_order(samples: list[ForeignSample], dataset: Mapping[str, Any], epochs: int) -> list[ForeignSample]:
    """The samples as the data has them, the epochs of one together: a log has them as they were done."""
    named = dataset.get("sample_ids")
    places = {str(name): place for place, name in enumerate(named)} if isinstance(named, list) else {}
    if epochs == 1:
        return sorted(samples, key=lambda sample: places.get(sample.id, len(places)))
    parts = [(sample.id.rpartition("/"), sample) for sample in samples]
    parts.sort(key=lambda one: (places.get(one[0][0], len(places)), int(one[0][2])))
    return [sample for _, sample in parts]


def _reported(header: Mapping[str, Any]) -> dict[str, float]:
    """The aggregates that are no means of the samples' scores: "match@pass_at_2", "f1@corpus_f1"."""
    found = {}
    scores = _mapping(header, "results").get("scores")
    for score in _objects(scores):
        name, reducer = _named(score), score.get("reducer")
        for metric, told in _mapping(score, "metrics").items():
            number = finite(told.get("value")) if isinstance(told, dict) else None
            plain = metric in MEANS and reducer in (None, "mean")
            if number is not None and metric not in SPREAD and not plain:
                by = metric if reducer in (None, "mean") else f"{reducer}:{metric}"
                found[f"{name}@{by}"] = number
    return found


def _named(score: Mapping[str, Any]) -> str:
    name, scorer = str(score.get("name")), score.get("scorer")
    return name if scorer in (None, name) else f"{scorer}/{name}"


def _generation(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in _mapping(holder, key).items() if name not in HANDLING}


def _mapping(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _lasting(value: Any) -> str:
    """A setting without the addresses of functions, which are others in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", canonical_json(value))


def _whole(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 10**9 else 0
