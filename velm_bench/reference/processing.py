"""What stands before the model: pictures brought to size, text to token ids (no torch here)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from velm_bench.errors import UsageError
from velm_bench.samples import Pixels

SPECIAL = ("<pad>", "<eos>", "<bos>", "<tag>", "<image>")
"""Padding, the end of an answer, the start of an empty prompt, the start of tokens to be tagged, a visual token."""
PAD, EOS, BOS, TAG, IMAGE = range(5)
"""Their ids in a tokenizer of ours, for a configuration that says nothing; `mark` knows them in any."""

QUESTION = "Question: {question} Answer:"
CAPTION = "Describe the image."
CLASS = "What is the class of the image?"
"""The prompts of the embedded tasks."""


def fit_picture(pixels: Pixels, size: int) -> Pixels:
    """The middle square of a picture, (height, width, 3) uint8, at (size, size, 3): bilinear with antialiasing."""
    height, width = pixels.shape[:2]
    if (height, width) == (size, size):
        return pixels
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    middle = np.ascontiguousarray(pixels[top : top + side, left : left + side, :3])
    return np.asarray(Image.fromarray(middle).resize((size, size), Image.Resampling.BILINEAR))


def blank_picture(size: int) -> Pixels:
    """What stands where there is no picture, (size, size, 3); a mask keeps the text from seeing it."""
    return np.full((size, size, 3), 128, np.uint8)


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A byte-level BPE tokenizer with at most `vocabulary` entries: every text can be encoded, none is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 2,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("Question:", " Answer:")])
    return tokenizer


def adopted_tokenizer(checkpoint: str) -> Tokenizer:
    """The tokenizer of a language model's checkpoint, our special tokens added; UsageError if it has no fast one."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(checkpoint, trust_remote_code=False).backend_tokenizer
    except Exception as error:  # transformers and the hub raise many types
        said = " ".join(str(error).split())
        raise UsageError(
            f"The tokenizer of model.language.checkpoint '{checkpoint}' cannot be opened ({said:.200}): it must be a "
            "fast one of transformers."
        ) from error
    tokenizer: Tokenizer = Tokenizer.from_str(found.to_str())
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in SPECIAL])
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def mark(tokenizer: Tokenizer, name: str) -> int:
    """The id of a special token: pad, eos, bos, tag or image."""
    found = tokenizer.token_to_id(f"<{name}>")
    if found is None:
        raise UsageError(f"The tokenizer has no <{name}>: it is not one of a reference model.")
    return int(found)


def marks(tokenizer: Tokenizer) -> dict[str, int]:
    """The ids of all special tokens, as a VelmConfig takes them."""
    return {f"{text[1:-1]}_token_id": mark(tokenizer, text[1:-1]) for text in SPECIAL}


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint; a special token's name inside a text is plain text."""
    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


def encode_prompt(tokenizer: Tokenizer, prompt: str, room: int) -> list[int]:
    """A prompt's tokens, never none; what is longer than `room` loses its beginning."""
    tokens = tokenizer.encode(prompt.rstrip(), add_special_tokens=False).ids
    return tokens[-room:] or [mark(tokenizer, "bos")]


def encode_answer(tokenizer: Tokenizer, answer: str) -> list[int]:
    """What is to follow a prompt: the answer after a space, and the end."""
    return [*tokenizer.encode(f" {answer.strip()}", add_special_tokens=False).ids, mark(tokenizer, "eos")]


def encode_words(tokenizer: Tokenizer, words: Sequence[str]) -> list[list[int]]:
    """The tokens of each word of a sentence, each written after a space; never none."""
    encoded = tokenizer.encode_batch([f" {word}" for word in words], add_special_tokens=False)
    end = mark(tokenizer, "eos")
    return [item.ids or [end] for item in encoded]


def windows(lengths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Ranges of words that hold at most `room` tokens each (a longer single word stands alone), in order."""
    ranges, start, held = [], 0, 0
    for i, length in enumerate(lengths):
        if i > start and held + length > room:
            ranges.append((start, i))
            start, held = i, 0
        held += length
    if start < len(lengths):
        ranges.append((start, len(lengths)))
    return ranges
