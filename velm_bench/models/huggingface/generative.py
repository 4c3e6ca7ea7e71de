"""The adapters of models that write: from pictures and text, and from text alone."""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar

from PIL import Image

from velm_bench.errors import SampleError
from velm_bench.metrics.neural.checkpoints import quiet
from velm_bench.models.huggingface.collate import Inputs
from velm_bench.models.huggingface.conversation import Conversation, template_of
from velm_bench.models.huggingface.pictures import as_image, budget_pictures, find_placeholder, probe_picture
from velm_bench.models.huggingface.processors import needs_video, one_tokenizer, processor_class, without_video
from velm_bench.models.huggingface.writing import WritingModel
from velm_bench.samples import Request


class LanguageModel(WritingModel):
    """A model of text alone. It is not shown pictures, which makes it the blind comparison; they are decoded all the
    same, so that an unreadable one is an error row here as everywhere."""

    def encode(self, request: Request, text: str) -> Inputs:
        for picture in request.pictures:
            picture.decode()
        return self._tokens(text, special=not (request.chat_template or self.conversation.template))

    def _tokens(self, text: str, special: bool) -> Inputs:
        """A text's tokens; a chat template has written all special ones itself. No text at all is begun by the token
        that begins texts, or by the one that ends the text before (as in GPT-2)."""
        tokenizer = self.own_tokenizer
        found = tokenizer(text, return_tensors="pt", add_special_tokens=special)
        if not found["input_ids"].numel():
            begin = tokenizer.bos_token or tokenizer.eos_token or " "
            found = tokenizer(begin, return_tensors="pt", add_special_tokens=False)
        names = ("input_ids", "attention_mask")
        return {name: found[name].long() for name in names if name in found}  # of an empty text they are floating


class GenerativeModel(WritingModel):
    """A model that writes about pictures: one that chats, a plain one, a captioner, a reader of documents."""

    honoured: ClassVar[frozenset[str]] = WritingModel.honoured | {"min_pixels", "max_pixels", "image_tokens"}

    # ---------------------------------------------------------------- what the checkpoint's files say

    @cached_property
    def image_processor(self) -> Any:
        found = super().image_processor
        budget_pictures(found, self.options, self.refused)
        return found

    @cached_property
    def processor(self) -> Any:
        """The whole processor with the image processor of the chosen backend; the two parts where there is no whole."""
        if not find_spec("torchvision"):
            kind = processor_class(self.checkpoint.folder, self.checkpoint.model_type)
            if needs_video(kind):
                return self._still(kind)
        found = super().processor
        if not (hasattr(found, "tokenizer") and hasattr(found, "image_processor")):
            return _Parts(self.image_processor, self._bare_tokenizer(found))
        found.image_processor = self.image_processor
        return found

    def _still(self, kind: Any) -> Any:
        """A processor whose video part cannot be here, without it."""
        with quiet(), self._named(f"The processor of '{self.checkpoint.name}' cannot be opened"):
            tokenizer = self._bare_tokenizer(None)
            return without_video(kind, self.checkpoint.folder, self.image_processor, tokenizer)

    def _bare_tokenizer(self, found: Any) -> Any:
        from transformers import AutoTokenizer, PreTrainedTokenizerBase

        return found if isinstance(found, PreTrainedTokenizerBase) else self._part(AutoTokenizer, "tokenizer")

    def template_holders(self) -> list[Any]:
        return [self.processor, self.tokenizer]

    @cached_property
    def conversation(self) -> Conversation:
        template = template_of(self.template_holders(), self.options, self.checkpoint.name)
        return Conversation(self.checkpoint.name, self.options, template, self._placeholder)

    @cached_property
    def _placeholder(self) -> str:
        token = getattr(self.processor, "image_token", None) or getattr(self.tokenizer, "image_token", None) or ""
        text = str(getattr(token, "content", token))
        known = getattr(self.processor, "image_token_id", None)
        token_id = known if known is not None else self.tokenizer.convert_tokens_to_ids(text) if text else None
        return "" if self._prompts_decoder else find_placeholder(self._processed, text, token_id)

    @cached_property
    def _prompts_decoder(self) -> bool:
        """Whether the model reads nothing but pictures, so that a prompt can only be the beginning of its answer."""
        forward = getattr(self._loader(), "forward", None)  # none where an auto class is to find code of its own
        return forward is not None and "input_ids" not in inspect.signature(forward).parameters

    @property
    def converses(self) -> bool:  # type: ignore[override]
        return bool(self.conversation.template or self.conversation.placeholder)

    # ---------------------------------------------------------------- requests

    def encode(self, request: Request, text: str) -> Inputs:
        images = [as_image(picture) for picture in request.pictures]
        if self._prompts_decoder:
            return self._for_decoder(text, images)
        if not images and self.found.needs_picture:
            raise SampleError("The model needs a picture, and this sample has none.")
        if len(images) > 1 and not (request.chat_template or self.converses):
            raise SampleError(f"The model takes one picture at a time, and this sample has {len(images)}.")
        return self._processed(text, images)

    def probes(self) -> tuple[Request, Request]:
        plain, mate = super().probes()
        pictures = (probe_picture(2), probe_picture()) if self.converses else (probe_picture(2),)
        return replace(plain, images=(probe_picture(),)), replace(mate, images=pictures)

    def _processed(self, text: str, images: list[Image.Image]) -> Inputs:
        """What the processor makes of a text and its pictures."""
        start = self.tokenizer.bos_token
        special = {"add_special_tokens": False} if start and text.startswith(start) else {}
        mine = self.own(lambda: one_tokenizer(self.processor, copy.deepcopy(self.tokenizer)), "processor")
        made = mine(images=images or None, text=text, return_tensors="pt", **special)
        return {name: made[name] for name in made if name != "labels"}

    def _for_decoder(self, text: str, images: list[Image.Image]) -> Inputs:
        if len(images) != 1:
            raise SampleError(f"The model takes exactly one picture, and this sample has {len(images)}.")
        header = {"header_text": text} if getattr(self.image_processor, "is_vqa", False) else {}
        made = dict(self.image_processor(images, return_tensors="pt", **header))
        if text and not header:
            tokens = self.own_tokenizer(text, return_tensors="pt", add_special_tokens=False)
            made |= {f"decoder_{name}": tokens[name] for name in ("input_ids", "attention_mask")}
        return made


class AnswerWriter(GenerativeModel):
    """A model that reads pictures and a question in an encoder of its own, and writes the answer alone (BLIP's VQA)."""

    continues = False


class _Parts:
    """An image processor and a tokenizer of a checkpoint that has no processor for both."""

    def __init__(self, image_processor: Any, tokenizer: Any) -> None:
        self.image_processor, self.tokenizer = image_processor, tokenizer

    def __call__(self, images: Any, text: str, **how: Any) -> dict[str, Any]:
        pictures = dict(self.image_processor(images, return_tensors="pt")) if images else {}
        return {**self.tokenizer(text, **how), **pictures}
