"""The shipped reference model looks at the picture: it beats the majority, and itself on others' pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import open_model
from velm_bench.results.pairing import paired
from velm_bench.tasks.registry import Definition, resolve

pytest.importorskip("torch")

ASKED = {
    "vqa": ("vqa_accuracy", {}),
    "captioning": ("cider", {}),
    "classification": ("accuracy", {}),
    "ner": ("entity_f1", {"needs_image": "yes"}),
}


def run(kind: str, model: str, output: Path, control: str = "") -> Path:
    (found,) = resolve(f"{kind}:lite")
    task = found.task.model_copy(update={"metrics": (ASKED[kind][0],)})
    return evaluate(Definition(task, found.path), open_model(model), RunSettings(output=output, control=control)).folder


@pytest.mark.parametrize("kind", ASKED)
def test_it_sees(kind: str, tmp_path: Path) -> None:
    output, where = ASKED[kind]
    sighted = run(kind, "ref:prefix", tmp_path)
    for floor in (run(kind, "ref:prefix", tmp_path, "shuffled"), run(kind, "baseline:majority", tmp_path)):
        assert paired(floor, sighted, output, where).low > 0
