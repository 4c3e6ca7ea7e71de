"""How the samples of each kind become texts to learn from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from tokenizers import Tokenizer

from velm_bench.iob import entities
from velm_bench.reference.data.base import ENTITIES, Segment
from velm_bench.reference.data.settings import DataSettings
from velm_bench.reference.processing import encode_answer, encode_prompt, encode_words, mark, windows
from velm_bench.reference.settings import IGNORED
from velm_bench.samples import Sample
from velm_bench.tasks.base import Kind

Draw = np.random.Generator | None
"""What decides where there is a choice; None to judge by, where the choice is always the same."""


class Lines(ABC):
    """The texts of one kind's samples, each of at most `limit` tokens."""

    def __init__(
        self, data: DataSettings, tags: Sequence[str], limit: int, known: Callable[[], Iterable[Sample]]
    ) -> None:
        """`known` gives the samples that are trained on."""
        self.data, self.tags, self.limit, self.known = data, tuple(tags), limit, known

    @abstractmethod
    def segments(self, tokenizer: Tokenizer, kind: Kind, sample: Sample, draw: Draw) -> list[Segment]:
        """What is to be read and predicted of a sample."""

    @abstractmethod
    def corpus(self, kind: Kind, sample: Sample) -> Iterator[str]:
        """A sample's texts as a tokenizer should know them."""


class Answers(Lines):
    """A prompt, and an answer that is to be written after it."""

    name: ClassVar[str]
    """The segments' kind, under which the answers are judged."""

    def answers(self, kind: Kind, sample: Sample, draw: Draw) -> list[str]:
        """The right answers to be learned this time: one, drawn as often as it is given, or the kind's truth."""
        if draw is None:
            return [str(kind.truth(sample))]
        return [str(sample.references[draw.integers(len(sample.references))])]

    def pair(self, answer: str) -> str:
        """What of an answer describes the picture by itself."""
        return ""

    def segments(self, tokenizer: Tokenizer, kind: Kind, sample: Sample, draw: Draw) -> list[Segment]:
        prompt = kind.text(sample)
        return [self._segment(tokenizer, prompt, answer) for answer in self.answers(kind, sample, draw)]

    def _segment(self, tokenizer: Tokenizer, prompt: str, answer: str) -> Segment:
        """A prompt that is too long loses its beginning, as in answering; an answer that is, its end."""
        written = encode_answer(tokenizer, answer)[: self.limit // 2]
        asked = encode_prompt(tokenizer, prompt, self.limit - len(written))
        return Segment(self.name, (*asked, *written), len(asked), pair=self.pair(answer))

    def corpus(self, kind: Kind, sample: Sample) -> Iterator[str]:
        yield kind.text(sample).removeprefix("Question:").removesuffix(" Answer:")
        yield from (f" {str(reference).strip()}" for reference in sample.references)


class Questions(Answers):
    """A question and one of the annotators' answers."""

    name = "vqa"


class Labels(Answers):
    """A question and the label of the picture."""

    name = "class"

    def pair(self, answer: str) -> str:
        return answer


class Captions(Answers):
    """Some of the captions that people wrote."""

    name = "caption"

    def answers(self, kind: Kind, sample: Sample, draw: Draw) -> list[str]:
        captions = [str(reference) for reference in sample.references]
        if draw is None:
            return captions[:1]
        return [captions[i] for i in draw.permutation(len(captions))[: self.data.captions]]

    def pair(self, answer: str) -> str:
        return answer


class Sentences(Lines):
    """Words and their tags; a sentence that is too long is read in windows, as in answering."""

    def segments(self, tokenizer: Tokenizer, kind: Kind, sample: Sample, draw: Draw) -> list[Segment]:
        asked = kind.text(sample)
        before = encode_prompt(tokenizer, asked, self.limit // 4) if asked.strip() else []
        before = [*before, mark(tokenizer, "tag")]
        words, tags = [str(word) for word in sample.inputs["tokens"]], [str(tag) for tag in sample.references]
        if draw is not None:
            words, tags = self._swapped(words, tags, draw)
        pieces = self._pieces(tokenizer, words, draw)
        spans = windows([len(piece) for piece in pieces], self.limit - len(before))
        return [self._segment(before, pieces[slice(*span)], tags[slice(*span)]) for span in spans]

    def _swapped(
        self, words: Sequence[str], tags: Sequence[str], draw: np.random.Generator
    ) -> tuple[list[str], list[str]]:
        """The sentence with others in the place of some entities."""
        new_words, new_tags, at = list(words), list(tags), 0
        found = entities(tags) if self.data.swap_entities else []
        for label, start, end in found:
            if draw.random() >= self.data.swap_entities:
                continue
            names = self._names[label]
            name = names[draw.integers(len(names))]
            new_words[start + at : end + at] = name
            new_tags[start + at : end + at] = [f"B-{label}", *[f"I-{label}"] * (len(name) - 1)]
            at += len(name) - (end - start)
        return new_words, new_tags

    @cached_property
    def _names(self) -> dict[str, list[tuple[str, ...]]]:
        """The entities of each type, as often as they are in the data."""
        names: dict[str, list[tuple[str, ...]]] = {}
        for sample in self.known():
            for label, start, end in entities([str(tag) for tag in sample.references]):
                names.setdefault(label, []).append(tuple(str(word) for word in sample.inputs["tokens"][start:end]))
        return names

    def _pieces(self, tokenizer: Tokenizer, words: Sequence[str], draw: Draw) -> list[list[int]]:
        """The tokens of each word, some cut elsewhere than the tokenizer would, some hidden."""
        pieces = encode_words(tokenizer, words)
        if draw is None:
            return pieces
        chosen = draw.random(len(words)) < self.data.split_words
        cut = {i: int(draw.integers(1, len(word))) for i, word in enumerate(words) if chosen[i] and len(word) > 1}
        starts = encode_words(tokenizer, [words[i][:place] for i, place in cut.items()])
        ends = tokenizer.encode_batch([words[i][place:] for i, place in cut.items()], add_special_tokens=False)
        for i, start, end in zip(cut, starts, ends, strict=True):
            pieces[i] = [*start, *end.ids]
        hidden = [mark(tokenizer, "eos")]
        shown = draw.random(len(words)) >= self.data.hide_words
        return [piece if shown[i] else hidden for i, piece in enumerate(pieces)]

    def _segment(self, before: Sequence[int], words: Sequence[Sequence[int]], tags: Sequence[str]) -> Segment:
        tokens, numbers = list(before), [IGNORED] * len(before)
        for word, tag in zip(words, tags, strict=True):
            tokens += word
            numbers += [self.tags.index(tag), *[IGNORED] * (len(word) - 1)]
        return Segment(ENTITIES, tuple(tokens[: self.limit]), tags=tuple(numbers[: self.limit]))

    def corpus(self, kind: Kind, sample: Sample) -> Iterator[str]:
        yield from (f" {word}" for word in sample.inputs["tokens"])


LINES: dict[str, type[Lines]] = {
    "vqa": Questions,
    "classification": Labels,
    "captioning": Captions,
    "ner": Sentences,
}
"""By kind."""
