"""transformers' own generation says what ours says, and training through its interface works."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.conftest import WRITING, shaken, tiny
from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.generating import Layout, WindowFull
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import BOS, EOS, IMAGE, PAD, TAG


def requests(count: int, longest: int = 15) -> list[Asked]:
    draw = np.random.default_rng(4)
    return [
        Asked(
            draw.integers(0, 256, (32, 32, 3), np.uint8),
            True,
            tuple(draw.integers(5, 260, draw.integers(1, longest)).tolist()),
            10,
        )
        for _ in range(count)
    ]


def inputs(model: VelmForGeneration, asked: Sequence[Asked]) -> dict[str, torch.Tensor]:
    """What a processor makes of requests."""
    visual = [IMAGE] * (model.fusion.tokens if asked[0].sighted else 0)
    rows = [[*visual, *one.prompt] for one in asked]
    length = max(map(len, rows))
    found = {
        "input_ids": torch.tensor([[PAD] * (length - len(row)) + row for row in rows]),
        "attention_mask": torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows]),
    }
    if asked[0].sighted:
        found["pixel_values"] = torch.from_numpy(np.stack([one.pixels for one in asked if one.pixels is not None]))
    return found


def written(model: VelmForGeneration, asked: Sequence[Asked], **how: object) -> list[list[int]]:
    given = inputs(model, asked)
    new = model.generate(**given, max_new_tokens=10, do_sample=False, **how)[:, given["input_ids"].shape[1] :]
    ends = [next((i for i, token in enumerate(row) if token in (EOS, PAD)), len(row)) for row in new.tolist()]
    return [row[:end] for row, end in zip(new.tolist(), ends, strict=True)]


@pytest.mark.parametrize("adaptation", ["full", "prefix_tuning", "lora"])
@pytest.mark.parametrize("language", ["gpt", "bert", "llama"])
@pytest.mark.parametrize("fusion", WRITING)
def test_transformers_writes_what_we_write(fusion: str, language: str, adaptation: str) -> None:
    """With a cache and without, in a batch padded on the left and alone, and in the middle of the language model."""
    at = "input" if fusion in ("prefix", "none") else "middle"
    model = shaken(tiny(fusion, language, at, adaptation))
    asked = requests(6)
    ours = Answering(model, "cpu").generate(asked)
    assert len({tuple(row) for row in ours}) > 2
    assert written(model, asked) == ours
    assert written(model, asked, use_cache=False) == ours
    if adaptation == "full":
        assert [row for one in asked for row in written(model, [one])] == ours
        unseen = [Asked(None, False, one.prompt, 10) for one in asked]
        blank = [Asked(np.zeros((32, 32, 3), np.uint8), False, one.prompt, 10) for one in asked]
        assert written(model, unseen) == Answering(model, "cpu").generate(blank)


@pytest.mark.parametrize("language", ["gpt", "bert", "llama"])
@pytest.mark.parametrize("fusion", WRITING)
def test_beams_and_drawn_words(fusion: str, language: str) -> None:
    model = shaken(tiny(fusion, language))
    asked = requests(4)
    beams = written(model, asked, num_beams=3)
    assert beams == written(model, asked, num_beams=3, use_cache=False)
    assert beams == [row for one in asked for row in written(model, [one], num_beams=3)]
    assert not {PAD, BOS, TAG, IMAGE} & {token for row in beams for token in row}
    torch.manual_seed(0)
    given = inputs(model, asked)
    drawn = model.generate(**given, max_new_tokens=8, do_sample=True, temperature=3.0, num_return_sequences=2)
    assert len(drawn) == 8
    assert not {PAD, BOS, TAG, IMAGE} & set(drawn[:, given["input_ids"].shape[1]].tolist())


def test_a_full_window_ends_a_text() -> None:
    """Each row at its own room, however long a text was asked for."""
    model = shaken(tiny("prefix"))
    with torch.no_grad():
        model.language.words.weight[EOS] = 0
    given = inputs(model, [Asked(one.pixels, True, one.prompt * 9, 10) for one in requests(3, 5)])
    counts = given["attention_mask"].sum(1) - 16
    new = model.generate(**given, max_new_tokens=500, do_sample=False)[:, given["input_ids"].shape[1] :]
    written = (new != PAD).sum(1)
    ended = (new == EOS).any(1)
    assert bool(((counts + written == 48) | ended).all())
    assert not bool(ended.all())


@pytest.mark.parametrize("fusion", [*WRITING, "contrastive"])
def test_labels_give_a_loss_that_learns(fusion: str) -> None:
    """The loss is that of the packed pass, on whichever side the rows are padded."""
    model = shaken(tiny(fusion)).train(False)
    given = inputs(model, requests(3))
    ids = torch.cat([given["input_ids"], torch.tensor([[9, 10, EOS]] * 3)], 1)
    mask = torch.cat([given["attention_mask"], torch.ones(3, 3, dtype=torch.long)], 1)
    labels = torch.full_like(ids, -100)
    labels[:, -3:] = ids[:, -3:]
    pixels = given.get("pixel_values")
    found = model(ids, mask, pixels, labels=labels)
    assert found.logits.shape == (*ids.shape, 300)
    assert found.past_key_values is None
    torch.autograd.backward(found.loss)
    assert all(one.grad is not None for one in model.fusion.parameters())
    assert model.language.words.weight.grad.any()
    trained = Answering(model, "cpu")
    options = [Asked(one.pixels, True, one.prompt, options=((9, 10, EOS),)) for one in requests(3)]
    if fusion != "contrastive":
        with torch.no_grad():
            read = trained._read(options)
            first = model.head(read.last).float().log_softmax(1)
            sums = trained._likelihoods(read, first, [one.options for one in options])
        assert found.loss.item() == pytest.approx(-sum(row[0] for row in sums) / 9, rel=1e-4)
    turned = [torch.stack([row.roll(-int((1 - m).sum())) for row, m in zip(t, mask, strict=True)]) for t in (ids, mask)]
    left = torch.stack([row.roll(-int((1 - m).sum())) for row, m in zip(labels, mask, strict=True)])
    assert model(*turned, pixels, labels=left).loss.item() == pytest.approx(found.loss.item(), rel=1e-4)


def test_answers_do_not_tell_the_patches_what_they_will_be() -> None:
    """Where cross_modal is trained through labels, only what stands before the first of them is a prompt."""
    model = shaken(tiny("cross_modal"))
    given = inputs(model, requests(1))
    logits = []
    for answer in ([9, 10, EOS], [30, 31, EOS]):
        ids = torch.cat([given["input_ids"], torch.tensor([answer])], 1)
        labels = torch.full_like(ids, -100)
        labels[:, -3:-1] = ids[:, -3:-1]
        found = model(ids, None, given["pixel_values"], labels=labels)
        logits.append(found.logits[0, : given["input_ids"].shape[1]])
    assert torch.allclose(logits[0], logits[1], atol=1e-5)


def test_prompts_without_their_image_tokens_are_refused() -> None:
    model = shaken(tiny("prefix"))
    given = inputs(model, requests(2))
    with pytest.raises(ValueError, match=r"every prompt needs 16 image tokens.*there are \[0, 0\]"):
        model(given["input_ids"][:, -1:], None, given["pixel_values"])
    with pytest.raises(ValueError, match=r"needs 0 image tokens"):
        model(given["input_ids"], given["attention_mask"])
    with pytest.raises(ValueError, match="generate needs input_ids"):
        model.generate(pixel_values=given["pixel_values"])


def test_a_pass_goes_on_from_an_earlier_one() -> None:
    model = shaken(tiny("cross_modal", adaptation="prefix_tuning"))
    given = inputs(model, requests(1))
    ids = torch.cat([given["input_ids"], torch.tensor([[9, 10]])], 1)
    with torch.inference_mode():
        first = model(**given)
        step = model(torch.tensor([[9]]), past_key_values=first.past_key_values, seen=first.seen)
        step = model(torch.tensor([[10]]), past_key_values=step.past_key_values, seen=step.seen)
        whole = model(ids, pixel_values=given["pixel_values"], seen=first.seen, use_cache=False)
    assert whole.past_key_values is None
    assert torch.allclose(step.logits[0, -1], whole.logits[0, -1], atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(1, 6))
def test_a_layout_counts_words_alone(padding: int, pictures: int, words: int) -> None:
    real = torch.tensor([[False] * padding + [True] * (pictures + words)], dtype=torch.bool)
    pictured = torch.tensor([[False] * padding + [True] * pictures], dtype=torch.bool)
    layout = Layout.of(real, pictured, 5)
    assert layout.positions[0, padding + pictures :].tolist() == [min(i, 4) for i in range(words)]
    assert not layout.positions[0, : padding + pictures].any()
    mask = layout.mask[0]
    assert bool(mask.diagonal().all())
    first = padding + pictures
    assert bool(mask[padding:first, padding:first].all())
    assert not bool(mask[padding:first, first:].any())
    assert torch.equal(mask[first:, first:], torch.ones(words, words, dtype=torch.bool).tril())
    assert bool(mask[first:, padding:first].all())
    assert not bool(mask[padding:, :padding].any())


def test_a_window_is_full_row_by_row() -> None:
    full = WindowFull(torch.tensor([3, 6]), 6, 8)
    assert full(torch.zeros(2, 8), None).tolist() == [False, True]
    assert full(torch.zeros(4, 8), None).tolist() == [False, False, True, True]
    assert full(torch.zeros(2, 11), None).tolist() == [True, True]
