"""Training batches from the scenes: a picture's texts packed behind one visual prefix (no torch here).

A batch is a function of the settings and its number alone, so that workers may make it ahead, and a resumed training
sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from velm_bench.reference.processing import CAPTION, CLASS, QUESTION, TAG, encode_answer, encode_words
from velm_bench.reference.settings import IGNORED, PADDING, TAGS
from velm_bench.sources import scenes
from velm_bench.sources.scenes.classes import CLASSES, class_label
from velm_bench.sources.scenes.entities import entity_sentence
from velm_bench.sources.scenes.graph import COLOURS, ICON_KINDS, SHAPES, SIZES, TEXTURES, Scene, Thing

Batch = dict[str, NDArray[np.generic]]
"""Arrays by name, the first axis the picture; see `pack` and `lessons`."""

LOOKS = (1 + len(SHAPES) + len(ICON_KINDS), len(COLOURS), len(SIZES), len(TEXTURES))
"""How many classes each question to a patch has: shape (0 is nothing), colour, size, texture."""

_KINDS = {name: i + 1 for i, name in enumerate((*SHAPES, *ICON_KINDS))}


@dataclass(frozen=True)
class Segment:
    """A text about a picture, as tokens; from `start` on they are to be predicted, with these weights."""

    kind: str
    tokens: tuple[int, ...]
    start: int = 0
    weight: float = 1.0
    tags: tuple[int, ...] | None = None
    """For tagging: a tag's number per token, IGNORED where none is asked for; such a segment is read both ways."""
    judged: tuple[bool, ...] | None = None
    """For validation of tagging: the tokens whose picture decides."""


@dataclass(frozen=True)
class Mix:
    """What is taken from each scene."""

    size: int
    """Side of the pictures in pixels."""
    grid: int
    """Patches along a side."""
    length: int
    """Text tokens per picture: segments are added while they fit."""
    captions: int
    blind: float
    """The share of pictures whose text does not see them, so that text alone is known too."""


def train_segments(tokenizer: Tokenizer, index: int, mix: Mix) -> list[Segment]:
    """The texts of a training scene in order of precedence: sentence, class, captions, then questions."""
    draw = np.random.Generator(np.random.Philox(key=index))
    captions = [str(text) for text in scenes.captions("train", index)]
    chosen = draw.permutation(len(captions))[: mix.captions]
    questions = list(scenes.training_questions(index))
    segments = [_sentence(tokenizer, "train", index), _class(tokenizer, "train", index)]
    segments += [_caption(tokenizer, captions[i]) for i in chosen]
    for i in draw.permutation(len(questions)):
        prompt = _worded(questions[i].text, float(draw.random()))
        segments.append(_completion(tokenizer, f"vqa/{questions[i].type}", prompt, questions[i].answer, 1.0))
    return segments


def check_segments(tokenizer: Tokenizer, split: str, index: int) -> list[Segment]:
    """The texts by which a model is judged on a scene of a validation split; one caption stands for the five."""
    segments = [_sentence(tokenizer, split, index), _class(tokenizer, split, index)]
    segments.append(_caption(tokenizer, str(scenes.captions(split, index)[0])))
    for question in scenes.questions(split, index):
        prompt = QUESTION.format(question=question.text)
        segments.append(_completion(tokenizer, f"vqa/{question.type}", prompt, question.answer, 1.0))
    return segments


def train_batch(tokenizer: Tokenizer, mix: Mix, indices: Sequence[int], texts: bool = True) -> Batch:
    """The batch of these training scenes; without `texts`, the pictures and their lessons alone."""
    batch = lessons("train", indices, mix)
    if texts:
        batch |= pack([train_segments(tokenizer, index, mix) for index in indices], mix.length)
        hidden = [np.random.Generator(np.random.Philox(key=[index, 1])).random() < mix.blind for index in indices]
        batch["sighted"] = ~np.array(hidden)
    return batch


def pack(rows: Sequence[Sequence[Segment]], length: int) -> Batch:
    """Segments of each picture one after the other in (pictures, length) arrays; what does not fit is left out.

    tokens, positions (from 0 in each segment), segments (PADDING where nothing is), both_ways; targets (the token to be
    predicted *at* a position, IGNORED elsewhere) with their weights; tags likewise.
    """
    shape = (len(rows), length)
    batch: Batch = {
        "tokens": np.zeros(shape, np.int32),
        "positions": np.zeros(shape, np.int32),
        "segments": np.full(shape, PADDING, np.int32),
        "both_ways": np.zeros(shape, np.bool_),
        "targets": np.full(shape, IGNORED, np.int32),
        "weights": np.zeros(shape, np.float32),
        "tags": np.full(shape, IGNORED, np.int32),
        "judged": np.zeros(shape, np.bool_),
    }
    for row, segments in enumerate(rows):
        at = 0
        for number, segment in enumerate(segments):
            if at + len(segment.tokens) <= length:
                _put(batch, row, at, number, segment)
                at += len(segment.tokens)
    return batch


