"""The likelihood of options agrees with a plain pass per option, for every kind of cache, and does far less."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tests.models.huggingface.scored import PAD, Scored, words
from tests.models.huggingface.scored_families import FAMILIES, made
from velm_bench.errors import SampleError
from velm_bench.models.huggingface.forcing import _memory
from velm_bench.models.huggingface.likelihood import option_logprobs

CLOSE = 1e-4
OPTIONS = ((1, 3, 6, 2), (4, 1, 1), (2, 5, 2, 2, 1))
"""How many tokens each option of each of the three samples has."""


def drawn(lengths: Sequence[Sequence[int]] = OPTIONS) -> list[list[list[int]]]:
    torch.manual_seed(5)
    return [[words(count) for count in sample] for sample in lengths]


def plainly(scored: Scored, options: Sequence[Sequence[Sequence[int]]]) -> list[list[float]]:
    return [[scored.plain(number, tokens) for tokens in sample] for number, sample in enumerate(options)]


def same(scores: list[list[float]], expected: list[list[float]]) -> None:
    assert [len(sample) for sample in scores] == [len(sample) for sample in expected]
    for sample, truth in zip(scores, expected, strict=True):
        assert sample == pytest.approx(truth, abs=CLOSE, rel=0)


@contextmanager
def passes(model: Any) -> Iterator[list[tuple[int, int]]]:
    """The (rows, tokens) of every pass through the model while it lasts."""
    seen: list[tuple[int, int]] = []

    def note(module: Any, arguments: Any, named: dict[str, Any]) -> None:
        ids = named.get("decoder_input_ids", named.get("input_ids"))
        seen.append(tuple(ids.shape))

    handle = model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_of_unlike_samples_agrees_with_one_option_at_a_time(name: str) -> None:
    scored = made(name)
    options = drawn()
    expected = plainly(scored, options)
    assert len({round(score, 3) for sample in expected for score in sample}) > 10, "the options must differ"

    same(option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD), expected)
    turned = option_logprobs(scored.model, scored.batch([2, 0]), [options[2], options[0]], PAD)
    same(turned, [expected[2], expected[0]])
    same(option_logprobs(scored.model, scored.batch([1]), [options[1]], PAD), [expected[1]])


@pytest.mark.parametrize("name", ["llava", "bart_that_begins", "jamba"])
@pytest.mark.parametrize("memory", [1, 20_000])
def test_little_memory_makes_more_passes_and_no_other_scores(name: str, memory: int) -> None:
    scored = made(name)
    options = drawn()
    with passes(scored.model) as free:
        expected = option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD)
    with passes(scored.model) as tight:
        same(option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD, memory=memory), expected)
    assert len(tight) > len(free)


def test_ten_options_cost_one_pass_over_the_prompt_and_one_over_all_of_them() -> None:
    scored = made("llava")
    options = drawn([[4] * 10])
    pictures: list[int] = []
    handle = scored.model.model.vision_tower.register_forward_hook(lambda *_: pictures.append(1))
    with passes(scored.model) as seen:
        option_logprobs(scored.model, scored.batch([1]), options, PAD)
    with passes(scored.model) as apart:
        plainly(scored, [[], options[0]])
    handle.remove()

    assert pictures == [1] * 11, "once for all options; then once for each, plainly"
    prompt = scored.prompts[1]["input_ids"].shape[1]
    assert seen == [(1, prompt), (10, 3)]
    assert sum(rows * tokens for rows, tokens in apart) > 3 * sum(rows * tokens for rows, tokens in seen)


def test_options_of_one_token_cost_the_prompts_pass_alone() -> None:
    scored = made("llava")
    options = drawn([[1] * 4] * 3)
    with passes(scored.model) as seen:
        scores = option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD)
    assert len(seen) == 1
    same(scores, plainly(scored, options))


def test_recurrent_states_are_followed_token_by_token() -> None:
    scored = made("qwen3_next_recurrent")
    with passes(scored.model) as seen:
        option_logprobs(scored.model, scored.batch([0, 1, 2]), drawn(), PAD)
    assert seen[1:] == [(8, 1)] * 5, "eight options have more than one token, the longest six"


@pytest.mark.parametrize("name", ["gpt_without_cache", "mamba"])
def test_without_a_cache_that_can_be_repeated_whole_rows_are_read(name: str) -> None:
    scored = made(name)
    with passes(scored.model) as seen:
        option_logprobs(scored.model, scored.batch([0, 1, 2]), drawn(), PAD)
    assert [rows for rows, _ in seen] == [3] * 5, "the prompts, and the four places that have a longer option"
    assert [tokens for _, tokens in seen] == [9, 9 + 3, 9 + 4, 9 + 5, 9 + 1]


@pytest.mark.parametrize("name", ["llava", "qwen2_vl", "gemma3", "paligemma", "idefics3", "mllama", "t5", "vit_gpt2"])
def test_a_model_that_keeps_its_cache_to_itself_is_read_in_whole_rows(name: str) -> None:
    scored = made(name)
    options = drawn()
    expected = plainly(scored, options)

    def forget(module: Any, arguments: Any, outputs: Any) -> None:
        outputs.past_key_values = None

    scored.model.register_forward_hook(forget)
    same(option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD), expected)


def test_a_checkpoints_own_way_of_writing_changes_nothing() -> None:
    scored = made("llava")
    options = drawn()
    expected = option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD)
    settings = scored.model.generation_config
    settings.update(num_beams=3, do_sample=True, temperature=0.3, repetition_penalty=5.0, suppress_tokens=[11, 12])
    settings.update(cache_implementation="static", use_cache=False, num_return_sequences=2, max_length=4)
    same(option_logprobs(scored.model, scored.batch([0, 1, 2]), options, PAD), expected)


def test_the_same_again_is_the_same_and_leaves_the_inputs_alone() -> None:
    scored = made("qwen2_vl")
    inputs = scored.batch([0, 1, 2])
    before = copy.deepcopy(inputs)
    first = option_logprobs(scored.model, inputs, drawn(), PAD)
    assert option_logprobs(scored.model, inputs, drawn(), PAD) == first
    assert inputs.keys() == before.keys()
    assert all(torch.equal(inputs[name], before[name]) for name in inputs)


def test_a_sample_without_options_has_no_scores() -> None:
    scored = made("llama")
    options = drawn()
    expected = plainly(scored, [options[0], [], options[2]])
    same(option_logprobs(scored.model, scored.batch([0, 1, 2]), [options[0], [], options[2]], PAD), expected)
    assert option_logprobs(scored.model, scored.batch([0, 1, 2]), [[], [], []], PAD) == [[], [], []]


def test_an_option_without_tokens_is_that_samples_error() -> None:
    scored = made("llama")
    with pytest.raises(SampleError, match="no tokens"):
        option_logprobs(scored.model, scored.batch([0]), [[[11], []]], PAD)


@pytest.mark.parametrize(("free", "held", "bytes_"), [(70, 0, 10), (6, 0, 3), (2, 4, 3)])
def test_options_take_an_eighth_of_a_gpu_but_no_more_than_half_of_what_is_free(
    free: int, held: int, bytes_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch holds and does not use is free as well."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 50 + held)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 50)
    assert _memory(torch.device("cuda")) == bytes_


def test_as_many_lists_of_options_as_prompts() -> None:
    scored = made("llama")
    with pytest.raises(ValueError, match="options for 1 samples and prompts of 2"):
        option_logprobs(scored.model, scored.batch([0, 1]), [[[11]]], PAD)
