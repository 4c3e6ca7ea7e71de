"""The reference model: a picture and text in, hidden states, next words, tags and embeddings out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    Cache,
    GenerationMixin,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteriaList,
    SuppressTokensLogitsProcessor,
)
from transformers.utils.generic import ModelOutput

from velm_bench.reference.adaptation import PrefixTuning, adapter, freeze
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.fusion import FUSIONS, Fusion, Sight
from velm_bench.reference.generating import Layout, Seen, VelmOutput, WindowFull
from velm_bench.reference.language import Inject, LanguageModel, sinusoids
from velm_bench.reference.layers import Block
from velm_bench.reference.masks import continued_mask, packed_mask
from velm_bench.reference.settings import IGNORED, PADDING
from velm_bench.reference.vision import ENCODERS, Backbone, VisionEncoder


class Embedder(nn.Module):
    """Pictures and texts as unit vectors of one space, with the slope and offset of their comparison."""

    def __init__(self, vision: int, language: int, width: int) -> None:
        super().__init__()
        self.picture = nn.Linear(2 * vision, width)
        self.text = nn.Linear(language, width)
        self.slope, self.offset = nn.Parameter(torch.tensor([2.3])), nn.Parameter(torch.tensor([-5.0]))

    def compare(self, pictures: Tensor, texts: Tensor) -> Tensor:
        """Logits (texts, pictures) of their belonging together (SigLIP, Zhai et al. 2023, section 3.2)."""
        return texts @ pictures.T * self.slope.exp() + self.offset


class VelmForGeneration(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Vision encoder, fusion and language model, with heads over words (the embeddings' transpose) and over tags."""

    config_class = VelmConfig
    main_input_name = "input_ids"
    _supports_sdpa = True
    _no_split_modules: list[str] = []  # noqa: RUF012 - as its base declares it

    def __init__(self, config: VelmConfig) -> None:
        super().__init__(config)
        settings = config.settings
        self.vision: VisionEncoder | None = _vision(config) if settings.fusion.kind != "none" else None
        self.language = LanguageModel(config.language_backbone, settings.fusion.at)
        self.fusion = Fusion()
        if self.vision is not None:
            self.fusion = FUSIONS[settings.fusion.kind](settings.fusion, self.vision, self.language.width)
        self.tagger = nn.Linear(self.language.width, len(config.tags))
        self.adapter = adapter(settings.adaptation, self.language)
        self.embedder = None
        if settings.embedding and self.vision:
            self.embedder = Embedder(self.vision.width, self.language.width, settings.embedding)
        self.context = config.context
        self.post_init()  # type: ignore[no-untyped-call]
        freeze(self)

    def _init_weights(self, module: nn.Module) -> None:
        """Normal weights of deviation 0.02 (GPT-2, section 2.3), but in convolutions, which keep torch's."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, Block):  # the residual branches, scaled down by their number
            for branch in (module.attention.output, module.mlp.narrow):
                nn.init.normal_(branch.weight, std=0.02 / 12**0.5)

    @classmethod
    def from_pretrained(cls, *where: Any, **how: Any) -> Any:
        """As transformers does; what the adaptation freezes stays frozen."""
        loading: Any = super()
        found = loading.from_pretrained(*where, **how)
        freeze(found[0] if isinstance(found, tuple) else found)
        return found

    def start_positions(self) -> None:
        """Let a GPT-2's learned positions begin as sinusoids, so that unseen ones are not noise."""
        places = getattr(self.language.backbone, "wpe", None)
        if isinstance(places, nn.Embedding):
            with torch.no_grad():
                places.weight.copy_(0.02 * sinusoids(*places.weight.shape))

    def get_input_embeddings(self) -> nn.Module:
        return self.language.words

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language.backbone.set_input_embeddings(value)

    def head(self, states: Tensor) -> Tensor:
        """Hidden states (..., width) to a logit per word: the embeddings serve as weights."""
        return functional.linear(states, self.language.words.weight)

    def look(self, pixels: Tensor) -> Tensor:
        """Pixels (batch, size, size, 3) uint8 to features (batch, patches, vision width)."""
        if self.vision is None:
            raise ValueError("this model has no vision encoder (fusion none)")
        settings = self.config.settings.vision
        mean = torch.tensor(settings.mean, device=pixels.device)
        deviation = torch.tensor(settings.deviation, device=pixels.device)
        scaled = ((pixels / 255.0 - mean) / deviation).to(self.tagger.weight.dtype)
        features: Tensor = self.vision(scaled.permute(0, 3, 1, 2))
        return features

    def read_packed(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """A packed batch to the text's hidden states (batch, length, width) and the patches' features.

        See `masks.packed_mask` for segments, both_ways, sighted and told; `prompts` marks what the picture may be read
        by; pixels as in `look`, and absent where there is nothing to see.
        """
        features = self.look(batch["pixels"]) if self.vision is not None and "pixels" in batch else None
        length = batch["tokens"].shape[1]
        seen = torch.zeros_like(batch["sighted"]) if features is None else batch["sighted"]
        visual, embeddings, positions = self._sequence(features, batch["tokens"], batch["positions"])
        mask = packed_mask(batch["segments"], batch["both_ways"], seen, batch["told"], visual)
        sight = None if features is None else Sight(features, seen, batch["segments"], batch["prompts"])
        states, _ = self._run(embeddings, positions, mask, sight)
        return states[:, states.shape[1] - length :], features

    def read(self, pixels: Tensor | None, sighted: Tensor, tokens: Tensor, real: Tensor) -> tuple[Tensor, Past]:
        """Prompts, padded on the left: hidden states (batch, length, width) and what later words need.

        `real` (batch, length) is False on padding; at least the last column must be real.
        """
        if not bool(real[:, -1].all()):
            raise ValueError("prompts must be padded on the left")
        features = self.look(pixels) if self.vision is not None and pixels is not None else None
        seen = torch.zeros_like(sighted) if features is None else sighted
        positions = (real.long().cumsum(1) - 1).clamp(min=0)
        visual, embeddings, positions = self._sequence(features, tokens, positions)
        segments = torch.where(real, 0, PADDING)
        mask = packed_mask(segments, torch.zeros_like(real), seen, torch.zeros_like(seen), visual)
        sight = None if features is None else Sight(features, seen, segments, real)
        states, cache = self._run(embeddings, positions, mask, sight, keep=True)
        assert cache is not None
        counts = torch.cat([seen[:, None].expand(-1, visual), real], 1)
        return states[:, visual:], Past(cache, counts, sight)

    def carry_on(self, tokens: Tensor, positions: Tensor, segments: Tensor, past: Past) -> Tensor:
        """New tokens (batch, length) after a past, in segments that do not see each other: their hidden states.

        The past then holds them too.
        """
        sight = None if past.sight is None else past.sight.later(segments)
        mask = continued_mask(past.counts, segments)
        states, _ = self._run(self.language.words(tokens), positions, mask, sight, past.cache)
        past.counts = torch.cat([past.counts, segments != PADDING], 1)
        return states

    def embed_pictures(self, features: Tensor) -> Tensor:
        """Features (batch, patches, width) to unit vectors (batch, embedding)."""
        assert self.embedder is not None
        pooled = torch.cat([features.mean(1), features.amax(1)], 1)
        return functional.normalize(self.embedder.picture(pooled), dim=1)

    def embed_texts(self, states: Tensor) -> Tensor:
        """Hidden states of texts' last tokens (texts, width) to unit vectors (texts, embedding)."""
        assert self.embedder is not None
        return functional.normalize(self.embedder.text(states), dim=1)

    def _sequence(self, features: Tensor | None, tokens: Tensor, positions: Tensor) -> tuple[int, Tensor, Tensor]:
        """How many visual tokens there are, and the embeddings and positions of these and the text."""
        words = self.language.words(tokens)
        visual = None if features is None else self.fusion(features)
        if visual is None:
            return 0, words, positions
        places = torch.zeros(visual.shape[:2], dtype=positions.dtype, device=positions.device)
        return visual.shape[1], torch.cat([visual.to(words), words], 1), torch.cat([places, positions], 1)

    def _run(
        self,
        embeddings: Tensor,
        positions: Tensor,
        mask: Tensor,
        sight: Sight | None,
        past: Cache | None = None,
        keep: bool = False,
    ) -> tuple[Tensor, Cache | None]:
        """The language model's pass, the fusion in it where there is a picture."""
        learned = self.adapter if isinstance(self.adapter, PrefixTuning) else None
        found: tuple[Tensor, Cache | None] = self.language(
            embeddings, positions, mask, past, learned, keep, self._injection(sight)
        )
        return found

    def _injection(self, sight: Sight | None) -> Inject | None:
        """The fusion's change of hidden states in a pass with this sight; rows without a picture stay as they are."""
        if sight is None or not self.fusion.injects:
            return None

        def inject(states: Tensor) -> Tensor:
            return torch.where(sight.sighted[:, None, None], self.fusion.inject(states, sight), states)

        return inject

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        past_key_values: Cache | None = None,
        seen: Seen | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> VelmOutput:
        """Prompts as VelmProcessor makes them to word logits (batch, length, words), and a loss where there are labels.

        pixel_values (batch, size, size, 3) uint8; attention_mask (batch, length), with a cache (batch, past + length).
        Labels (batch, length) are -100 where nothing is asked; as usual, the position before each has to predict it.
        What stands before the first label (without labels: everything) is the prompt, by which `cross_modal` reads the
        picture. A pass that goes on from an earlier one takes its `past_key_values` and its `seen`.
        """
        past = None if seen is None else past_key_values
        if attention_mask is None:  # also where transformers drops one that holds only ones
            attention_mask = input_ids.new_ones(len(input_ids), self._held(past) + input_ids.shape[1])
        real = attention_mask.bool()
        seen = seen or self._first_look(input_ids, real, pixel_values, labels)
        keep = use_cache if use_cache is not None else labels is None
        states, past = self._follow(input_ids, real, seen, past, keep)
        logits = self.head(states[:, -logits_to_keep:] if logits_to_keep and labels is None else states)
        loss = None
        if labels is not None:
            loss = functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        return VelmOutput(loss=loss, logits=logits, past_key_values=past if keep else None, seen=seen)

    def _held(self, past: Cache | None) -> int:
        """How many tokens a cache holds."""
        if past is None:
            return 0
        learned = self.adapter.length if isinstance(self.adapter, PrefixTuning) else 0
        return int(past.get_seq_length()) - learned

    def _first_look(self, tokens: Tensor, real: Tensor, pixels: Tensor | None, labels: Tensor | None) -> Seen:
        """What a first pass over prompts, (batch, length) of which `real` is no padding, makes known to all passes."""
        features = self.look(pixels) if pixels is not None and self.vision is not None else None
        pictured = (tokens == self.config.image_token_id) & real
        wanted = 0 if features is None else self.fusion.tokens
        if bool((pictured.sum(1) != wanted).any()):
            raise ValueError(
                f"every prompt needs {wanted} image tokens, as VelmProcessor puts before it, "
                f"but there are {pictured.sum(1).tolist()}"
            )
        if features is None:
            return Seen(pictured, None)
        asked = torch.zeros_like(real) if labels is None else labels != IGNORED
        written = real & ~pictured
        prompts = written & (asked.cumsum(1) == 0)
        sighted = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
        return Seen(pictured, Sight(features, sighted, torch.where(written, 0, PADDING), prompts))

    def _follow(
        self, tokens: Tensor, real: Tensor, seen: Seen, past: Cache | None, keep: bool
    ) -> tuple[Tensor, Cache | None]:
        """Hidden states of tokens (batch, new), the last of the sequence that `real` (batch, past + new) describes."""
        new = tokens.shape[1]
        layout = Layout.of(real, seen.pictured, self.context)
        embeddings, sight = self.language.words(tokens), seen.sight
        whole = new == real.shape[1]
        if sight is not None and whole and (visual := self.fusion(sight.features)) is not None:
            places = functional.pad(seen.pictured, (0, new - seen.pictured.shape[1]))
            embeddings = embeddings.masked_scatter(places[:, :, None], visual.to(embeddings))
        if sight is not None and sight.memory:
            sight = sight.later(torch.where(layout.written, 0, PADDING)[:, -new:])
        return self._run(embeddings, layout.positions[:, -new:], layout.mask[:, -new:], sight, past, keep)

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Cache | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        is_first_iteration: bool | None = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The whole prompt and its picture at first; then one word at a time or, without a cache, all words again."""
        seen = kwargs.get("seen")
        return {
            "input_ids": input_ids[:, -1:] if seen is not None and past_key_values is not None else input_ids,
            "pixel_values": kwargs.get("pixel_values") if seen is None else None,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "seen": seen,
            "use_cache": kwargs.get("use_cache"),
            "logits_to_keep": 1,
        }

    def _update_model_kwargs_for_generation(
        self, outputs: ModelOutput, model_kwargs: dict[str, Any], *more: Any, **others: Any
    ) -> dict[str, Any]:
        """What a pass of a generation hands on to the next one."""
        assert isinstance(outputs, VelmOutput)
        handed = super()._update_model_kwargs_for_generation(outputs, model_kwargs, *more, **others)
        return handed | {"seen": outputs.seen}

    def generate(self, *inputs: Any, **kwargs: Any) -> Any:
        """As transformers does; special tokens other than the end are never written, and a full window ends a text.

        Its first argument, or `input_ids`, and the others by name come from VelmProcessor.
        """
        tokens = inputs[0] if inputs else kwargs.get("inputs", kwargs.get("input_ids"))
        if tokens is None:
            raise ValueError("generate needs input_ids, as VelmProcessor makes them")
        mask = kwargs.get("attention_mask")
        real = torch.ones_like(tokens) if mask is None else mask
        prompts = (real.bool() & (tokens != self.config.image_token_id)).sum(1)
        window = WindowFull(prompts, tokens.shape[1], self.context)
        silence = SuppressTokensLogitsProcessor(self.silent, device=str(tokens.device))
        kwargs["stopping_criteria"] = StoppingCriteriaList([*(kwargs.get("stopping_criteria") or []), window])
        kwargs["logits_processor"] = LogitsProcessorList([*(kwargs.get("logits_processor") or []), silence])
        generation: Any = super()
        return generation.generate(*inputs, **kwargs)

    @property
    def silent(self) -> list[int]:
        """The tokens that are never written."""
        config = self.config
        return [config.pad_token_id, config.bos_token_id, config.tag_token_id, config.image_token_id]


@dataclass
class Past:
    """What words that follow prompts need of them."""

    cache: Cache
    counts: Tensor
    """Which of the cached positions may be looked at, (batch, past) bool."""
    sight: Sight | None
    """What the prompts saw; None where there is no picture."""

    def back_to(self, counts: Tensor) -> None:
        """Forget what came after these positions."""
        extra = self.counts.shape[1] - counts.shape[1]
        if extra:
            self.cache.crop(-extra)
        self.counts = counts


def _vision(config: VelmConfig) -> VisionEncoder:
    settings = config.settings.vision
    if "vision" in config.backbones:
        return Backbone(config.backbones["vision"], settings.image_size)
    return ENCODERS[settings.kind](settings)
