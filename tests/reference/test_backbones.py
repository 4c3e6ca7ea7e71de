"""Checkpoints of transformers drop in, train, and come back without the folder that they came from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTModel,
)

from tests.reference.conftest import packed, tiny
from velm_bench.errors import UsageError
from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import encode_answer, encode_prompt, encode_words
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import TAGS
from velm_bench.reference.start import fresh_model, started_tokenizer
from velm_bench.reference.trainer import Trainer

WIDE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
PICTURE = {"image_size": 32, "patch_size": 16}
CLIP = {"vision_config": WIDE | PICTURE, "text_config": WIDE | {"vocab_size": 50}, "projection_dim": 8}

LANGUAGES: dict[str, Callable[[int], PreTrainedModel]] = {
    "gpt2": lambda size: GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=16, n_layer=2, n_head=2, n_positions=40)),
    "llama": lambda size: LlamaForCausalLM(LlamaConfig(vocab_size=size, max_position_embeddings=64, **WIDE)),
    "llama-gqa": lambda size: LlamaForCausalLM(
        LlamaConfig(vocab_size=size, max_position_embeddings=64, num_key_value_heads=1, **WIDE)
    ),
    "bert": lambda size: BertModel(BertConfig(vocab_size=size, max_position_embeddings=64, **WIDE)),
}
VISIONS: dict[str, Callable[[], PreTrainedModel]] = {
    "vit": lambda: ViTModel(ViTConfig(**WIDE, **PICTURE)),
    "clip-vision": lambda: CLIPVisionModel(CLIPVisionConfig(**WIDE, **PICTURE)),
    "clip": lambda: CLIPModel(CLIPConfig(**CLIP)),
    "resnet": lambda: ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])),
}


def saved_language(name: str, folder: Path) -> Path:
    """A checkpoint with a tokenizer trained here."""
    torch.manual_seed(0)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    told = trainers.BpeTrainer(vocab_size=280, special_tokens=["<unk>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["is there a red star", "what colour is it"], told)
    LANGUAGES[name](tokenizer.get_vocab_size()).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    return folder


def recipe(fusion: str, adaptation: str, **sections: Any) -> Recipe:
    settings = tiny(fusion, adaptation=adaptation, **sections)
    return Recipe.model_validate({"name": "tiny", "images": 4, "model": settings.model_dump()})


def train(model: VelmForGeneration, tokenizer: Tokenizer, steps: int = 8) -> list[float]:
    """The losses of a few steps on one picture, one question and one sentence."""
    asked, answer = encode_prompt(tokenizer, "is there a red star", 20), encode_answer(tokenizer, "yes")
    words = [model.config.tag_token_id, *chain(*encode_words(tokenizer, ["Ann", "sees"]))]
    pixels = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    batch = packed([[[*asked, *answer], words]], [[len(asked), len(words)]], pixels)
    first = len(asked) + len(answer)
    batch["both_ways"][0, first:] = True
    learning = [one for one in model.train().parameters() if one.requires_grad]
    optimizer, losses = torch.optim.AdamW(learning, 3e-3), []
    for _ in range(steps):
        states, _ = model.read_packed(batch)
        text = functional.cross_entropy(model.head(states[0, len(asked) - 1 : first - 1]), torch.tensor(answer))
        loss = text + functional.cross_entropy(model.tagger(states[0, first:]), torch.ones(len(words)).long())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    model.eval()
    return losses


def answers(model: VelmForGeneration, tokenizer: Tokenizer) -> tuple[Any, ...]:
    prompt = tuple(encode_prompt(tokenizer, "what colour is it", 20))
    options = tuple(tuple(encode_answer(tokenizer, text)) for text in ("red", "blue"))
    words = tuple(tuple(word) for word in encode_words(tokenizer, ["Ann", "sees", "it"]))
    pixels = torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()
    asked, answering = [Asked(pixels, True, prompt, 5, options=options, words=words)], Answering(model, "cpu")
    return answering.generate(asked), *answering.choose(asked), answering.tag(asked, TAGS)


def learns_and_comes_back(ours: Recipe, tokenizer: Tokenizer, folder: Path, original: Path) -> VelmForGeneration:
    torch.manual_seed(0)
    model = fresh_model(ours, tokenizer, TAGS)
    losses = train(model, tokenizer)
    assert losses[-1] < losses[0]
    before = answers(model, tokenizer)
    write_checkpoint(folder, model, tokenizer, torch.float32)
    shutil.rmtree(original)
    again = VelmForGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    theirs = again.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in model.state_dict().items())
    for mine, other in zip(answers(again, tokenizer), before, strict=True):
        assert mine == (pytest.approx(other) if isinstance(other[0], float) else other)
    return again


@pytest.mark.parametrize("adaptation", ["full", "frozen", "lora", "prefix_tuning"])
@pytest.mark.parametrize("name", LANGUAGES)
def test_a_language_model_drops_in(name: str, adaptation: str, tmp_path: Path) -> None:
    fusion = {"llama": "cross_modal", "bert": "attention"}.get(name, "prefix")
    original = saved_language(name, tmp_path / "original")
    ours = recipe(fusion, adaptation, language={"checkpoint": str(original)})
    tokenizer = started_tokenizer(ours)
    assert tokenizer is not None
    model = learns_and_comes_back(ours, tokenizer, tmp_path / "made", original)
    assert model.language.width == 16
    assert model.context == (40 if name == "gpt2" else 64)


@pytest.mark.parametrize("name", VISIONS)
def test_a_vision_encoder_drops_in(name: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    VISIONS[name]().save_pretrained(tmp_path / "original")
    ours = recipe("prefix", "full", vision={"checkpoint": str(tmp_path / "original"), "image_size": 32})
    model = learns_and_comes_back(ours, tokenizer, tmp_path / "made", tmp_path / "original")
    assert model.vision is not None
    assert model.vision.patches == (16 if name == "resnet" else 4)  # a class token is none
    assert model.vision.width == 16


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_the_scenes_teach_a_vision_checkpoint_patch_by_patch(name: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    """As many patches as it makes of a picture, whatever their size."""
    torch.manual_seed(0)
    VISIONS[name]().save_pretrained(tmp_path / "original")
    vision = {"checkpoint": str(tmp_path / "original"), "image_size": 32}
    ours = recipe("prefix", "full", vision=vision, language={"width": 16, "layers": 1, "heads": 2, "context": 96})
    book = open_book(ours)
    trainer = Trainer(ours, tokenizer, book, torch.device("cpu"))
    lessons = book.batch(tokenizer, range(4))
    assert lessons["looks"].shape[1] == (16 if name == "resnet" else 4)
    losses = [trainer.step(lessons, 0.1)["patches"] for _ in range(6)]
    assert losses[-1] < losses[0]


def test_a_picture_of_the_wrong_size_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    VISIONS["vit"]().save_pretrained(tmp_path / "vit")
    ours = recipe("prefix", "full", vision={"checkpoint": str(tmp_path / "vit"), "image_size": 64})
    with pytest.raises(UsageError, match=r"model\.vision\.image_size 64 does not fit its checkpoint.*32"):
        fresh_model(ours, tokenizer, TAGS)


@pytest.mark.parametrize("part", ["vision", "language"])
def test_a_checkpoint_that_is_not_there_is_refused(part: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    ours = recipe("prefix", "full", **{part: {"checkpoint": str(tmp_path / "none")}})
    with pytest.raises(UsageError, match=rf"of model\.{part}\.checkpoint cannot be opened"):
        fresh_model(ours, tokenizer, TAGS)
