"""NER sentences: names whose type often only the picture tells.

"Jordan next to the red star" names a person where a person stands nearest to the red star, a place where a house does.
The words bind the name to an icon by *where the icon is*, never by the order of mention, and the type of an ambiguous
name is drawn from the icons' odds under those words: two icons that fit almost equally well leave a doubt that no
reader can remove. Where the picture does not decide, a cue word ("Mr", "Inc") or a telling name does, whatever else
the picture shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from .graph import Scene, Thing, scene
from .names import AMBIGUOUS, CLOSERS, CUES, LINK, OPENERS, SECOND, TELLING, TYPES, Cue, Pool
from .rng import Stream
from .splits import VERSION

Role = Literal["decides", "misleading", "agrees", "irrelevant", "nothing"]
"""What the picture is to a sentence. It *decides* the type of at least one name; or the text does, and the icons
there are of other types (*misleading*) or of a named one (*agrees*), or there is none (*irrelevant*); or the sentence
has no name (*nothing*)."""

TAGS: Final[tuple[str, ...]] = ("O", *(f"{edge}-{kind}" for kind in TYPES for edge in "BI"))
"""All IOB2 tags that occur."""

_DIRECTIONS: Final[tuple[tuple[tuple[str, ...], int, int], ...]] = (
    (("left", "of"), -1, 0),
    (("right", "of"), 1, 0),
    (("above",), 0, -1),
    (("below",), 0, 1),
)
_SIDES: Final[tuple[tuple[tuple[str, ...], int, int], ...]] = (
    (("on", "the", "left"), -1, 0),
    (("on", "the", "right"), 1, 0),
    (("at", "the", "top"), 0, -1),
    (("at", "the", "bottom"), 0, 1),
)
_NEAR: Final = (("next", "to"), ("near",), ("beside",))
_SHARPNESS: Final = 6
"""The power of a distance's reciprocal in an icon's odds: at 6, an icon twice as far is meant once in 65 times."""

_PLANS: Final[tuple[tuple[tuple[str, int], ...], ...]] = (
    (("text", 65), ("none", 35)),
    (("image", 72), ("text", 24), ("none", 4)),
    (("image", 88), ("text", 9), ("none", 3)),
)
"""What a sentence does, with weights, where icons of no, one or two types are in the picture."""

_UNSEEN_SHARE: Final = 30
_LOWER_SHARE: Final = 15


@dataclass(frozen=True)
class Mention:
    """A name in a sentence: tokens `start` up to `end`, excluded."""

    start: int
    end: int
    kind: str
    """PER, LOC, ORG or MISC, as annotated."""
    oracle: str
    """The likeliest type, given the words and the scene graph."""
    sure: int
    """How likely the oracle's type is, in thousandths; 1000 where the text decides."""
    needs_image: bool
    """Whether the picture, and not the text, decides the type."""
    unseen: bool
    """Whether the name never occurs in training."""


@dataclass(frozen=True)
class Sentence:
    """A sentence about a picture, with its entities."""

    tokens: tuple[str, ...]
    mentions: tuple[Mention, ...]
    role: Role

    @property
    def tags(self) -> tuple[str, ...]:
        """The annotated tags, IOB2, one per token."""
        return _iob(len(self.tokens), [(m.start, m.end, m.kind) for m in self.mentions])

    @property
    def oracle(self) -> tuple[str, ...]:
        """The tags by scene graph and text, IOB2, one per token."""
        return _iob(len(self.tokens), [(m.start, m.end, m.oracle) for m in self.mentions])

    @property
    def needs_image(self) -> bool:
        """Whether the picture decides the type of at least one name."""
        return any(mention.needs_image for mention in self.mentions)

    @property
    def unseen(self) -> bool:
        """Whether a name of the sentence never occurs in training."""
        return any(mention.unseen for mention in self.mentions)


@dataclass(frozen=True)
class Place:
    """Words that say where something is, and the odds (integer weights) that they mean each icon of the scene."""

    words: tuple[str, ...]
    odds: tuple[int, ...]

    @property
    def meant(self) -> int:
        """The number of the likeliest icon; -1 in a scene without icons."""
        return max(range(len(self.odds)), key=self.odds.__getitem__, default=-1)


