"""Questions: unique references, flipped twins, balanced answers, and annotators who disagree where they should."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from velm_bench.sources.scenes.graph import COLOURS, HELD_OUT, ICON_KINDS, MARGIN, SHAPES, Scene, Thing, fits, scene
from velm_bench.sources.scenes.programs import TYPES, Bigger, More, readings
from velm_bench.sources.scenes.questions import Question, _asked, consensus, questions, training_questions, twin

SCENES = 700
CHANCE = {"exist": 0.52, "compare": 0.52, "relation": 0.52, "size": 0.52, "colour": 0.15, "shape": 0.15, "count": 0.25}
PLURALS = {"men": "man", "women": "woman", "children": "child", "factories": "factory", "crosses": "cross"}


@pytest.fixture(scope="module")
def test_items() -> list[tuple[Scene, Question]]:
    found = []
    for index in range(2000):
        for k, question in enumerate(questions("test", index)):
            found += [(scene("test", index), question), twin("test", index, k)]
    return found


@pytest.fixture(scope="module")
def train_items() -> list[Question]:
    return [question for index in range(1500) for question in training_questions(index)]


def described(text: str, things: tuple[Thing, ...]) -> list[Thing]:
    """The things that a noun phrase describes, word by word: an evaluator that shares no code with the programs."""
    *adjectives, noun = text.split()
    noun = PLURALS.get(noun, noun)
    noun = noun if noun in (*SHAPES, *ICON_KINDS, "thing") else noun.removesuffix("s")
    found = [t for t in things if noun in ("thing", t.shape)]
    for word in adjectives:
        if word in COLOURS:
            found = [t for t in found if t.colour == word]
        else:
            found = [t for t in found if word in (t.size, t.texture) and t.shape in SHAPES]
    return found


def one(text: str, things: tuple[Thing, ...]) -> Thing:
    found = described(text, things)
    assert len(found) == 1, f"'{text}' describes {len(found)} things"
    return found[0]


def beyond(thing: Thing, side: str, other: Thing) -> bool:
    distance = {"left of": other.x - thing.x, "right of": thing.x - other.x}
    distance |= {"above": other.y - thing.y, "below": thing.y - other.y}
    assert abs(distance[side]) >= MARGIN
    return distance[side] > 0


def yes(true: bool) -> str:
    return "yes" if true else "no"


def _beside(match: re.Match[str], things: tuple[Thing, ...]) -> Thing:
    anchor = one(match["b"], things)
    found = [t for t in things if t is not anchor and beyond(t, match["side"], anchor)]
    assert len(found) == 1
    return found[0]


SIDE = "(?P<side>left of|right of|above|below)"
RULES: list[tuple[str, Callable[[re.Match[str], tuple[Thing, ...]], str]]] = [
    (rf"(?:what|which|what is the) (?P<what>colour|shape) (?:is|of) the thing {SIDE} the (?P<b>.+)\?",
     lambda m, things: getattr(_beside(m, things), m["what"])),
    (rf"(?:is|does) the (?P<a>.+?)(?: lie)? {SIDE} the (?P<b>.+)\?",
     lambda m, things: yes(beyond(one(m["a"], things), m["side"], one(m["b"], things)))),
    (r"is the (?P<a>.+) (?:bigger|larger) than the (?P<b>.+)\?",
     lambda m, things: yes(one(m["a"], things).scale > one(m["b"], things).scale)),
    (r"(?:are there|do you see) more (?P<a>.+) than (?P<b>.+)\?",
     lambda m, things: yes(len(described(m["a"], things)) > len(described(m["b"], things)))),
    (r"is the (?P<a>.+) small or large\?", lambda m, things: one(m["a"], things).size),
    (r"(?:what|which) (?P<what>colour|shape|size) (?:is|does) the (?P<a>.+?)(?: have)?\?",
     lambda m, things: getattr(one(m["a"], things), m["what"])),
    (r"what is the (?P<what>colour|shape|size) of the (?P<a>.+)\?",
     lambda m, things: getattr(one(m["a"], things), m["what"])),
    (r"(?:how many|what is the number of) (?P<a>.+?)(?: are there| can you see)?\?",
     lambda m, things: str(len(described(m["a"], things)))),
    (r"(?:is there|can you see|does the picture show) an? (?P<a>.+)\?",
     lambda m, things: yes(bool(described(m["a"], things)))),
]  # fmt: skip


def evaluated(text: str, seen: Scene) -> str:
    """The answer by the words alone."""
    for pattern, answer in RULES:
        match = re.fullmatch(pattern, text)
        if match:
            return answer(match, readings(seen)[0].things)
    raise AssertionError(f"no rule reads '{text}'")


def test_answers_and_references_hold_by_an_independent_evaluator(test_items: list[tuple[Scene, Question]]) -> None:
    for seen, question in test_items:
        assert evaluated(question.text, seen) == question.answer, question


@pytest.mark.parametrize("split", ["val", "test_novel", "test_more"])
def test_other_splits_hold_as_well(split: str) -> None:
    for index in range(150):
        for question in questions(split, index):
            assert evaluated(question.text, scene(split, index)) == question.answer


def test_twins_flip_the_answer_of_the_same_words(test_items: list[tuple[Scene, Question]]) -> None:
    for (seen, question), (other, same) in zip(test_items[::2], test_items[1::2], strict=True):
        assert question.text == same.text
        assert question.answer != same.answer
        assert question.pair == same.pair == question.id
        assert same.id == question.id.replace("/q", "t/q")
        assert seen != other
        assert 1 <= len(other.things) <= 5
        assert fits(other.things)
        assert not {(t.colour, t.shape) for t in other.things} & HELD_OUT


def test_twins_are_minimal_edits(test_items: list[tuple[Scene, Question]]) -> None:
    for (seen, _), (other, _) in zip(test_items[::2], test_items[1::2], strict=True):
        assert seen.background == other.background
        assert seen.noise == other.noise
        assert len(set(seen.things) - set(other.things)) <= 2


def test_ids_are_unique_and_types_are_even(test_items: list[tuple[Scene, Question]]) -> None:
    assert len({question.id for _, question in test_items}) == len(test_items)
    counts = Counter(question.type for _, question in test_items)
    assert set(counts) == set(TYPES)
    assert max(counts.values()) < 1.6 * min(counts.values())


def test_the_best_constant_answer_is_poor(test_items: list[tuple[Scene, Question]]) -> None:
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for _, question in test_items:
        answers[question.type][question.answer] += 1
    for kind, most in CHANCE.items():
        assert max(answers[kind].values()) <= most * answers[kind].total(), kind
    assert max(answers["query"].values()) <= 0.15 * answers["query"].total()


@pytest.mark.parametrize("key", [lambda q: q.template, lambda q: q.text], ids=["pattern", "text"])
def test_a_learned_blind_guess_is_poor(
    key: Callable[[Question], str], test_items: list[tuple[Scene, Question]], train_items: list[Question]
) -> None:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for question in train_items:
        seen[key(question)][question.answer] += 1
        seen[question.type][question.answer] += 1
    right: dict[str, list[bool]] = defaultdict(list)
    for _, question in test_items:
        counts = seen[key(question)] if seen[key(question)].total() >= 8 else seen[question.type]
        right[question.type].append(counts.most_common(1)[0][0] == question.answer)
    for kind, most in CHANCE.items():
        assert sum(right[kind]) / len(right[kind]) <= most + 0.02, kind


def test_training_answers_are_balanced_too(train_items: list[Question]) -> None:
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for question in train_items:
        answers[question.type][question.answer] += 1
    for kind, most in CHANCE.items():
        assert max(answers[kind].values()) <= (most + 0.01) * answers[kind].total(), kind
    assert 8 < len(train_items) / 1500 <= 10


def test_held_out_pairs_are_never_asked_about(train_items: list[Question]) -> None:
    said = {f"{colour} {shape}" for colour, shape in HELD_OUT}
    asked = {q.text for q in train_items if q.type == "exist"}
    assert not any(text.rstrip("?").endswith(tuple(said)) for text in asked)


def test_annotators_disagree_where_the_scene_is_in_doubt(test_items: list[tuple[Scene, Question]]) -> None:
    doubtful = [q for _, q in test_items if q.ambiguous]
    clear = [q for _, q in test_items if not q.ambiguous]
    assert 0.05 < len(doubtful) / len(test_items) < 0.15
    assert all(len(q.answers) == 10 for _, q in test_items)
    assert sum(q.answers.count(q.answer) for q in clear) / (10 * len(clear)) > 0.97
    agreeing = sum(q.answers.count(q.answer) for q in doubtful) / (10 * len(doubtful))
    assert 0.5 < agreeing < 0.7
    assert sum(consensus(q.answers) == q.answer for q in clear) / len(clear) > 0.999


def test_only_test_like_splits_have_twins() -> None:
    assert twin("fresh:a", 3, 0)[1].answer != questions("fresh:a", 3)[0].answer
    with pytest.raises(ValueError, match="'val' has no twins"):
        twin("val", 0, 0)


def test_secret_splits_differ_by_key_and_hide_it() -> None:
    assert questions("fresh:a", 0) != questions("fresh:b", 0)
    assert "secret" not in questions("fresh:secret", 0)[0].id


def test_edits_that_are_passed_over_flip_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def twins() -> list[object]:
        return [twin("test", index, k) for index in range(60) for k in range(len(questions("test", index)))]

    quick = twins()
    for program in (More, Bigger):
        monkeypatch.setattr(program, "may_flip", lambda *_: True)
    _asked.cache_clear()
    questions.cache_clear()
    assert twins() == quick
    _asked.cache_clear()
    questions.cache_clear()
