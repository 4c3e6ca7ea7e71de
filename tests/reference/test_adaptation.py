"""What learns, and what an adaptation adds."""

from __future__ import annotations

import pytest
import torch

from tests.reference.conftest import packed, shaken, tiny
from velm_bench.reference.adaptation import LEARNING, PrefixTuning
from velm_bench.reference.modelling import VelmForGeneration

PIXELS = torch.full((1, 32, 32, 3), 77, dtype=torch.uint8)


def gradients(model: VelmForGeneration) -> set[str]:
    """The parts of the model that a step would change."""
    states, _ = model.train().read_packed(packed([[[5, 6, 7, 8]]], [[2]], PIXELS))
    torch.autograd.backward(model.head(states).square().sum() + model.tagger(states).square().sum())
    model.eval()
    changed = {name for name, one in model.named_parameters() if one.grad is not None and one.grad.any()}
    model.zero_grad(set_to_none=True)
    return {name.split(".")[0] for name in changed}


@pytest.mark.parametrize("language", ["gpt", "bert"])
@pytest.mark.parametrize("kind", LEARNING)
def test_the_parts_that_learn_are_those_that_are_named(kind: str, language: str) -> None:
    model = shaken(tiny("attention", language, adaptation=kind))
    own = {"vision", "fusion", "language", "tagger"} | ({"adapter"} if model.adapter else set())
    assert gradients(model) == own & set(LEARNING[kind])


@pytest.mark.parametrize("language", ["gpt", "bert"])
def test_lora_begins_as_nothing_and_reaches_every_layer(language: str) -> None:
    torch.manual_seed(0)
    plain, lora = (shaken(tiny("prefix", language, adaptation=kind)) for kind in ("full", "lora"))
    missing, _ = lora.load_state_dict(plain.state_dict(), strict=False)
    assert missing
    assert all(name.startswith("adapter.") for name in missing)
    with torch.no_grad():
        for name, one in lora.named_parameters():
            if name.startswith("adapter.up"):
                one.zero_()
    batch = packed([[[5, 6, 7, 8]]], [[2]], PIXELS)
    before = plain.read_packed(batch)[0]
    assert torch.equal(lora.read_packed(batch)[0], before)
    layers = {name.split(".")[-1].split("_")[0] for name, _ in lora.named_parameters() if name.startswith("adapter.up")}
    assert layers == {"0", "1"}
    with torch.no_grad():
        for name, one in lora.named_parameters():
            if name.startswith("adapter.up.1"):
                one.fill_(0.1)
    assert not torch.allclose(lora.read_packed(batch)[0], before, atol=1e-3)


@pytest.mark.parametrize("language", ["gpt", "bert"])
def test_tuned_prefixes_are_read_by_every_word_and_counted_as_none(language: str) -> None:
    model = shaken(tiny("prefix", language, adaptation="prefix_tuning"))
    assert isinstance(model.adapter, PrefixTuning)
    assert model.adapter.learned.shape == (2, 2, 2, 3, 16)
    batch = packed([[[5, 6, 7], [8, 9]]], [[2, 1]], PIXELS)
    before = model.read_packed(batch)[0]
    with torch.no_grad():
        model.adapter.learned.mul_(-1)
    after = model.read_packed(batch)[0]
    assert bool((before - after).abs().amax(2).gt(1e-3).all())


def test_a_frozen_language_model_still_hands_gradients_through() -> None:
    """The visual prefix learns through it."""
    model = shaken(tiny("prefix", adaptation="frozen"))
    assert gradients(model) == {"vision", "fusion"}
