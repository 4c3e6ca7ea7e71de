"""What a loaded model does with padding and with the end of its prompt, found out by trying: no list says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from transformers import LogitsProcessor

from velm_bench.models.huggingface import decoding
from velm_bench.models.huggingface.collate import Inputs, Padding, Ways, groups, stack, text_length
from velm_bench.samples import Generation

if TYPE_CHECKING:
    from velm_bench.models.huggingface.writing import WritingModel

STEPS = 3
"""How many tokens are written to see whether padding is stood."""


class _Record(LogitsProcessor):
    """Keeps the first row's scores of every step."""

    def __init__(self) -> None:
        self.scores: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.scores.append(scores[0].float().cpu())
        return scores


@torch.inference_mode()
def probe(writer: WritingModel, plain: Inputs, mate: Inputs | None, bare: Inputs | None) -> Ways:
    """Write a few tokens behind a prompt alone, behind padded copies, and beside a mate that has a longer prompt and
    more or larger pictures; compare the scores. The same for a prompt without pictures; None where there is no such."""
    alone = first_scores(writer, [plain], Padding.LEFT)
    padding = _padding(writer, alone, plain)
    pads_pictures = mate is not None and _stands(writer, alone, plain, mate, padding)
    blind = _try(writer, [bare], Padding.LEFT) if bare is not None else None
    return Ways(
        padding,
        bare=_padding(writer, blind, bare) if blind and bare is not None else Padding.NONE,
        needs_picture=blind is None,
        pads_pictures=pads_pictures,
        takes_off_last="input_ids" in plain and alone.start == text_length(plain) - 1,
    )


def _padding(writer: WritingModel, alone: Scores, plain: Inputs) -> Padding:
    """Where padding changes nothing about a sample that was written alone."""
    length = text_length(plain)
    sides = (Padding.LEFT, Padding.RIGHT) if length else ()
    return next((side for side in sides if _same(writer, alone, [plain], side, length + 5)), Padding.NONE)


def _stands(writer: WritingModel, alone: Scores, plain: Inputs, mate: Inputs, padding: Padding) -> bool:
    """Whether a mate with more or larger pictures changes nothing."""
    together = (
        padding is not Padding.NONE and len(groups([plain, mate], Ways(padding, padding, pads_pictures=True))) == 1
    )
    return together and _same(writer, alone, [plain, mate], padding)


class Scores(NamedTuple):
    steps: list[Tensor]
    """Of the first row, (vocabulary,) each."""
    start: int
    """How many columns of what comes back are the prompt's."""


def _same(writer: WritingModel, alone: Scores, samples: Sequence[Inputs], side: Padding, room: int = 0) -> bool:
    """Whether the first of some samples is written as it is alone; not where the model cannot take them at all."""
    found = _try(writer, samples, side, room)
    return found is not None and _alike(alone.steps, found.steps, writer.torch_dtype)


def _try(writer: WritingModel, samples: Sequence[Inputs], side: Padding, room: int = 0) -> Scores | None:
    """The scores of a batch that the model may not take: it may say so in many ways."""
    try:
        return first_scores(writer, samples, side, room)
    except Exception as error:
        if writer.out_of_memory(error):
            raise
        return None


@torch.inference_mode()
def first_scores(writer: WritingModel, samples: Sequence[Inputs], side: Padding, room: int = 0) -> Scores:
    """What a batch of samples gives the first of them."""
    how = [decoding.Decoding(Generation(max_new_tokens=STEPS), STEPS)] * len(samples)
    record, watch = _Record(), decoding.Watch(how, writer.tokenizer)
    writer.model.generate(
        **writer.on_device(stack(samples, writer.pad, side, room)),
        generation_config=decoding.settings(how),
        logits_processor=[record],
        stopping_criteria=[watch],
    )
    return Scores(record.scores, watch.start)


def _alike(plain: Sequence[Tensor], padded: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether the scores of all steps differ by rounding alone."""
    pairs = zip(plain, padded, strict=False)  # beside a longer answer padding is written on
    return len(plain) <= len(padded) and all(_close(one, other, dtype) for one, other in pairs)


def _close(one: Tensor, other: Tensor, dtype: torch.dtype) -> bool:
    finite = one.isfinite() & other.isfinite()
    if not bool((one.isfinite() == other.isfinite()).all()):
        return False
    apart = (one - other)[finite].abs().max()
    size = one[finite].abs().max()
    return bool(apart <= tolerance(dtype) * size)


def tolerance(dtype: Any) -> float:
    """How far scores may be apart by rounding, relative to the largest."""
    return max(1e-4, 4 * float(torch.finfo(dtype).eps))
