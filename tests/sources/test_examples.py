"""The example tasks over the shared data give the counts they expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from velm_bench.sources import Place
from velm_bench.tasks.definition import load_task

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"))
TRAIN = {"conll2003": 14041, "easy_vqa": 38575, "fashion_mnist": 60000, "flickr8k_1k": 753}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example(shared, path):
    task = load_task(path)
    source, settings = task.source_settings()
    opened = source.open(settings, Place((shared,), path.parent), task.kind)
    found = list(opened.samples())
    assert len(found) == task.expected_samples == len({sample.id for sample in found})
    assert not any(sample.problem for sample in found)
    assert len(opened.fingerprint()) == 64


@pytest.mark.parametrize("name", TRAIN)
def test_the_training_split_of_an_example(shared, name):
    path = next(path for path in EXAMPLES if path.stem == name)
    task = load_task(path).on_split("train")
    source, settings = task.source_settings()
    opened = source.open(settings, Place((shared,), path.parent), task.kind)
    assert sum(1 for _ in opened.samples()) == TRAIN[name]
