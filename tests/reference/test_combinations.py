"""The whole product of the axes: what makes sense trains, is kept and answers; the rest is refused with a reason.

Of the 1260 combinations 888 make sense. A design that holds every triple of fusion, place and adaptation, and with them
every pair of any two axes, goes the whole way: 8 steps of the real trainer, saved, reloaded, asked. That design and a
fifth of all others are built and make one step, which changes what their adaptation names and nothing else. With
VELM_WHOLE_PRODUCT=1 all 888 do both.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer

from tests.reference.conftest import packed
from velm_bench.reference.adaptation import LEARNING
from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.data.base import Batch, Segment, completion, cropped, pack
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import TAG, encode_answer, encode_prompt, encode_words
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.saving import write_checkpoint
from velm_bench.reference.settings import IGNORED, TAGS, ModelSettings
from velm_bench.reference.trainer import Trainer

VISIONS = ("conv_vit", "vit", "resnet", "vgg")
LANGUAGES = ("gpt", "bert", "llama")
FUSIONS = ("concat", "weighted_sum", "attention", "cross_modal", "prefix", "contrastive", "none")
PLACES = ("input", "middle", "top")
SIDE = 16
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30), "white": (240, 240, 240)}


class Combination(NamedTuple):
    vision: str
    language: str
    fusion: str
    at: str
    adaptation: str

    @property
    def sections(self) -> dict[str, Any]:
        return {
            "vision": {"kind": self.vision, "image_size": SIDE, "channels": [4, 8, 16], "layers": 1, "heads": 2},
            "language": {"kind": self.language, "width": 16, "layers": 3, "heads": 2, "context": 32, "vocabulary": 300},
            "fusion": {"kind": self.fusion, "at": self.at, "heads": 2},
            "adaptation": {"kind": self.adaptation, "rank": 2, "length": 2},
            "embedding": 8 if self.fusion == "contrastive" else 0,
        }

    @property
    def refused(self) -> str:
        """Why it makes no sense; empty where it does."""
        if self.at != "input" and self.fusion in ("prefix", "contrastive", "none"):
            return f"fusion.at must be input for {self.fusion}, wh"
        if (self.fusion, self.adaptation) == ("none", "frozen"):
            return "adaptation.kind frozen leaves nothing to learn where fusion.kind is none"
        return ""


EVERY = [Combination(*axes) for axes in product(VISIONS, LANGUAGES, FUSIONS, PLACES, LEARNING)]
SENSIBLE = [one for one in EVERY if not one.refused]


def covering() -> list[Combination]:
    """Every triple of fusion, place and adaptation once, the other two axes in turn."""
    found = []
    for fusion_number, fusion in enumerate(FUSIONS):
        places = PLACES if fusion_number < 4 else PLACES[:1]
        for place_number, (at, (number, adaptation)) in enumerate(product(places, enumerate(LEARNING))):
            turn = fusion_number + place_number + number
            one = Combination(VISIONS[turn % 4], LANGUAGES[(turn // 4 + number) % 3], fusion, at, adaptation)
            found += [] if one.refused else [one]
    return found


def missing(design: list[Combination]) -> set[tuple[int, int, str, str]]:
    """The pairs of any two axes' values that are sensible together, and in no combination of the design."""
    axes = list(combinations(range(5), 2))
    wanted = {(i, j, one[i], one[j]) for one in SENSIBLE for i, j in axes}
    return wanted - {(i, j, one[i], one[j]) for one in design for i, j in axes}


def design() -> list[Combination]:
    """The covering triples, and what is still missing of pairs."""
    if os.environ.get("VELM_WHOLE_PRODUCT"):
        return SENSIBLE
    found = covering()
    while left := missing(found):
        found.append(max(SENSIBLE, key=lambda one: sum(one[i] == a and one[j] == b for i, j, a, b in left)))
    return found


