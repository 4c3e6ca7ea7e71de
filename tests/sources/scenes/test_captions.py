"""Captions: five different ones per scene, all true of it by an independent reading of their words."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from itertools import islice

import pytest

from velm_bench.metrics import build
from velm_bench.sources.scenes.captions import captions, mentions, oracle_caption, other_names
from velm_bench.sources.scenes.graph import BACKGROUNDS, Scene, scene
from velm_bench.sources.scenes.items import captioning
from velm_bench.sources.scenes.programs import on_side, plural, readings
from velm_bench.sources.scenes.words import (
    BACKGROUND_WORDS,
    COLOUR_WORDS,
    NUMBERS,
    SHAPE_WORDS,
    SIZE_WORDS,
    VOCABULARY,
)

SPLITS = ("val", "test_novel", "test_more")
RANGE = range(250)
COLOUR = {word: name for name, words in COLOUR_WORDS.items() for word in words}
SIZE = {word: name for name, words in SIZE_WORDS.items() for word in words}
GROUND = {word: name for name in BACKGROUNDS for word in BACKGROUND_WORDS[name]}
SHAPE = {form: name for name, words in SHAPE_WORDS.items() for word in words for form in (word, plural(word))}
NOUN = "|".join(sorted(SHAPE, key=len, reverse=True))
THING = re.compile(
    rf"(?:(?P<number>an?|two|three|four|five|six|seven|eight) )?(?:(?P<size>{'|'.join(SIZE)}) )?"
    rf"(?P<texture>striped |stripy )?(?P<colour>{'|'.join(COLOUR)}) (?P<shape>{NOUN})\b"
)
SIDES = {"to the left of": "left", "left of": "left", "to the right of": "right", "right of": "right"}
SIDES |= {"above": "above", "over": "above", "below": "below", "under": "below"}
RELATED = re.compile(rf"^({THING.pattern.replace('?P<', '?P<one_')}) ({'|'.join(SIDES)}) ({THING.pattern})")


def true_of(caption: str, seen: Scene) -> bool:
    """Whether all that a caption says holds of one reading of a scene."""
    things = seen.things
    if any(match[1] != seen.background.name for match in grounds(caption)):
        return False
    for match in THING.finditer(caption):
        alike = [t for t in things if (t.colour, t.shape) == (COLOUR[match["colour"]], SHAPE[match["shape"]])]
        alike = [t for t in alike if not match["size"] or (t.size == SIZE[match["size"]] and not t.is_icon)]
        alike = [t for t in alike if not match["texture"] or t.texture == "striped"]
        number = match["number"]
        if not alike or (number in NUMBERS and len(alike) != NUMBERS.index(number)):
            return False
    return relation_holds(caption, seen) and totals_hold(caption, seen)


def grounds(caption: str) -> list[tuple[str, str]]:
    found = re.findall(r"(?:on|against)(?: a)? (\w+) (?:background|ground)", caption)
    return [(word, GROUND[word]) for word in found]


def relation_holds(caption: str, seen: Scene) -> bool:
    match = RELATED.match(caption)
    if match is None:
        return True
    groups = match.groupdict()
    side = next(SIDES[words] for words in match.groups() if words in SIDES)
    pairs = [(COLOUR[groups[f"{p}colour"]], SHAPE[groups[f"{p}shape"]]) for p in ("one_", "")]
    first, second = ([t for t in seen.things if (t.colour, t.shape) == pair] for pair in pairs)
    return any(on_side(one, side, other) for one in first for other in second)


def totals_hold(caption: str, seen: Scene) -> bool:
    total = re.match(r"(?:only )?(\w+) (?:thing|object)s? (?:on|against)", caption)
    if total and NUMBERS.index(total[1]) != len(seen.things):
        return False
    of_them = re.search(r", (\w+) of them (\w+)$", caption)
    if of_them:
        return NUMBERS.index(of_them[1]) == sum(t.colour == COLOUR[of_them[2]] for t in seen.things)
    listed = re.search(r"ground: (.*)$", caption)
    if listed and total and total[1] != "one":
        parts = re.split(r", | and ", listed[1])
        named = Counter({SHAPE[p.split(" ", 1)[1]]: max(1, _number(p.split(" ", 1)[0])) for p in parts})
        return named == Counter(t.shape for t in seen.things)
    return True


def _number(word: str) -> int:
    return NUMBERS.index(word) if word in NUMBERS else 1


@pytest.mark.parametrize("split", SPLITS)
def test_five_captions_and_the_oracle_are_all_different(split: str) -> None:
    for index in RANGE:
        assert len({*captions(split, index), oracle_caption(split, index)}) == 6


@pytest.mark.parametrize("split", SPLITS)
def test_captions_are_true(split: str) -> None:
    for index in RANGE:
        read = readings(scene(split, index))
        for caption in (*captions(split, index), oracle_caption(split, index)):
            assert any(true_of(caption, seen) for seen in read), caption


def test_the_check_finds_lies() -> None:
    seen = scene("val", 0)
    ground = next(name for name in BACKGROUNDS if name != seen.background.name)
    assert not true_of(f"a thing on a {ground} background", seen)
    assert not true_of("nine things: a red circle and two blue cars", seen)


def mentioned(caption: str) -> list[tuple[str, str]]:
    """The (colour, shape) pairs that one of these captions names, in its order: shares no code with the metric.

    A pair is a shape word and the nearest colour word before it, fewer than three words and no shape between them.
    """
    found: list[tuple[str, str]] = []
    colour, since = "", 0
    for word in re.findall(r"[a-z]+", caption.lower()):
        since += 1
        if word in VOCABULARY["colours"]:
            colour, since = VOCABULARY["colours"][word], 0
        elif word in VOCABULARY["shapes"]:
            if colour and since <= 3:
                found.append((colour, VOCABULARY["shapes"][word]))
            colour = ""
    return found


def test_mentioned_pairs_are_true_and_the_metric_agrees() -> None:
    metric = build("truth")
    for sample in islice(captioning("test", 64), 250):
        seen = sample.images[0].scene
        for caption in (*sample.references, sample.facts["oracle"]):
            found = {other_names(seen).get(pair, pair) for pair in mentioned(caption)}
            assert found <= mentions(seen)
            row = metric.statistics([caption], [metric.reference(sample)])[0]
            assert row.tolist() == [len(found), len(found), len(mentions(seen)), bool(found), 1]


def test_the_oracle_mentions_all_that_is_there() -> None:
    samples = list(captioning("test", 64))
    metric = build("truth")
    rows = metric.statistics(
        [sample.facts["oracle"] for sample in samples], [metric.reference(sample) for sample in samples]
    )
    assert metric.values(rows).tolist() == [1, 1, 1, 1]


def test_a_doubtful_hue_has_two_names_for_one_pair() -> None:
    doubtful = [seen for seen in map(partial(scene, "test"), RANGE) if seen.doubt and seen.doubt.kind == "hue"]
    named = [seen for seen in doubtful if other_names(seen)]
    assert len(named) > 10
    for seen in named:
        thing = seen.things[seen.doubt.thing]
        assert other_names(seen) == {(seen.doubt.other, thing.shape): (thing.colour, thing.shape)}
    assert not any(other_names(seen) for seen in map(partial(scene, "test"), RANGE) if seen not in doubtful)


def test_the_oracle_names_everything() -> None:
    for index in RANGE:
        assert set(mentioned(oracle_caption("test", index))) == {
            (t.colour, t.shape) for t in scene("test", index).things
        }


def test_the_language_is_compact() -> None:
    words = {word for index in range(1000) for c in captions("val", index) for word in re.findall(r"\w+", c)}
    assert 100 < len(words) < 200


@pytest.mark.parametrize(
    ("caption", "pairs"),
    [
        ("two tiny scarlet plus signs", [("red", "cross")]),
        ("A red, love heart", [("red", "heart")]),
        ("a star and a golden skyscraper", [("yellow", "tower")]),
        ("blue ladies", [("blue", "woman")]),
        ("nothing red here at all circle", []),
    ],
)
def test_mentioned(caption: str, pairs: list[tuple[str, str]]) -> None:
    assert mentioned(caption) == pairs
