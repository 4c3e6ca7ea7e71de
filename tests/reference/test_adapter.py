"""`ref:` through the interface that the runner uses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import GPT2Config

from tests.reference.conftest import shaken, tiny
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.base import Setup
from velm_bench.models.reference import ReferenceModel, open_reference, shipped
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.saving import write_checkpoint
from velm_bench.samples import (
    Ability,
    ArrayPicture,
    ChooseRequest,
    EncodedPicture,
    GenerateRequest,
    Generation,
    TagRequest,
)


@pytest.fixture(scope="module")
def folder(model: VelmForGeneration, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("made") / "tiny"
    write_checkpoint(target, model, tokenizer, torch.float32)
    return target


@pytest.fixture(scope="module")
def adapter(folder: Path) -> ReferenceModel:
    opened = open_reference(str(folder), Setup(device="cpu"))
    assert isinstance(opened, ReferenceModel)
    opened.load()
    return opened


PHOTO = ArrayPicture(np.random.default_rng(1).integers(0, 256, (90, 140, 3), np.uint8))
GREY = ArrayPicture(np.full((20, 20), 128, np.uint8))
ASK = GenerateRequest("a", (PHOTO,), "Question: is there a star? Answer:", Generation(6))


def test_all_abilities(adapter: ReferenceModel) -> None:
    text = adapter.generate([adapter.prepare(ASK)])[0]
    assert isinstance(text.text, str)
    assert text.tokens is not None
    choice = adapter.choose([adapter.prepare(ChooseRequest("a", (PHOTO,), "what?", options=("red", "blue", "")))])[0]
    assert sum(np.exp(choice.logprobs)) == pytest.approx(1)
    tags = adapter.tag([adapter.prepare(TagRequest("a", (PHOTO,), "", tokens=("a", "", "漢字" * 90), labels=()))])[0]
    assert len(tags.tags) == 3


@pytest.mark.parametrize("pictures", [(), (PHOTO,), (GREY,), (PHOTO, GREY)])
def test_any_number_of_pictures(adapter: ReferenceModel, pictures: tuple[ArrayPicture, ...]) -> None:
    assert adapter.generate([adapter.prepare(replace(ASK, images=pictures))])


def test_nothing_to_choose_or_tag_is_no_answer(adapter: ReferenceModel) -> None:
    assert adapter.choose([adapter.prepare(ChooseRequest("a", (), "", options=()))])[0].logprobs == ()
    assert adapter.tag([adapter.prepare(TagRequest("a", (), "", tokens=(), labels=("O",)))])[0].tags == ()


@pytest.mark.parametrize("prompt", ["", "word " * 5000, "\x00 漢字 <eos>"])
def test_any_prompt_and_any_length(adapter: ReferenceModel, prompt: str) -> None:
    many = Generation(max_new_tokens=10_000)
    assert len(adapter.generate([adapter.prepare(replace(ASK, prompt=prompt, generation=many))])) == 1
    long = ChooseRequest("a", (PHOTO,), prompt, options=("x" * 900, "y"))
    assert len(adapter.choose([adapter.prepare(long)])[0].logprobs) == 2


def test_the_picture_matters_to_an_answer(adapter: ReferenceModel) -> None:
    choose = ChooseRequest("a", (PHOTO,), "what?", options=("red", "blue"))
    seen, grey, none = (
        adapter.choose([adapter.prepare(replace(choose, images=i))])[0] for i in ((PHOTO,), (GREY,), ())
    )
    assert len({seen.logprobs, grey.logprobs, none.logprobs}) == 3


def test_identity_needs_no_weights_and_follows_them(folder: Path, tmp_path: Path, tokenizer: Tokenizer) -> None:
    one = open_reference(str(folder), Setup())
    assert one.identity.name == f"ref:{folder}"
    assert one.identity.dtype == "float32"
    torch.manual_seed(9)
    loaded = VelmForGeneration.from_pretrained(folder, dtype=torch.float32)
    assert one.identity.parameters == sum(parameter.numel() for parameter in loaded.parameters())
    with torch.no_grad():
        loaded.tagger.bias.add_(1)
    write_checkpoint(tmp_path / "other", loaded, tokenizer, torch.float32)
    other = open_reference(str(tmp_path / "other"), Setup())
    assert other.identity.digest != one.identity.digest
    assert open_reference(str(folder), Setup(dtype="bfloat16")).identity.digest != one.identity.digest


def test_sampling_follows_the_seed(folder: Path, adapter: ReferenceModel) -> None:
    warm = replace(ASK, generation=Generation(20, temperature=2.0))
    again = open_reference(str(folder), Setup(device="cpu", seed=1))
    texts = [model.generate([model.prepare(warm)])[0].text for model in (adapter, adapter, again)]
    assert texts[0] == texts[1] != texts[2]


def test_what_it_cannot_do_is_refused(adapter: ReferenceModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"draws no words in a beam search: set generation\.temperature to 0"):
        adapter.prepare(replace(ASK, generation=Generation(4, beams=3, temperature=0.5)))
    with pytest.raises(SampleError):
        adapter.prepare(replace(ASK, images=(PHOTO, EncodedPicture(b"no picture"))))
    with pytest.raises(UsageError, match="'ref:prefx' is neither a shipped model nor"):
        open_reference("prefx", Setup())
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"lacks model\.safetensors, tokenizer\.json"):
        open_reference(str(tmp_path), Setup())


def test_a_task_may_ask_for_beams(adapter: ReferenceModel) -> None:
    """The same answer in every batch, and another than the greedy one for some prompt."""
    asked = [
        replace(ASK, prompt=f"Question: {word}? Answer:", generation=Generation(6, beams=4))
        for word in ("what", "is there a star", "red", "how many blue", "a", "circle left of the square")
    ]
    prepared = [adapter.prepare(one) for one in asked]
    alone = [adapter.generate([one])[0] for one in prepared]
    assert adapter.generate(prepared) == alone
    greedy = adapter.generate([adapter.prepare(replace(one, generation=Generation(6))) for one in asked])
    assert greedy != alone


def test_a_blind_model_prepares_no_picture_but_reads_it(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "blind", shaken(tiny("none")), tokenizer, torch.float32)
    blind = open_reference(str(tmp_path / "blind"), Setup(device="cpu"))
    assert blind.prepare(ASK).pixels is None
    with pytest.raises(SampleError):
        blind.prepare(replace(ASK, images=(EncodedPicture(b"no picture"),)))
    seen, none = (blind.generate([blind.prepare(replace(ASK, images=i))])[0] for i in ((PHOTO,), ()))
    assert seen == none


def test_a_contrastive_model_chooses_and_does_nothing_else(tokenizer: Tokenizer, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "towers", shaken(tiny("contrastive")), tokenizer, torch.float32)
    towers = open_reference(str(tmp_path / "towers"), Setup(device="cpu"))
    assert towers.abilities == {Ability.CHOOSE}
    choose = ChooseRequest("a", (PHOTO,), "what?", options=("red", "blue", "green"))
    found = towers.choose([towers.prepare(choose), towers.prepare(replace(choose, images=()))])
    assert sum(np.exp(found[0].logprobs)) == pytest.approx(1)
    assert len(set(found[0].logprobs)) == 3
    assert len(set(found[1].logprobs)) == 1
    lettered = replace(choose, spoken=("A", "B", "C"))  # it compares the picture with what the letters stand for
    assert towers.prepare(lettered).options == towers.prepare(choose).options


def test_a_model_that_writes_weighs_what_it_would_write(adapter: ReferenceModel) -> None:
    choose = ChooseRequest("a", (PHOTO,), "what?", options=("red", "blue"))
    lettered, letters = replace(choose, spoken=("A", "B")), replace(choose, options=("A", "B"))
    assert adapter.prepare(lettered).options == adapter.prepare(letters).options != adapter.prepare(choose).options


def test_the_window_is_that_of_a_shorter_checkpoint(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """A language model from a checkpoint may see less than the settings would let it."""
    settings = tiny(language={"checkpoint": "somewhere", "context": 128})
    held = GPT2Config(vocab_size=300, n_embd=16, n_layer=2, n_head=2, n_positions=40).to_dict()
    model = VelmForGeneration(VelmConfig.of(settings, backbones={"language": held}))
    assert model.context == 40
    write_checkpoint(tmp_path / "short", model, tokenizer, torch.float32)
    opened = open_reference(str(tmp_path / "short"), Setup(device="cpu"))
    asked = replace(ASK, prompt="word " * 500, generation=Generation(10))
    assert len(opened.prepare(asked).prompt) == 30
    assert len(opened.generate([opened.prepare(asked)])) == 1


@pytest.mark.parametrize("device", ["banana", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_here_is_refused(folder: Path, device: str) -> None:
    with pytest.raises(UsageError, match=f"--device {device} cannot be used here"):
        open_reference(str(folder), Setup(device=device)).load()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_damaged_checkpoint_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    (damaged / name).write_bytes((damaged / name).read_bytes()[:40])
    with pytest.raises(UsageError, match=r"damaged.* (or )?is damaged"):
        open_reference(str(damaged), Setup(device="cpu")).load()


def test_weights_that_are_missing_are_never_made_up(folder: Path, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    shutil.copytree(folder, partial)
    weights = load_file(partial / "model.safetensors")
    del weights["tagger.weight"]
    save_file(weights, partial / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"do not fit its configuration: see tagger\.weight"):
        open_reference(str(partial), Setup(device="cpu")).load()


def test_words_to_be_tagged_are_read_as_in_training(adapter: ReferenceModel) -> None:
    tagged = TagRequest("a", (PHOTO,), "", tokens=("Jordan", "left"), labels=())
    assert adapter.prepare(tagged).prompt == ()
    assert adapter.prepare(replace(tagged, prompt="Tag this.")).prompt != ()
    assert adapter.prepare(replace(ASK, prompt="")).prompt != ()


def test_an_unknown_dtype_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="--dtype banana is not known"):
        open_reference(str(folder), Setup(dtype="banana"))


def test_longer_requests_cost_more(adapter: ReferenceModel) -> None:
    assert adapter.cost(replace(ASK, prompt=ASK.prompt * 9)) > adapter.cost(ASK)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_checkpoint_opens(name: str) -> None:
    opened = open_reference(name, Setup(device="cpu"))
    opened.load()
    if Ability.GENERATE in opened.abilities:
        assert opened.generate([opened.prepare(ASK)])[0].text
    else:
        assert opened.choose([opened.prepare(ChooseRequest("a", (PHOTO,), "what?", options=("red", "blue")))])
    assert (opened.identity.parameters or 0) * 2 < 16 * 2**20
