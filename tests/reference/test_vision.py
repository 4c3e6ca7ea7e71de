"""Pixels to patches."""

from __future__ import annotations

import pytest
import torch

from tests.reference.conftest import shaken, tiny
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.vision import ENCODERS, coordinates


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("size", [32, 40])
def test_every_encoder_gives_the_patches_that_it_says(kind: str, size: int) -> None:
    sizes = {"kind": kind, "image_size": size, "channels": [8, 16, 32], "layers": 1, "heads": 2}
    model = shaken(tiny(vision=sizes))
    assert model.vision is not None
    features = model.look(torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8))
    assert features.shape == (2, model.vision.patches, model.vision.width)
    assert model.vision.patches == model.vision.grid**2 == (size // 8) ** 2
    assert model.vision.width == 32


@pytest.mark.parametrize("kind", ENCODERS)
def test_patches_stand_in_rows_from_the_top_left(kind: str) -> None:
    """What changes in one corner of the picture changes that quarter of the patches most."""
    torch.manual_seed(0)
    model = VelmForGeneration(VelmConfig.of(tiny(encoder=kind))).eval()
    plain = torch.full((1, 32, 32, 3), 128, dtype=torch.uint8)
    for row, column in ((0, 0), (0, 3), (3, 0)):
        marked = plain.clone()
        marked[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 255
        apart = (model.look(marked) - model.look(plain)).norm(dim=2).reshape(2, 2, 2, 2).sum((1, 3))
        assert int(apart.argmax()) == 2 * (row > 0) + (column > 0)


@pytest.mark.parametrize("kind", ENCODERS)
def test_building_one_moves_no_running_mean(kind: str) -> None:
    model = shaken(tiny(encoder=kind))
    means = [tensor for name, tensor in model.state_dict().items() if name.endswith("running_mean")]
    assert all(not mean.any() for mean in means)
    assert means or kind == "vit"


def test_pixels_are_normalised_as_the_settings_say() -> None:
    sizes = {"image_size": 32, "channels": [8, 16, 32], "layers": 1, "heads": 2}
    plain, same = shaken(tiny()), shaken(tiny(vision={**sizes, "mean": [0, 0, 0], "deviation": [0.5, 0.5, 0.5]}))
    half = torch.full((1, 32, 32, 3), 100, dtype=torch.uint8)
    lighter = (half.float() + 127.5).round().to(torch.uint8)
    assert torch.allclose(same.look(half), plain.look(lighter), atol=0.05)
    assert not torch.allclose(same.look(half), plain.look(half), atol=0.05)


def test_coordinates_run_from_the_left_and_from_the_top() -> None:
    x, y = coordinates(3)
    assert x.tolist() == [[-1, 0, 1]] * 3
    assert y.tolist() == [[-1] * 3, [0] * 3, [1] * 3]
