"""Image classifiers (ViT, ResNet, ConvNeXt, ...): a head over fixed classes that weighs a task's options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from velm_bench.errors import UsageError
from velm_bench.models.huggingface.base import HuggingFaceModel
from velm_bench.models.huggingface.encoding import Inputs, picture_inputs, same_shaped, the_picture
from velm_bench.models.huggingface.labels import output_labels, outputs_of
from velm_bench.samples import Ability, ChoiceAnswer, ChooseRequest, Request

MULTI_LABEL = "multi_label_classification"
"""The `problem_type` of a config.json whose classes do not exclude each other."""


@dataclass(frozen=True)
class Seen:
    """A request made ready: its picture, and which outputs stand for each of its options."""

    inputs: Inputs
    outputs: tuple[tuple[int, ...], ...]


class ImageClassifier(HuggingFaceModel):
    """Weighs options by the probabilities of its own classes.

    Options are found among the classes by their names (see labels.outputs_of); a task with an option that is no class
    of the model's is refused before anything is asked. The log-probabilities are those over all classes of the model,
    also where a task has only some of them, and those of several classes that stand for one option are added up. The
    prompt is not read; a sample has one picture.
    """

    abilities = frozenset({Ability.CHOOSE})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return output_labels(self.checkpoint.config)

    def _details(self) -> dict[str, Any]:
        return {**super()._details(), "classes": len(self.labels)}

    def load(self) -> None:
        super().load()
        _ = self.image_processor

    def cost(self, request: Request) -> int:
        """Pictures all cost the same; UsageError for a task that this classifier has no classes for."""
        self._outputs(request)
        return 0

    def prepare(self, request: Request) -> Seen:
        pixels = the_picture(request, "An image classifier")
        return Seen(picture_inputs(self.image_processor, pixels), self._outputs(request))

    def _outputs(self, request: Request) -> tuple[tuple[int, ...], ...]:
        if not isinstance(request, ChooseRequest):
            raise self._cannot(request.ability)
        found = outputs_of(request.options, self.labels)
        if not all(found):
            raise UsageError(
                f"The model '{self.identity.name}' has no class for the option '{request.options[found.index(())]}': "
                f"it knows {shown(self.labels)}; give it a task with such labels."
            )
        return found

    def choose(self, prepared: Sequence[Seen]) -> list[ChoiceAnswer]:
        answers: dict[int, ChoiceAnswer] = {}
        for places, inputs in same_shaped([seen.inputs for seen in prepared]):
            rows = self._class_logprobs(inputs)
            for place, row in zip(places, rows, strict=True):
                answers[place] = ChoiceAnswer(merged(row, prepared[place].outputs))
        return [answers[place] for place in range(len(prepared))]

    def _class_logprobs(self, inputs: Inputs) -> Tensor:
        """Log-probabilities of all classes, shape (pictures, classes), on the CPU."""
        with torch.inference_mode():
            logits: Tensor = self.model(**self.on_device(inputs)).logits.float().cpu()
        several = self.checkpoint.config.get("problem_type") == MULTI_LABEL
        return torch.nn.functional.logsigmoid(logits) if several else logits.log_softmax(-1)


def merged(row: Tensor, outputs: Sequence[Sequence[int]]) -> tuple[float, ...]:
    """The log-probability of each option, from those of all classes, shape (classes,)."""
    return tuple(float(row[list(places)].logsumexp(0)) for places in outputs)


def shown(labels: Sequence[str], most: int = 4) -> str:
    """The first labels, for a sentence."""
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(f"'{label}'" for label in labels[:most]) + more
