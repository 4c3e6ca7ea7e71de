"""What the picture may change, and whom a fusion must not tell."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.conftest import SEEING, packed, shaken, tiny
from velm_bench.reference.fusion import FUSIONS
from velm_bench.reference.modelling import VelmForGeneration

PLACED = [(kind, at) for kind in SEEING for at in (("input",) if kind == "prefix" else ("input", "middle", "top"))]
ALL = [*PLACED, ("none", "input"), ("contrastive", "input")]


@cache
def made(kind: str, at: str, language: str = "gpt") -> VelmForGeneration:
    return shaken(tiny(kind, language, at))


def pixels(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def tokens(count: int, seed: int) -> list[int]:
    return torch.randint(5, 260, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.inference_mode()
def states(model: VelmForGeneration, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return model.read_packed(batch)[0]


segments = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=4)
"""Of each: how many tokens its prompt and its answer have."""


@pytest.mark.parametrize("language", ["gpt", "bert", "llama"])
@pytest.mark.parametrize(("kind", "at"), ALL)
@settings(max_examples=12, deadline=None)
@given(sizes=segments, seed=st.integers(0, 99), padding=st.integers(0, 5))
def test_nothing_leaks(
    kind: str, at: str, language: str, sizes: list[tuple[int, int]], seed: int, padding: int
) -> None:
    """An answer's words do not reach what stands before them, nor anything of another segment; padding reaches none."""
    model = made(kind, at, language)
    row = [tokens(prompt + answer, seed + i) for i, (prompt, answer) in enumerate(sizes)]
    prompts, length = [prompt for prompt, _ in sizes], sum(map(sum, sizes))
    plain = states(model, packed([row], [prompts], pixels(1, seed), length + padding))[0]
    asked, answered = sizes[-1]
    before = length - answered
    changed = [*row[:-1], [*row[-1][:asked], *tokens(answered, seed + 77)]]  # another answer at the end
    other = states(model, packed([changed], [prompts], pixels(1, seed), length + padding))[0]
    assert torch.allclose(other[:before], plain[:before], atol=1e-5)
    changed = [tokens(len(row[0]), seed + 55), *row[1:]]  # another first segment
    other = states(model, packed([changed], [prompts], pixels(1, seed), length + padding))[0]
    assert torch.allclose(other[len(row[0]) : length], plain[len(row[0]) : length], atol=1e-5)
    alone = states(model, packed([row[-1:]], [prompts[-1:]], pixels(1, seed)))[0]
    assert torch.allclose(alone, plain[before - asked : length], atol=1e-4)
    tail = packed([row], [prompts], pixels(1, seed), length + padding)
    tail["tokens"][0, length:] = 9
    assert torch.allclose(states(model, tail)[0, :length], plain[:length], atol=1e-5)


@pytest.mark.parametrize(("kind", "at"), PLACED)
def test_the_picture_changes_what_sees_it_and_nothing_else(kind: str, at: str) -> None:
    model = made(kind, at)
    row, flags = [[tokens(7, 1)], [tokens(7, 2)]], {"sighted": torch.tensor([True, False])}
    one = states(model, packed(row, [[4], [4]], pixels(2, 1), **flags))
    other = states(model, packed(row, [[4], [4]], pixels(2, 2), **flags))
    assert not torch.allclose(one[0], other[0], atol=1e-3)
    assert torch.equal(one[1], other[1])
    assert torch.allclose(states(model, packed(row, [[4], [4]], None))[1], one[1], atol=1e-5)


@pytest.mark.parametrize("kind", ["none", "contrastive"])
def test_without_injection_the_text_never_sees(kind: str) -> None:
    model, row = made(kind, "input"), [[tokens(7, 1)]]
    assert torch.equal(states(model, packed(row, [[4]], pixels(1, 1))), states(model, packed(row, [[4]], pixels(1, 2))))


@pytest.mark.parametrize(("kind", "at"), ALL)
def test_what_is_told_reaches_the_other_segments(kind: str, at: str) -> None:
    model = made(kind, at)
    found = {}
    for told in (False, True):
        for first in (3, 4):
            row = [[tokens(5, first), tokens(6, 9)]]
            found[told, first] = states(model, packed(row, [[2, 3]], None, told=torch.tensor([told])))[0, 5:]
    assert torch.equal(found[False, 3], found[False, 4])
    assert not torch.allclose(found[True, 3], found[True, 4], atol=1e-3)


@pytest.mark.parametrize("at", ["input", "middle", "top"])
def test_cross_modal_remembers_its_patches(at: str) -> None:
    """Words after the prompts, in a later pass, find what one packed pass finds; in as many layers as there are."""
    model = made("cross_modal", at)
    prompt, answer = tokens(6, 1), tokens(4, 2)
    whole = states(model, packed([[[*prompt, *answer]]], [[6]], pixels(1)))[0]
    with torch.inference_mode():
        padded = torch.tensor([[0, 0, *prompt]])
        first, past = model.read(pixels(1), torch.tensor([True]), padded, torch.tensor([[False] * 2 + [True] * 6]))
        assert past.sight is not None
        assert len(past.sight.memory) == 2
        places = torch.arange(6, 10)[None]
        rest = model.carry_on(torch.tensor([answer]), places, torch.zeros_like(places), past)
    assert torch.allclose(torch.cat([first[0, 2:], rest[0]]), whole, atol=1e-4)


def test_cross_modal_reads_the_picture_by_the_question() -> None:
    """Not so attention: what it sees at a word does not depend on later words of the prompt."""
    for kind, same in (("attention", True), ("cross_modal", False)):
        model, start = made(kind, "input"), tokens(3, 1)
        one, other = (states(model, packed([[[*start, *tokens(3, end)]]], [[6]], pixels(1)))[0, :3] for end in (4, 5))
        assert torch.allclose(one, other, atol=1e-5) is same


def test_every_fusion_that_sees_is_in_the_table() -> None:
    assert {*FUSIONS} == {*SEEING, "contrastive"}
    assert made("prefix", "input").fusion.tokens == 16
    assert all(made(kind, "input").fusion.tokens == 0 for kind in ("concat", "attention", "contrastive", "none"))
