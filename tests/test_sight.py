"""The shipped reference model looks at the picture: it beats the majority, and itself on others' pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import open_model
from velm_bench.results.pairing import paired
from velm_bench.results.store import read_result
from velm_bench.tasks.registry import Definition, resolve

pytest.importorskip("torch")

ASKED = {
    "vqa": ("vqa_accuracy", {}),
    "captioning": ("cider", {}),
    "classification": ("accuracy", {}),
    "ner": ("entity_f1", {"needs_image": "yes"}),
}


def run_of(model: str, task: str, results: Path) -> Path:
    """The ordinary run of a model among others' results."""
    found = [path.parent for path in results.glob("*/*/*/result.json")]
    told = {folder: read_result(folder) for folder in found}
    (one,) = [
        f for f, run in told.items() if (run.model.name, run.task.name, bool(run.control)) == (model, task, False)
    ]
    return one


@pytest.mark.parametrize("kind", ASKED)
def test_it_sees(kind: str, real_results: Path, tmp_path: Path) -> None:
    output, where = ASKED[kind]
    (found,) = resolve(f"{kind}:lite")
    task = found.task.model_copy(update={"metrics": (output,)})
    settings = RunSettings(output=tmp_path, control="shuffled")
    shuffled = evaluate(Definition(task, found.path), open_model("ref:prefix"), settings).folder
    sighted = run_of("ref:prefix", task.name, real_results)
    for floor in (shuffled, run_of("baseline:majority", task.name, real_results)):
        assert paired(floor, sighted, output, where).low > 0
