"""The `scenes` source: samples of all four kinds, lazily drawn, with fingerprints that are checked."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from velm_bench.errors import UsageError
from velm_bench.sources.base import Place
from velm_bench.sources.scenes.fingerprint import computed, fingerprint, sample_record
from velm_bench.sources.scenes.items import TASKS, ScenePicture
from velm_bench.sources.scenes.pins import PINS
from velm_bench.sources.scenes.source import ScenesSettings, ScenesSource
from velm_bench.sources.scenes.splits import SPLITS

COUNTS = {"captioning": 200, "vqa": 400, "classification": 200, "ner": 200}


def opened(kind: str, **settings: object) -> ScenesSource:
    return ScenesSource.open(ScenesSettings.model_validate({"type": "scenes", **settings}), Place(), kind)


@pytest.mark.parametrize("kind", TASKS)
def test_samples(kind: str) -> None:
    samples = list(opened(kind, split="lite").samples())
    assert len(samples) == COUNTS[kind]
    assert len({sample.id for sample in samples}) == len(samples)
    assert len({sample.group for sample in samples}) == 200
    for sample in samples:
        assert sample.references
        assert sample.facts["oracle"]
        assert all(isinstance(value, str) for value in sample.slices.values())
        assert not sample.problem
    again = opened(kind, split="lite").samples()
    assert [sample_record(sample) for sample in samples] == [sample_record(sample) for sample in again]


def test_pairs_share_key_and_group() -> None:
    samples = list(opened("vqa", split="lite").samples())
    for first, second in zip(samples[::2], samples[1::2], strict=True):
        assert first.facts["pair"] == second.facts["pair"] == first.id
        assert first.group == second.group
        assert first.inputs == second.inputs
        assert first.images[0].digest != second.images[0].digest


def test_pictures_are_drawn_at_the_size_asked_for() -> None:
    small, large = (next(opened("captioning", split="val", size=size).samples()).images[0] for size in (64, 96))
    assert small.decode().shape == (64, 64, 3)
    assert large.decode().shape == (96, 96, 3)
    assert large.decode().dtype == np.uint8
    assert small.digest != large.digest


def test_equal_pixels_exactly_where_digests_are_equal() -> None:
    samples = list(opened("vqa", split="lite").samples())[:120]
    pictures = [picture for sample in samples for picture in sample.images if isinstance(picture, ScenePicture)]
    pixels = {picture.digest: picture.decode().tobytes() for picture in pictures}
    assert len(set(pixels.values())) == len(pixels)


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("split", ["lite", "val"])
def test_pinned_fingerprints_are_what_the_samples_say(split: str, kind: str) -> None:
    assert computed(split, kind) == PINS[split][kind]


@pytest.mark.parametrize("kind", ["captioning", "classification", "ner"])
def test_the_test_split_is_pinned(kind: str) -> None:
    assert computed("test", kind) == PINS["test"][kind]


def test_fingerprints_tell_everything_apart() -> None:
    found = {fingerprint(split, kind, size) for split in SPLITS for kind in TASKS for size in (64, 96)}
    found |= {fingerprint(f"fresh:{key}", kind) for key in "ab" for kind in TASKS}
    assert len(found) == len(SPLITS) * len(TASKS) * 2 + 2 * len(TASKS)
    assert opened("vqa").fingerprint() == fingerprint("test", "vqa")


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError, match="unknown split 'tset'"):
        opened("vqa", split="tset")
    with pytest.raises(ValidationError):
        opened("vqa", size=4)
    with pytest.raises(UsageError, match="no samples for kind 'detection'"):
        opened("detection")


def test_options() -> None:
    assert opened("ner").options() == ("PER", "LOC", "ORG", "MISC")
    assert "circle" in opened("classification").options()
    assert opened("vqa").options() == ()
