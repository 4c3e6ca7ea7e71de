"""How likely a model is to write each of some options: which tokens an option is, and the log-probability of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from velm_bench.errors import SampleError


def option_tokens(tokenizer: Any, prompt: str, options: Sequence[str], read: Sequence[int] = ()) -> list[list[int]]:
    """The tokens that each option adds to the text of a prompt, as the tokeniser splits both together.

    A space goes between where words are set apart by one ("Answer:" + "yes"). Where the prompt's own tokens are not the
    beginning of the joint ones ("Answer: " + "yes", if " yes" is one token), the option is tokenised alone. An empty
    prompt is that of a decoder whose prompt went to the encoder. `read` are the prompt's tokens as the model sees them:
    white space that a processor puts behind the text (PaliGemma's newline) counts. SampleError for an option without
    any token.
    """
    before = _ids(tokenizer, [prompt])[0]
    if before and read and read[-1] != before[-1] and (end := tokenizer.decode([read[-1]])).isspace():
        prompt += end
        before = _ids(tokenizer, [prompt])[0]
    ended = tuple(tokenizer.get_added_vocab())
    joint = _ids(tokenizer, [prompt + _gap(prompt, option, ended) + option for option in options])
    alone = _ids(tokenizer, options)
    found = [
        both[len(before) :] if both[: len(before)] == before else own for both, own in zip(joint, alone, strict=True)
    ]
    for number, (option, tokens) in enumerate(zip(options, found, strict=True), 1):
        if not tokens:
            raise SampleError(f"Option {number} ({option!r}) has no tokens: give it a text that the tokenizer knows.")
    return found


def option_logprobs(
    model: Any,
    inputs: Mapping[str, Any],
    options: Sequence[Sequence[Sequence[int]]],
    pad_token_id: int,
    memory: int | None = None,
) -> list[list[float]]:
    """The summed natural log-probabilities of every sample's options after its prompt, raw (not divided by length).

    `model` is anything that transformers can `generate` with; `inputs` are the keyword arguments of its `generate`: the
    left-padded prompts (batch, T) with their mask, pixel tensors and the like. `options[i]` are the token sequences of
    sample i, as many and as long as each sample has them. `memory` bounds the bytes that the options' rows take at a
    time; left out, it is an eighth of a GPU's memory but no more than half of what is free, or 1 GiB elsewhere.
    Prompts and pictures are run once for all options of a sample where the model has a cache that can be repeated.
    SampleError for an option without tokens.
    """
    from velm_bench.models.huggingface.forcing import Forcing

    if any(not tokens for sample in options for tokens in sample):
        raise SampleError("An option has no tokens: give it a text that the tokenizer knows.")
    if not any(options):
        return [[] for _ in options]
    forcing = Forcing(options, pad_token_id, memory)
    longest = max(len(tokens) for sample in options for tokens in sample)
    # What a checkpoint's own generation settings say of beams, samples and caches is not for this.
    plain = {"num_beams": 1, "num_return_sequences": 1, "do_sample": False, "cache_implementation": "dynamic"}
    scored: list[list[float]] = model.generate(
        **inputs, **plain, use_cache=True, max_new_tokens=longest, custom_generate=forcing
    )
    return scored


def _ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of texts, without any that a tokeniser sets around them."""
    if not any(texts):  # some tokenisers fail at nothing
        return [[] for _ in texts]
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]


def _gap(prompt: str, option: str, ended: tuple[str, ...]) -> str:
    """What stands between a prompt and an option: a space between words, nothing behind white space, an opening
    bracket or a special token, nor in scripts that set no spaces."""
    if not prompt or not option or option[0].isspace() or prompt[-1].isspace() or (ended and prompt.endswith(ended)):
        return ""
    opening = unicodedata.category(prompt[-1]) in ("Ps", "Pi")
    wide = any(unicodedata.east_asian_width(sign) in "WF" for sign in (prompt[-1], option[0]))
    return "" if opening or wide else " "
