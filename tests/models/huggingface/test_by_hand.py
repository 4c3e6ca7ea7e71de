"""What a model is shown and asked through `hf:` is what transformers' own documented calls show and ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from velm_bench.models import Setup, open_model
from velm_bench.models.huggingface.base import quiet
from velm_bench.samples import EncodedPicture, GenerateRequest, Generation
from velm_bench.tasks.registry import Definition

QUESTION = "is there a red square left of the star?"
CHATTING = ("llava", "llava_next", "aya_vision", "idefics2", "idefics3", "gemma3", "mllama")
"""Families with a chat template whose whole processor opens without torchvision."""
PLAIN = ("blip", "blip_2", "instructblip", "kosmos2", "florence2")
"""Families whose processor takes a picture and a text."""
STEPS = 8


@pytest.fixture
def picture(tasks: Mapping[str, Definition]) -> Path:
    """A picture of the mixed task set, twice as wide as high."""
    path = tasks["vqa"].path
    assert path is not None
    return path.parent / "1.png"


def through_hf(folder: Path, picture: Path | None, question: str = QUESTION) -> str:
    """The answer of an `hf:` model."""
    model = open_model(f"hf:{folder}", Setup(device="cpu", dtype="float32"))
    model.load()
    shown = () if picture is None else (EncodedPicture(picture),)
    request = GenerateRequest("one", shown, question, Generation(max_new_tokens=STEPS))
    return model.generate([model.prepare(request)])[0].text


def opened(folder: Path) -> tuple[Any, Any]:
    """A checkpoint's processor (or tokenizer) and model, as transformers opens them."""
    import transformers

    with quiet():
        processor = transformers.AutoProcessor.from_pretrained(folder)
        if hasattr(processor, "image_processor"):
            processor.image_processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
        config = transformers.AutoConfig.from_pretrained(folder)
        model = getattr(transformers, config.architectures[0]).from_pretrained(folder, dtype=torch.float32)
    return processor, model.eval()


def written(processor: Any, model: Any, inputs: Mapping[str, Any], skipped: int) -> str:
    """What a model writes greedily behind its inputs; `skipped` tokens of what comes back are the prompt."""
    tokenizer = getattr(processor, "tokenizer", processor)
    tokens = model.generate(**inputs, max_new_tokens=STEPS, do_sample=False)[0, skipped:]
    return str(tokenizer.decode(tokens, skip_special_tokens=True)).strip()


@pytest.mark.parametrize("name", CHATTING)
def test_a_conversation(name: str, checkpoint: Callable[[str], Path], picture: Path) -> None:
    processor, model = opened(checkpoint(name))
    content = [{"type": "image", "image": Image.open(picture)}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    expected = written(processor, model, inputs, inputs["input_ids"].shape[1])
    assert through_hf(checkpoint(name), picture) == expected != ""


@pytest.mark.parametrize("name", PLAIN)
def test_a_picture_and_a_text(name: str, checkpoint: Callable[[str], Path], picture: Path) -> None:
    processor, model = opened(checkpoint(name))
    inputs = processor(images=Image.open(picture), text=QUESTION, return_tensors="pt")
    prompt = inputs["input_ids"].shape[1]
    skipped = {"blip": prompt - 1, "instructblip": 0, "florence2": 0}.get(name, prompt)
    expected = written(processor, model, inputs, skipped)
    assert through_hf(checkpoint(name), picture) == expected != ""


def test_the_beginning_of_an_answer(checkpoint: Callable[[str], Path], picture: Path) -> None:
    """Pix2Struct: its decoder goes on from the text; unasked, the processor would cut pictures into 2,048 patches."""
    processor, model = opened(checkpoint("pix2struct"))
    patches = processor.image_processor.max_patches
    how = {"add_special_tokens": False, "max_patches": patches, "return_tensors": "pt"}
    inputs = processor(images=Image.open(picture), text=QUESTION, **how)
    expected = written(processor, model, inputs, inputs["decoder_input_ids"].shape[1] + 1)
    assert through_hf(checkpoint("pix2struct"), picture) == expected != ""


def test_a_picture_before_a_prefix(checkpoint: Callable[[str], Path], picture: Path) -> None:
    """PaliGemma: the picture's mark stands before the text."""
    processor, model = opened(checkpoint("paligemma"))
    inputs = processor(images=Image.open(picture), text=f"<image>{QUESTION}", return_tensors="pt")
    del inputs["labels"]
    expected = written(processor, model, inputs, inputs["input_ids"].shape[1])
    assert through_hf(checkpoint("paligemma"), picture) == expected != ""


def test_a_question_that_is_not_closed(checkpoint: Callable[[str], Path], picture: Path) -> None:
    """GIT: its answer goes on from [CLS] and the question, without [SEP]."""
    processor, model = opened(checkpoint("git"))
    inputs = processor(images=Image.open(picture), return_tensors="pt")
    tokenizer = processor.tokenizer
    question = tokenizer(QUESTION, add_special_tokens=False)["input_ids"]
    inputs["input_ids"] = torch.tensor([[tokenizer.cls_token_id, *question]])
    expected = written(processor, model, inputs, len(question) + 1)
    assert through_hf(checkpoint("git"), picture) == expected != ""


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen2"])
def test_text_alone(name: str, checkpoint: Callable[[str], Path], picture: Path) -> None:
    """A language model reads the prompt as it stands or as its chat template has it; the picture is not shown."""
    tokenizer, model = opened(checkpoint(name))
    text = QUESTION
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": QUESTION}]
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    expected = written(tokenizer, model, inputs, inputs["input_ids"].shape[1])
    assert through_hf(checkpoint(name), picture) == through_hf(checkpoint(name), None) == expected != ""
