"""Samples that were processed one by one, put together into batches that the model cannot tell from single samples.

Texts are padded, picture tensors concatenated. What cannot be put together without a difference (other tensors, shapes
that nothing tells the padding of, lengths where a model knows no padding) goes into groups of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Inputs = Mapping[str, Tensor]
"""What a processor made of one sample: texts (1, T), pictures (pictures, ...) or (1, pictures, ...)."""

_PICTURES = ("pixel", "image_grid", "image_sizes", "spatial", "flattened", "num_", "aspect")
"""How the names of tensors begin that belong to pictures, whatever their shape."""


class Padding(Enum):
    """Where a model stands padding of its texts."""

    LEFT = "left"
    RIGHT = "right"
    NONE = "none"


@dataclass(frozen=True)
class Ways:
    """How samples can be put together for a model, and what it does with a prompt."""

    padding: Padding = Padding.NONE
    """Where padding of texts changes nothing; NONE where it does, so that only texts of one length are put together."""
    bare: Padding = Padding.NONE
    """The same for texts without pictures."""
    needs_picture: bool = False
    """Whether the model does not write without a picture."""
    pads_pictures: bool = False
    """Whether picture tensors of different shapes can be put together, zeros behind the smaller."""
    takes_off_last: bool = False
    """Whether the model takes the last token off its prompt by itself."""

    def side(self, inputs: Inputs) -> Padding:
        """Where the text of a sample like this one is padded."""
        return self.padding if len(inputs) > len(_text_names(inputs)) else self.bare


def text_name(inputs: Inputs) -> str:
    """The tensor that holds a sample's text: the prompt, or the beginning of what a decoder writes; "" for neither."""
    return next((name for name in ("input_ids", "decoder_input_ids") if name in inputs), "")


def text_length(inputs: Inputs) -> int:
    """How many tokens a sample's text has."""
    name = text_name(inputs)
    return int(inputs[name].shape[1]) if name else 0


def groups(samples: Sequence[Inputs], ways: Ways) -> list[list[int]]:
    """Which samples can be stacked, in order of their first; every index stands in exactly one group."""
    found: dict[Any, list[int]] = {}
    for index, sample in enumerate(samples):
        found.setdefault(_signature(sample, ways), []).append(index)
    return list(found.values())


def stack(
    samples: Sequence[Inputs], pad_token_id: int, side: Padding = Padding.LEFT, room: int = 0
) -> dict[str, Tensor]:
    """One batch of samples of one group; `room` pads texts by so many tokens more than the longest needs.

    The tensors are new ones. AssertionError where left padding would leave a row's last token masked.
    """
    width = max(map(text_length, samples)) + room
    batch = {}
    for name in samples[0]:
        tensors = [sample[name] for sample in samples]
        if name in _text_names(samples[0]):
            fill = pad_token_id if name.endswith("input_ids") else 0
            tensors = [_widened(tensor, width, side, fill) for tensor in tensors]
        batch[name] = torch.cat(_same_shape(tensors)) if len(tensors) > 1 else tensors[0].clone()
    if side is Padding.LEFT and "input_ids" in batch and "attention_mask" in batch:
        assert bool(batch["attention_mask"][:, -1].all()), "a prompt is not padded on the left"
    return batch


def _text_names(inputs: Inputs) -> frozenset[str]:
    """The tensors with an entry per token of the text."""
    main = text_name(inputs)
    mine = main.removesuffix("input_ids")
    others = tuple(name.removesuffix("input_ids") for name in inputs if name.endswith("input_ids") and name != main)
    foreign = (*_PICTURES, *(other for other in others if other))  # a Q-Former's text, say
    return frozenset(
        name
        for name, tensor in inputs.items()
        if main
        and tensor.shape[:2] == (1, text_length(inputs))
        and not tensor.is_floating_point()
        and name.startswith(mine)
        and not name.startswith(foreign)
    )


def _signature(inputs: Inputs, ways: Ways) -> tuple[Any, ...]:
    """What samples must have in common to be stacked."""
    texts = _text_names(inputs)
    beside = {name: tensor for name, tensor in inputs.items() if name not in texts}
    loose = ways.pads_pictures and len(beside) > 1  # a mask, sizes or a grid says what is padding
    shapes = tuple(
        (name, tensor.dtype, tensor.ndim if loose else tuple(tensor.shape[1:]))
        for name, tensor in sorted(beside.items())
    )
    length = text_length(inputs) if ways.side(inputs) is Padding.NONE else bool(text_name(inputs))
    return tuple(sorted(texts)), shapes, length


def _widened(tensor: Tensor, width: int, side: Padding, fill: int) -> Tensor:
    """A text tensor (1, T, ...) as (1, width, ...)."""
    missing = width - tensor.shape[1]
    before, after = (missing, 0) if side is Padding.LEFT else (0, missing)
    return functional.pad(tensor, (*[0, 0] * (tensor.ndim - 2), before, after), value=fill)


def _same_shape(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors padded with zeros behind, as processors do, to the largest of each dimension but the first."""
    largest = [max(sizes) for sizes in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    return [_grown(tensor, largest) for tensor in tensors]


def _grown(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    amounts = [amount for size, held in zip(shape, tensor.shape[1:], strict=True) for amount in (size - held, 0)]
    return functional.pad(tensor, amounts[::-1]) if any(amounts) else tensor


def without_column(inputs: Inputs) -> dict[str, Tensor]:
    """A sample's tensors without the text's last token."""
    texts = _text_names(inputs)
    return {name: tensor[:, :-1] if name in texts else tensor for name, tensor in inputs.items()}


def with_column(inputs: Inputs, token: int) -> dict[str, Tensor]:
    """A sample's tensors with a token more at the end of the text; the text's other tensors repeat their last."""
    added = {name: torch.cat([inputs[name], inputs[name][:, -1:]], 1) for name in _text_names(inputs)}
    added["input_ids"][:, -1] = token
    return {**inputs, **added}
