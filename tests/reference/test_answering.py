"""Answers do not depend on who else is in the batch, and are what a plainer computation gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.masks import packed_mask
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import EOS, TAG
from velm_bench.reference.settings import TAGS


def batched(answer: Callable[[Sequence[Asked]], list], asked: Sequence[Asked], size: int) -> list:
    return [found for i in range(0, len(asked), size) for found in answer(asked[i : i + size])]


def test_generation_is_the_same_at_every_batch_size(answering: Answering, asked: list[Asked]) -> None:
    alone = batched(answering.generate, asked, 1)
    assert batched(answering.generate, asked, 8) == alone
    assert batched(answering.generate, asked, 32) == alone
    assert len({tuple(tokens) for tokens in alone}) > 10


def test_sampling_is_the_same_at_every_batch_size(answering: Answering, asked: list[Asked]) -> None:
    warm = [replace(one, temperature=1.0, seed=i) for i, one in enumerate(asked)]
    assert batched(answering.generate, warm, 8) == batched(answering.generate, warm, 1)
    assert batched(answering.generate, warm, 8) != batched(answering.generate, asked, 8)


def test_tags_and_choices_are_the_same_at_every_batch_size(answering: Answering, asked: list[Asked]) -> None:
    alone = batched(lambda some: answering.tag(some, TAGS), asked, 1)
    assert batched(lambda some: answering.tag(some, TAGS), asked, 32) == alone
    assert [len(tags) for tags in alone] == [len(one.words) for one in asked]
    for one, many in zip(batched(answering.choose, asked, 1), batched(answering.choose, asked, 32), strict=True):
        assert many == pytest.approx(one, abs=1e-5)


def greedy_without_cache(model: VelmForGeneration, one: Asked) -> list[int]:
    """Plain greedy decoding: everything is read again for every token."""
    tokens = list(one.prompt)
    while len(tokens) < min(len(one.prompt) + one.new_tokens, model.context):
        logits = read_alone(model, one, tokens)[-1].clone()
        logits[[0, 2, 3, 4]] = -torch.inf
        best = int(logits.argmax())
        if best == EOS:
            break
        tokens.append(best)
    return tokens[len(one.prompt) :]


@torch.inference_mode()
def read_alone(model: VelmForGeneration, one: Asked, tokens: list[int]) -> torch.Tensor:
    """Logits (length, words) of one unpadded sequence."""
    ids = torch.tensor([tokens])
    zeros = torch.zeros_like(ids)
    pixels = torch.from_numpy(one.pixels)[None]
    states, _ = model(pixels, ids, torch.arange(len(tokens))[None], zeros, zeros.bool(), torch.tensor([one.sighted]))
    return model.head(states)[0].float()


def test_the_cache_changes_nothing(model: VelmForGeneration, answering: Answering, asked: list[Asked]) -> None:
    assert answering.generate(asked[:12]) == [greedy_without_cache(model, one) for one in asked[:12]]


def test_choose_is_each_options_own_likelihood(
    model: VelmForGeneration, answering: Answering, asked: list[Asked]
) -> None:
    for one, found in zip(asked[:12], answering.choose(asked[:12]), strict=True):
        sums = []
        for option in one.options:
            logprobs = read_alone(model, one, [*one.prompt, *option]).log_softmax(1)
            at = len(one.prompt) - 1
            sums.append(sum(float(logprobs[at + i, token]) for i, token in enumerate(option)))
        assert found == pytest.approx(torch.tensor(sums).log_softmax(0).tolist(), abs=1e-4)


def test_many_options_are_weighed_in_parts(answering: Answering, asked: list[Asked]) -> None:
    options = tuple((5 + i % 200, 6 + i // 2, EOS) for i in range(300))
    whole = answering.choose([replace(asked[0], options=options), asked[1]])
    assert len(whole[0]) == 300
    assert sum(map(torch.tensor(whole[0]).exp().__getitem__, range(300))) == pytest.approx(1, abs=1e-5)
    alone = answering.choose([replace(asked[0], options=options[:2])])[0]
    assert whole[0][0] - whole[0][1] == pytest.approx(alone[0] - alone[1], abs=1e-4)


def test_tagging_looks_both_ways_and_writing_does_not(model: VelmForGeneration, asked: list[Asked]) -> None:
    pixels, sighted = torch.from_numpy(asked[1].pixels)[None], torch.tensor([True])
    first, second = torch.tensor([[TAG, 40, 41, 42]]), torch.tensor([[TAG, 40, 41, 99]])
    places, segments = torch.arange(4)[None], torch.zeros(1, 4, dtype=torch.long)
    for both, same in ((True, False), (False, True)):
        ways = torch.full((1, 4), both)
        with torch.inference_mode():
            one, _ = model(pixels, first, places, segments, ways, sighted)
            other, _ = model(pixels, second, places, segments, ways, sighted)
        assert torch.equal(one[0, 1], other[0, 1]) is same


def test_segments_see_the_picture_and_themselves_only() -> None:
    segments = torch.tensor([[0, 0, 1, 1, -1]])
    both = torch.tensor([[False, False, True, True, False]])
    mask = packed_mask(segments, both, torch.tensor([True]), 2)[0].int().tolist()
    assert mask == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 0, 1],
    ]
    blind = packed_mask(segments, both, torch.tensor([False]), 2)[0]
    assert not blind[2:, :2].any()


def test_packing_changes_nothing(model: VelmForGeneration, asked: list[Asked]) -> None:
    one, other = list(asked[1].prompt), list(asked[2].prompt)
    packed = torch.tensor([one + other])
    segments = torch.tensor([[0] * len(one) + [1] * len(other)])
    places = torch.tensor([[*range(len(one)), *range(len(other))]])
    pixels = torch.from_numpy(asked[1].pixels)[None]
    with torch.inference_mode():
        states, _ = model(pixels, packed, places, segments, torch.zeros_like(segments).bool(), torch.tensor([True]))
        alone = read_alone(model, asked[1], other)
        assert torch.allclose(model.head(states)[0, len(one) :], alone, atol=1e-4)


def test_labels_outside_of_the_request_are_never_given(answering: Answering, asked: list[Asked]) -> None:
    some = [replace(one, labels=("O", "B-PER", "I-PER", "B-ALIEN")) for one in asked[:8]]
    assert {tag for tags in answering.tag(some, TAGS) for tag in tags} <= {"O", "B-PER", "I-PER"}
    strange = [replace(one, labels=("B-ALIEN", "O")) for one in asked[:2]]
    assert {tag for tags in answering.tag(strange, TAGS) for tag in tags} == {"O"}


def test_right_padding_is_refused(model: VelmForGeneration) -> None:
    tokens = torch.tensor([[5, 0]])
    with pytest.raises(ValueError, match="left"):
        model.read(
            torch.zeros(1, 32, 32, 3, dtype=torch.uint8), torch.tensor([True]), tokens, torch.tensor([[True, False]])
        )
