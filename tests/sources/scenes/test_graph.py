"""Scenes and their pixels: golden values, the splits' promises, and independence from process and version."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from velm_bench.sources.scenes.fingerprint import pixels_digest
from velm_bench.sources.scenes.graph import (
    COLOURS,
    HELD_OUT,
    ICON_KINDS,
    ICON_VARIANTS,
    PALETTE,
    SHAPES,
    Background,
    Scene,
    Thing,
    fits,
    scene,
)
from velm_bench.sources.scenes.icons import DRAWINGS
from velm_bench.sources.scenes.raster import render
from velm_bench.sources.scenes.rng import Stream
from velm_bench.sources.scenes.tags import VISUAL_TAGS, visual_tags

GOLDEN = {
    ("train", 64): "2f7e247e9c440af62e8ad04efc94abbcb63d49732768602b9d9f8bd16e8ccb83",
    ("test", 64): "3da7e34f53b3a0d7ad56b44c6bcf82e8a0dddc2197d36e6665188f2624f8d316",
    ("test", 33): "1443e65502a240709788ba12ecafdf6505ae8db043edb34b6eb6eb6b9a6d3bdb",
    ("test_more", 96): "505e8f3d13907d7bf8201ee56267fe2563a922bdb5584b7962d4aaf84e037e6c",
    ("fresh:key", 64): "daf29b2970d6b50bf493ca67ce2466b38f6c862708e270dca7d94ae354ccb08a",
}


@pytest.mark.parametrize(("split", "size"), GOLDEN)
def test_pixels_are_golden(split: str, size: int) -> None:
    assert pixels_digest(split, size) == GOLDEN[split, size]


def test_streams_are_golden() -> None:
    assert [Stream("1", "test", 3).below(1000) for _ in range(2)] == [Stream("1", "test", 3).below(1000)] * 2
    stream = Stream("1", "test", 3, "golden")
    assert [stream.below(100) for _ in range(6)] == [55, 1, 59, 64, 74, 72]


def test_draws_that_nobody_needs_are_passed_over() -> None:
    for length in range(6):
        drawn, passed = Stream("skip", length), Stream("skip", length)
        order = drawn.shuffled(range(length))
        postponed = passed.shuffled_if_needed(range(length))
        assert drawn.bits() == passed.bits()
        assert list(postponed) == order
        drawn.skip(length)
        assert [passed.bits() for _ in range(length + 1)][-1] == drawn.bits()


def test_below_is_the_upper_part_of_the_bits() -> None:
    assert [Stream("b", n).below(n) for n in range(1, 99)] == [Stream("b", n).bits() * n >> 64 for n in range(1, 99)]


def test_streams_are_even_and_fair() -> None:
    stream = Stream("even")
    counts = np.bincount([stream.below(8) for _ in range(8000)], minlength=8)
    assert counts.min() > 900
    assert sorted(stream.sample(range(5), 5)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="6 different"):
        stream.sample(range(5), 6)


def test_the_hash_seed_changes_nothing() -> None:
    code = (
        "from velm_bench.sources.scenes import *\n"
        "import hashlib\n"
        "said = [(captions('test', i), [(q.text, q.answers) for q in questions('test', i)], sorted(visual_tags("
        "scene('test', i))), [twin('test', i, k)[1].answers for k in range(len(questions('test', i)))]) "
        "for i in range(12)]\n"
        "print(hashlib.sha256(repr(said).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("split", ["train", "val", "test", "test_more", "lite"])
def test_held_out_pairs_are_never_shown(split: str) -> None:
    for index in range(200 if split == "lite" else 600):
        assert not {(thing.colour, thing.shape) for thing in scene(split, index).things} & HELD_OUT


def test_novel_scenes_show_a_held_out_pair() -> None:
    for index in range(1000):
        assert {(thing.colour, thing.shape) for thing in scene("test_novel", index).things} & HELD_OUT


def test_counts_of_things() -> None:
    assert {len(scene("train", index).things) for index in range(300)} == {1, 2, 3, 4, 5}
    assert {len(scene("test_more", index).things) for index in range(1000)} == {6, 7, 8}


def test_things_never_overlap() -> None:
    assert all(fits(scene(split, index).things) for split in ("val", "test_more") for index in range(200))


def test_every_look_occurs_about_equally_often() -> None:
    things = [thing for index in range(2000) for thing in scene("test", index).things]
    for names, attribute in ((COLOURS, "colour"), (SHAPES, "shape"), (ICON_KINDS, "shape")):
        counts = [sum(getattr(thing, attribute) == name for thing in things) for name in names]
        assert max(counts) < 1.35 * min(counts)


def test_icons_are_drawn_differently() -> None:
    ground = Background("grey", (122, 122, 126), (122, 122, 126), False, 0)
    pictures = {}
    for kind in ICON_KINDS:
        for variant in range(ICON_VARIANTS):
            thing = Thing(kind, "red", "large", "plain", 512, 512, 180, 4, PALETTE["red"], variant)
            pixels = render(Scene("train", 0, (thing,), ground, 0))
            assert (pixels != 122).any(axis=2).sum() > 80
            pictures[kind, variant] = pixels
    assert set(pictures) == set(DRAWINGS)
    assert len({hashlib.sha256(p.tobytes()).digest() for p in pictures.values()}) == len(DRAWINGS)


def test_a_larger_picture_shows_the_same() -> None:
    small, large = render(scene("test", 0), 64), render(scene("test", 0), 256)
    shrunk = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrunk - small).mean() < 3


def test_addresses_are_checked() -> None:
    with pytest.raises(ValueError, match="unknown split 'tests'"):
        scene("tests", 0)
    with pytest.raises(ValueError, match="unknown split 'fresh:'"):
        scene("fresh:", 0)
    with pytest.raises(IndexError, match="outside split 'val'"):
        scene("val", 1000)
    with pytest.raises(ValueError, match="4 pixels"):
        render(scene("val", 0), 4)
    assert scene("train", 123_456).things


def test_tags_are_known_and_true() -> None:
    assert len(set(VISUAL_TAGS)) == len(VISUAL_TAGS)
    for index in range(200):
        seen = scene("val", index)
        tags = visual_tags(seen)
        assert tags <= set(VISUAL_TAGS)
        assert {tag for tag in tags if tag in COLOURS} == {thing.colour for thing in seen.things}
        assert f"{len(seen.things)} things" in tags
