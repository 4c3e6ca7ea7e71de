"""Captions of scenes: five people's, each in a style of its own, and a sixth that an oracle would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from .graph import Scene, Thing, scene
from .programs import SIDES, article, on_side, others_see, plural, readings
from .rng import Stream
from .splits import VERSION
from .words import (
    BACKGROUND_WORDS,
    COLOUR_WORDS,
    NUMBERS,
    SHAPE_WORDS,
    SIZE_WORDS,
    TEXTURE_WORDS,
    listing,
    place,
)

Style = Callable[[Scene, Stream], str]
Pair = tuple[str, str]
"""A colour and a shape."""

_SIDE_PHRASES = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
_OPENINGS = ("there is", "the picture shows", "we see", "i can see")


@lru_cache(maxsize=4096)
def captions(split: str, index: int) -> tuple[str, ...]:
    """Five captions of the scene, no two alike, each true of one of its readings."""
    written = scene(split, index)
    stream = Stream(VERSION, split, index, "captions")
    found: list[str] = []
    for style in stream.shuffled(_STYLES):
        while True:
            caption = style(_seen(written, stream), stream)
            if caption not in found:
                found.append(caption)
                break
    return tuple(found)


@lru_cache(maxsize=4096)
def oracle_caption(split: str, index: int) -> str:
    """A sixth caption, different from the five: every thing by its commonest name, most of the time with its colour."""
    written = scene(split, index)
    stream, others = Stream(VERSION, split, index, "oracle"), captions(split, index)
    while True:
        parts = [_named(*pair, count) for pair, count in _groups(written)]
        grounds = [f" on a {word} background" for word in BACKGROUND_WORDS[written.background.name]]
        ending, opening = (
            stream.choice(("", *grounds)),
            stream.choice(("", "a picture of ", "an image of ", "here is ")),
        )
        caption = f"{opening}{listing(stream.shuffled(parts))}{ending}"
        if caption not in others:
            return caption


def mentions(written: Scene) -> frozenset[Pair]:
    """The (colour, shape) pairs of the scene, as its graph names them."""
    return frozenset((thing.colour, thing.shape) for thing in written.things)


def other_names(written: Scene) -> dict[Pair, Pair]:
    """What a thing of doubtful hue may be called as well, to the pair that the graph calls it."""
    there = mentions(written)
    names = {
        (other.colour, other.shape): (thing.colour, thing.shape)
        for thing, other in zip(written.things, others_see(written).things, strict=True)
    }
    return {other: pair for other, pair in names.items() if other not in there}


def _seen(written: Scene, stream: Stream) -> Scene:
    """The scene as the writer of one caption sees it."""
    first, second = readings(written)
    return first if written.doubt is None or stream.chance(written.doubt.share, 1000) else second


def _word(words: tuple[str, ...], stream: Stream) -> str:
    """The first word most of the time: people agree on names more often than not."""
    return words[0] if stream.chance(7, 10) else stream.choice(words)


def _name(thing: Thing, stream: Stream, detail: int = 35) -> str:
    """A thing's name with its colour, and in `detail` of 100 cases its size, in half of these its texture."""
    parts = [_word(COLOUR_WORDS[thing.colour], stream), _word(SHAPE_WORDS[thing.shape], stream)]
    if not thing.is_icon and thing.texture == "striped" and stream.chance(detail, 200):
        parts.insert(0, _word(TEXTURE_WORDS["striped"], stream))
    if not thing.is_icon and stream.chance(detail, 100):
        parts.insert(0, _word(SIZE_WORDS[thing.size], stream))
    return " ".join(parts)


def _named(colour: str, shape: str, count: int) -> str:
    """A group by its plain names: "two red stars"."""
    return article(f"{colour} {shape}") if count == 1 else f"{NUMBERS[count]} {colour} {plural(shape)}"


def _groups(written: Scene) -> list[tuple[tuple[str, str], int]]:
    return sorted(Counter((thing.colour, thing.shape) for thing in written.things).items())


