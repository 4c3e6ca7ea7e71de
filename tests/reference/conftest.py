"""A tiny model with random weights, and a tiny tokenizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from velm_bench.reference.answering import Answering, Asked
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import BOS, encode_answer, train_tokenizer
from velm_bench.reference.settings import ModelSettings

torch.set_num_threads(1)

RECIPES = Path(__file__).parents[2] / "recipes"

SETTINGS = ModelSettings.model_validate(
    {
        "vision": {"image_size": 32, "channels": [8, 16, 32], "layers": 1, "heads": 2},
        "language": {"width": 32, "layers": 2, "heads": 2, "context": 48, "vocabulary": 300},
    }
)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    texts = ["what colour is the red circle left of the star", "is there a blue square"] * 20
    return train_tokenizer(texts, 300)


@pytest.fixture(scope="session")
def model() -> VelmForGeneration:
    torch.manual_seed(3)
    model = VelmForGeneration(VelmConfig.of(SETTINGS)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="session")
def answering(model: VelmForGeneration) -> Answering:
    return Answering(model, "cpu")


@pytest.fixture(scope="session")
def asked(tokenizer: Tokenizer) -> list[Asked]:
    """Forty requests of every length, one in five without a picture."""
    draw = np.random.default_rng(5)
    requests = []
    for i in range(40):
        prompt = tuple(draw.integers(5, 260, draw.integers(1, 16)).tolist()) or (BOS,)
        words = tuple(tuple(draw.integers(5, 260, draw.integers(1, 4)).tolist()) for _ in range(draw.integers(1, 60)))
        options = tuple(
            tuple(encode_answer(tokenizer, text)) for text in ("red", "blue", "a very long answer", "xyz")[: 2 + i % 3]
        )
        pixels = draw.integers(0, 256, (32, 32, 3), np.uint8)
        requests.append(Asked(pixels, i % 5 != 0, prompt, 12, options=options, words=words))
    return requests
