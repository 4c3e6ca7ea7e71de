"""Retrieval with two towers: ranks as the metric has them, and a whole measurement with a tiny model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.zoo.family import BLIND, Member
from benchmarks.zoo.family import member as opened
from benchmarks.zoo.retrieval import COLUMNS, DIRECTIONS, FILE, belonging, first_ranks, kept, measured, recall
from benchmarks.zoo.runs import Zoo
from benchmarks.zoo.tables import PARTS, Known
from tests.benchmarks.made_zoo import SIGHTED, member
from velm_bench.metrics.ranking import Retrieval
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import marks, train_tokenizer
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import ModelSettings
from velm_bench.results.store import safe_name
from velm_bench.samples import Ability, Sample

TOWERS = ModelSettings.model_validate(
    {
        "vision": {"image_size": 32, "channels": [8, 16, 32], "layers": 1, "heads": 2},
        "language": {"width": 32, "layers": 2, "heads": 2, "context": 64, "vocabulary": 300},
        "fusion": {"kind": "contrastive"},
        "embedding": 16,
    }
)


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Member:
    """A checkpoint of two towers with random weights."""
    torch.manual_seed(5)
    tokenizer = train_tokenizer(["a red circle and a blue star"] * 20, 300)
    folder = tmp_path_factory.mktemp("towers") / "checkpoint"
    write_checkpoint(folder, VelmForGeneration(VelmConfig.of(TOWERS, **marks(tokenizer))), tokenizer, torch.float32)
    return opened(f"ref:{folder}")


def test_ranks_are_those_of_the_metric() -> None:
    """Scores of few values, so that there are ties with right and with wrong candidates."""
    draw = np.random.default_rng(3)
    alike = draw.integers(0, 6, (40, 15)).astype(np.float64)
    right = draw.random((40, 15)) < 0.2
    right[:, 3] = True
    names = [f"c{place}" for place in range(15)]
    predictions = [dict(zip(names, row.tolist(), strict=True)) for row in alike]
    references = [[name for name, is_right in zip(names, row, strict=True) if is_right] for row in right]
    expected = Retrieval().statistics(predictions, references)
    assert first_ranks(alike, right).tolist() == expected[:, 0].tolist()
    found = recall(first_ranks(alike, right), [str(row) for row in range(40)])
    values = dict(zip(Retrieval.outputs, Retrieval().values(expected).tolist(), strict=True))
    assert {name: one.value for name, one in found.items()} == pytest.approx(values)
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_a_caption_belongs_to_every_picture_it_was_written_of() -> None:
    samples = [Sample(id=str(place), references=texts) for place, texts in enumerate((("a", "b"), ("b", "c")))]
    assert belonging(samples, ["a", "b", "c"]).tolist() == [[True, True, False], [False, True, True]]


def test_a_model_of_two_towers_is_measured_once(towers: Member, tmp_path: Path) -> None:
    assert towers.abilities == {Ability.CHOOSE}
    found = measured(towers, tmp_path, 12, "cpu")
    assert found is not None
    assert (found.pictures, found.limit, found.digest) == (12, 12, towers.digest)
    assert 12 < found.captions <= 60
    chances = found.recall[DIRECTIONS[1]]
    assert 0 <= chances[COLUMNS[0]].value <= chances[COLUMNS[1]].value <= chances[COLUMNS[2]].value <= 1
    assert kept(towers, tmp_path, 12) == found
    assert kept(towers, tmp_path, None) is None
    assert kept(replace(towers, digest="0" * 64), tmp_path, 12) is None
    path = tmp_path / safe_name(towers.reference) / FILE
    path.write_text(path.read_text().replace('"captions": ', '"captions": 1000'))
    again = measured(towers, tmp_path, 12, "cpu")
    assert again is not None
    assert again.captions > 1000  # read from the file
    shown = PARTS["retrieval"](Known(Zoo([towers]), retrieval={towers.reference: found})).splitlines()
    assert [line.split(" | ")[1:3] for line in shown[2:]] == [
        [DIRECTIONS[0], str(found.captions)],
        [DIRECTIONS[1], "12"],
    ]


def test_others_retrieve_nothing(tmp_path: Path) -> None:
    assert measured(opened(SIGHTED), tmp_path, 12, "cpu") is None
    assert kept(member(BLIND), tmp_path, 12) is None
    assert list(tmp_path.iterdir()) == []
