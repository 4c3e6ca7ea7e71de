"""The embedded scenes as a textbook: every training scene has a sentence, a class, captions and questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from velm_bench.reference.data.base import TOLD, Batch, Segment, Textbook, completion, encoded, pack
from velm_bench.reference.processing import CAPTION, CLASS, QUESTION, encode_words, mark
from velm_bench.reference.settings import IGNORED, TAGS
from velm_bench.samples import Pixels
from velm_bench.sources import scenes
from velm_bench.sources.scenes.classes import CLASSES, class_label
from velm_bench.sources.scenes.entities import entity_sentence
from velm_bench.sources.scenes.graph import COLOURS, ICON_KINDS, SHAPES, SIZES, TEXTURES, Scene, Thing
from velm_bench.sources.scenes.words import place

LOOKS = (1 + len(SHAPES) + len(ICON_KINDS), len(COLOURS), len(SIZES), len(TEXTURES))
"""How many classes each question to a patch has: shape (0 is nothing), colour, size, texture."""

_KINDS = {name: i + 1 for i, name in enumerate((*SHAPES, *ICON_KINDS))}
_BLIND, _TOLD = 1, 2
"""What a scene's draws are for."""


@dataclass(frozen=True)
class SceneBook(Textbook):
    """What is taken from each scene; a row's number is its scene's index."""

    size: int
    """Side of the pictures in pixels; 0 where the model sees none."""
    grid: int
    """Patches along a side."""
    length: int
    """Text tokens per picture: segments are added while they fit."""
    captions: int
    blind: float
    """The share of pictures whose text does not see them, so that text alone is known too."""
    told: float = 0.0
    """The share of scenes whose texts read a written description instead of the picture."""
    tokenizer_scenes: int = 3000
    """How many scenes `corpus` holds."""

    def corpus(self) -> Iterator[str]:
        yield from (CAPTION, CLASS, *CLASSES) * 50
        for index in range(self.tokenizer_scenes):
            yield from (f" {caption}" for caption in scenes.captions("train", index))
            for question in scenes.training_questions(index):
                yield QUESTION.format(question=question.text).removeprefix("Question:").removesuffix(" Answer:")
                yield f" {question.answer}"
            yield from (f" {word}" for word in entity_sentence("train", index).tokens)
            if self.told:
                yield f" {description(scenes.scene('train', index))}"

    def batch(self, tokenizer: Tokenizer, numbers: Sequence[int], texts: bool = True) -> Batch:
        batch: Batch = {}
        if self.size:
            batch = lessons("train", numbers, self.size, self.grid)
            batch["classes"] = np.full(len(numbers), IGNORED, np.int32)  # the lessons say more
        if texts or not self.size:
            batch |= pack([self.segments(tokenizer, index) for index in numbers], self.length)
            seen = [self.size > 0 and not self.is_told(i) and _draw(i, _BLIND) >= self.blind for i in numbers]
            batch["sighted"] = np.array(seen, np.bool_)
        return batch

    def is_told(self, index: int) -> bool:
        """Whether this scene's row begins with a description."""
        return _draw(index, _TOLD) < self.told

    def segments(self, tokenizer: Tokenizer, index: int) -> list[Segment]:
        """The texts of a training scene in order of precedence: sentence, class, captions, then questions."""
        draw = np.random.Generator(np.random.Philox(key=index))
        captions = [str(text) for text in scenes.captions("train", index)]
        chosen = draw.permutation(len(captions))[: self.captions]
        questions = list(scenes.training_questions(index))
        segments = [_description(tokenizer, "train", index)] if self.is_told(index) else []
        segments += [_sentence(tokenizer, "train", index), _class(tokenizer, "train", index)]
        segments += [_caption(tokenizer, captions[i]) for i in chosen]
        for i in draw.permutation(len(questions)):
            prompt = _worded(questions[i].text, float(draw.random()))
            segments.append(completion(tokenizer, f"vqa/{questions[i].type}", prompt, questions[i].answer, 1.0))
        return segments

    def checks(self, tokenizer: Tokenizer, count: int) -> list[list[Segment]]:
        """Told as often as in training where there are no pictures: with pictures, it is sight that is judged."""
        told = [not self.size and self.is_told(index) for index in range(count)]
        return [check_segments(tokenizer, "val", index, told[index]) for index in range(count)]

    def check_pixels(self, numbers: Sequence[int]) -> Pixels | None:
        if not self.size:
            return None
        return np.stack([scenes.render(scenes.scene("val", index), self.size) for index in numbers])