def _ground(written: Scene, stream: Stream) -> str:
    word = _word(BACKGROUND_WORDS[written.background.name], stream)
    return stream.choice((f"on a {word} background", f"against a {word} background", f"on {word} ground"))


def _inventory(written: Scene, stream: Stream) -> str:
    """Every thing, one after the other."""
    things = [article(_name(thing, stream)) for thing in stream.shuffled(written.things)]
    text = listing(things)
    return f"{text} {_ground(written, stream)}" if stream.chance(1, 3) else text


def _grouped(written: Scene, stream: Stream) -> str:
    """Like things together: "there are two red stars and a blue boat"."""
    parts = []
    for (colour, shape), count in stream.shuffled(_groups(written)):
        name, word = _word(SHAPE_WORDS[shape], stream), _word(COLOUR_WORDS[colour], stream)
        parts.append(article(f"{word} {name}") if count == 1 else f"{NUMBERS[count]} {word} {plural(name)}")
    return f"{stream.choice(_OPENINGS)} {listing(parts)}"


def _related(written: Scene, stream: Stream) -> str:
    """Two things and how they lie to each other; the place of one where there are no two that can be told apart."""
    pairs = [
        (one, side, other)
        for one in written.things
        for other in written.things
        if one is not other and (one.colour, one.shape) != (other.colour, other.shape)
        for side in SIDES
        if on_side(one, side, other)
    ]
    if not pairs:
        thing = stream.choice(written.things)
        return f"{article(_name(thing, stream))} {place(thing)} {_ground(written, stream)}"
    one, side, other = stream.choice(pairs)
    text = f"{article(_name(one, stream))} {stream.choice(_SIDE_PHRASES[side])} {article(_name(other, stream))}"
    rest = len(written.things) - 2
    return f"{text}, and {_more(rest, stream)}" if rest and stream.chance(1, 2) else text


def _more(count: int, stream: Stream) -> str:
    noun = stream.choice(("thing", "object"))
    return f"{NUMBERS[count]} {stream.choice(('more', 'other'))} {noun if count == 1 else plural(noun)}"


def _tally(written: Scene, stream: Stream) -> str:
    """How many there are, and of what colour or shape the most frequent ones are."""
    total, noun = len(written.things), stream.choice(("thing", "object"))
    head = f"{NUMBERS[total]} {noun if total == 1 else plural(noun)} {_ground(written, stream)}"
    if total == 1:
        return f"only {head}: {article(_name(written.things[0], stream))}"
    thing = stream.choice(written.things)
    if stream.chance(1, 2):
        count = sum(other.colour == thing.colour for other in written.things)
        return f"{head}, {NUMBERS[count]} of them {_word(COLOUR_WORDS[thing.colour], stream)}"
    return f"{head}: {_by_shape(written, stream)}"


def _by_shape(written: Scene, stream: Stream) -> str:
    counts = sorted(Counter(thing.shape for thing in written.things).items())
    parts = []
    for shape, count in stream.shuffled(counts):
        name = _word(SHAPE_WORDS[shape], stream)
        parts.append(article(name) if count == 1 else f"{NUMBERS[count]} {plural(name)}")
    return listing(parts)


def _focused(written: Scene, stream: Stream) -> str:
    """What stands out, where it is, and what is beside it."""
    icons_first = sorted(written.things, key=lambda thing: (not thing.is_icon, -thing.scale))
    main = icons_first[0] if stream.chance(2, 3) else stream.choice(written.things)
    text = f"{article(_name(main, stream, 80))} {place(main)}"
    others = [thing for thing in written.things if thing is not main]
    if others:
        with_these = [article(_name(thing, stream)) for thing in stream.sample(others, min(2, len(others)))]
        text += f" with {listing(with_these)}"
    return f"{text} {_ground(written, stream)}" if stream.chance(1, 4) else text


_STYLES: tuple[Style, ...] = (_inventory, _grouped, _related, _tally, _focused)
