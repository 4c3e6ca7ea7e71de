"""Where a training's weights come from: parts of another checkpoint, with its tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast, ViTConfig, ViTModel

from tests.reference.conftest import SETTINGS
from velm_bench.errors import UsageError
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import SPECIAL
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import TAGS
from velm_bench.reference.start import checkpoint_folder, fresh_model, started_tokenizer


@pytest.fixture
def checkpoint(tmp_path: Path, model: VelmForGeneration, tokenizer: Tokenizer) -> Path:
    write_checkpoint(tmp_path / "made", model, tokenizer, torch.float16)
    return tmp_path / "made"


def recipe(start: dict[str, str], **changes: Any) -> Recipe:
    settings = SETTINGS.model_dump()
    for part, change in changes.items():
        settings[part] = settings[part] | change
    return Recipe.model_validate({"name": "x", "images": 8, "batch": 4, "model": settings, "start": start})


@pytest.mark.parametrize(("part", "others"), [("vision", ("language", "tagger")), ("language", ("vision", "fusion"))])
def test_a_part_begins_with_a_checkpoints_weights(
    checkpoint: Path, tokenizer: Tokenizer, part: str, others: tuple[str, ...]
) -> None:
    started = fresh_model(recipe({part: str(checkpoint)}), tokenizer, TAGS).state_dict()
    scratch = fresh_model(recipe({}), tokenizer, TAGS).state_dict()
    held = load_file(checkpoint / "model.safetensors")
    for name, tensor in started.items():
        mine = name.startswith((part, "tagger")) if part == "language" else name.startswith(part)
        if mine:
            assert torch.equal(tensor, held[name].to(tensor.dtype)), name
    apart = [name for name in started if name.startswith(others) and name.endswith("weight")]
    assert any(not torch.equal(started[name], held[name].to(started[name].dtype)) for name in apart)
    assert scratch.keys() == started.keys()


def test_a_language_model_brings_its_tokenizer(checkpoint: Path, tokenizer: Tokenizer) -> None:
    found = started_tokenizer(recipe({"language": str(checkpoint)}))
    assert found is not None
    assert found.get_vocab() == tokenizer.get_vocab()
    assert started_tokenizer(recipe({"vision": str(checkpoint)})) is None


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("language", {"width": 64}, ["start.language", "(300, 32)", "(300, 64)", "set model.language"]),
        ("language", {"layers": 1}, ["start.language", "the recipe's model has no language."]),
        ("language", {"layers": 3}, ["start.language", "has no language."]),
        ("vision", {"channels": [8, 16, 64]}, ["start.vision", "set model.vision"]),
    ],
)
def test_weights_of_another_shape_are_refused(
    checkpoint: Path, tokenizer: Tokenizer, part: str, change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UsageError) as found:
        fresh_model(recipe({part: str(checkpoint)}, **{part: change}), tokenizer, TAGS)
    assert all(word in str(found.value) for word in words), found.value


def test_other_tags_than_the_checkpoints_are_refused(checkpoint: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"start\.language: tagger\.weight is of shape \(9, 32\)"):
        fresh_model(recipe({"language": str(checkpoint)}), tokenizer, ("O", "B-X", "I-X"))


def test_a_name_that_is_none_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=r"start\.vision 'prefx' is neither.*prefix"):
        checkpoint_folder("prefx", "vision")
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(UsageError, match=r"of start\.language is incomplete: it lacks tokenizer\.json"):
        checkpoint_folder(str(checkpoint), "language")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_damaged_file_is_named(checkpoint: Path, tokenizer: Tokenizer, name: str, kept: int) -> None:
    (checkpoint / name).write_bytes((checkpoint / name).read_bytes()[:kept])
    ours = recipe({"language": str(checkpoint)})
    with pytest.raises(UsageError, match=rf"{name} of start\.language is damaged .*: name another"):
        fresh_model(ours, started_tokenizer(ours) or tokenizer, TAGS)


def test_a_model_from_scratch_begins_with_places_that_are_waves(tokenizer: Tokenizer) -> None:
    found = fresh_model(recipe({}), tokenizer, TAGS).language.backbone.wpe.weight.detach()
    again = VelmForGeneration(VelmConfig.of(SETTINGS)).language.backbone.wpe.weight
    assert float(found[0, 1]) == pytest.approx(0.02)
    assert not torch.equal(found, again)


def test_a_checkpoint_of_transformers_brings_weights_and_tokenizer(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Its vocabulary grows by the special tokens that it lacks."""
    torch.manual_seed(1)
    size = tokenizer.get_vocab_size() - len(SPECIAL)
    wide = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48}
    GPT2Model(GPT2Config(vocab_size=size, **wide)).save_pretrained(tmp_path / "gpt")
    words = [text for text, i in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]) if text not in SPECIAL]
    plain = Tokenizer(models.WordLevel({text: i for i, text in enumerate(words)}, unk_token=words[0]))
    PreTrainedTokenizerFast(tokenizer_object=plain).save_pretrained(tmp_path / "gpt")
    ours = recipe({}, language={"checkpoint": str(tmp_path / "gpt")})
    adopted = started_tokenizer(ours)
    assert adopted is not None
    model = fresh_model(ours, adopted, TAGS)
    words_held = GPT2Model.from_pretrained(tmp_path / "gpt").wte.weight
    assert torch.equal(model.language.words.weight[:size], words_held)
    assert len(model.language.words.weight) == adopted.get_vocab_size() == size + len(SPECIAL)
    assert model.config.eos_token_id == adopted.token_to_id("<eos>") >= size
    with pytest.raises(UsageError, match=r"model\.language\.checkpoint"):
        started_tokenizer(recipe({}, language={"checkpoint": str(tmp_path / "none")}))


def test_a_vision_checkpoint_brings_weights_and_normalisation(tmp_path: Path, tokenizer: Tokenizer) -> None:
    wide = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    vit = ViTModel(ViTConfig(image_size=32, patch_size=8, **wide), add_pooling_layer=False)
    vit.save_pretrained(tmp_path / "vit")
    about = {"image_processor_type": "ViTImageProcessor", "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    (tmp_path / "vit" / "preprocessor_config.json").write_text(json.dumps(about))
    model = fresh_model(recipe({}, vision={"checkpoint": str(tmp_path / "vit")}), tokenizer, TAGS)
    held = vit.state_dict()
    assert all(torch.equal(held[name], tensor) for name, tensor in model.vision.backbone.state_dict().items())
    assert model.config.settings.vision.mean == (0.1, 0.2, 0.3)
    assert model.config.settings.vision.deviation == (0.4, 0.5, 0.6)
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    model = fresh_model(recipe({}, vision={"checkpoint": str(tmp_path / "vit")}), tokenizer, TAGS)
    assert model.config.settings.vision.mean == (0.5, 0.5, 0.5)
