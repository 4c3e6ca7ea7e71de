"""Runs made up for the tests of boards and pages, written by the real store."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from velm_bench.digests import digest_json
from velm_bench.results.schema import DataInfo, ModelInfo, Provenance, Result, Score, TaskInfo
from velm_bench.results.store import run_folder, write_run

HOSTILE = '<img src=x onerror="document.title=1"> ![](http://127.0.0.1:9/x.png) **bold** :red[red]'
HIDING = "\u202egnp.\u2066safe\u200b"
"""Letters that turn the others around, or are not seen."""
FORMULA = '=HYPERLINK("http://127.0.0.1:9","win")'


def made_score(value: float | None, metric: str, higher: bool = True) -> Score:
    """A score with an interval of 0.04."""
    bounds = {} if value is None else {"low": value - 0.02, "high": value + 0.02, "answered": value}
    return Score(value=value, n=200, n_errors=1, signature=f"{metric}|v:1", higher_is_better=higher, **bounds)


def made_result(model: str, task: str, kind: str, scores: dict[str, Score], control: str = "") -> Result:
    """A result whose first score is the primary one."""
    primary = next(iter(scores))
    return Result(
        run_id=digest_json([model, task, control])[:12],
        model=ModelInfo(name=model, digest="0" * 64),
        task=TaskInfo(name=task, kind=kind, digest="1" * 64, primary=primary),
        data=DataInfo(fingerprint="2" * 64, content="3" * 64, samples=200),
        control=control,
        n=200,
        n_errors=1,
        primary=primary,
        scores=scores,
        provenance=Provenance(created="2026-11-22T10:00:00Z"),
    )


def write_made(root: Path, result: Result) -> Path:
    """Write a result with one row of samples; its folder."""
    folder = run_folder(root, result.model.name, result.task.name, result.run_id)
    texts = {"id": "a", "group": "a", "references": '["a"]', "prediction": '"a"', "answer": "null", "error": ""}
    write_run(folder, result, pa.table({name: [text] for name, text in texts.items()}))
    return folder


def made_board(root: Path) -> Path:
    """A results folder of four tasks, several models, a control, a hostile name and a lower-is-better score."""
    levels = {
        "baseline:majority": 0.22,
        "ref:prefix": 0.61,
        "baseline:oracle": 0.97,
        HOSTILE: 0.41,
        FORMULA: 0.35,
        HIDING: 0.3,
    }
    for model, level in levels.items():
        vqa = {name: made_score(level, name) for name in ("vqa_accuracy", "exact_match")}
        write_made(root, made_result(model, "scenes_vqa", "vqa", vqa))
        ner = {"entity_f1": made_score(level / 2, "entity_f1")}
        write_made(root, made_result(model, "scenes_ner", "ner", ner))
        sure = {"accuracy": made_score(level, "accuracy"), "ece": made_score(1 - level, "ece", higher=False)}
        write_made(root, made_result(model, "scenes_classification", "classification", sure))
    blind = {name: made_score(0.3, name) for name in ("vqa_accuracy", "exact_match")}
    write_made(root, made_result("ref:prefix", "scenes_vqa", "vqa", blind, control="blank"))
    write_made(root, made_result("ref:prefix", "scenes_captioning", "captioning", {"cider": made_score(None, "cider")}))
    return root