def check_segments(tokenizer: Tokenizer, split: str, index: int, told: bool = False) -> list[Segment]:
    """The texts by which a model is judged on a scene of a validation split; one caption stands for the five."""
    segments = [_description(tokenizer, split, index)] if told else []
    segments += [_sentence(tokenizer, split, index), _class(tokenizer, split, index)]
    segments.append(_caption(tokenizer, str(scenes.captions(split, index)[0])))
    for question in scenes.questions(split, index):
        prompt = QUESTION.format(question=question.text)
        segments.append(completion(tokenizer, f"vqa/{question.type}", prompt, question.answer, 1.0))
    return segments


def lessons(split: str, indices: Sequence[int], size: int, grid: int) -> Batch:
    """Pictures (n, size, size, 3) uint8 and, for `teacher.SightTeacher`, looks, centres, offsets and visual tags."""
    seen = [scenes.scene(split, index) for index in indices]
    cells = [_cells(one, grid) for one in seen]
    tags = np.zeros((len(seen), len(scenes.VISUAL_TAGS)), np.float32)
    for row, one in enumerate(seen):
        tags[row] = _tags(one)
    return {
        "pixels": np.stack([scenes.render(one, size) for one in seen]),
        "looks": np.stack([looks for looks, _, _ in cells]),
        "centres": np.stack([centres for _, centres, _ in cells]),
        "offsets": np.stack([offsets for _, _, offsets in cells]),
        "visual_tags": tags,
    }


def description(one: Scene) -> str:
    """What is where, by the graph's own words, from left to right: all that questions may ask for, in text."""
    things = sorted(one.things, key=lambda thing: (thing.x, thing.y))
    return f"{', '.join(map(_phrase, things))}, {one.background.name} background"


def _phrase(thing: Thing) -> str:
    looks = (thing.colour,) if thing.is_icon else (thing.size, thing.texture, thing.colour)
    return f"{' '.join(looks)} {thing.shape} {place(thing)}"


def _draw(index: int, purpose: int) -> float:
    return float(np.random.Generator(np.random.Philox(key=[index, purpose])).random())


def _tags(one: Scene) -> NDArray[np.float32]:
    shown = set(scenes.visual_tags(one))
    return np.array([tag in shown for tag in scenes.VISUAL_TAGS], np.float32)


def _cells(one: Scene, grid: int) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Per patch: what covers its centre (grid², 4), whether a thing's centre is in it, and where that centre is."""
    looks = np.full((grid * grid, len(LOOKS)), IGNORED, np.int32)
    looks[:, 0] = 0
    centres = np.zeros(grid * grid, np.float32)
    offsets = np.full((grid * grid, 2), np.nan, np.float32)
    middle = (np.arange(grid) + 0.5) * (1024 / grid)
    for thing in one.things:
        near = (middle[None, :] - thing.x) ** 2 + (middle[:, None] - thing.y) ** 2 <= thing.scale**2
        covered = near.ravel()
        looks[covered] = _look(thing)
        offsets[covered] = (thing.x / 512 - 1, thing.y / 512 - 1)
        centres[min(grid - 1, thing.y * grid // 1024) * grid + min(grid - 1, thing.x * grid // 1024)] = 1
    return looks, centres, offsets


def _look(thing: Thing) -> tuple[int, int, int, int]:
    return _KINDS[thing.shape], COLOURS.index(thing.colour), SIZES.index(thing.size), TEXTURES.index(thing.texture)


def _worded(text: str, draw: float) -> str:
    """A question as it is put to the model: mostly as the embedded task does, now and then as others might."""
    if draw < 0.06:
        return text
    if draw < 0.12:
        text = text[:1].upper() + text[1:]
    return text if draw < 0.09 else QUESTION.format(question=text)


def _description(tokenizer: Tokenizer, split: str, index: int) -> Segment:
    text = f" {description(scenes.scene(split, index))}"
    return Segment(TOLD, (mark(tokenizer, "bos"), *encoded(tokenizer, text), mark(tokenizer, "eos")), 1, 0.5)


def _class(tokenizer: Tokenizer, split: str, index: int) -> Segment:
    label = class_label(split, index)
    return completion(tokenizer, "class", CLASS, label, 1.0, pair=label)


def _caption(tokenizer: Tokenizer, caption: str) -> Segment:
    return completion(tokenizer, "caption", CAPTION, caption, 0.5, pair=caption)


def _sentence(tokenizer: Tokenizer, split: str, index: int) -> Segment:
    sentence = entity_sentence(split, index)
    tokens, tags, judged = [mark(tokenizer, "tag")], [IGNORED], [False]
    decided = {i for mention in sentence.mentions if mention.needs_image for i in range(mention.start, mention.end)}
    for i, (word, tag) in enumerate(zip(encode_words(tokenizer, sentence.tokens), sentence.tags, strict=True)):
        tokens += word
        tags += [TAGS.index(tag), *[IGNORED] * (len(word) - 1)]
        judged += [i in decided] * len(word)
    return Segment("ner", tuple(tokens), tags=tuple(tags), judged=tuple(judged))
