"""The language model under masks of ours, with a place for a fusion."""

from __future__ import annotations

import pytest
import torch

from velm_bench.reference.language import LanguageModel, language_config, sinusoids
from velm_bench.reference.settings import LanguageSettings

SIZES = {"width": 16, "layers": 3, "heads": 2, "context": 32, "vocabulary": 300}


def made(kind: str, place: str = "input") -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(language_config(LanguageSettings.model_validate({"kind": kind, **SIZES})), place).eval()


def inputs(length: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(1, length, 16), torch.arange(length)[None]


@pytest.mark.parametrize("kind", ["gpt", "bert", "llama"])
@pytest.mark.parametrize("both", [False, True])
def test_the_mask_alone_says_who_sees_whom(kind: str, both: bool) -> None:
    model, (words, places) = made(kind), inputs()
    mask = torch.ones(1, 5, 5, dtype=torch.bool)
    changed = words.clone()
    changed[:, 4] = changed[:, 4].flip(1)
    one, other = (model(some, places, mask if both else mask.tril())[0] for some in (words, changed))
    assert torch.equal(one[:, :4], other[:, :4]) is not both


@pytest.mark.parametrize("kind", ["gpt", "bert", "llama"])
def test_a_cache_changes_nothing(kind: str) -> None:
    model, (words, places) = made(kind), inputs()
    mask = torch.ones(1, 5, 5, dtype=torch.bool).tril()
    whole, nothing = model(words, places, mask)
    assert nothing is None
    first, past = model(words[:, :3], places[:, :3], mask[:, :3, :3], keep=True)
    rest, _ = model(words[:, 3:], places[:, 3:], mask[:, 3:], past)
    assert torch.allclose(torch.cat([first, rest], 1), whole, atol=1e-5)


@pytest.mark.parametrize("kind", ["gpt", "bert", "llama"])
@pytest.mark.parametrize(("place", "layer"), [("input", 0), ("middle", 1), ("top", 2)])
def test_a_fusion_reaches_in_before_its_layer_for_one_pass(kind: str, place: str, layer: int) -> None:
    model, (words, places) = made(kind, place), inputs()
    mask, seen = torch.ones(1, 5, 5, dtype=torch.bool), []
    model.blocks[layer].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    plain, _ = model(words, places, mask)
    changed, _ = model(words, places, mask, inject=lambda states: states.flip(2))
    again, _ = model(words, places, mask)
    assert torch.equal(plain, again)
    assert not torch.allclose(plain, changed, atol=1e-3)
    assert torch.equal(seen[1], seen[0])  # the hook of the test came first, before the change
    assert len(model.blocks) == 3


def test_sinusoids_are_those_of_the_paper() -> None:
    table = sinusoids(5, 4)
    assert table[0].tolist() == [0, 1, 0, 1]
    assert table[3, 0] == pytest.approx(0.14112, abs=1e-5)
    assert table[3, 3] == pytest.approx(0.99955, abs=1e-5)
    assert sinusoids(2, 3).shape == (2, 3)
