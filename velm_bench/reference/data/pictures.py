"""Training pictures, varied."""

from __future__ import annotations

import numpy as np

from velm_bench.reference.data.settings import AugmentSettings
from velm_bench.samples import Pixels


def varied(pixels: Pixels, augment: AugmentSettings, draw: np.random.Generator) -> Pixels:
    """A picture (size, size, 3) mirrored and moved as drawn; its edge is repeated where it has moved away from."""
    if augment.flip == "horizontal" and draw.random() < 0.5:
        pixels = pixels[:, ::-1]
    if augment.shift:
        down, right = draw.integers(0, 2 * augment.shift + 1, 2)
        height, width = pixels.shape[:2]
        edge = (augment.shift, augment.shift)
        pixels = np.pad(pixels, (edge, edge, (0, 0)), mode="edge")[down : down + height, right : right + width]
    return pixels
