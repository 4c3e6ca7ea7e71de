"""NER sentences: deterministic, well formed, and not to be read without the picture."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from math import log

import pytest

from velm_bench.sources.scenes import names
from velm_bench.sources.scenes.entities import (
    TAGS,
    Mention,
    Sentence,
    entity_sentence,
    oracle_tags,
    places,
)
from velm_bench.sources.scenes.graph import scene
from velm_bench.sources.scenes.names import TYPES

TRAIN, TEST = 4000, 2000
SPLITS = ("train", "val", "test", "test_novel", "test_more", "lite", "fresh:key")


@cache
def sentences(split: str, count: int) -> tuple[Sentence, ...]:
    return tuple(entity_sentence(split, index) for index in range(count))


def sighted(found: Iterable[Sentence]) -> list[tuple[Sentence, Mention]]:
    """The mentions that need the image, each with its sentence."""
    return [(sentence, mention) for sentence in found for mention in sentence.mentions if mention.needs_image]


def share(part: int, whole: int) -> float:
    return part / whole


def test_the_same_address_gives_the_same_sentence() -> None:
    assert entity_sentence("test", 7) == entity_sentence("test", 7)
    assert entity_sentence("test", 7) != entity_sentence("val", 7)
    assert entity_sentence("fresh:a", 7) != entity_sentence("fresh:b", 7)


def test_records_hash_to_their_golden_values() -> None:
    golden = {
        "train": "34982fd991caf539",
        "test": "e2992e014609c5c4",
        "test_more": "98384e6aad03cb01",
    }
    found = {}
    for split in golden:
        records = [[s.tokens, s.tags, s.oracle, s.role, s.unseen] for s in sentences(split, 200)]
        found[split] = sha256(json.dumps(records).encode()).hexdigest()[:16]
    assert found == golden


@pytest.mark.parametrize("split", SPLITS)
def test_tags_are_valid_iob2_in_every_split(split: str) -> None:
    for sentence in sentences(split, 200):
        assert len(sentence.tokens) == len(sentence.tags) == len(sentence.oracle) > 0
        assert all(token and not token.isspace() and token == token.strip() for token in sentence.tokens)
        for tags in (sentence.tags, sentence.oracle):
            assert set(tags) <= set(TAGS)
            for before, tag in zip(("O", *tags), tags, strict=False):
                assert not tag.startswith("I-") or before in (f"B-{tag[2:]}", tag)


def test_the_oracle_reads_the_sentence_of_its_address() -> None:
    assert all(oracle_tags("test", i) == sentence.oracle for i, sentence in enumerate(sentences("test", 50)))


def test_roles_have_their_shares() -> None:
    roles = Counter(sentence.role for sentence in sentences("train", TRAIN))
    assert 0.45 < share(roles["decides"], TRAIN) < 0.51
    assert 0.20 < share(roles["irrelevant"], TRAIN) < 0.27
    assert 0.07 < share(roles["misleading"], TRAIN) < 0.12
    assert 0.02 < share(roles["agrees"], TRAIN) < 0.06
    assert 0.12 < share(roles["nothing"], TRAIN) < 0.19


def test_roles_say_what_the_picture_is() -> None:
    for index, sentence in enumerate(sentences("test", TEST)):
        shown = {icon.entity_type for icon in scene("test", index).icons}
        kinds = {mention.kind for mention in sentence.mentions}
        if sentence.role == "decides":
            assert sentence.needs_image
            assert {m.kind for m in sentence.mentions if m.needs_image} <= shown
            continue
        assert not sentence.needs_image
        assert sentence.tags == sentence.oracle
        expected = (
            "nothing" if not kinds else "irrelevant" if not shown else "agrees" if kinds & shown else "misleading"
        )
        assert sentence.role == expected


def test_the_types_of_names_that_need_the_image_are_balanced() -> None:
    kinds = Counter(mention.kind for _, mention in sighted(sentences("train", TRAIN)))
    assert set(kinds) == set(TYPES)
    assert max(kinds.values()) < 0.28 * sum(kinds.values())


def test_a_reader_without_the_picture_guesses_types_near_chance() -> None:
    """Spans given, no majority, name lexicon or naive Bayes over all words gets beyond 25 % (chance) by much."""
    train, test = sighted(sentences("train", TRAIN)), sighted(sentences("test", TEST))
    prior = Counter(mention.kind for _, mention in train)
    by_name: dict[str, Counter[str]] = defaultdict(Counter)
    by_word: dict[str, Counter[str]] = {kind: Counter() for kind in TYPES}
    for sentence, mention in train:
        by_name[sentence.tokens[mention.start].lower()][mention.kind] += 1
        by_word[mention.kind].update(token.lower() for token in sentence.tokens)

    def bayes(sentence: Sentence, kind: str) -> float:
        words, total = by_word[kind], sum(by_word[kind].values())
        evidence = sum(log((words[token.lower()] + 1) / (total + 1500)) for token in sentence.tokens)
        return log(prior[kind]) + evidence

    right: Counter[str] = Counter()
    for sentence, mention in test:
        known = by_name.get(sentence.tokens[mention.start].lower(), prior)
        right["majority"] += mention.kind == max(prior, key=prior.__getitem__)
        right["lexicon"] += mention.kind == max(known, key=known.__getitem__)
        right["bayes"] += mention.kind == max(TYPES, key=lambda kind: bayes(sentence, kind))
    assert max(right.values()) < 0.30 * len(test)


def test_the_oracle_is_good_but_not_perfect() -> None:
    found = [mention for _, mention in sighted(sentences("train", TRAIN))]
    right = share(sum(mention.kind == mention.oracle for mention in found), len(found))
    expected = sum(mention.sure for mention in found) / len(found) / 1000
    assert 0.95 < right < 0.975
    assert abs(right - expected) < 0.01


def test_picking_any_icon_is_not_enough_where_two_types_are_shown() -> None:
    """Attribute binding: neither the order of mention nor the set of icons tells which icon is meant."""
    first = both = 0
    for index, sentence in enumerate(sentences("train", TRAIN)):
        shown = scene("train", index).icons
        if len({icon.entity_type for icon in shown}) == 2:
            wanted = [mention.kind for mention in sentence.mentions if mention.needs_image]
            both += len(wanted)
            first += sum(kind == icon.entity_type for kind, icon in zip(wanted, shown, strict=False))
    assert both > 0.3 * len(sighted(sentences("train", TRAIN)))
    assert 0.45 < share(first, both) < 0.55


def test_places_bind_to_the_nearest_icon() -> None:
    for index in range(400):
        seen = scene("test", index)
        anchors = {f"{t.colour} {t.shape}": t for t in seen.things if not t.is_icon}
        for place in places(seen):
            assert len(place.odds) == len(seen.icons)
            if place.words[:3] == ("next", "to", "the") and len(place.words) == 5 and seen.icons:
                anchor = anchors[" ".join(place.words[3:])]
                gaps = [(icon.x - anchor.x) ** 2 + (icon.y - anchor.y) ** 2 for icon in seen.icons]
                assert gaps[place.meant] == min(gaps)
            if place.words == ("on", "the", "left") and seen.icons:
                assert seen.icons[place.meant].x == min(icon.x for icon in seen.icons) < 512


def test_unseen_names_never_occur_in_training() -> None:
    trained = {token.lower() for sentence in sentences("train", TRAIN) for token in sentence.tokens}
    fresh = 0
    for sentence in sentences("test", TEST):
        for mention in sentence.mentions:
            words = {word.lower() for word in sentence.tokens[mention.start : mention.end]}
            fresh += mention.unseen
            assert not mention.unseen or words - trained
    assert fresh
    assert not any(sentence.unseen for sentence in sentences("train", TRAIN))
    assert 0.22 < share(sum(sentence.unseen for sentence in sentences("test", TEST)), TEST) < 0.30


def test_name_pools_are_disjoint() -> None:
    halves = [half for pool in (names.AMBIGUOUS, *names.TELLING.values()) for half in (pool.seen, pool.unseen)]
    halves += [names.SECOND.seen, names.SECOND.unseen]
    every = [name for half in halves for name in half]
    assert len(every) == len({name.lower() for name in every})
    assert all(len(cues) == len(names.CUES["PER"]) for cues in names.CUES.values())


def test_names_come_in_every_form() -> None:
    found = sentences("test", TEST)
    lengths = Counter(mention.end - mention.start for sentence in found for mention in sentence.mentions)
    assert {1, 2, 3} <= set(lengths)
    lower = sum(sentence.tokens == tuple(token.lower() for token in sentence.tokens) for sentence in found)
    assert 0.12 < share(lower, TEST) < 0.30
    assert any(len(sentence.mentions) == 2 for sentence in found)


@pytest.mark.parametrize(("split", "error"), [("tset", ValueError), ("test", IndexError)])
def test_an_address_outside_is_refused(split: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        entity_sentence(split, 10**9)
