"""Perturbations: pictures and words spoilt as they are in the world, to see how much of a score survives.

Noise, blur and JPEG have the scales of ImageNet-C (Hendrycks and Dietterich 2019, Gaussian noise, Gaussian blur, JPEG),
made for pictures of 224 pixels; what depends on the size is scaled with the shorter side. All that is drawn is decided
by the run's seed, the sample's id, the picture's digest and the strength, neither by the order of the samples nor by
their batch.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.random import PCG64

from velm_bench.digests import digest_json
from velm_bench.engine.treatment import EachPicture, Treatment
from velm_bench.engine.typos import Typos
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.samples import Picture, Pixels

VERSION = 1
"""Raised whenever the same picture would be spoilt in another way."""
STRENGTHS = range(1, 6)
USUAL = 3
"""The strength where none is given."""
REFERENCE_SIDE = 224
"""The shorter side, in pixels, that the blur's scale is made for."""

PIECE = 1 << 20
"""How many values of a picture get their noise at a time."""


def noise(pixels: Pixels, level: float, dice: PCG64) -> Pixels:
    """Independent Gaussian noise on every value; `level` is its standard deviation, white being 1.

    Each value is the sum of four uniform numbers of 16 bits (Irwin-Hall), which is Gaussian up to 3.5 standard
    deviations, and whose stream numpy promises to keep. A piece at a time: the numbers take many times the picture.
    """
    values = pixels.reshape(-1)
    noisy = np.empty_like(values)
    for start in range(0, values.size, PIECE):
        piece = values[start : start + PIECE]
        words = dice.random_raw(piece.size).astype("<u8", copy=False).view("<u2").reshape(-1, 4)
        drawn = (words.sum(axis=1, dtype=np.int64) / 65535.0 - 2.0) * math.sqrt(3.0)
        noisy[start : start + PIECE] = _bytes(piece + 255.0 * level * drawn)
    return noisy.reshape(pixels.shape)


def blur(pixels: Pixels, level: float, dice: PCG64) -> Pixels:
    """Gaussian blur; `level` is its standard deviation in pixels of a picture whose shorter side has 224."""
    from PIL import Image, ImageFilter

    radius = level * min(pixels.shape[:2]) / REFERENCE_SIDE
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def jpeg(pixels: Pixels, level: float, dice: PCG64) -> Pixels:
    """Written as JPEG of quality `level` and read again."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=int(level))
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))


def rotate(pixels: Pixels, level: float, dice: PCG64) -> Pixels:
    """Turned by `level` degrees to the left or to the right, corners filled with the mean colour, of the same size."""
    from PIL import Image

    angle = level if _below(dice, 2) else -level
    mean = tuple(int(value) for value in _bytes(pixels.mean(axis=(0, 1))))
    turned = Image.fromarray(pixels).rotate(angle, resample=Image.Resampling.BILINEAR, fillcolor=mean)
    return np.asarray(turned)


def occlude(pixels: Pixels, level: float, dice: PCG64) -> Pixels:
    """A grey rectangle of the picture's proportions over the share `level` of its area, anywhere within it."""
    height, width = pixels.shape[:2]
    high, wide = (max(1, round(side * math.sqrt(level))) for side in (height, width))
    top, left = _below(dice, height - high + 1), _below(dice, width - wide + 1)
    covered = pixels.copy()
    covered[top : top + high, left : left + wide] = 128
    return covered


@dataclass(frozen=True)
class Spoiler:
    """A way to spoil a picture, and what its five strengths mean."""

    levels: tuple[float, float, float, float, float]
    spoil: Callable[[Pixels, float, PCG64], Pixels]


SPOILERS: Mapping[str, Spoiler] = {
    "noise": Spoiler((0.08, 0.12, 0.18, 0.26, 0.38), noise),
    "blur": Spoiler((1.0, 2.0, 3.0, 4.0, 6.0), blur),
    "jpeg": Spoiler((25, 18, 15, 10, 7), jpeg),
    "rotate": Spoiler((5.0, 10.0, 15.0, 20.0, 30.0), rotate),
    "occlude": Spoiler((0.05, 0.1, 0.2, 0.3, 0.4), occlude),
}
KINDS = (*SPOILERS, "typos")
"""What `--perturb` takes, in the order in which the documentation has them."""


@dataclass(frozen=True)
class SpoiltPicture(Picture):
    """A picture that is spoilt when it is decoded; unreadable where the original is."""

    original: Picture
    kind: str
    strength: int
    key: str
    """The run's seed and the sample's id: what makes this spoiling unlike that of the same picture elsewhere."""

    @property
    def digest(self) -> str:
        return digest_json(["spoilt", VERSION, self.kind, self.strength, self.key, self.original.digest])

    def decode(self) -> Pixels:
        pixels = self.original.decode()
        spoiler = SPOILERS[self.kind]
        seed = int.from_bytes(sha256(self.digest.encode("ascii")).digest()[:16], "little")
        return spoiler.spoil(pixels, spoiler.levels[self.strength - 1], PCG64(seed))


def perturbation(text: str) -> Treatment:
    """The perturbation that `KIND` or `KIND:STRENGTH` names; UsageError with the nearest name for any other."""
    kind, _, level = text.partition(":")
    if kind not in KINDS:
        raise UsageError(f"Unknown perturbation '{text}': {suggestion(kind, list(KINDS))}")
    strength = USUAL if text == kind else int(level) if level.isdecimal() and level.isascii() else 0
    if strength not in STRENGTHS:
        raise UsageError(
            f"The strength of '{text}' must be a whole number from {STRENGTHS[0]} to {STRENGTHS[-1]}, as in "
            f"'{kind}:{USUAL}'."
        )
    if kind not in SPOILERS:
        return Typos(strength)
    return EachPicture(
        f"{kind}:{strength}",
        lambda picture, key: SpoiltPicture(picture, kind, strength, key),
    )


def _below(dice: PCG64, n: int) -> int:
    """A whole number from 0 to n - 1."""
    return (int(dice.random_raw()) >> 32) * n >> 32


def _bytes(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pixels:
    """Values rounded to whole numbers from 0 to 255."""
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)
