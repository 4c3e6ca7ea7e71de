"""Shapes, saving and reloading, what is tied."""

from __future__ import annotations

import copy
import pickle
import stat
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from tests.reference.conftest import SETTINGS, packed, shaken, tiny
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import ModelSettings


def batch(count: int = 3) -> dict[str, torch.Tensor]:
    pixels = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8)
    return packed([[[5, 6, 7, 8, 9]]] * count, [[3]] * count, pixels)


def test_shapes(model: VelmForGeneration) -> None:
    states, features = model.read_packed(batch())
    assert states.shape == (3, 5, 32)
    assert features is not None
    assert features.shape == (3, 16, 32)
    assert torch.equal(model.look(batch()["pixels"][:0]), features[:0])
    assert model.head(states).shape == (3, 5, 300)
    assert model.tagger(states).shape == (3, 5, 9)


def test_the_shipped_recipe_is_small() -> None:
    with torch.device("meta"):
        model = VelmForGeneration(VelmConfig.of(ModelSettings()))
    assert 2 * sum(parameter.numel() for parameter in model.parameters()) < 16 * 2**20


def test_the_head_is_the_word_embeddings(model: VelmForGeneration) -> None:
    states = torch.randn(2, 32)
    assert torch.equal(model.head(states), states @ model.get_input_embeddings().weight.T)
    assert not any(name.startswith("head") for name in model.state_dict())


@pytest.mark.parametrize("adaptation", ["full", "lora", "prefix_tuning"])
def test_a_checkpoint_comes_back_bit_for_bit(adaptation: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    settings = tiny(adaptation=adaptation)
    model = shaken(settings)
    write_checkpoint(tmp_path / "made", model, tokenizer, torch.float32)
    again = VelmForGeneration.from_pretrained(tmp_path / "made", dtype=torch.float32).eval()
    mine, theirs = model.state_dict(), again.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert again.config.settings == settings
    learning = [{name for name, one in m.named_parameters() if one.requires_grad} for m in (model, again)]
    assert learning[0] == learning[1]
    for path in (tmp_path / "made").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    fast = PreTrainedTokenizerFast.from_pretrained(tmp_path / "made")
    assert fast("is there", add_special_tokens=False).input_ids == tokenizer.encode("is there").ids
    assert fast.pad_token_id == 0
    assert 1 not in fast("<eos>", add_special_tokens=False).input_ids


def test_what_transformers_saves_comes_back_bit_for_bit(model: VelmForGeneration, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    again = VelmForGeneration.from_pretrained(tmp_path)
    theirs = again.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in model.state_dict().items())


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


@pytest.mark.parametrize("section", ["vision", "language", "fusion", "adaptation"])
def test_a_configuration_with_an_unknown_key_is_refused(section: str) -> None:
    config = VelmConfig.of(SETTINGS)
    getattr(config, section)["colour"] = 3
    with pytest.raises(ValueError, match="colour"):
        VelmForGeneration(config)


@pytest.mark.parametrize("adaptation", ["full", "lora"])
def test_a_copy_has_its_own_weights(adaptation: str) -> None:
    """Nothing in it reaches back into the model that it was copied from, or keeps it from being sent elsewhere."""
    model = shaken(tiny("concat", adaptation=adaptation))
    before, _ = model.read_packed(batch())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301 - our own
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.zero_()
        assert not twin.read_packed(batch())[0].any()
    torch.manual_seed(0)
    pixels = batch()
    one, _ = model.read_packed(pixels)
    other, _ = copy.deepcopy(model).read_packed(pixels)
    assert torch.equal(one, other)
    assert before.shape == one.shape


def test_a_failed_pass_leaves_nothing_behind(model: VelmForGeneration) -> None:
    torch.manual_seed(0)
    concat = shaken(tiny("concat"))
    whole = batch()
    wanted, _ = concat.read_packed(whole)
    with pytest.raises(RuntimeError):
        concat.read_packed(whole | {"positions": whole["positions"][:, :2]})
    assert torch.equal(concat.read_packed(whole)[0], wanted)
    assert not any(block._forward_pre_hooks for block in concat.language.blocks)


def test_a_blind_model_has_no_vision_encoder() -> None:
    blind = shaken(tiny("none"))
    assert blind.vision is None
    with pytest.raises(ValueError, match="no vision encoder"):
        blind.look(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
    unseen = {name: tensor for name, tensor in batch().items() if name != "pixels"}
    assert torch.equal(blind.read_packed(batch())[0], blind.read_packed(unseen)[0])


def test_right_padding_is_refused(model: VelmForGeneration) -> None:
    tokens = torch.tensor([[5, 0]])
    with pytest.raises(ValueError, match="left"):
        model.read(
            torch.zeros(1, 32, 32, 3, dtype=torch.uint8), torch.tensor([True]), tokens, torch.tensor([[True, False]])
        )
