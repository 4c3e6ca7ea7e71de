"""Classifiers of answers (ViLT): a question about a picture, and a head over the answers seen in training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from velm_bench.errors import SampleError
from velm_bench.models.huggingface.base import HuggingFaceModel
from velm_bench.models.huggingface.classifying import merged, shown
from velm_bench.models.huggingface.encoding import Inputs, picture_inputs, same_shaped, the_picture
from velm_bench.models.huggingface.labels import output_labels, outputs_of
from velm_bench.samples import Ability, ChoiceAnswer, ChooseRequest, GenerateRequest, Request, TextAnswer

HONOURED = ("max_new_tokens",)
"""An answer of the list is never longer than its own words; other settings of generation are refused."""
UNKNOWN = -1e4
"""The log-probability of an option that is not among the model's answers: lower than that of any that is."""
_LETTERED = re.compile(r"\n\(?A[.):] .*", re.DOTALL)
"""A list of options and all that is behind it."""
_FRAME = re.compile(r"(?:Question:)?\s*(.*?)\s*(?:\b(?:Short )?Answer:|\nAnswer\b[^\n]*)?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """A request made ready."""

    text: str
    inputs: Inputs
    outputs: tuple[tuple[int, ...], ...] = ()
    """Which answers stand for each option; none for an option that the model does not know."""


class VqaClassifier(HuggingFaceModel):
    """Answers a question with one of the answers of its list.

    `generate` gives the likeliest answer. `choose` gives log-probabilities over all answers of the list; an option that
    is not on it has UNKNOWN, and a sample none of whose options is on it is an error row. What stands around a
    question for models that write is taken off: "Question: ... Answer:", lettered options, a last line "Answer ...".
    Questions longer than the text encoder are cut at its end, as in training. A sample has one picture.
    """

    abilities = frozenset({Ability.GENERATE, Ability.CHOOSE})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The answers of the list."""
        return output_labels(self.checkpoint.config)

    def _details(self) -> dict[str, Any]:
        return {**super()._details(), "answers": len(self.labels)}

    def load(self) -> None:
        super().load()
        _ = self.image_processor, self.tokenizer
        if getattr(self.model.config, "max_image_length", -1) > 0:
            # Beyond that many patches ViLT draws some by lot, which is meant for training: here all are seen.
            self.model.config.max_image_length = -1

    def require(self, request: Request) -> None:
        if isinstance(request, GenerateRequest):
            self.require_honoured(request.generation, HONOURED)

    def prepare(self, request: Request) -> Question:
        self.require(request)
        pixels = the_picture(request, "A classifier of answers")
        inputs = picture_inputs(self.image_processor, pixels)
        return Question(bare_question(request.prompt), inputs, self._outputs(request))

    def _outputs(self, request: Request) -> tuple[tuple[int, ...], ...]:
        if not isinstance(request, ChooseRequest):
            return ()
        found = outputs_of(request.options, self.labels)
        if not any(found):
            raise SampleError(
                f"None of the options ({shown(request.options)}) is among the answers that the model knows."
            )
        return found

    def generate(self, prepared: Sequence[Question]) -> list[TextAnswer]:
        answers: dict[int, TextAnswer] = {}
        for places, rows in self._answer_logprobs(prepared):
            answers |= {
                place: TextAnswer(self.labels[best])
                for place, best in zip(places, rows.argmax(-1).tolist(), strict=True)
            }
        return [answers[place] for place in range(len(prepared))]

    def choose(self, prepared: Sequence[Question]) -> list[ChoiceAnswer]:
        answers = {}
        for places, rows in self._answer_logprobs(prepared):
            for place, row in zip(places, rows, strict=True):
                outputs = prepared[place].outputs
                known = iter(merged(row, [fits for fits in outputs if fits]))
                answers[place] = ChoiceAnswer(tuple(next(known) if fits else UNKNOWN for fits in outputs))
        return [answers[place] for place in range(len(prepared))]

    def _answer_logprobs(self, prepared: Sequence[Question]) -> Iterator[tuple[list[int], Tensor]]:
        """Places of questions, and their log-probabilities of all answers, shape (places, answers), on the CPU."""
        for places, pictures in same_shaped([question.inputs for question in prepared]):
            inputs = {**self._texts([prepared[place].text for place in places]), **pictures}
            # ViLT shuffles its patches by lot: without a seed, the last digits would differ from run to run.
            with torch.inference_mode(), torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(self.setup.seed)
                logits = self.model(**self.on_device(inputs)).logits.float()
            yield places, logits.log_softmax(-1).cpu()

    def _texts(self, texts: Sequence[str]) -> Inputs:
        """The questions as tokens with a mask, padded to the longest."""
        longest = self.tokenizer.model_max_length
        places = getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or longest
        return dict(
            self.tokenizer(
                list(texts),
                padding=True,
                padding_side="right",  # position 0 is the first token's, as in training
                truncation=True,
                max_length=min(longest, places),
                return_tensors="pt",
            )
        )


def bare_question(prompt: str) -> str:
    """A question without the words that tell a model how to write: "Question: Is it red? Answer:" is "Is it red?"."""
    found = _FRAME.fullmatch(_LETTERED.sub("", prompt).strip())
    return (found[1] if found else "") or prompt.strip()
