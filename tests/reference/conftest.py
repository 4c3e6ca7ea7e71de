"""Tiny models with random weights, a tiny tokenizer, and requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import encode_answer, train_tokenizer
from velm_bench.reference.settings import PADDING, ModelSettings

torch.set_num_threads(1)

RECIPES = Path(__file__).parents[2] / "recipes"

WRITING = ("concat", "weighted_sum", "attention", "cross_modal", "prefix", "none")
"""The fusions that generate."""
SEEING = WRITING[:-1]
"""Those whose text the picture changes."""


def tiny(
    fusion: str = "prefix",
    text: str = "gpt",
    at: str = "input",
    adaptation: str = "full",
    encoder: str = "conv_vit",
    **sections: Any,
) -> ModelSettings:
    """Settings of a model that does everything in milliseconds."""
    return ModelSettings.model_validate(
        {
            "vision": {"kind": encoder, "image_size": 32, "channels": [8, 16, 32], "layers": 1, "heads": 2},
            "language": {"kind": text, "width": 32, "layers": 2, "heads": 2, "context": 48, "vocabulary": 300},
            "fusion": {"kind": fusion, "at": at, "layers": 2, "heads": 2},
            "adaptation": {"kind": adaptation, "rank": 2, "length": 3},
            "embedding": 8 if fusion == "contrastive" else 0,
        }
        | sections
    )


SETTINGS = tiny()


def shaken(settings: ModelSettings, seed: int = 3) -> VelmForGeneration:
    """A model whose weights are far enough from zero for everything to matter to its answers."""
    torch.manual_seed(seed)
    model = VelmForGeneration(VelmConfig.of(settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model


def packed(
    rows: Sequence[Sequence[Sequence[int]]],
    prompts: Sequence[Sequence[int]],
    pixels: torch.Tensor | None,
    length: int = 0,
    **flags: Any,
) -> dict[str, torch.Tensor]:
    """A packed batch of rows of segments of tokens; `prompts` says how many tokens of each are its prompt."""
    length = max(length, *(sum(map(len, row)) for row in rows))
    shape = (len(rows), length)
    batch = {
        "tokens": torch.zeros(shape, dtype=torch.long),
        "positions": torch.zeros(shape, dtype=torch.long),
        "segments": torch.full(shape, PADDING),
        "both_ways": torch.zeros(shape, dtype=torch.bool),
        "prompts": torch.zeros(shape, dtype=torch.bool),
        "sighted": torch.full(shape[:1], pixels is not None),
        "told": torch.zeros(shape[0], dtype=torch.bool),
    }
    for row, segments in enumerate(rows):
        at = 0
        for number, tokens in enumerate(segments):
            end = at + len(tokens)
            batch["tokens"][row, at:end] = torch.tensor(tokens)
            batch["positions"][row, at:end] = torch.arange(len(tokens))
            batch["segments"][row, at:end] = number
            batch["prompts"][row, at : at + prompts[row][number]] = True
            at = end
    pictures = {} if pixels is None else {"pixels": pixels}
    return batch | pictures | flags


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    texts = ["what colour is the red circle left of the star", "is there a blue square"] * 20
    return train_tokenizer(texts, 300)


@pytest.fixture(scope="session")
def model() -> VelmForGeneration:
    return shaken(SETTINGS)


@pytest.fixture(scope="session")
def answering(model: VelmForGeneration) -> Answering:
    return Answering(model, "cpu")


@pytest.fixture(scope="session")
def asked(tokenizer: Tokenizer) -> list[Asked]:
    """Forty requests of every length, one in five without a picture."""
    draw = np.random.default_rng(5)
    requests = []
    for i in range(40):
        prompt = tuple(draw.integers(5, 260, draw.integers(1, 16)).tolist())
        words = tuple(tuple(draw.integers(5, 260, draw.integers(1, 4)).tolist()) for _ in range(draw.integers(1, 40)))
        options = tuple(
            tuple(encode_answer(tokenizer, text)) for text in ("red", "blue", "a very long answer", "xyz")[: 2 + i % 3]
        )
        pixels = draw.integers(0, 256, (32, 32, 3), np.uint8)
        requests.append(Asked(pixels, i % 5 != 0, prompt, 8, options=options, words=words))
    return requests
