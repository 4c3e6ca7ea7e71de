"""Pictures, texts and lessons, made ready."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer

from velm_bench.reference.data import scenes as data
from velm_bench.reference.data.base import TOLD, Segment, pack, pair_id
from velm_bench.reference.data.scenes import LOOKS, SceneBook, check_segments, description
from velm_bench.reference.processing import (
    SPECIAL,
    encode_answer,
    encode_prompt,
    encode_words,
    fit_picture,
    mark,
    train_tokenizer,
    windows,
)
from velm_bench.reference.settings import IGNORED, PADDING, TAGS
from velm_bench.sources import scenes

BOOK = SceneBook(64, 8, 192, 2, 0.0, tokenizer_scenes=200)
BLIND = replace(BOOK, size=0, grid=0, told=0.5)


@pytest.fixture(scope="module")
def grammar() -> Tokenizer:
    return train_tokenizer(BLIND.corpus(), 700)


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
    assert encode_prompt(grammar, "  ", 99) == [mark(grammar, "bos")]
    assert encode_answer(grammar, " red ") == [*grammar.encode(" red").ids, mark(grammar, "eos")]
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
    one, other = BOOK.batch(grammar, [3, 4, 5]), BOOK.batch(grammar, [3, 4, 5])
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name], equal_nan=name == "offsets") for name in one)
    assert one["pixels"].shape == (3, 64, 64, 3)
    assert one["sighted"].all()
    assert "tokens" not in BOOK.batch(grammar, [3], texts=False)


def test_targets_are_the_answers(grammar: Tokenizer) -> None:
    segments = BOOK.segments(grammar, 7)
    batch = pack([segments], 400)
    for number, segment in enumerate(segments):
        here = batch["segments"][0] == number
        assert batch["tokens"][0][here].tolist() == list(segment.tokens)
        assert batch["positions"][0][here].tolist() == list(range(len(segment.tokens)))
        if segment.tags is None:
            targets = batch["targets"][0][here]
            assert targets[targets != IGNORED].tolist() == list(segment.tokens[segment.start :])
            assert segment.tokens[-1] == mark(grammar, "eos")
        else:
            assert batch["both_ways"][0][here].all()
    texts = [grammar.decode(list(s.tokens[s.start : -1])).strip() for s in segments if s.kind.startswith("vqa/")]
    assert sorted(texts) == sorted(question.answer for question in scenes.training_questions(7))


def test_prompts_are_what_stands_before_the_first_prediction(grammar: Tokenizer) -> None:
    segments = BOOK.segments(grammar, 7)
    batch = pack([segments], 400)
    for number, segment in enumerate(segments):
        here = batch["segments"][0] == number
        expected = len(segment.tokens) if segment.tags is not None else segment.start
        assert batch["prompts"][0][here].tolist() == [place < expected for place in range(len(segment.tokens))]


def test_captions_and_classes_are_pairs_by_their_text(grammar: Tokenizer) -> None:
    batch = BOOK.batch(grammar, range(12))
    ends = (batch["tokens"] == mark(grammar, "eos")) & (batch["texts"] > 0)
    assert ((batch["texts"] > 0) == ends).all()
    assert ends.sum(1).tolist() == [3] * 12  # a class and two captions
    classes = [scenes.class_label("train", index) for index in range(12)]
    found = [[pair_id(classes[row]) in batch["texts"][row] for row in range(12)] for _ in range(1)]
    assert all(found[0])
    assert pair_id("a red ring") == pair_id(" A red ring") != pair_id("a red rung")
    assert 0 < pair_id("") < 2**31


def test_a_share_of_rows_is_told_what_is_there(grammar: Tokenizer) -> None:
    batch = BLIND.batch(grammar, range(200))
    assert "pixels" not in batch
    assert not batch["sighted"].any()
    assert 70 < batch["told"].sum() < 130
    for row in np.flatnonzero(batch["told"])[:20]:
        tokens = batch["tokens"][row][batch["segments"][row] == 0]
        assert (tokens[0], tokens[-1]) == (mark(grammar, "bos"), mark(grammar, "eos"))
        assert grammar.decode(tokens[1:-1].tolist()).strip() == description(scenes.scene("train", int(row)))
        assert len(tokens) <= 66
        targets = batch["targets"][row][batch["segments"][row] == 0]
        assert targets[:-1].tolist() == tokens[1:].tolist()
    shown = replace(BOOK, told=0.5).batch(grammar, range(40))
    assert (shown["sighted"] == ~shown["told"]).all()
    assert not BOOK.batch(grammar, range(40))["told"].any()


def test_a_description_tells_every_thing_apart() -> None:
    for index in range(50):
        one = scenes.scene("train", index)
        said = description(one)
        for thing in one.things:
            assert f"{thing.colour} {thing.shape}" in said
        assert said.count(",") == len(one.things)


def test_models_without_sight_are_judged_on_told_rows_too(grammar: Tokenizer) -> None:
    told = [row[0].kind == TOLD for row in BLIND.checks(grammar, 40)]
    assert told == [BLIND.is_told(index) for index in range(40)]
    assert not any(row[0].kind == TOLD for row in replace(BOOK, told=0.5).checks(grammar, 40))
    assert BLIND.check_pixels([0]) is None


def test_rows_do_not_depend_on_how_they_are_batched(grammar: Tokenizer) -> None:
    whole = BLIND.batch(grammar, range(6))
    parts = [BLIND.batch(grammar, numbers) for numbers in ([0, 1], [2], [3, 4, 5])]
    for name, array in whole.items():
        assert np.array_equal(array, np.concatenate([part[name] for part in parts])), name


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
    lessons = data.lessons("train", range(30), 64, 8)
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
