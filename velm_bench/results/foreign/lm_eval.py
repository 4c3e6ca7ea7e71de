"""lm-evaluation-harness and lmms-eval: `results_*.json` beside `samples_TASK_*.jsonl` (or `*_results.json`,
`*_samples_TASK.jsonl`), as both write them with --log_samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from velm_bench.digests import canonical_json
from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignRun, ForeignSample, files_below, finite, read_json, read_lines

PLAIN_FILTER = "none"
"""What both call the filter that does nothing."""
SETTINGS = (
    "doc_to_text", "doc_to_target", "doc_to_choice", "description", "num_fewshot", "generation_kwargs", "output_type",
    "target_delimiter", "fewshot_delimiter", "lmms_eval_specific_kwargs", "metadata",
)  # fmt: skip
"""What of a task's configuration decides the answers; paths of this or that machine do not."""


def find_results(path: Path) -> list[Path]:
    """The result files that a path names: itself, or those in the folder and below."""
    if path.is_file():
        return [path]
    return files_below(path, "results_*.json", "*_results.json", "results.json")


def read_runs(path: Path, model: str = "") -> Iterator[ForeignRun]:
    """A run per task of one result file; UsageError where it is none.

    What is wrong with some of its tasks (their samples are not beside the file, say) is a UsageError once all others
    were given. `model` replaces the name that the file gives.
    """
    results = read_json(path)
    if not isinstance(results.get("results"), dict) or not isinstance(results.get("configs"), dict):
        raise UsageError(f"The file {path} is no result file of lm-eval or lmms-eval: it has no 'results', 'configs'.")
    stamp = path.stem.removeprefix("results_").removesuffix("_results")
    problems = []
    for task in results["configs"]:
        try:
            yield _run(results, task, _beside(path, stamp, task), model)
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise UsageError(" ".join(problems))


def _beside(path: Path, stamp: str, task: str) -> Path:
    """The file with the samples of a task; UsageError where there is none."""
    places = [path.parent / f"samples_{task}_{stamp}.jsonl", path.parent / f"{stamp}_samples_{task}.jsonl"]
    try:
        samples = next((place for place in places if place.is_file()), None)
    except (OSError, ValueError) as error:  # a name that no file can have
        raise UsageError(f"The file {path} has a task of the name '{task:.80}', which no file can have.") from error
    if samples is None:
        raise UsageError(
            f"The samples of '{task}' are not beside {path} (looked for {places[0].name} and {places[1].name}): "
            "run that harness with --log_samples."
        )
    return samples


def _run(results: Mapping[str, Any], task: str, samples: Path, model: str) -> ForeignRun:
    config, counts = _about(results, "configs", task), _about(results, "n-samples", task)
    found = _samples(samples)
    higher = _about(results, "higher_is_better", task)
    reported = _reported(_about(results, "results", task))
    named = {*reported, *(name for sample in found for name in sample.scores)}
    return ForeignRun(
        harness=_harness(results),
        model=model or str(results.get("model_name") or results.get("model_source") or "unnamed"),
        task=task,
        settings={**{key: _lasting(config.get(key)) for key in SETTINGS}, "version": _of(results, "versions", task)},
        samples=tuple(found),
        total=max(len(found), _whole(counts.get("original"))),
        reported=reported,
        lower_is_better=frozenset(name for name in named if higher.get(name.partition("@")[0]) is False),
        model_settings={"source": results.get("model_source"), "arguments": _of(results, "config", "model_args")},
    )


def _of(results: Mapping[str, Any], part: str, task: str) -> Any:
    """What a part of the results says about a task; None where there is nothing."""
    found = results.get(part)
    return found.get(task) if isinstance(found, dict) else None


def _about(results: Mapping[str, Any], part: str, task: str) -> Mapping[str, Any]:
    """What a part of the results says about a task where that is keys and values; else nothing."""
    found = _of(results, part, task)
    return found if isinstance(found, dict) else {}


def _lasting(value: Any) -> Any:
    """A setting without the addresses of functions, which are others in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", canonical_json(value))


def _harness(results: Mapping[str, Any]) -> str:
    if "lm_eval_version" in results:
        return f"lm-eval {results['lm_eval_version']}"
    return f"lmms-eval {results['lmms_eval_version']}" if "lmms_eval_version" in results else "lmms-eval"


def _reported(scores: Mapping[str, Any]) -> dict[str, float]:
    """The aggregates by our names: "acc" for "acc,none", "exact_match@strict" for "exact_match,strict"."""
    found = {}
    for key, value in scores.items():
        name, comma, chosen = key.partition(",")
        number = finite(value)
        if comma and number is not None and "_stderr" not in name:
            found[_named(name, chosen)] = number
    return found


def _named(metric: str, chosen: str) -> str:
    return metric if chosen == PLAIN_FILTER else f"{metric}@{chosen}"


def _samples(path: Path) -> list[ForeignSample]:
    """The samples in order; the lines of several filters about one sample are put together."""
    found: dict[str, ForeignSample] = {}
    for where, record in read_lines(path):
        if "doc_id" not in record:
            raise UsageError(f"In {where}: it has no 'doc_id': it is no sample of lm-eval or lmms-eval.")
        sample = _sample(record)
        known = found.get(sample.id)
        if known and set(known.scores) & set(sample.scores):
            raise UsageError(f"In {where}: it is about '{sample.id}' again, under the same filter: is it two runs?")
        scores = {**known.scores, **sample.scores} if known else sample.scores
        found[sample.id] = ForeignSample(**{**vars(known or sample), "scores": scores})
    return list(found.values())


def _sample(record: Mapping[str, Any]) -> ForeignSample:
    chosen = str(record.get("filter", PLAIN_FILTER))
    return ForeignSample(
        id=str(record["doc_id"]),
        answer=_answer(record),
        references=(str(record.get("target", "")),),
        scores={_named(name, chosen): value for name, value in _scores(record).items()},
        content=[record.get(name) for name in ("doc_hash", "prompt_hash", "target_hash", "input")],
    )


NO_SCORES = frozenset({"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "input",
                       "doc_hash", "prompt_hash", "target_hash", "token_counts", "input_media"})  # fmt: skip
"""What stands in a sample besides its scores."""


def _scores(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers a sample was given; lmms-eval may wrap one in a mapping with the key "score"."""
    told = record.get("metrics")
    names = told if isinstance(told, list) and told else [name for name in record if name not in NO_SCORES]
    wrapped = {name: record[name] for name in names if isinstance(name, str) and name in record}
    values = {name: finite(one.get("score") if isinstance(one, dict) else one) for name, one in wrapped.items()}
    return {name: value for name, value in values.items() if value is not None}


def _answer(record: Mapping[str, Any]) -> str | None:
    """The text that was said; of weighed options the number of the likeliest, as `target` counts them."""
    said = record.get("filtered_resps")
    if isinstance(said, list) and len(said) > 1 and all(isinstance(one, list) and one for one in said):
        weights = [_log(one[0]) for one in said]
        return str(max(range(len(weights)), key=weights.__getitem__))
    while isinstance(said, list) and said:
        said = said[0]
    return None if said is None or isinstance(said, list | dict) else str(said)


def _log(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("-inf")


def _whole(value: Any) -> int:
    return value if type(value) is int else 0
