"""Texts for contrastive models: each option as the mean of what a text tower makes of it under several templates."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from velm_bench.models.huggingface.encoding import Inputs

KEPT = 32768
"""How many options' embeddings are kept from one batch to the next."""
TEXTS = 256
"""How many texts are embedded at once."""
UNBOUNDED = 10**6
"""A tokenizer that takes more tokens than this knows no bound."""


@dataclass(frozen=True)
class Texts:
    """How a text tower takes its texts."""

    tokenizer: Any
    longest: int | None
    """The most tokens that it takes, beyond which texts are cut; None where nothing says."""
    fixed: bool
    """Whether each text is padded to that many tokens."""

    @classmethod
    def of(cls, tokenizer: Any, model: Any, processor: Any) -> Texts:
        """What tokenizer, model and processor say.

        The processor may ask for a fixed length. Models of a sigmoid (they have a logit bias), and those without an
        attention mask, cannot tell padding from text: they are asked at the length at which they were trained, that of
        the whole text tower. For all others padding makes no difference, and there is none.
        """
        said: Mapping[str, Any] = getattr(type(processor), "text_kwargs", {})
        asked = said.get("padding") == "max_length"
        blind = "attention_mask" not in tokenizer.model_input_names or hasattr(model, "logit_bias")
        places = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        bounds = [said.get("max_length") if asked else None, tokenizer.model_max_length, places]
        known = [int(bound) for bound in bounds if bound and 0 < bound < UNBOUNDED]
        return cls(tokenizer, min(known) if known else None, bool(known) and (asked or blind))

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Inputs]]:
        """The texts as tokens, in batches of one length each, with their places."""
        given = self.tokenizer(
            list(texts),
            padding="max_length" if self.fixed else False,
            truncation=self.longest is not None,
            max_length=self.longest,
        )
        lengths: dict[int, list[int]] = {}
        for place, ids in enumerate(given["input_ids"]):
            lengths.setdefault(len(ids), []).append(place)
        for places in lengths.values():
            for start in range(0, len(places), TEXTS):
                part = places[start : start + TEXTS]
                yield part, {name: torch.tensor([rows[place] for place in part]) for name, rows in given.items()}


Key = tuple[tuple[str, ...], tuple[str, ...]]
"""Options, and the templates under which they are known."""


@dataclass
class Ensembles:
    """The embeddings of options, kept while there are not too many."""

    texts: Texts
    embed: Callable[[Inputs], Tensor]
    """The normalised embeddings of a batch of texts, shape (texts, width)."""
    kept: OrderedDict[Key, Tensor] = field(default_factory=OrderedDict)
    """What is known, the longest unused first."""

    def of(self, keys: Sequence[Key]) -> list[Tensor]:
        """For each key a row per option, shape (options, width): the normalised mean under all templates."""
        wanted = dict.fromkeys(keys)
        lacking = [key for key in wanted if key not in self.kept]
        rows = iter(self._rows([(option, templates) for options, templates in lacking for option in options]))
        for key in wanted:
            self.kept[key] = self.kept.pop(key) if key in self.kept else torch.stack([next(rows) for _ in key[0]])
        found = [self.kept[key] for key in keys]
        while len(self.kept) > 1 and sum(map(len, self.kept.values())) > KEPT:
            self.kept.popitem(last=False)
        return found

    def _rows(self, labels: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[Tensor]:
        """The embedding of each label under its templates, shape (width,)."""
        for part in _parts(labels):
            texts = [template.format(label=label) for label, templates in part for template in templates]
            vectors = iter(self._vectors(texts))
            for _, templates in part:
                yield unit(torch.stack([next(vectors) for _ in templates]).mean(0))

    def _vectors(self, texts: Sequence[str]) -> list[Tensor]:
        """The embedding of each text, shape (width,); what is there twice is embedded once."""
        different = list(dict.fromkeys(texts))
        found: dict[str, Tensor] = {}
        for places, inputs in self.texts.batches(different) if different else ():
            found |= dict(zip([different[place] for place in places], self.embed(inputs), strict=True))
        return [found[text] for text in texts]


def _parts(labels: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[Sequence[tuple[str, tuple[str, ...]]]]:
    """The labels a few at a time, so that not all texts of a thousand labels wait in memory."""
    size = max(1, 16 * TEXTS // max((len(templates) for _, templates in labels), default=1))
    return (labels[start : start + size] for start in range(0, len(labels), size))


def unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1 along the last axis, in float32."""
    long = vectors.float()
    found: Tensor = long / long.norm(dim=-1, keepdim=True)
    return found
