"""Token classifiers (BERT, RoBERTa, ...): a label for each word of a sentence, in the task's IOB2 tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from velm_bench.errors import UsageError
from velm_bench.models.huggingface.base import HuggingFaceModel
from velm_bench.models.huggingface.classifying import shown
from velm_bench.models.huggingface.labels import output_labels
from velm_bench.models.huggingface.tagschemes import OUTSIDE, Part, iob2, part_of, parts_for
from velm_bench.models.huggingface.wording import Ids, Wording, batched, spans
from velm_bench.samples import Ability, Request, TagAnswer, TagRequest

TOLERANCE = {"float32": 1e-4}
COARSE = 5e-2
"""By how much of the largest logit padding may change logits, of a dtype not in TOLERANCE, to count as heeded."""


@dataclass(frozen=True)
class Sentence:
    """A request made ready."""

    words: tuple[tuple[int, ...], ...]
    """The sub-tokens of each word; none for a word that the tokenizer drops."""
    parts: tuple[Part, ...]
    """What each label of the model is in the task."""


class TokenClassifier(HuggingFaceModel):
    """Tags words by the likeliest label of their first sub-token.

    A sentence longer than the model is read in overlapping windows; the first half of the words that two of them share
    gets its tags from the first. A word of which the tokenizer leaves nothing gets "O". The model's labels, of whatever
    scheme, become IOB2 tags of the task's types (see tagschemes); types that the task has not become "O", and a task of
    none of whose types the model knows is refused. Prompt and pictures are not read, but a picture that cannot be
    decoded is an error as it is to other models.
    """

    abilities = frozenset({Ability.TAG})

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in order."""
        return output_labels(self.checkpoint.config)

    def _details(self) -> dict[str, Any]:
        kinds = dict.fromkeys(part.kind for part in map(part_of, self.labels) if part != OUTSIDE)
        return {**super()._details(), "entity_types": list(kinds)}

    def load(self) -> None:
        super().load()
        _ = self.wording, self.room, self.pads

    @cached_property
    def wording(self) -> Wording:
        """How the checkpoint's tokenizer takes words apart."""
        from transformers import AutoTokenizer

        return Wording.of(lambda **how: self._part(AutoTokenizer, "tokenizer", **how))

    @cached_property
    def room(self) -> int | None:
        """How many sub-tokens of words the model takes at once; None where nothing bounds them."""
        places = getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 0
        for part in self.model.modules():  # RoBERTa's positions begin behind the one that stands for padding
            if isinstance(part, torch.nn.Embedding) and part.num_embeddings == places and part.padding_idx is not None:
                places -= part.padding_idx + 1
                break
        bounds = [bound for bound in (places, self.wording.longest) if bound and bound > 0]
        return max(1, min(bounds) - self.wording.specials) if bounds else None

    @cached_property
    def pads(self) -> bool:
        """Whether the model heeds the mask, so that padding changes nothing: tried out on two made-up sentences.

        Models that mix words by convolutions or Fourier transforms do not; they get sentences of one length at a time.
        """
        if not self.wording.masks:
            return False
        size = max(1, min(self.room or 9, 9))
        long = tuple(range(5, 5 + size))
        short = long[: max(1, size // 3)]
        alone = self._logits([short])[0]
        together = self._logits([long, short])[1][: len(alone)]
        scale = float(alone.abs().max())
        return float((alone - together).abs().max()) <= TOLERANCE.get(self.dtype, COARSE) * scale

    def cost(self, request: Request) -> int:
        """Letters; UsageError for a task that this tagger has no labels for."""
        self._parts(request)
        return sum(map(len, getattr(request, "tokens", ())))

    def prepare(self, request: Request) -> Sentence:
        for picture in request.pictures:
            picture.decode()
        parts = self._parts(request)
        assert isinstance(request, TagRequest)
        return Sentence(self.wording.pieces(request.tokens), parts)

    def _parts(self, request: Request) -> tuple[Part, ...]:
        if not isinstance(request, TagRequest):
            raise self._cannot(request.ability)
        parts = _parts_for(self.labels, request.labels)
        if all(part == OUTSIDE for part in parts):
            raise UsageError(
                f"The model '{self.identity.name}' tags none of the task's entity types: its labels are "
                f"{shown(self.labels)}, the task's tags {shown(request.labels)}; give it a task with such types."
            )
        return parts

    def tag(self, prepared: Sequence[Sentence]) -> list[TagAnswer]:
        read = [span for place, one in enumerate(prepared) for span in spans(place, one.words, self.room)]
        labels: list[dict[int, int]] = [{} for _ in prepared]
        for batch in batched(read, len(prepared), self.pads):
            best = self._logits([span.ids for span in batch]).argmax(-1).tolist()
            for span, row in zip(batch, best, strict=True):
                labels[span.sentence] |= {word: row[place] for word, place in span.firsts.items()}
        return [_answer(sentence, found) for sentence, found in zip(prepared, labels, strict=True)]

    def _logits(self, rows: Sequence[Ids]) -> Tensor:
        """Logits of the labels of each sub-token, shape (rows, longest row or more, labels), float32, on the CPU."""
        with torch.inference_mode():
            logits: Tensor = self.model(**self.on_device(self.wording.batch(rows))).logits
        return logits[:, len(self.wording.before) :].float().cpu()


_parts_for = lru_cache(maxsize=64)(parts_for)


def _answer(sentence: Sentence, labels: Mapping[int, int]) -> TagAnswer:
    parts = [sentence.parts[labels[word]] if word in labels else OUTSIDE for word in range(len(sentence.words))]
    return TagAnswer(iob2(parts))
