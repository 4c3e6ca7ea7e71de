"""Contrastive models (CLIP, SigLIP, ...): options are texts, and the one nearest to the picture is the likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from velm_bench.errors import SampleError, UsageError
from velm_bench.models.huggingface.base import HuggingFaceModel
from velm_bench.models.huggingface.encoding import Inputs, picture_inputs, same_shaped
from velm_bench.models.huggingface.ensembles import Ensembles, Texts, unit
from velm_bench.samples import Ability, ChoiceAnswer, ChooseRequest, Request

LABEL_TEMPLATES = ("a photo of a {label}.",)
"""How a label is put where the task names no templates (Radford et al. 2021)."""
CHOICE_TEMPLATES = ("{label}",)
"""The same for the options of a multiple-choice question, which are texts already."""


@dataclass(frozen=True)
class Compared:
    """A request made ready."""

    pictures: tuple[Inputs, ...]
    options: tuple[str, ...]
    templates: tuple[str, ...]


class ContrastiveModel(HuggingFaceModel):
    """Compares a picture with the texts of the options, and nothing else: the prompt is not read.

    Of each option stands the mean of its normalised text embeddings under all templates, normalised again (the prompt
    ensemble of Radford et al. 2021); a sample with several pictures stands as the normalised mean of theirs. A model
    that was trained with a softmax (a logit scale, or a temperature) gives log-softmax over the options; one that was
    trained with a sigmoid per pair (it has a logit bias) gives each pair's log-sigmoid, which the kind normalises
    unless several labels may be right. Texts longer than the text tower are cut at its end, as in training.
    """

    abilities = frozenset({Ability.CHOOSE})

    def load(self) -> None:
        super().load()
        lacking = [name for name in ("get_image_features", "get_text_features") if not hasattr(self.model, name)]
        if lacking or not (hasattr(self.model, "logit_scale") or hasattr(self.model, "temperature")):
            raise UsageError(
                f"'{self.checkpoint.name}' is a {self.checkpoint.architecture}, which has no embeddings of pictures "
                "and texts with a scale to compare them by: name a checkpoint that has."
            )
        _ = self.image_processor, self.ensembles

    def _compile(self) -> None:
        super()._compile()
        for name in ("get_image_features", "get_text_features"):  # they are called by themselves
            setattr(self.model, name, torch.compile(getattr(self.model, name), dynamic=True))

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer as it is: text towers are trained with their own side of padding."""
        from transformers import AutoTokenizer

        return self._part(AutoTokenizer, "tokenizer")

    @cached_property
    def ensembles(self) -> Ensembles:
        """The embeddings of options."""
        return Ensembles(Texts.of(self.tokenizer, self.model, self.processor), self._read)

    def _read(self, inputs: Inputs) -> Tensor:
        return unit(pooled(self.model.get_text_features(**self.on_device(inputs))))

    def _see(self, inputs: Inputs) -> Tensor:
        return unit(pooled(self.model.get_image_features(**self.on_device(inputs))))

    def cost(self, request: Request) -> int:
        """Pictures: the texts are embedded once."""
        return len(request.pictures)

    def prepare(self, request: Request) -> Compared:
        if not isinstance(request, ChooseRequest):
            raise self._cannot(request.ability)
        pixels = [picture.decode() for picture in request.pictures]
        if not pixels:
            raise SampleError("A contrastive model compares pictures with texts, and the sample has no picture.")
        pictures = tuple(picture_inputs(self.image_processor, one) for one in pixels)
        return Compared(pictures, request.options, templates_of(request))

    def choose(self, prepared: Sequence[Compared]) -> list[ChoiceAnswer]:
        with torch.inference_mode():
            answers = []
            texts = self.ensembles.of([(one.options, one.templates) for one in prepared])
            for picture, options in zip(self._shown(prepared), texts, strict=True):
                answers.append(ChoiceAnswer(tuple(self._logprobs(options @ picture).tolist())))
        return answers

    def _logprobs(self, cosines: Tensor) -> Tensor:
        """Log-probabilities of the options from their cosines with the picture, both of shape (options,)."""
        if hasattr(self.model, "logit_scale"):
            logits: Tensor = cosines * self.model.logit_scale.float().exp()
        else:
            logits = cosines / self.model.temperature.float()
        if hasattr(self.model, "logit_bias"):
            logits = torch.nn.functional.logsigmoid(logits + self.model.logit_bias.float())
        else:
            logits = logits.log_softmax(-1)
        return logits

    def _shown(self, prepared: Sequence[Compared]) -> list[Tensor]:
        """What each sample shows: the normalised mean of its pictures' embeddings, shape (width,)."""
        rows = [picture for one in prepared for picture in one.pictures]
        found: dict[int, Tensor] = {}
        for places, inputs in same_shaped(rows):
            found |= dict(zip(places, self._see(inputs), strict=True))
        vectors = iter(found[place] for place in range(len(rows)))
        return [unit(torch.stack([next(vectors) for _ in one.pictures]).mean(0)) for one in prepared]


def templates_of(request: ChooseRequest) -> tuple[str, ...]:
    """The texts by which a request's options are known: its own, or the usual ones for labels and for choices."""
    return request.templates or (CHOICE_TEMPLATES if request.spoken else LABEL_TEMPLATES)


def pooled(features: Any) -> Tensor:
    """The embeddings that a tower gives, shape (items, width): transformers 5 wraps them."""
    found: Tensor = getattr(features, "pooler_output", features)
    return found