DESIGN = design()
STEPPING = {*DESIGN, *random.Random(0).sample(SENSIBLE, len(SENSIBLE) // 5)}
"""Those that make one step."""


def test_the_design_holds_every_pair_of_the_axes() -> None:
    assert (len(EVERY), len(SENSIBLE)) == (1260, 888)
    assert not missing(DESIGN)
    triples = {one[2:] for one in SENSIBLE}
    assert triples == {one[2:] for one in DESIGN}


def test_what_makes_no_sense_is_refused_with_its_reason() -> None:
    refused = [one for one in EVERY if one.refused]
    assert len(refused) == 372
    for one in refused:
        with pytest.raises(ValidationError) as found:
            ModelSettings.model_validate(one.sections)
        assert one.refused in str(found.value)
    for wrong, reason in (
        ({"embedding": 0}, "fusion.kind contrastive needs a space to compare in"),
        ({"vision": {"channels": [4, 8, 15]}}, "the last of vision.channels must be a multiple of vision.heads"),
        ({"language": {"width": 15}}, "language.width must be a multiple of language.heads"),
        ({"language": {"kind": "llama", "width": 6, "heads": 2}}, "multiple of twice language.heads for llama"),
        ({"language": {"checkpoint": "gpt2", "dropout": 0.1}}, "language.dropout has no effect beside"),
    ):
        with pytest.raises(ValidationError, match=reason):
            ModelSettings.model_validate(Combination("vit", "gpt", "contrastive", "input", "full").sections | wrong)
    for fusion in ("attention", "cross_modal"):
        sections = Combination("vit", "gpt", fusion, "top", "full").sections
        with pytest.raises(ValidationError, match=f"multiple of fusion.heads for {fusion}"):
            ModelSettings.model_validate(sections | {"fusion": {"kind": fusion, "heads": 3}})
    with pytest.raises(ValidationError, match=r"embedding must be 0 for fusion\.kind none"):
        ModelSettings.model_validate(Combination("vit", "gpt", "none", "input", "full").sections | {"embedding": 4})


def recipe(one: Combination, start: Path | None = None) -> Recipe:
    begun = {} if start is None else {"language": str(start), "vision": "" if one.fusion == "none" else str(start)}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "images": 80,
            "batch": 4,
            "precision": "float32",
            "model": one.sections,
            "start": begun,
            "sight": {"first": 0.0},
            "loss": {"joint": 1.0 if one.fusion == "contrastive" else 0.0},
            "optimizer": {"rate": 1e-2, "warmup": 0.01},
        }
    )


@pytest.mark.parametrize("kind", [kind for kind in LEARNING if kind != "full"])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_parts_that_stay_as_they_are_must_have_learned(kind: str, fusion: str, tmp_path: Path) -> None:
    one = Combination("vit", "gpt", fusion, "input", kind)
    if one.refused:
        return
    with pytest.raises(ValidationError, match=rf"kind {kind} leaves the language part as it is.*set start\.lang"):
        recipe(one)
    if kind == "heads" and fusion != "none":
        with pytest.raises(ValidationError, match=r"leaves the vision part as it is.*set start\.vision or"):
            Recipe.model_validate(recipe(one, tmp_path).model_dump() | {"start": {"language": "blind"}})


def lesson(tokenizer: Tokenizer) -> Batch:
    """Four pictures, each with a question, a caption and a sentence to be tagged."""
    rows = []
    for colour in COLOURS:
        words = encode_words(tokenizer, ["Ann", "sees", colour])
        tags = [IGNORED]
        for word, tag in zip(words, (1, 0, 0), strict=True):
            tags += [tag, *[IGNORED] * (len(word) - 1)]
        sentence = Segment("ner", (TAG, *chain(*words)), tags=tuple(tags))
        question = completion(tokenizer, "vqa", "what colour", colour, 1.0)
        caption = completion(tokenizer, "caption", "describe", colour, 1.0, pair=colour)
        rows.append([question, caption, sentence])
    batch = cropped(pack(rows, 64))
    noise = np.random.default_rng(0).integers(-15, 15, (4, SIDE, SIDE, 3))
    pixels = np.array(list(COLOURS.values()))[:, None, None, :] + noise
    return batch | {"sighted": np.ones(4, np.bool_), "pixels": pixels.astype(np.uint8), "classes": np.arange(4)}


@pytest.fixture(scope="module")
def taught(tokenizer: Tokenizer) -> Batch:
    return lesson(tokenizer)


def trainer(one: Combination, tokenizer: Tokenizer, start: Path | None = None) -> Trainer:
    book: Any = SimpleNamespace(tags=TAGS, classes=tuple(COLOURS))
    return Trainer(recipe(one, start), tokenizer, book, torch.device("cpu"))


