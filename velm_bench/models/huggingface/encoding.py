"""Pictures made ready for models that read and do not write, and batches of those that have the same shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from PIL import Image
from torch import Tensor, cat

from velm_bench.errors import SampleError
from velm_bench.samples import Pixels, Request

Inputs: TypeAlias = dict[str, Tensor]
"""What a model's forward pass takes, by name; the first axis is that of the pictures or texts."""


def the_picture(request: Request, what: str) -> Pixels:
    """The one picture of a request, RGB (height, width, 3), for a model that takes one.

    SampleError where there is none or several (`what` says what takes one), or where one cannot be decoded.
    """
    pictures = [picture.decode() for picture in request.pictures]
    if len(pictures) != 1:
        raise SampleError(f"{what} takes one picture, and the sample has {len(pictures) or 'none'}.")
    return pictures[0]


def picture_inputs(image_processor: Any, pixels: Pixels) -> Inputs:
    """What an image processor makes of one picture: tensors whose first axis has the length 1."""
    # As a PIL image: of bare arrays a processor would have to guess which axis holds the colours.
    return dict(image_processor(images=[Image.fromarray(pixels)], return_tensors="pt"))


def same_shaped(rows: Sequence[Mapping[str, Tensor]]) -> Iterator[tuple[list[int], Inputs]]:
    """The rows in batches of the same shapes, each with the places of its rows.

    Nothing is padded, so that a row's answer owes nothing to the rows beside it.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        shapes = tuple((name, tuple(value.shape[1:])) for name, value in sorted(row.items()))
        groups.setdefault(shapes, []).append(place)
    for places in groups.values():
        yield places, {name: cat([rows[place][name] for place in places]) for name in rows[places[0]]}
