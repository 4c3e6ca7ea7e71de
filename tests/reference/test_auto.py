"""Any checkpoint opens by transformers' own names, and answers as it does here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, pipeline

from tests.reference.conftest import shaken, tiny
from velm_bench.models.base import Setup
from velm_bench.models.reference import CHECKPOINTS, open_reference, shipped
from velm_bench.reference.auto import register
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import fit_picture
from velm_bench.reference.processor import VelmImageProcessor, VelmProcessor
from velm_bench.reference.saving import write_checkpoint
from velm_bench.samples import Ability, ArrayPicture, GenerateRequest, Generation

PHOTO = np.random.default_rng(0).integers(0, 256, (90, 140, 3), np.uint8)
PROMPTS = ["Question: is there a star? Answer:", "what"]


@pytest.fixture(autouse=True)
def registered() -> None:
    register()
    register()


@pytest.fixture(scope="module", params=["prefix", "cross_modal", "none"])
def folder(request: pytest.FixtureRequest, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("made") / "tiny"
    write_checkpoint(target, shaken(tiny(request.param)), tokenizer, torch.float32)
    return target


def ours(folder: Path, prompts: list[str], new: int = 8, beams: int = 1) -> list[str]:
    opened = open_reference(str(folder), Setup(device="cpu"))
    settings = Generation(new, beams=beams)
    asked = [GenerateRequest("a", (ArrayPicture(PHOTO),), prompt, settings) for prompt in prompts]
    return [answer.text for answer in opened.generate([opened.prepare(one) for one in asked])]


def theirs(folder: Path, prompts: list[str], new: int = 8, **how: Any) -> list[str]:
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(folder)
    assert isinstance(model, VelmForGeneration)
    assert isinstance(processor, VelmProcessor)
    given = processor(images=[Image.fromarray(PHOTO)] * len(prompts), text=prompts, return_tensors="pt")
    tokens = model.generate(**given, max_new_tokens=new, do_sample=False, **how)[:, given["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]


def test_the_answers_are_ours(folder: Path) -> None:
    assert theirs(folder, PROMPTS) == ours(folder, PROMPTS)
    assert theirs(folder, PROMPTS, num_beams=3) == ours(folder, PROMPTS, beams=3)


@pytest.mark.parametrize("prompt", ["", "word " * 200, "<eos> <image> 漢字"])
def test_strange_prompts_are_read_as_ours(folder: Path, prompt: str) -> None:
    processor, opened = AutoProcessor.from_pretrained(folder), open_reference(str(folder), Setup(device="cpu"))
    found = processor(text=prompt, max_new_tokens=8)["input_ids"][0]
    assert tuple(found) == opened.prepare(GenerateRequest("a", (), prompt, Generation(8))).prompt


def test_the_pipeline_answers(folder: Path) -> None:
    pipe = pipeline("image-text-to-text", model=str(folder), device="cpu", dtype=torch.float32)
    found = pipe(images=Image.fromarray(PHOTO), text=PROMPTS[1], max_new_tokens=8, do_sample=False)
    assert found[0]["generated_text"].removeprefix(PROMPTS[1]).strip() == ours(folder, PROMPTS[1:])[0]
    both = pipe(images=[Image.fromarray(PHOTO)] * 2, text=PROMPTS)  # 256 new tokens, more than the window
    assert len(both) == 2


def test_a_folder_without_the_processors_file_opens_too(folder: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(folder, older)
    (older / "processor_config.json").unlink()
    assert theirs(older, PROMPTS) == ours(folder, PROMPTS)


def test_the_processor_comes_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    processor.save_pretrained(tmp_path)
    again = AutoProcessor.from_pretrained(tmp_path)
    assert (again.visual_tokens, again.context) == (processor.visual_tokens, processor.context)
    assert again.image_processor.side == processor.image_processor.side == 32
    assert again(text="is there").input_ids == processor(text="is there").input_ids
    assert isinstance(AutoImageProcessor.from_pretrained(folder), VelmImageProcessor)
    assert json.loads((folder / "processor_config.json").read_text())["processor_class"] == "VelmProcessor"


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(PHOTO),
        Image.fromarray(PHOTO).convert("RGBA"),
        PHOTO,
        PHOTO.transpose(2, 0, 1),
        torch.from_numpy(PHOTO),
    ],
)
def test_pictures_of_every_kind_become_the_same_squares(picture: Any) -> None:
    found = VelmImageProcessor(32)(picture, return_tensors="pt")["pixel_values"]
    assert found.dtype == torch.uint8
    assert np.array_equal(found[0].numpy(), fit_picture(PHOTO, 32))


def test_grey_pictures_and_scaled_ones() -> None:
    assert VelmImageProcessor(16)(Image.fromarray(PHOTO).convert("L"))["pixel_values"].shape == (1, 16, 16, 3)
    assert VelmImageProcessor(16)([PHOTO[:, :, :1]])["pixel_values"].shape == (1, 16, 16, 3)
    with pytest.raises(ValueError, match=r"0\.\.255 in uint8, not float32"):
        VelmImageProcessor(16)((PHOTO / 255).astype(np.float32))


def test_pictures_that_do_not_match_the_prompts_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="there are 1 pictures for 2 prompts"):
        AutoProcessor.from_pretrained(folder)(images=PHOTO, text=PROMPTS)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_checkpoint_opens(name: str) -> None:
    if Ability.GENERATE in open_reference(name, Setup()).abilities:
        assert theirs(CHECKPOINTS / name, PROMPTS) == ours(CHECKPOINTS / name, PROMPTS)
    else:  # two towers do not write
        model = AutoModelForImageTextToText.from_pretrained(CHECKPOINTS / name, dtype=torch.float32)
        assert model.embedder is not None
    assert (CHECKPOINTS / name / "processor_config.json").is_file()


def test_nothing_is_registered_by_an_import() -> None:
    told = "from transformers import AutoConfig; import velm_bench.reference.auto; AutoConfig.for_model('velm')"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert "Unrecognized model identifier: velm" in found.stderr
    assert AutoConfig.for_model("velm").model_type == "velm"