@pytest.fixture(scope="module")
def start(
    tokenizer: Tokenizer, taught: Batch, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Combination], Path | None]:
    """Where a combination begins: whatever stays as it is has learned on its own, the words from text alone."""
    folder = tmp_path_factory.mktemp("begun")

    @cache
    def begun(vision: str, language: str) -> Path:
        made = trainer(Combination(vision, language, "prefix", "input", "full"), tokenizer)
        blind = taught | {"sighted": np.zeros(4, np.bool_)}
        for _ in range(12):
            made.step(blind, 0.1)
        write_checkpoint(folder / f"{vision}-{language}", made.model, tokenizer, torch.float32)
        return folder / f"{vision}-{language}"

    return lambda one: None if one.adaptation == "full" else begun(one.vision, one.language)


def asked(tokenizer: Tokenizer, taught: Batch) -> list[Asked]:
    options = tuple(tuple(encode_answer(tokenizer, colour)) for colour in COLOURS)
    words = tuple(tuple(word) for word in encode_words(tokenizer, ["Ann", "sees", "it"]))
    prompt = tuple(encode_prompt(tokenizer, "what colour", 20))
    return [
        Asked(pixels, number != 2, prompt, 5, options=options, words=words)
        for number, pixels in enumerate(taught["pixels"])
    ]


def answers(model: VelmForGeneration, requests: list[Asked]) -> tuple[Any, torch.Tensor]:
    """What a model says in each of its kinds: what must be equal, and numbers."""
    answering = Answering(model, "cpu")
    numbers = torch.tensor(answering.choose(requests))
    if model.embedder is not None:
        return None, torch.cat([numbers, answering.embed_pictures(requests)], 1)
    texts, tags = answering.generate(requests), answering.tag(requests, TAGS)
    assert [len(text) <= 5 for text in texts] == [True] * 4
    assert [len(row) for row in tags] == [3] * 4
    return (texts, tags), numbers


@pytest.mark.parametrize("one", DESIGN, ids="-".join)
def test_it_learns_is_kept_and_answers(
    one: Combination,
    tokenizer: Tokenizer,
    taught: Batch,
    start: Callable[[Combination], Path | None],
    tmp_path: Path,
) -> None:
    made = trainer(one, tokenizer, start(one))
    losses = [made.step(taught, 0.1) for _ in range(8)]
    assert losses[-1]["total"] < 0.97 * losses[0]["total"]
    if one.fusion != "contrastive" and (one.fusion, one.adaptation) != ("none", "heads"):
        assert losses[-1]["text"] < losses[0]["text"]
    requests = asked(tokenizer, taught)
    said, numbers = answers(made.model, requests)
    write_checkpoint(tmp_path / "made", made.model, tokenizer, torch.float32)
    again = VelmForGeneration.from_pretrained(tmp_path / "made", dtype=torch.float32)
    mine, theirs = made.model.state_dict(), again.state_dict()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
    repeated, others = answers(again, requests)
    assert repeated == said
    assert torch.allclose(others, numbers, atol=1e-5)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("vision", VISIONS)
def test_a_step_changes_what_learns_and_nothing_else(vision: str, language: str) -> None:
    """The parts that an adaptation names get gradients, the others none."""
    pixels = torch.randint(0, 256, (1, SIDE, SIDE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    batch = packed([[[5, 6, 7, 8], [9, 10]]], [[2, 1]], pixels)
    here = [one for one in SENSIBLE if one in STEPPING and one[:2] == (vision, language)]
    assert len(here) >= 10
    for one in here:
        torch.manual_seed(0)
        model = VelmForGeneration(VelmConfig.of(ModelSettings.model_validate(one.sections))).train()
        states, features = model.read_packed(batch)
        loss = model.head(states).square().mean() + model.tagger(states).square().mean()
        if one.fusion == "contrastive":
            assert features is not None
            loss = loss + (model.embed_texts(states[:, -1]) @ model.embed_pictures(features).T).sum()
        torch.autograd.backward(loss)
        learning = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
        there = {name.split(".")[0] for name, _ in model.named_parameters()}
        assert learning == there & set(LEARNING[one.adaptation]), one
