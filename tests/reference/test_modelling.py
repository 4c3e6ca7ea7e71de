"""Shapes, saving and reloading, what is tied."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from tests.reference.conftest import SETTINGS
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.layers import Linear
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import ModelSettings
from velm_bench.reference.teacher import SightTeacher


def test_shapes(model: VelmForGeneration) -> None:
    pixels = torch.zeros(3, 32, 32, 3, dtype=torch.uint8)
    features, visual = model.see(pixels)
    assert features.shape == (3, 16, 32)
    assert visual.shape == (3, 16, 32)
    tokens = torch.zeros(3, 5, dtype=torch.long)
    states, patches = model(pixels, tokens, tokens, tokens, tokens.bool(), torch.ones(3, dtype=torch.bool))
    assert states.shape == (3, 5, 32)
    assert torch.equal(patches, features)
    assert model.head(states).shape == (3, 5, 300)
    assert model.tagger(states).shape == (3, 5, 9)


def test_the_shipped_recipe_is_small() -> None:
    with torch.device("meta"):
        model = VelmForGeneration(VelmConfig.of(ModelSettings()))
    assert 2 * sum(parameter.numel() for parameter in model.parameters()) < 16 * 2**20


def test_the_head_is_tied(model: VelmForGeneration, tokenizer: Tokenizer, tmp_path: Path) -> None:
    assert model.head.weight is model.language.words.weight
    write_checkpoint(tmp_path / "made", model, tokenizer, torch.float32)
    again = VelmForGeneration.from_pretrained(tmp_path / "made", dtype=torch.float32)
    assert again.head.weight is again.language.words.weight


def test_a_checkpoint_comes_back_bit_for_bit(model: VelmForGeneration, tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "made", model, tokenizer, torch.float32)
    again = VelmForGeneration.from_pretrained(tmp_path / "made", dtype=torch.float32).eval()
    mine, theirs = model.state_dict(), again.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert again.config.settings == SETTINGS
    for path in (tmp_path / "made").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    fast = PreTrainedTokenizerFast.from_pretrained(tmp_path / "made")
    assert fast("is there", add_special_tokens=False).input_ids == tokenizer.encode("is there").ids
    assert fast.pad_token_id == 0


def test_half_precision_on_disk_is_half_the_size(
    model: VelmForGeneration, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "whole", model, tokenizer, torch.float32)
    write_checkpoint(tmp_path / "half", model, tokenizer, torch.float16)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    again = VelmForGeneration.from_pretrained(tmp_path / "half", dtype=torch.float32)
    assert again.tagger.weight.dtype == torch.float32
    assert torch.allclose(again.tagger.weight, model.tagger.weight, atol=1e-3)


def test_linear_by_convolution_is_linear() -> None:
    layer, x = Linear(6, 10), torch.randn(2, 256, 6, requires_grad=True)
    fast = layer.train()(x)
    slow = layer.eval()(x)
    assert torch.allclose(fast, slow, atol=1e-6)
    gradients = [torch.autograd.grad(out.square().sum(), [x, layer.weight]) for out in (fast, slow)]
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in zip(*gradients, strict=True))


def test_the_teacher_ignores_what_there_is_nothing_to_say_about() -> None:
    teacher = SightTeacher(8, (3, 2), 4)
    lessons = {
        "looks": torch.tensor([[[0, -100], [2, 1]]]),
        "centres": torch.tensor([[0.0, 1.0]]),
        "offsets": torch.tensor([[[torch.nan, torch.nan], [0.5, -0.5]]]),
        "visual_tags": torch.zeros(1, 4),
    }
    losses = teacher.loss(torch.randn(1, 2, 8), lessons)
    assert all(torch.isfinite(loss) for loss in losses.values())
    empty = lessons | {"looks": torch.tensor([[[0, -100], [0, -100]]]), "offsets": torch.full((1, 2, 2), torch.nan)}
    assert torch.isfinite(teacher.loss(torch.randn(1, 2, 8), empty)["tags"])


@pytest.mark.parametrize("section", ["vision", "language", "fusion"])
def test_a_configuration_with_an_unknown_key_is_refused(section: str) -> None:
    config = VelmConfig(**{section: {"colour": 3}})
    with pytest.raises(ValueError, match="colour"):
        VelmForGeneration(config)
