"""Answers do not depend on who else is in the batch, and are what a plainer computation gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.conftest import WRITING, packed, shaken, tiny
from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import BOS, EOS, IMAGE, PAD, TAG
from velm_bench.reference.settings import TAGS


def batched(answer: Callable[[Sequence[Asked]], list], asked: Sequence[Asked], size: int) -> list:
    return [found for i in range(0, len(asked), size) for found in answer(asked[i : i + size])]


@pytest.fixture(scope="module", params=[(fusion, language) for fusion in WRITING for language in ("gpt", "bert")])
def writer(request: pytest.FixtureRequest) -> Answering:
    """A model of every fusion that writes, with both kinds of language model."""
    fusion, language = request.param
    at = "input" if fusion in ("prefix", "none") else "middle"
    return Answering(shaken(tiny(fusion, language, at)), "cpu")


def test_answers_are_the_same_at_every_batch_size(writer: Answering, asked: list[Asked]) -> None:
    some = asked[:32]
    alone = batched(writer.generate, some, 1)
    tags = batched(lambda few: writer.tag(few, TAGS), some, 1)
    weighed = batched(writer.choose, some, 1)
    assert len({tuple(tokens) for tokens in alone}) > 10
    assert [len(found) for found in tags] == [len(one.words) for one in some]
    for size in (8, 32):
        assert batched(writer.generate, some, size) == alone
        assert batched(lambda few: writer.tag(few, TAGS), some, size) == tags
        for one, many in zip(weighed, batched(writer.choose, some, size), strict=True):
            assert many == pytest.approx(one, abs=2e-5)


def test_without_a_picture_its_pixels_do_not_matter(writer: Answering, asked: list[Asked]) -> None:
    unseen = [replace(one, sighted=False) for one in asked[:8]]
    draw = np.random.default_rng(1)
    other = [replace(one, pixels=draw.integers(0, 256, (32, 32, 3), np.uint8)) for one in unseen]
    assert writer.generate(unseen) == writer.generate(other)
    assert writer.choose(unseen) == writer.choose(other)
    assert writer.tag(unseen, TAGS) == writer.tag(other, TAGS)


def test_with_a_picture_its_pixels_matter(writer: Answering, asked: list[Asked]) -> None:
    seen = [replace(one, sighted=True) for one in asked[:8]]
    other = [replace(one, pixels=255 - one.pixels) for one in seen]
    assert (writer.choose(seen) == writer.choose(other)) is (writer.model.vision is None)


def test_sampling_is_the_same_at_every_batch_size(answering: Answering, asked: list[Asked]) -> None:
    warm = [replace(one, temperature=1.0, seed=i) for i, one in enumerate(asked)]
    assert batched(answering.generate, warm, 8) == batched(answering.generate, warm, 1)
    assert batched(answering.generate, warm, 8) != batched(answering.generate, asked, 8)


@torch.inference_mode()
def read_alone(model: VelmForGeneration, one: Asked, tokens: list[int], prompt: int) -> torch.Tensor:
    """Logits (length, words) of one unpadded sequence, the prompt of which has so many tokens, in one pass."""
    assert one.pixels is not None
    batch = packed([[tokens]], [[prompt]], torch.from_numpy(one.pixels)[None], sighted=torch.tensor([one.sighted]))
    states, _ = model.read_packed(batch)
    return model.head(states)[0].float()


def greedy_without_cache(model: VelmForGeneration, one: Asked) -> list[int]:
    """Plain greedy decoding: everything is read again for every token."""
    tokens = list(one.prompt)
    while len(tokens) < min(len(one.prompt) + one.new_tokens, model.context):
        logits = read_alone(model, one, tokens, len(one.prompt))[-1].clone()
        logits[[PAD, BOS, TAG, IMAGE]] = -torch.inf
        best = int(logits.argmax())
        if best == EOS:
            break
        tokens.append(best)
    return tokens[len(one.prompt) :]


def test_the_cache_changes_nothing(writer: Answering, asked: list[Asked]) -> None:
    """In cross_modal above all, whose patches are remembered with the cache."""
    assert writer.generate(asked[:6]) == [greedy_without_cache(writer.model, one) for one in asked[:6]]


def test_choose_is_each_options_own_likelihood(writer: Answering, asked: list[Asked]) -> None:
    for one, found in zip(asked[:6], writer.choose(asked[:6]), strict=True):
        sums = []
        for option in one.options:
            logprobs = read_alone(writer.model, one, [*one.prompt, *option], len(one.prompt)).log_softmax(1)
            at = len(one.prompt) - 1
            sums.append(sum(float(logprobs[at + i, token]) for i, token in enumerate(option)))
        assert found == pytest.approx(torch.tensor(sums).log_softmax(0).tolist(), abs=1e-4)


def test_a_beam_search_finds_the_likelier_text(answering: Answering, asked: list[Asked]) -> None:
    """Its answers do not depend on the batch, and one beam is the greedy answer."""
    some = [replace(one, beams=3, new_tokens=6) for one in asked[:16]]
    alone = batched(answering.generate, some, 1)
    assert batched(answering.generate, some, 8) == alone
    greedy = answering.generate([replace(one, beams=1) for one in some])
    assert alone != greedy
    mixed = [some[i] if i % 2 else replace(one, beams=1) for i, one in enumerate(some)]
    assert answering.generate(mixed) == [alone[i] if i % 2 else greedy[i] for i in range(16)]

    def likelihood(one: Asked, text: list[int]) -> float:
        rows = [*one.prompt, *text, EOS][: len(one.prompt) + 6]
        logprobs = read_alone(answering.model, one, rows, len(one.prompt)).log_softmax(1)
        at = len(one.prompt) - 1
        each = [float(logprobs[at + i, token]) for i, token in enumerate(rows[len(one.prompt) :])]
        return sum(each) / len(each)

    pairs = [(likelihood(one, b), likelihood(one, g)) for one, b, g in zip(some, alone, greedy, strict=True)]
    assert np.mean([beam - plain for beam, plain in pairs]) > 0
    assert not any(token in (PAD, BOS, TAG, IMAGE) for text in alone for token in text)


def test_many_options_are_weighed_in_parts(answering: Answering, asked: list[Asked]) -> None:
    options = tuple((5 + i % 200, 6 + i // 2, EOS) for i in range(300))
    whole = answering.choose([replace(asked[0], options=options), asked[1]])
    assert len(whole[0]) == 300
    assert sum(map(torch.tensor(whole[0]).exp().__getitem__, range(300))) == pytest.approx(1, abs=1e-5)
    alone = answering.choose([replace(asked[0], options=options[:2])])[0]
    assert whole[0][0] - whole[0][1] == pytest.approx(alone[0] - alone[1], abs=1e-4)


def test_tagging_looks_both_ways_and_writing_does_not(model: VelmForGeneration, asked: list[Asked]) -> None:
    pixels = torch.from_numpy(asked[1].pixels)[None]
    for both, same in ((True, False), (False, True)):
        batches = [
            packed([[[TAG, 40, 41, last]]], [[4]], pixels, both_ways=torch.full((1, 4), both)) for last in (42, 99)
        ]
        with torch.inference_mode():
            one, other = (model.read_packed(batch)[0] for batch in batches)
        assert torch.equal(one[0, 1], other[0, 1]) is same


def test_labels_outside_of_the_request_are_never_given(answering: Answering, asked: list[Asked]) -> None:
    some = [replace(one, labels=("O", "B-PER", "I-PER", "B-ALIEN")) for one in asked[:8]]
    assert {tag for tags in answering.tag(some, TAGS) for tag in tags} <= {"O", "B-PER", "I-PER"}
    strange = [replace(one, labels=("B-ALIEN", "O")) for one in asked[:2]]
    assert {tag for tags in answering.tag(strange, TAGS) for tag in tags} == {"O"}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=40), st.integers(0, 60))
def test_every_word_is_tagged_however_small_the_window(lengths: list[int], prompt: int) -> None:
    """Words that do not fit beside the prompt go into a window of their own: each is read, none twice."""
    one = Asked(np.zeros((32, 32, 3), np.uint8), True, (7,) * prompt, words=tuple((9,) * n for n in lengths))
    assert len(SMALL.tag([one], TAGS)[0]) == len(lengths)
    if len(lengths) > 1:  # the last word's tag does not depend on words that are windows away
        far = replace(one, words=(*one.words, *(((11,) * 60,) * 2), (12,)))
        near = replace(one, words=(*(((11,) * 60,) * 2), (12,)))
        assert SMALL.tag([far], TAGS)[0][-1] == SMALL.tag([near], TAGS)[0][-1]


SMALL = Answering(shaken(tiny()), "cpu")


@pytest.fixture(scope="module")
def towers() -> Answering:
    return Answering(shaken(tiny("contrastive")), "cpu")


def test_a_contrastive_model_chooses_the_text_that_is_most_alike(towers: Answering, asked: list[Asked]) -> None:
    some = asked[:32]
    found = batched(towers.choose, some, 1)
    assert [len(row) for row in found] == [len(one.options) for one in some]
    for size in (8, 32):
        for one, many in zip(found, batched(towers.choose, some, size), strict=True):
            assert many == pytest.approx(one, abs=1e-5)
    pictures = towers.embed_pictures(some)
    assert pictures.norm(dim=1).tolist() == pytest.approx([1] * len(some), abs=1e-5)
    assert towers.model.embedder is not None
    slope = float(towers.model.embedder.slope.detach().exp())
    for one, picture, row in zip(some, pictures, found, strict=True):
        if one.sighted:
            texts = towers.embed_texts([(*one.prompt, *option) for option in one.options])
            assert row == pytest.approx((slope * texts @ picture).log_softmax(0).tolist(), abs=1e-4)
        else:
            assert len(set(row)) == 1


def test_nothing_to_choose_from_is_no_choice(towers: Answering, answering: Answering, asked: list[Asked]) -> None:
    none = replace(asked[1], options=())
    assert towers.choose([none]) == answering.choose([none]) == [[]]


def test_texts_embed_the_same_beside_any_others(towers: Answering, asked: list[Asked]) -> None:
    texts = [one.prompt for one in asked]
    together = towers.embed_texts(texts)
    alone = torch.cat([towers.embed_texts([text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_model_that_sees_needs_pixels(answering: Answering, asked: list[Asked]) -> None:
    with pytest.raises(ValueError, match="needs pixels"):
        answering.generate([replace(asked[0], pixels=None)])


def test_cpu_and_gpu_agree() -> None:
    """The same greedy answers on 500 requests, and logits within a thousandth, in full precision."""
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    draw = np.random.default_rng(2)
    some = [
        Asked(draw.integers(0, 256, (32, 32, 3), np.uint8), i % 7 != 0, tuple(draw.integers(5, 260, 3 + i % 9)), 8)
        for i in range(500)
    ]
    here = Answering(shaken(tiny()), "cpu")
    written = batched(here.generate, some, 50)
    logits = [read_alone(here.model, one, [*one.prompt], len(one.prompt)) for one in some[:20]]
    there = Answering(shaken(tiny()), "cuda")
    assert batched(there.generate, some, 50) == written
    for one, mine in zip(some[:20], logits, strict=True):
        assert one.pixels is not None
        batch = packed([[[*one.prompt]]], [[len(one.prompt)]], torch.from_numpy(one.pixels)[None])
        batch["sighted"] = torch.tensor([one.sighted])
        with torch.inference_mode():
            states, _ = there.model.read_packed({name: tensor.cuda() for name, tensor in batch.items()})
            assert torch.allclose(there.model.head(states)[0].float().cpu(), mine, atol=1e-3)
