"""A run of ours written as other harnesses would: after their golden files, with other samples in them."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from velm_bench.gate.evidence import Evidence

FILES = Path(__file__).parent / "files"


def primary_scores(evidence: Evidence) -> list[float]:
    """The primary score of each sample; the metric must be a mean."""
    statistics = evidence.statistics_for(evidence.primary)
    return [float(value) for value in evidence.metric(evidence.primary).per_sample(statistics)[:, 0]]


def table_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """The rows of a plain table."""
    rows = zip(evidence.ids.tolist(), primary_scores(evidence), evidence.groups.tolist(), strict=True)
    slices = {f"slice.{name}": values for name, values in evidence.slices.items()}
    return [
        {"id": name, "score": score, "group": group, **{key: values[place] for key, values in slices.items()}}
        for place, (name, score, group) in enumerate(rows)
    ]


def write_cells(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as CSV or TSV, whichever the file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_csv(evidence: Evidence, folder: Path) -> Path:
    return write_cells(folder / "scores.csv", table_rows(evidence))


def as_tsv(evidence: Evidence, folder: Path) -> Path:
    return write_cells(folder / "scores.tsv", table_rows(evidence))


def as_jsonl(evidence: Evidence, folder: Path) -> Path:
    return write_lines(folder / "scores.jsonl", table_rows(evidence))


def inspect_log(samples: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A log with these samples; what is not told of one is as in the golden file's first."""
    log: dict[str, Any] = json.loads((FILES / "inspect" / "baseline.json").read_text())
    model = log["samples"][0]
    log["samples"] = [{**model, "epoch": 1, **sample} for sample in samples]
    ids = list(dict.fromkeys(sample["id"] for sample in samples))
    log["eval"]["dataset"] |= {"samples": len(ids), "sample_ids": ids}
    log["results"]["scores"] = []
    return {**log, **changes}


def write_archive(path: Path, log: Mapping[str, Any], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A log as an archive of JSON members, as older releases of Inspect packed it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("_journal/start.json", json.dumps({key: log[key] for key in ("version", "eval", "plan")}))
        for sample in log["samples"]:
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps({key: value for key, value in log.items() if key != "samples"}))
    return path


def _inspected(evidence: Evidence) -> dict[str, Any]:
    return inspect_log(
        [
            {"id": row["id"], "scores": {"given": {"value": row["score"]}}, "metadata": {"group": row["group"]}}
            for row in table_rows(evidence)
        ]
    )


def as_inspect_json(evidence: Evidence, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.json"
    path.write_text(json.dumps(_inspected(evidence)))
    return path


def as_inspect_archive(evidence: Evidence, folder: Path) -> Path:
    return write_archive(folder / "log.eval", _inspected(evidence))


def as_lm_eval(evidence: Evidence, folder: Path) -> Path:
    results = json.loads(next((FILES / "lm_eval").glob("results_*.json")).read_text())
    return _harnessed(evidence, folder, results, "colours_mc", "results_1.json", "samples_colours_mc_1.jsonl")


def as_lmms_eval(evidence: Evidence, folder: Path) -> Path:
    results = json.loads(next((FILES / "lmms_eval").glob("*_results.json")).read_text())
    return _harnessed(evidence, folder, results, "colours_vqa", "1_results.json", "1_samples_colours_vqa.jsonl")


def _harnessed(evidence: Evidence, folder: Path, results: dict[str, Any], task: str, name: str, samples: str) -> Path:
    rows = table_rows(evidence)
    results["configs"] = {task: results["configs"][task]}
    results["results"] = {task: {"given,none": sum(row["score"] for row in rows) / len(rows)}}
    results["higher_is_better"], results["n-samples"] = {}, {}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(results))
    write_lines(folder / samples, [{"doc_id": row["id"], "target": "", "given": row["score"]} for row in rows])
    return folder


def as_vlmevalkit(evidence: Evidence, folder: Path) -> Path:
    rows = [{"index": row["id"], "prediction": "A", "score": row["score"]} for row in table_rows(evidence)]
    return write_cells(folder / "model" / "model_MMBench.csv", rows).parent


GROUPED: dict[str, Callable[[Evidence, Path], Path]] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "jsonl": as_jsonl,
    "inspect json": as_inspect_json,
    "inspect archive": as_inspect_archive,
}
"""The formats that can say which samples belong together."""
UNGROUPED: dict[str, Callable[[Evidence, Path], Path]] = {
    "lm-eval": as_lm_eval,
    "lmms-eval": as_lmms_eval,
    "vlmevalkit": as_vlmevalkit,
}
"""Those that cannot."""
