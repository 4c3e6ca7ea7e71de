"""Pictures: how many tokens they may take, and where in a text they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from velm_bench.models.huggingface.collate import Inputs
from velm_bench.models.huggingface.options import HfOptions
from velm_bench.samples import ArrayPicture, Picture

Refuse = Callable[[str, str], Exception]
"""Makes the error for an option (first argument) that cannot be heeded, and why (second)."""


def as_image(picture: Picture) -> Image.Image:
    """A decoded picture as image processors take it; SampleError if it cannot be decoded."""
    return Image.fromarray(picture.decode())


def probe_picture(width: int = 1) -> ArrayPicture:
    """A picture with something on it, 64 pixels high and `width` times as wide, for finding out what a model does."""
    rows = np.arange(64, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(rows[:, None] * 3, rows[None] * 2, rows[:, None] + rows), -1)
    return ArrayPicture(np.tile(pixels, (1, width, 1)))


def budget_pictures(image_processor: Any, options: HfOptions, refuse: Refuse) -> None:
    """Set the bounds of the options in an image processor, by its own settings; `refuse`'s error where it has none."""
    _bound_pixels(image_processor, options, refuse)
    if options.image_tokens is not None:
        _bound_tokens(image_processor, options.image_tokens, refuse)


def _bound_pixels(image_processor: Any, options: HfOptions, refuse: Refuse) -> None:
    """Both bounds at once: either may be beyond what the other was before."""
    sides = {"min_pixels": "shortest_edge", "max_pixels": "longest_edge"}  # so called, although they are areas
    given = {name: value for name in sides if (value := getattr(options, name)) is not None}
    if not given:
        return
    first = next(iter(given))
    if not _has_area(image_processor):
        raise refuse(first, "its image processor brings pictures to a size of its own")
    size = dict(image_processor.size) | {sides[name]: value for name, value in given.items()}
    if size["shortest_edge"] > size["longest_edge"]:
        other = size["longest_edge" if first == "min_pixels" else "shortest_edge"]
        raise refuse(first, f"its other bound is {other}, on the wrong side of {given[first]}")
    image_processor.size = size


def _bound_tokens(image_processor: Any, tokens: int, refuse: Refuse) -> None:
    """At most so many tokens per picture: by area, or by the processor's own count."""
    for name in ("max_image_tokens", "max_soft_tokens"):
        if hasattr(image_processor, name):
            setattr(image_processor, name, tokens)
            return
    if hasattr(image_processor, "max_patches") and not hasattr(image_processor, "crop_to_patches"):
        image_processor.max_patches = tokens  # a patch is a token, as in Pix2Struct
        return
    if not _has_area(image_processor):
        raise refuse("image_tokens", "its image processor knows no budget")
    area = (image_processor.patch_size * image_processor.merge_size) ** 2
    size = dict(image_processor.size)
    size["longest_edge"] = tokens * area
    size["shortest_edge"] = min(size["shortest_edge"], tokens * area)
    image_processor.size = size


def _has_area(image_processor: Any) -> bool:
    """Whether the image processor keeps pictures between two areas, in whole tokens (as Qwen2-VL's does)."""
    size = dict(getattr(image_processor, "size", None) or {})
    return hasattr(image_processor, "merge_size") and bool(size.get("shortest_edge") and size.get("longest_edge"))


def find_placeholder(process: Callable[[str, list[Image.Image]], Inputs], token: str, token_id: int | None) -> str:
    """What a plain text must hold for each picture: `token`, or nothing where the processor adds it by itself or the
    picture does not stand in the text at all. Found by trying both."""
    if not token or token_id is None:
        return ""

    def count(text: str) -> int:
        try:
            return int((process(text, [as_image(probe_picture())])["input_ids"] == token_id).sum())
        except Exception:  # whatever a processor says to a text that it does not take
            return 0

    alone, explicit = count("a"), count(f"{token}a")
    return token if explicit and alone in (0, explicit) else ""
