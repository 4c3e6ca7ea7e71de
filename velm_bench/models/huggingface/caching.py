"""The cache of a prompt and the rest of a generation's state, picked and repeated by row."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer, EncoderDecoderCache
from transformers.utils.generic import ModelOutput


def repeatable(cache: Any) -> bool:
    """Whether a cache holds all that a prompt left behind, row by row, so that its rows can be picked and repeated."""
    if isinstance(cache, EncoderDecoderCache):
        return repeatable(cache.self_attention_cache) and repeatable(cache.cross_attention_cache)
    return isinstance(cache, DynamicCache)


def takes_many(cache: Any) -> bool:
    """Whether several tokens can follow a cached prompt in one pass: plain and sliding attention do; recurrent states
    and what else there may be are only sure to take the one token at a time that generation gives them."""
    if isinstance(cache, EncoderDecoderCache):
        return takes_many(cache.self_attention_cache)
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers)


def cache_rows(cache: Any, index: Tensor) -> Any:
    """A cache of the rows `index` (rows,) of another, which stays as it is."""
    if isinstance(cache, EncoderDecoderCache):
        chosen = copy.copy(cache)
        chosen.self_attention_cache = cache_rows(cache.self_attention_cache, index)
        chosen.cross_attention_cache = cache_rows(cache.cross_attention_cache, index)
        chosen.is_updated = dict(cache.is_updated)
        return chosen
    chosen = copy.copy(cache)
    chosen.layers = [_own(layer) for layer in cache.layers]
    chosen.reorder_cache(index)  # as for beams: any rows, in any order, put into new tensors
    return chosen


def state_rows(state: Mapping[str, Any], index: Tensor, batch: int) -> dict[str, Any]:
    """The keyword arguments of a forward pass for the rows `index` of a batch; caches stay as they are.

    Pictures are left out: whoever has a cache has them in it.
    """
    kept = {name: value for name, value in state.items() if not name.startswith(("pixel_", "mm_encoder"))}
    return {name: _rows(name, value, index, batch) for name, value in kept.items()}


def row_bytes(cache: Any, batch: int) -> int:
    """How much memory one row of a cache takes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(cache)) // batch


def _rows(name: str, value: Any, index: Tensor, batch: int) -> Any:
    if isinstance(value, Cache):
        return value
    if isinstance(value, ModelOutput):  # an encoder's
        return type(value)({key: _rows(key, part, index, batch) for key, part in value.items()})
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    axis = 1 if name.endswith("position_ids") and value.ndim == 3 else 0  # (kinds of position, batch, T)
    return value.index_select(axis, index.to(value.device)) if value.shape[axis] == batch else value


def _own(layer: Any) -> Any:
    """A layer that shares its tensors with another, but not the containers that they are in."""
    mine = copy.copy(layer)
    vars(mine).update({name: dict(value) for name, value in vars(layer).items() if isinstance(value, dict)})
    return mine


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, Cache) or type(value).__module__.startswith("transformers"):
        yield from _tensors(vars(value))