@dataclass
class _Draft:
    """A sentence being written."""

    seen: Scene
    stream: Stream
    unseen: bool
    tokens: list[str] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)

    def say(self, *words: str) -> None:
        self.tokens.extend(words)

    def name(self, words: Sequence[str], kind: str, oracle: str, sure: int, needs_image: bool) -> None:
        start = len(self.tokens)
        self.tokens.extend(words)
        self.mentions.append(Mention(start, len(self.tokens), kind, oracle, sure, needs_image, self.unseen))

    def finish(self, role: Role) -> Sentence:
        """The sentence with its first letter capital, or, sometimes, all in lower case."""
        if self.stream.chance(_LOWER_SHARE, 100):
            words = [token.lower() for token in self.tokens]
        else:
            words = [self.tokens[0][:1].upper() + self.tokens[0][1:], *self.tokens[1:]]
        return Sentence(tuple(words), tuple(self.mentions), role)


def entity_sentence(split: str, index: int) -> Sentence:
    """The sentence of the scene at this address.

    Unseen names occur in every split but training. Raises ValueError for an unknown split, IndexError outside of it.
    """
    stream = Stream(VERSION, split, index, "entities")
    unseen = split != "train" and stream.chance(_UNSEEN_SHARE, 100)
    draft = _Draft(scene(split, index), stream, unseen)
    draft.say(*stream.choice(OPENERS))
    role = _write(draft)
    draft.say(*stream.choice(CLOSERS))
    return draft.finish(role)


def oracle_tags(split: str, index: int) -> tuple[str, ...]:
    """The best possible tags: each name that the picture decides gets the type that the scene graph makes likeliest."""
    return entity_sentence(split, index).oracle


def places(seen: Scene) -> list[Place]:
    """Every way to say where an icon is; in a scene without icons, every way to say where anything might be."""
    found = [*_beside(seen), *_sides(seen)]
    if len(seen.icons) <= 1:
        found.append(Place(("in", "the", "picture"), (1,) * len(seen.icons)))
    return found


def _write(draft: _Draft) -> Role:
    """Write the body of the sentence; the mix of plans depends on how many types the icons are of."""
    types = len({icon.entity_type for icon in draft.seen.icons})
    plan = draft.stream.weighted(_PLANS[types])
    if plan == "image":
        _image_names(draft)
        return "decides"
    if plan == "none":
        _no_name(draft)
        return "nothing"
    return _text_names(draft)


def _image_names(draft: _Draft) -> None:
    """One or two names that the picture decides, sometimes beside one that the text decides."""
    options, stream = places(draft.seen), draft.stream
    first = stream.choice(options)
    _image_name(draft, first)
    others = [place for place in options if place.meant != first.meant]
    if others and stream.chance(35, 100):
        draft.say("and")
        _image_name(draft, stream.choice(others))
    elif stream.chance(12, 100):
        draft.say("with")
        _text_name(draft)


def _image_name(draft: _Draft, place: Place) -> None:
    """An ambiguous name at a place; its type is that of an icon drawn by the place's odds."""
    kinds = [icon.entity_type or "" for icon in draft.seen.icons]
    weights = {kind: sum(w for k, w in zip(kinds, place.odds, strict=True) if k == kind) for kind in kinds}
    kind = draft.stream.weighted(weights.items())
    oracle = max(weights, key=weights.__getitem__)
    sure = weights[oracle] * 1000 // sum(weights.values())
    draft.name(_ambiguous(draft), kind, oracle, sure, needs_image=True)
    draft.say(*place.words)


def _text_names(draft: _Draft) -> Role:
    """One or two names that the text decides, often with words of place that mean nothing for them."""
    stream = draft.stream
    _text_name(draft)
    if stream.chance(65, 100):
        draft.say(*stream.choice(places(draft.seen)).words)
    if stream.chance(25, 100):
        draft.say(stream.choice(("and", "with")))
        _text_name(draft)
    shown = {icon.entity_type for icon in draft.seen.icons}
    if not shown:
        return "irrelevant"
    return "agrees" if any(mention.kind in shown for mention in draft.mentions) else "misleading"