def _put(batch: Batch, row: int, at: int, number: int, segment: Segment) -> None:
    end = at + len(segment.tokens)
    batch["tokens"][row, at:end] = segment.tokens
    batch["positions"][row, at:end] = np.arange(end - at)
    batch["segments"][row, at:end] = number
    if segment.tags is not None:
        batch["both_ways"][row, at:end] = True
        batch["tags"][row, at:end] = segment.tags
        batch["judged"][row, at:end] = segment.judged or False
        return
    first = at + segment.start - 1
    batch["targets"][row, first : end - 1] = segment.tokens[segment.start :]
    batch["weights"][row, first : end - 1] = segment.weight
    batch["weights"][row, end - 2] = 0.2 * segment.weight


def lessons(split: str, indices: Sequence[int], mix: Mix) -> Batch:
    """Pictures (n, size, size, 3) uint8 and, for `teacher.SightTeacher`, looks, centres, offsets and visual tags."""
    seen = [scenes.scene(split, index) for index in indices]
    cells = [_cells(one, mix.grid) for one in seen]
    tags = np.zeros((len(seen), len(scenes.VISUAL_TAGS)), np.float32)
    for row, (one, index) in enumerate(zip(seen, indices, strict=True)):
        tags[row] = _tags(one, split, index)
    return {
        "pixels": np.stack([scenes.render(one, mix.size) for one in seen]),
        "looks": np.stack([looks for looks, _, _ in cells]),
        "centres": np.stack([centres for _, centres, _ in cells]),
        "offsets": np.stack([offsets for _, _, offsets in cells]),
        "visual_tags": tags,
    }


def _tags(one: Scene, split: str, index: int) -> NDArray[np.float32]:
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


def _class(tokenizer: Tokenizer, split: str, index: int) -> Segment:
    return _completion(tokenizer, "class", CLASS, class_label(split, index), 1.0)


def _caption(tokenizer: Tokenizer, caption: str) -> Segment:
    return _completion(tokenizer, "caption", CAPTION, caption, 0.5)


def _completion(tokenizer: Tokenizer, kind: str, prompt: str, answer: str, weight: float) -> Segment:
    asked = _encoded(tokenizer, prompt)
    return Segment(kind, (*asked, *encode_answer(tokenizer, answer)), len(asked), weight)


def _encoded(tokenizer: Tokenizer, prompt: str) -> list[int]:
    ids: list[int] = tokenizer.encode(prompt, add_special_tokens=False).ids
    return ids


def _sentence(tokenizer: Tokenizer, split: str, index: int) -> Segment:
    sentence = entity_sentence(split, index)
    tokens, tags, judged = [TAG], [IGNORED], [False]
    decided = {i for mention in sentence.mentions if mention.needs_image for i in range(mention.start, mention.end)}
    for i, (word, tag) in enumerate(zip(encode_words(tokenizer, sentence.tokens), sentence.tags, strict=True)):
        tokens += word
        tags += [TAGS.index(tag), *[IGNORED] * (len(word) - 1)]
        judged += [i in decided] * len(word)
    return Segment("ner", tuple(tokens), tags=tuple(tags), judged=tuple(judged))


def corpus(count: int) -> Iterator[str]:
    """Texts of training scenes that a tokenizer is trained on."""
    yield from (CAPTION, CLASS, *CLASSES) * 50
    for index in range(count):
        yield from (f" {caption}" for caption in scenes.captions("train", index))
        for question in scenes.training_questions(index):
            yield QUESTION.format(question=question.text).removeprefix("Question:").removesuffix(" Answer:")
            yield f" {question.answer}"
        yield from (f" {word}" for word in entity_sentence("train", index).tokens)


@lru_cache(maxsize=1)
def _worker_tokenizer(serialized: str) -> Tokenizer:
    return Tokenizer.from_str(serialized)


def work(serialized: str, mix: Mix, indices: Sequence[int], texts: bool) -> Batch:
    """`train_batch` for another process, to which the tokenizer travels as its JSON."""
    return train_batch(_worker_tokenizer(serialized), mix, indices, texts)
