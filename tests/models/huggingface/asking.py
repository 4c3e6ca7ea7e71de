"""Requests about made-up pictures, and what a model answers them in batches of some size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from velm_bench.models import Setup, open_model
from velm_bench.samples import ArrayPicture, Picture, Request

SIZES = ((32, 32), (40, 90), (64, 20), (48, 64), (96, 33), (30, 31), (64, 64), (33, 70))
"""Heights and widths, in pixels."""
BATCHES = (1, 8, 32)


def picture(number: int) -> ArrayPicture:
    """Noise over a colour, of one of SIZES; the same for the same number."""
    rng = np.random.default_rng(number)
    height, width = SIZES[number % len(SIZES)]
    colour = rng.integers(0, 200, 3)
    return ArrayPicture((colour + rng.integers(0, 56, (height, width, 3))).astype(np.uint8))


def image(number: int) -> Image.Image:
    """The same picture for transformers."""
    return Image.fromarray(picture(number).decode())


class Unreadable(Picture):
    """A picture that cannot be decoded."""

    digest = "0" * 64

    def decode(self) -> Any:
        from velm_bench.errors import SampleError

        raise SampleError("The image broken.png cannot be decoded.")


def opened(folder: Path, **setup: Any) -> Any:
    """The model of a folder, on the CPU, ready to answer."""
    model = open_model(f"hf:{folder}", Setup(device="cpu", **setup))
    model.load()
    return model


def answers(model: Any, requests: Sequence[Request], size: int = 32) -> list[Any]:
    """The answers in order, asked so many at a time."""
    prepared = [model.prepare(request) for request in requests]
    found: list[Any] = []
    for start in range(0, len(prepared), size):
        found += type(requests[0]).ask(model, prepared[start : start + size])
    return found
