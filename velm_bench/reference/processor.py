"""What stands before the model in transformers' own way of asking: an image processor, and a processor of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BatchFeature, PreTrainedTokenizerBase, PreTrainedTokenizerFast, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor
from transformers.image_utils import make_flat_list_of_images
from transformers.utils import PROCESSOR_NAME

from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import SPECIAL, encode_prompt, fit_picture, load_tokenizer
from velm_bench.samples import Pixels


class VelmImageProcessor(BaseImageProcessor):
    """Pictures to their middle squares, bilinear at the model's size: pixel_values (batch, size, size, 3) uint8."""

    model_input_names = ["pixel_values"]  # noqa: RUF012 - as its base declares it

    def __init__(self, side: int = 64, **others: Any) -> None:
        """`side` is that of the squares, in pixels."""
        super().__init__(**others)
        self.side = side

    def preprocess(self, images: Any, return_tensors: str | None = None, **_: Any) -> BatchFeature:
        """One picture or several (PIL, an array or a tensor of 0..255, a path or a URL) as pixel_values."""
        pictures: Any = make_flat_list_of_images(self.fetch_images(images))
        squares = [fit_picture(_rgb(picture), self.side) for picture in pictures]
        return BatchFeature({"pixel_values": np.stack(squares)}, tensor_type=return_tensors)


def _rgb(picture: Any) -> Pixels:
    """A picture of any of transformers' kinds as (height, width, 3) uint8."""
    if hasattr(picture, "convert"):
        return np.asarray(picture.convert("RGB"))
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.shape[0] in (1, 3) and array.shape[-1] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.dtype != np.uint8:
        raise ValueError(f"pictures must be of 0..255 in uint8, not {array.dtype}: scaling is the model's affair")
    return np.repeat(array, 3, 2) if array.shape[2] == 1 else array[:, :, :3]


class VelmProcessor(ProcessorMixin):
    """Pictures and prompts as `VelmForGeneration` reads them: padded on the left, visual tokens before the words."""

    def __init__(
        self,
        image_processor: VelmImageProcessor,
        tokenizer: PreTrainedTokenizerBase,
        visual_tokens: int = 0,
        context: int = 128,
        **others: Any,
    ) -> None:
        """`visual_tokens` stand before the words where there is a picture; `context` is the model's window in words."""
        super().__init__(image_processor, tokenizer, **others)  # type: ignore[no-untyped-call]
        self.visual_tokens, self.context = visual_tokens, context

    @classmethod
    def of(cls, model: VelmForGeneration, tokenizer: Tokenizer) -> VelmProcessor:
        """The processor of a model."""
        images = VelmImageProcessor(model.config.settings.vision.image_size)
        return cls(images, _known(tokenizer), model.fusion.tokens, model.context)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *more: Any, **others: Any) -> VelmProcessor:
        """That of a checkpoint; where its folder lacks the processor's file, the configuration says all."""
        folder = Path(pretrained_model_name_or_path)
        if folder.is_dir() and not (folder / PROCESSOR_NAME).is_file():
            with torch.device("meta"):  # only the model knows how many patches its encoder makes
                model = VelmForGeneration(VelmConfig.from_pretrained(folder))
            return cls.of(model, load_tokenizer(folder))
        found: VelmProcessor = super().from_pretrained(pretrained_model_name_or_path, *more, **others)
        return found

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        return_tensors: str | None = None,
        max_new_tokens: int = 32,
        **_: Any,
    ) -> BatchFeature:
        """Prompts, each with its picture or none of them with one: input_ids, attention_mask, pixel_values.

        Prompts lose their beginning where the window has no room for them and an answer of `max_new_tokens`.
        """
        prompts = [text] if isinstance(text, str) else list(text or [""])
        room = self.context - min(self.context // 2, max(1, max_new_tokens))
        visual: list[int] = []
        data: dict[str, Any] = {}
        if images is not None:
            data = dict(self.image_processor(images))
            if (count := len(data["pixel_values"])) != len(prompts):
                raise ValueError(f"there are {count} pictures for {len(prompts)} prompts: give each prompt one")
            visual = [self.tokenizer.convert_tokens_to_ids(SPECIAL[4])] * self.visual_tokens
        rows = [[*visual, *encode_prompt(self._plain, prompt, room)] for prompt in prompts]
        length = max(map(len, rows))
        data["input_ids"] = [[self.tokenizer.pad_token_id] * (length - len(row)) + row for row in rows]
        data["attention_mask"] = [[0] * (length - len(row)) + [1] * len(row) for row in rows]
        return BatchFeature(data, tensor_type=return_tensors)

    @property
    def _plain(self) -> Tokenizer:
        """The tokenizer to which the name of a special token inside a prompt is plain text."""
        tokenizer: Tokenizer = self.tokenizer.backend_tokenizer
        tokenizer.encode_special_tokens = True
        return tokenizer


def _known(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer as transformers knows it."""
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[1],
        bos_token=SPECIAL[2],
        padding_side="left",
        split_special_tokens=True,
    )
