"""Questions about scenes, with ten people's answers each, and their twins."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from .balance import TYPE_WEIGHTS, kept_of_1000
from .graph import COLOURS, SHAPES, SIZES, Scene, scene
from .programs import TYPES, Program, readings
from .proposals import proposer
from .rng import Stream
from .splits import VERSION, group_id, has_twins, questions_per_scene
from .twins import twin_of

ANNOTATORS = 10
TRAINING_QUESTIONS = 10
"""How many questions `training_questions` asks of a scene, where it offers as many."""

_SLIPS = 20
_ATTEMPTS = 24
_SAME_BAR = 8
_DOUBT_TYPES = {
    "hue": ("colour", "exist", "count", "query", "compare"),
    "size": ("size", "compare", "count"),
    "tie": ("relation", "query"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known about it. `answer` is the truth (in doubt: what most people would say)."""

    id: str
    type: str
    answer_type: str
    text: str
    answer: str
    answers: tuple[str, ...]
    ambiguous: bool
    template: str
    pair: str
    program: Program


@dataclass(frozen=True, slots=True)
class Asked:
    """What was settled about a question before its words: the program and the twin that flips it."""

    program: Program
    doubtful: bool
    twin: Scene | None = None


@lru_cache(maxsize=4096)
def questions(split: str, index: int) -> tuple[Question, ...]:
    """The questions that an evaluation asks of this scene, three of different types in most splits.

    Where the split has twins, `twin(split, index, k)` is question k once more, of a scene that flips its answer.
    """
    picture = scene(split, index)
    return tuple(
        _question(asked, picture, f"{group_id(split, index)}/q{k}", k, Stream(VERSION, split, index, "words", k))
        for k, asked in enumerate(_asked(split, index))
    )


def twin(split: str, index: int, k: int) -> tuple[Scene, Question]:
    """The twin of question `k`: a minimally edited scene, and the same words with another answer.

    Raises ValueError for a split without twins.
    """
    if not has_twins(split):
        raise ValueError(f"split '{split}' has no twins: only test, lite and fresh:<key> do")
    asked = _asked(split, index)[k]
    if asked.twin is None:
        raise ValueError(f"question {k} of scene {group_id(split, index)} has no twin")
    name = f"{group_id(split, index)}t/q{k}"
    # The same stream as the question's: the same wording, and answers that differ only as the scenes do.
    return asked.twin, _question(asked, asked.twin, name, k, Stream(VERSION, split, index, "words", k))


def training_questions(index: int) -> tuple[Question, ...]:
    """About ten questions of all types to a training scene, no two of the same meaning, balanced like the test's."""
    stream = Stream(VERSION, "train", index, "many")
    picture = scene("train", index)
    found: list[Asked] = []
    for kind in (*stream.shuffled(TYPES), *stream.shuffled(TYPES)):
        asked = _find(picture, kind, False, False, stream)
        if asked and all(asked.program != other.program for other in found):
            found.append(asked)
    if picture.doubt:
        found = [*_doubtful(picture, False, stream, 1), *found]
    name = group_id("train", index)
    chosen = found[:TRAINING_QUESTIONS]
    return tuple(_question(asked, picture, f"{name}/m{k}", k, stream) for k, asked in enumerate(chosen))


@lru_cache(maxsize=4096)
def _asked(split: str, index: int) -> tuple[Asked, ...]:
    stream = Stream(VERSION, split, index, "questions")
    picture, twinned, wanted = scene(split, index), has_twins(split), questions_per_scene(split)
    # One question of a scene is not always asked about its doubt, or a third of `lite` would be doubtful.
    chosen = _doubtful(picture, twinned, stream, min(2, wanted)) if picture.doubt and stream.below(3) < wanted else []
    types = [asked.program.type for asked in chosen]
    while len(chosen) < wanted and len(types) < len(TYPES):
        kind = stream.weighted([(t, TYPE_WEIGHTS[t]) for t in TYPES if t not in types])
        types.append(kind)
        asked = _find(picture, kind, False, twinned, stream)
        if asked:
            chosen.append(asked)
    return tuple(stream.shuffled(chosen)) or (_fallback(picture, twinned, stream),)


def _doubtful(picture: Scene, twinned: bool, stream: Stream, most: int) -> list[Asked]:
    """Questions of different types, at most so many, whose answers depend on how the scene's doubt is read."""
    assert picture.doubt is not None
    found: list[Asked] = []
    for kind in stream.shuffled(_DOUBT_TYPES[picture.doubt.kind]):
        asked = _find(picture, kind, True, twinned, stream) if len(found) < most else None
        if asked:
            found.append(asked)
    return found


def _find(picture: Scene, kind: str, doubtful: bool, twinned: bool, stream: Stream) -> Asked | None:
    """A question of this type that passes the balance, is doubtful or not as wanted, and has a twin if it must."""
    first, second = readings(picture)
    for attempt in range(_ATTEMPTS):
        if attempt % _SAME_BAR == 0:
            # One bar for several attempts: with a new one each time, a scene of common answers would pass in the end.
            bar, propose = stream.below(1000), proposer(kind, stream)
        program = propose(first, stream)
        answer = program.answer(first) if program else None
        if program is None or answer is None or kept_of_1000(program.template, answer) <= bar:
            continue
        other = answer if first is second else program.answer(second)
        if other is None or (other != answer) is not doubtful:
            continue
        twin_scene = twin_of(picture, program, doubtful, stream) if twinned else None
        if twin_scene is not None or not twinned:
            return Asked(program, doubtful, twin_scene)
    return None


def _fallback(picture: Scene, twinned: bool, stream: Stream) -> Asked:
    """A question for a scene where nothing was found: proposals go on, over all types, until one holds."""
    while True:
        asked = _find(picture, stream.choice(TYPES), False, twinned, stream)
        if asked:
            return asked


def _question(asked: Asked, picture: Scene, name: str, k: int, stream: Stream) -> Question:
    program = asked.program
    first, second = readings(picture)
    answer = program.answer(first)
    assert answer is not None
    other = answer if first is second else program.answer(second) or answer
    text = stream.choice(program.wordings())
    return Question(
        id=name,
        type=program.type,
        answer_type=program.answer_type,
        text=text,
        answer=answer,
        answers=_annotate(program, answer, other, picture, stream),
        ambiguous=other != answer,
        template=program.template,
        pair=f"{group_id(picture.split, picture.index)}/q{k}",
        program=program,
    )


def _annotate(program: Program, answer: str, other: str, picture: Scene, stream: Stream) -> tuple[str, ...]:
    """Ten people's answers: each sees the scene one way or the other, and slips in one case of fifty."""
    share = picture.doubt.share if picture.doubt else 1000
    seen, doubtful, answers = answer, answer != other, []
    for _ in range(ANNOTATORS):
        if doubtful:
            seen = answer if stream.chance(share, 1000) else other
        else:
            stream.skip(1)
        answers.append(_slip(program, seen, stream) if stream.chance(_SLIPS, 1000) else seen)
    return tuple(answers)


def _slip(program: Program, seen: str, stream: Stream) -> str:
    """A wrong answer of the right kind."""
    if program.answer_type == "number":
        return str(abs(int(seen) + stream.choice((1, -1))))
    pool = next(p for p in (("yes", "no"), COLOURS, SHAPES, SIZES) if seen in p)
    return stream.choice([word for word in pool if word != seen])


def consensus(answers: tuple[str, ...]) -> str:
    """The most common answer; the first given where several are."""
    return Counter(answers).most_common(1)[0][0]
