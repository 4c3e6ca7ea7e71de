"""Pictures as data URLs."""

from __future__ import annotations

import base64
import io

from velm_bench.samples import EncodedPicture, Picture, Pixels

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}
"""The file formats that every server reads."""
PLAIN = frozenset({"RGB", "L"})
"""Modes that every reader turns into the same pixels; transparency and palettes are not."""
ORIENTATION = 0x0112
"""The EXIF tag by which some servers turn a picture, and we do not."""


def data_url(picture: Picture) -> str:
    """A picture in a URL: its own bytes where any reader sees the same pixels in them as we do, else as PNG.

    It is decoded in any case, so that an unreadable one fails here as it does for every model. SampleError then.
    """
    pixels = picture.decode()
    kept = _own_bytes(picture) if isinstance(picture, EncodedPicture) else None
    mime, data = kept or (TYPES["PNG"], _as_png(pixels))
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _own_bytes(picture: EncodedPicture) -> tuple[str, bytes] | None:
    """Type and bytes of a picture that can be sent as it is."""
    from PIL import Image

    data = picture.read()
    with Image.open(io.BytesIO(data)) as image:
        if image.format not in TYPES or image.mode not in PLAIN or "transparency" in image.info:
            return None
        turned = image.getexif().get(ORIENTATION, 1) != 1
        return None if turned else (TYPES[image.format], data)


def _as_png(pixels: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()
