"""Pictures made ready for a page: PNG of our own making, small ones enlarged by whole pixels, large ones shrunk."""

from __future__ import annotations

import io

import numpy as np

from velm_bench.samples import Picture, Pixels

LARGE = 448
"""A small picture is enlarged by whole pixels up to about this width."""
LARGEST = 1280
"""A picture that is wider or higher is made smaller."""


def large(picture: Picture) -> bytes:
    """A picture as a PNG of our own making, enlarged by whole pixels where it is small; SampleError if unreadable."""
    return encode_png(enlarged(picture.decode(), LARGE))


def thumbnail(picture: Picture, side: int = 96) -> bytes:
    """A picture as a small PNG; SampleError if unreadable."""
    return encode_png(shrunk(picture.decode(), side))


def enlarged(pixels: Pixels, width: int) -> Pixels:
    """The pixels repeated a whole number of times, so that they stay sharp, up to about a width (never twice it)."""
    factor = max(1, round(width / max(pixels.shape[:2])))
    return np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def shrunk(pixels: Pixels, side: int) -> Pixels:
    """The pixels made smaller, where they are more than so many in height or width."""
    from PIL import Image

    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def encode_png(pixels: Pixels) -> bytes:
    """RGB pixels, shape (height, width, 3), as a PNG without any note."""
    from PIL import Image

    sink = io.BytesIO()
    Image.fromarray(shrunk(pixels, LARGEST)).save(sink, format="PNG")
    return sink.getvalue()