def _text_name(draft: _Draft) -> None:
    """A name of a type drawn without a look at the picture, told by a cue, by the name itself, or by both."""
    stream = draft.stream
    kind = stream.choice(TYPES)
    told = stream.weighted((("cue", 55), ("name", 30), ("both", 15)))
    cue = stream.choice(CUES[kind]) if told != "name" else Cue()
    words = _ambiguous(draft) if told == "cue" else [stream.choice(_half(TELLING[kind], draft.unseen))]
    draft.say(*cue.before)
    draft.name([*cue.head, *words, *cue.tail], kind, kind, 1000, needs_image=False)
    draft.say(*cue.after)


def _ambiguous(draft: _Draft) -> list[str]:
    """A name of one, two or three tokens that fits every type."""
    stream, unseen = draft.stream, draft.unseen
    first = stream.choice(_half(AMBIGUOUS, unseen))
    length = stream.weighted(((1, 60), (2, 32), (3, 8)))
    if length == 1:
        return [first]
    second = stream.choice(_half(SECOND, unseen))
    return [first, second] if length == 2 else [first, LINK, second]


def _half(pool: Pool, unseen: bool) -> tuple[str, ...]:
    return pool.unseen if unseen else pool.seen


def _no_name(draft: _Draft) -> None:
    """A sentence without a name: something about a shape, or that there is none."""
    anchors = list(_anchors(draft.seen))
    if not anchors:
        draft.say("nobody", "here")
        return
    words, _ = draft.stream.choice(anchors)
    draft.say(*words)
    draft.say(*draft.stream.choice((("again",), ("and", "nothing", "else"), ("in", "the", "picture"), ())))


def _anchors(seen: Scene) -> Iterator[tuple[tuple[str, ...], Thing]]:
    """The shapes that words single out, with those words; none whose colour is doubtful."""
    shapes = [thing for thing in seen.things if not thing.is_icon]
    doubtful = seen.things[seen.doubt.thing] if seen.doubt and seen.doubt.kind == "hue" else None
    for thing in shapes:
        alike = [other for other in shapes if other.shape == thing.shape]
        if len(alike) == 1:
            yield ("the", thing.shape), thing
        hazy = any(other is doubtful for other in alike)
        if not hazy and sum(other.colour == thing.colour for other in alike) == 1:
            yield ("the", thing.colour, thing.shape), thing


def _beside(seen: Scene) -> Iterator[Place]:
    """Places by a shape: next to it, and in each direction in which an icon clearly lies."""
    for words, anchor in _anchors(seen):
        offsets = [(icon.x - anchor.x, icon.y - anchor.y) for icon in seen.icons]
        near = tuple(_power(10**9 // (dx * dx + dy * dy), _SHARPNESS // 2) for dx, dy in offsets)
        yield from (Place((*nearness, *words), near) for nearness in _NEAR)
        for relation, ax, ay in _DIRECTIONS:
            if not offsets or any(_along(dx, dy, ax, ay) for dx, dy in offsets):
                yield Place((*relation, *words), tuple(_toward(dx, dy, ax, ay) for dx, dy in offsets))


def _along(dx: int, dy: int, ax: int, ay: int) -> bool:
    """Whether an offset points along an axis: at most some 35 degrees beside it."""
    ahead, aside = dx * ax + dy * ay, abs(dx * ay) + abs(dy * ax)
    return ahead > 0 and 10 * aside <= 7 * ahead


def _toward(dx: int, dy: int, ax: int, ay: int) -> int:
    """The weight of an offset for a direction: a power of cosine / distance."""
    ahead = max(0, dx * ax + dy * ay)
    return _power(10**9 * ahead // (dx * dx + dy * dy), _SHARPNESS)


def _sides(seen: Scene) -> Iterator[Place]:
    """Places by a side of the picture, where an icon is clearly on that side."""
    spots = [(icon.x - 512, icon.y - 512) for icon in seen.icons]
    for words, ax, ay in _SIDES:
        depths = [x * ax + y * ay for x, y in spots]
        if not depths or max(depths) > 100:
            yield Place(words, tuple(_power(512 + depth, _SHARPNESS) for depth in depths))


def _power(base: int, exponent: int) -> int:
    return int(max(0, base) ** exponent)


def _iob(length: int, spans: Sequence[tuple[int, int, str]]) -> tuple[str, ...]:
    tags = ["O"] * length
    for start, end, kind in spans:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(tags)
