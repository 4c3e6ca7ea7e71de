"""Models that write: free generation, and choosing by the likelihood of what would be written."""

from __future__ import annotations

import copy
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from velm_bench.digests import digest_json
from velm_bench.errors import SampleError, VelmError
from velm_bench.metrics.neural.checkpoints import quiet
from velm_bench.models.huggingface import decoding
from velm_bench.models.huggingface.base import HuggingFaceModel, reason_of
from velm_bench.models.huggingface.collate import (
    Inputs,
    Padding,
    Ways,
    groups,
    stack,
    text_length,
    text_name,
    with_column,
    without_column,
)
from velm_bench.models.huggingface.conversation import Conversation, template_of
from velm_bench.models.huggingface.decoding import Decoding
from velm_bench.models.huggingface.likelihood import option_logprobs, option_tokens
from velm_bench.models.huggingface.probing import first_scores, probe
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Request,
    TextAnswer,
)

T = TypeVar("T")
PROBE = "What is in this picture, and where?"
MATE = "What is in these pictures, and where? Say it in one sentence."
"""The texts with which a model's ways are found out."""
A_PICTURE = 1000
"""What a picture counts in the cost of a request, in characters."""


@dataclass(frozen=True)
class Prepared:
    """A request made ready."""

    inputs: Inputs
    """What the processor made of it, a batch of one."""
    decoding: Decoding | None = None
    """How to write; None where options are weighed."""
    options: tuple[tuple[int, ...], ...] = ()
    """The tokens of each option."""


