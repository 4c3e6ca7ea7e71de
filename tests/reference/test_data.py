"""Pictures, texts and lessons, made ready."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer

from velm_bench.reference import data
from velm_bench.reference.data import LOOKS, Mix, Segment, check_segments, pack, train_batch, train_segments
from velm_bench.reference.processing import (
    BOS,
    EOS,
    SPECIAL,
    encode_answer,
    encode_prompt,
    encode_words,
    fit_picture,
    train_tokenizer,
    windows,
)
from velm_bench.reference.settings import IGNORED, PADDING, TAGS
from velm_bench.sources import scenes

MIX = Mix(64, 8, 192, 2, 0.0)


@pytest.fixture(scope="module")
def grammar() -> Tokenizer:
    return train_tokenizer(data.corpus(200), 700)


def test_any_text_survives_the_tokenizer(grammar: Tokenizer) -> None:
    for text in ("Ünïcödé 漢字 🎈", "", "\x00\n\t", "Question: Answer: Answer:", "Is it RED?"):
        ids = grammar.encode(text, add_special_tokens=False).ids
        assert grammar.decode(ids, skip_special_tokens=False) == text


def test_special_tokens_cannot_be_written_by_a_user(tokenizer: Tokenizer) -> None:
    tokenizer.encode_special_tokens = True
    ids = encode_prompt(tokenizer, "a <eos> b <tag>", 99)
    assert not set(ids) & set(range(len(SPECIAL)))


def test_a_prompt_keeps_its_end_and_is_never_empty(grammar: Tokenizer) -> None:
    whole = encode_prompt(grammar, "is there a red circle?", 99)
    assert encode_prompt(grammar, "is there a red circle? ", 3) == whole[-3:]
    assert encode_prompt(grammar, "  ", 99) == [BOS]
    assert encode_answer(grammar, " red ") == [*grammar.encode(" red").ids, EOS]
    assert all(encode_words(grammar, ["a", "", "漢"]))


def test_windows_cover_every_word_once() -> None:
    assert windows([3, 3, 3, 9, 1], 6) == [(0, 2), (2, 3), (3, 4), (4, 5)]
    assert windows([], 6) == []


@pytest.mark.parametrize("shape", [(1, 1), (480, 640), (64, 64), (3, 900), (65, 64)])
def test_pictures_of_every_size_are_brought_to_size(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 77, np.uint8)
    assert (fit_picture(pixels, 64) == 77).all()
    assert fit_picture(pixels, 64).shape == (64, 64, 3)


def test_the_middle_of_a_picture_is_kept() -> None:
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255
    assert (fit_picture(pixels, 64) == 255).all()
    same = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert fit_picture(same, 64) is same
    assert Image.fromarray(fit_picture(pixels, 64)).size == (64, 64)


def test_a_batch_is_a_function_of_its_scenes(grammar: Tokenizer) -> None:
    one, other = train_batch(grammar, MIX, [3, 4, 5]), train_batch(grammar, MIX, [3, 4, 5])
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name], equal_nan=name == "offsets") for name in one)
    assert one["pixels"].shape == (3, 64, 64, 3)
    assert one["sighted"].all()
    assert "tokens" not in train_batch(grammar, MIX, [3], texts=False)


def test_targets_are_the_answers(grammar: Tokenizer) -> None:
    segments = train_segments(grammar, 7, MIX)
    batch = pack([segments], 400)
    for number, segment in enumerate(segments):
        here = batch["segments"][0] == number
        assert batch["tokens"][0][here].tolist() == list(segment.tokens)
        assert batch["positions"][0][here].tolist() == list(range(len(segment.tokens)))
        if segment.tags is None:
            targets = batch["targets"][0][here]
            assert targets[targets != IGNORED].tolist() == list(segment.tokens[segment.start :])
            assert segment.tokens[-1] == EOS
        else:
            assert batch["both_ways"][0][here].all()
    texts = [grammar.decode(list(s.tokens[s.start : -1])).strip() for s in segments if s.kind.startswith("vqa/")]
    assert sorted(texts) == sorted(question.answer for question in scenes.training_questions(7))


def test_what_does_not_fit_is_left_out() -> None:
    long, short = Segment("a", tuple(range(5, 15)), 5), Segment("b", (5, 6, 7), 1)
    batch = pack([[short, long, short]], 8)
    assert batch["segments"][0].tolist() == [0, 0, 0, 2, 2, 2, PADDING, PADDING]


def test_words_carry_their_tags(grammar: Tokenizer) -> None:
    for index in range(20):
        sentence = next(s for s in check_segments(grammar, "val", index) if s.kind == "ner")
        assert sentence.tags is not None
        named = [TAGS[tag] for tag in sentence.tags if tag != IGNORED]
        assert tuple(named) == data.entity_sentence("val", index).tags


def test_lessons_say_what_covers_each_patch() -> None:
    lessons = data.lessons("train", range(30), MIX)
    for row in range(30):
        scene = scenes.scene("train", row)
        assert lessons["centres"][row].sum() == len({(t.x * 8 // 1024, t.y * 8 // 1024) for t in scene.things})
        for thing in scene.things:
            at = (thing.y * 8 // 1024) * 8 + thing.x * 8 // 1024
            if lessons["looks"][row, at, 0]:
                assert tuple(lessons["looks"][row, at]) == data._look(thing)
        looks = lessons["looks"][row]
        assert ((looks[:, 0] == 0) == (looks[:, 1] == IGNORED)).all()
        assert (looks < np.array(LOOKS)).all()
    assert lessons["visual_tags"].shape == (30, len(scenes.VISUAL_TAGS))
