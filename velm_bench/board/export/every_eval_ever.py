"""Every Eval Ever, schema 0.3.0: a JSON record per run, and its samples beside it where they are on this machine.

Only ordinary runs of submissions that count are written: a control is no result of its model. Whatever the schema has
no field for stands in its details, whose values are texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from velm_bench import __version__
from velm_bench.board.export.every_eval_ever_names import Record
from velm_bench.board.export.every_eval_ever_samples import sample_lines
from velm_bench.board.export.snapshot import Cells, Snapshot, plain_rows
from velm_bench.board.pages.pictures import questions
from velm_bench.digests import digest_bytes
from velm_bench.errors import UsageError
from velm_bench.results.pairing import ReadRun, read_run
from velm_bench.results.schema import Resampling
from velm_bench.results.store import RESULT

SCHEMA = "0.3.0"
Report = Callable[[str], None]


def records(snapshot: Snapshot, data: tuple[Path, ...], report: Report) -> Iterator[tuple[str, bytes]]:
    """Every file with its path, a record after its samples; sentences about what is missing go to `report`."""
    scores: dict[str, list[Cells]] = {}
    for score in plain_rows(snapshot.listing.scores):
        scores.setdefault(score["run"], []).append(score)
    for row in snapshot.rows:
        if not row.counts or row.control:
            continue
        for cells in row.runs.values():
            if not any(score["score"] is not None for score in scores.get(cells["run"], ())):
                report(f"The run of {cells['model']} on {cells['task']} has no score here: it has no record.")
                continue
            read = _read(snapshot, cells, report)
            yield from _files(Record(snapshot, row, cells, scores.get(cells["run"], []), read), data, report)


def _read(snapshot: Snapshot, cells: Cells, report: Report) -> ReadRun | None:
    folder = snapshot.listing.root / cells["run"]
    if not (folder / RESULT).is_file():
        report(f"The samples of {cells['model']} on {cells['task']} are not on this machine: the record has none.")
        return None
    try:
        return read_run(folder)
    except UsageError as error:
        report(f"{error} The record has no samples.")
        return None


def _files(record: Record, data: tuple[Path, ...], report: Report) -> Iterator[tuple[str, bytes]]:
    """The samples' file, if there is one, and the record's."""
    samples = b""
    if record.read is not None:
        asked = questions(record.task, data, f"{record.snapshot.listing.identity}, all")
        if asked.note:
            report(asked.note)
        samples = b"".join(sample_lines(record.read, asked, _keys(record)))
    path = f"{record.folder}/{record.id}"
    if samples:
        yield f"{path}_samples.jsonl", samples
    yield f"{path}.json", (json.dumps(_record(record, samples), indent=1, allow_nan=False) + "\n").encode("ascii")


def _keys(record: Record) -> Mapping[str, str]:
    """What every line of the samples repeats of its record."""
    return {
        "schema_version": SCHEMA,
        "evaluation_id": record.evaluation,
        "model_id": record.model,
        "evaluation_name": record.task.name,
        "evaluation_result_id": _result_id(record, str(record.cells["metric"]), ""),
    }


def _record(record: Record, samples: bytes) -> dict[str, Any]:
    result = record.read.result if record.read else None
    found: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": record.evaluation,
        "evaluation_timestamp": (result.provenance.created if result else "") or str(record.cells["submitted"]),
        "retrieved_timestamp": record.moment,
        "source_metadata": _source(record, bool(samples)),
        "eval_library": {
            "name": "velm-bench",
            "version": (result.provenance.versions.get("velm-bench") if result else None) or __version__,
        },
        "model_info": _model(record),
        "evaluation_results": [_score(record, score) for score in record.scores if score["score"] is not None],
    }
    if samples:
        found["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": f"{record.folder}/{record.id}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": digest_bytes(samples),
            "total_rows": samples.count(b"\n"),
        }
    return found


def _source(record: Record, with_samples: bool) -> dict[str, Any]:
    listing = record.snapshot.listing
    said = {
        "snapshot": listing.identity,
        "submission": record.row.submission,
        "run": record.cells["run"],
        **{name: record.row.facts[name] for name in ("level", "status", "reason", "submitted", "attempts")},
    }
    return {
        "source_name": listing.title,
        "source_type": "evaluation_run" if with_samples else "documentation",
        "source_organization_name": listing.title,
        "evaluator_relationship": "other",
        "additional_details": _texts(said),
    }


def _model(record: Record) -> dict[str, Any]:
    facts = record.row.facts
    said = {name: facts[name] for name in ("revision", "parameters", "licence", "training_data", "released", "parent")}
    found = {
        "name": facts["model"],
        "id": record.model,
        "developer": record.model.partition("/")[0],
        "additional_details": {
            "deployment_type": "unknown",
            "model_availability": "unknown",
            **_texts(said | {"organisation": facts["organisation"]}),
        },
    }
    if record.read is not None:
        found["additional_details"]["model_digest"] = record.read.result.model.digest
    return found


def _score(record: Record, score: Cells) -> dict[str, Any]:
    metric, part = str(score["metric"]), str(score["slice"])
    primary = metric == record.cells["metric"] and not part
    said = {"n": score["n"], "errors": score["errors"], "slice": part}
    extra = {name: record.cells[name] for name in ("claimed", "corrected", "unparsed")} if primary else {}
    return {
        "evaluation_result_id": _result_id(record, metric, part),
        "evaluation_name": f"{record.task.name} {part}".strip(),
        "source_data": _data(record),
        "metric_config": {
            "evaluation_description": str(record.task.definition.get("description") or ""),
            "metric_id": metric,
            "metric_name": metric,
            "metric_parameters": {"signature": score["signature"]},
            "lower_is_better": score["higher_is_better"] is False,
        },
        "score_details": {
            "score": score["score"],
            "details": _texts(said | extra),
            **_uncertainty(record, score),
        },
        "generation_config": _generation(record),
    }


def _uncertainty(record: Record, score: Cells) -> dict[str, Any]:
    if score["low"] is None or score["high"] is None:
        return {}
    how = record.read.result.resampling if record.read else Resampling()
    bounds = {"lower": score["low"], "upper": score["high"], "confidence_level": how.level, "method": how.method}
    return {
        "uncertainty": {
            "confidence_interval": bounds,
            "num_samples": score["n"],
            "num_bootstrap_samples": how.replicates,
        }
    }


def _data(record: Record) -> dict[str, Any]:
    """Where the samples come from: a data set of the hub, or something that the schema has no name for."""
    source = record.task.definition.get("source") or {}
    said = {"task": record.task.name, "source": source.get("type"), "split": record.task.split or source.get("split")}
    if record.read is not None:
        said |= {"fingerprint": record.read.result.data.fingerprint, "content": record.read.result.data.content}
    if source.get("type") == "hub" and source.get("id"):
        repository = {"hf_repo": str(source["id"]), "hf_split": str(said["split"] or "")}
        said |= {name: source.get(name) for name in ("config", "revision")}
        return {
            "dataset_name": str(source["id"]),
            "source_type": "hf_dataset",
            **repository,
            "samples_number": record.task.samples,
            "additional_details": _texts(said),
        }
    return {"dataset_name": record.task.name, "source_type": "other", "additional_details": _texts(said)}


def _generation(record: Record) -> dict[str, Any]:
    settings = record.task.definition.get("generation") or {}
    named = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_new_tokens": "max_tokens"}
    found: dict[str, Any] = {theirs: settings[ours] for ours, theirs in named.items() if ours in settings}
    prompt = record.task.definition.get("prompt")
    if isinstance(prompt, str) and prompt:
        found["prompt_template"] = prompt
    rest = {name: value for name, value in settings.items() if name not in named}
    return {"generation_args": found, "additional_details": _texts(rest)}


def _result_id(record: Record, metric: str, part: str) -> str:
    return "/".join(filter(None, [record.id, metric, part]))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Details as the schema has them: texts alone, and none that is empty."""
    kept = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in kept.items()}