class WritingModel(HuggingFaceModel):
    """A model with transformers' `generate`. An adapter says what a request becomes: `encode`."""

    abilities = frozenset({Ability.GENERATE, Ability.CHOOSE})
    honoured: ClassVar[frozenset[str]] = frozenset({"system", "chat_template", "chat", "thinking", "prompt"})
    version: ClassVar[int] = 2
    found: Ways = Ways()
    """What was found out about the loaded model: how its samples can be put together."""

    @abstractmethod
    def encode(self, request: Request, text: str) -> Inputs:
        """The tensors of a request whose text is `text`, a batch of one."""

    def probes(self) -> tuple[Request, Request]:
        """A request, and a longer one to be put beside it, for finding out what the model does with padding."""
        return GenerateRequest("", (), PROBE), GenerateRequest("", (), MATE)

    @cached_property
    def conversation(self) -> Conversation:
        """How requests become text; UsageError for options that mean nothing to the checkpoint's chat template."""
        template = template_of(self.template_holders(), self.options, self.checkpoint.name)
        return Conversation(self.checkpoint.name, self.options, template, "", shows=False)

    def template_holders(self) -> list[Any]:
        """What may hold the checkpoint's chat template, the first first."""
        return [self.tokenizer]

    @property
    def converses(self) -> bool:  # type: ignore[override]
        """Whether system prompts and worked examples have a place."""
        return True

    # ---------------------------------------------------------------- opening

    def load(self) -> None:
        _ = self.conversation  # on this thread, and before the weights: an option that is refused is refused at once
        super().load()

    def _find_out(self) -> None:
        decoding.strip_taste(self.model, self.pad, self.tokenizer.eos_token_id)
        with quiet(), self._named(f"'{self.checkpoint.name}' cannot write"):
            plain, mate = self.probes()
            bare = replace(plain, images=())
            self.found = probe(self, self._probed(plain), self._if_taken(mate), self._if_taken(bare))

    def _compile(self) -> None:
        super()._compile()
        with quiet(), self._named("--model-arg compile=true cannot be heeded here"):
            first_scores(self, [self._probed(self.probes()[0])], Padding.LEFT)

    def _if_taken(self, request: Request) -> Inputs | None:
        """A request's tensors; None where it has more or fewer pictures than the processor or the template takes."""
        try:
            return self._probed(request)
        except Exception:  # each refuses in a way of its own
            return None

    def _probed(self, request: Request) -> Inputs:
        return self.encode(request, self.conversation.text(request, self.tokenizer))

    def _details(self) -> dict[str, Any]:
        held = "generation_config.json"
        ignored = decoding.taste(self.checkpoint.json(held)) if self.checkpoint.has(held) else {}
        return super()._details() | ({"ignored_generation_settings": ignored} if ignored else {})

    @cached_property
    def _closing(self) -> frozenset[int]:
        """The tokens with which the tokenizer ends a text by itself."""
        last = self.tokenizer("a")["input_ids"][-1]
        return frozenset({last} & {self.tokenizer.eos_token_id, self.tokenizer.sep_token_id})

    @cached_property
    def continues(self) -> bool:
        """Whether what is written goes on from the prompt, rather than being a decoder's own text."""
        config = self.model.config
        return not (config.is_encoder_decoder or config.get_text_config(decoder=True).is_encoder_decoder)

    @cached_property
    def _mine(self) -> threading.local:
        """Each thread's copy of the tokenizer and what holds it: tokenizers cannot be used by two at a time."""
        return threading.local()

    def own(self, make: Callable[[], T], name: str) -> T:
        """This thread's object of that name, made at its first use."""
        if not hasattr(self._mine, name):
            setattr(self._mine, name, make())
        found: T = getattr(self._mine, name)
        return found

    @property
    def own_tokenizer(self) -> Any:
        """This thread's copy of the tokenizer."""
        return self.own(lambda: copy.deepcopy(self.tokenizer), "tokenizer")

    # ---------------------------------------------------------------- preparing, on several threads

    def cost(self, request: Request) -> int:
        shots = sum(len(shot.prompt) + len(shot.answer) for shot in request.shots)
        return super().cost(request) + shots + A_PICTURE * len(request.pictures)

    def prepare(self, request: Request) -> Prepared:
        if self.model is None:  # the engine loads first, since threads cannot
            self.load()
        text = self.conversation.text(request, self.own_tokenizer)
        inputs = self._opened(self._encoded(request, text))
        self._fits(text_length(inputs))
        if isinstance(request, ChooseRequest):
            return Prepared(inputs, options=self._options(request, text, inputs))
        if isinstance(request, GenerateRequest):
            return Prepared(inputs, self._decoding(request, self._room(inputs)))
        raise self._cannot(request.ability)

    def _options(self, request: ChooseRequest, text: str, inputs: Inputs) -> tuple[tuple[int, ...], ...]:
        """The tokens of each option behind a text, which the model reads as `inputs`."""
        behind = self._behind(inputs)
        read = inputs[text_name(inputs)][0].tolist() if behind else ()
        options = option_tokens(self.own_tokenizer, text if behind else "", request.said, read)
        room = self._room(inputs)
        if room is not None and max(map(len, options), default=0) > room:
            raise SampleError("An option does not fit into the model's context behind the prompt: shorten them.")
        return tuple(map(tuple, options))

    def _behind(self, inputs: Inputs) -> bool:
        """Whether what is written stands behind the text, and not in a decoder of its own."""
        return self.continues or text_name(inputs).startswith("decoder_")

    def _encoded(self, request: Request, text: str) -> Inputs:
        try:
            return self.encode(request, text)
        except (VelmError, MemoryError):
            raise
        except Exception as error:  # each processor refuses in a way of its own
            raise SampleError(f"The processor does not take this sample: {reason_of(error)}") from error

    def require(self, request: Request) -> None:
        if isinstance(request, GenerateRequest):
            self.require_honoured(request.generation, decoding.HONOURED)
            decoding.check(request.generation)

    def _decoding(self, request: GenerateRequest, left: int | None) -> Decoding:
        self.require(request)
        wanted = request.generation.max_new_tokens
        drawn = request.generation.temperature > 0
        seed = int(digest_json([self.setup.seed, request.digest()])[:15], 16) if drawn else 0
        return Decoding(request.generation, wanted if left is None else min(wanted, left), seed)

    def _opened(self, inputs: Inputs) -> Inputs:
        """A prompt that the model is to go on from must not be closed, as some tokenizers do (GIT's [SEP]); but a model
        that takes the last token off by itself (BLIP) must have one that may go."""
        if "input_ids" not in inputs or not self.continues:
            return inputs
        ids = inputs["input_ids"]
        if not ids.shape[1]:
            raise SampleError("The prompt of this sample has no tokens: give its task one.")
        closed = ids.shape[1] > 1 and int(ids[0, -1]) in self._closing
        if self.found.takes_off_last:
            return inputs if closed else with_column(inputs, self.tokenizer.pad_token_id)
        return without_column(inputs) if closed else inputs

    @cached_property
    def context(self) -> int | None:
        """The most tokens that the model's positions know; None where they do not end."""
        found = getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        return int(found) if found else None

    def _room(self, inputs: Inputs) -> int | None:
        """How many tokens can be written behind a prompt; None where there is no end."""
        if self.context is None:
            return None
        return self.context - (text_length(inputs) if self._behind(inputs) else 1)

    def _fits(self, length: int) -> None:
        if self.context is not None and length >= self.context:
            raise SampleError(
                f"The prompt has {length} tokens and the model's context {self.context}: ask with fewer worked "
                "examples, shorter texts or fewer tokens per picture."
            )

    # ---------------------------------------------------------------- answering

    @torch.inference_mode()
    def generate(self, prepared: Sequence[Any]) -> list[TextAnswer]:
        answers: dict[int, TextAnswer] = {}
        for place in self._grouped(prepared):
            group = [prepared[index] for index in place]
            answers |= dict(zip(place, self._write(group), strict=True))
        return [answers[index] for index in range(len(prepared))]

    @torch.inference_mode()
    def choose(self, prepared: Sequence[Any]) -> list[ChoiceAnswer]:
        answers: dict[int, ChoiceAnswer] = {}
        for place in self._grouped(prepared):
            group = [prepared[index] for index in place]
            sums = option_logprobs(self.model, self.batch(group), [one.options for one in group], self.pad)
            for index, one, logprobs in zip(place, group, sums, strict=True):
                answers[index] = ChoiceAnswer(tuple(logprobs), tuple(map(len, one.options)))
        return [answers[index] for index in range(len(prepared))]

    def _grouped(self, prepared: Sequence[Prepared]) -> list[list[int]]:
        """Which requests are asked together: those that stack, and are written alike."""
        by_decoding: dict[Any, list[int]] = {}
        for index, one in enumerate(prepared):
            by_decoding.setdefault(one.decoding.group if one.decoding else None, []).append(index)
        return [
            [places[index] for index in group]
            for places in by_decoding.values()
            for group in groups([prepared[place].inputs for place in places], self.found)
        ]

    @property
    def pad(self) -> int:
        """The token that texts are padded with."""
        return int(self.tokenizer.pad_token_id)

    def batch(self, group: Sequence[Prepared]) -> dict[str, Tensor]:
        """The tensors of a group on the model's device."""
        return self.on_device(stack([one.inputs for one in group], self.pad, self.found.side(group[0].inputs)))

    def _write(self, group: Sequence[Prepared]) -> list[TextAnswer]:
        decodings = [one.decoding for one in group if one.decoding]
        batch = self.batch(group)
        watch = decoding.Watch(decodings, self.tokenizer)
        mask = batch.get("attention_mask") if "input_ids" in batch and self.continues else None
        written = self.model.generate(
            **batch,
            generation_config=decoding.settings(decodings),
            logits_processor=decoding.processors(decodings, mask),
            stopping_criteria=[watch],
        )
        rows = written[:, watch.start :].tolist()
        return [self._answer(row, one) for row, one in zip(rows, decodings, strict=True)]

    def _answer(self, row: Sequence[int], how: Decoding) -> TextAnswer:
        ends = self._ends | decoding.stop_tokens(how.generation.stop, self.tokenizer)
        tokens = decoding.cut(row, how, ends, self.pad)
        text = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return TextAnswer(decoding.until(text, how.generation.stop).strip(), len(tokens))

    @cached_property
    def _ends(self) -> frozenset[int]:
        """The tokens at which the model, or the part of it that writes, ends."""
        found = {getattr(self.model.config.get_text_config(decoder=True), "sep_token_id", None)}
        for module in self.model.modules():
            own = getattr(getattr(module, "generation_config", None), "eos_token_id", None)
            found |= set(own if isinstance(own, list) else [own])
        return frozenset(token for token in found if token is not None)
