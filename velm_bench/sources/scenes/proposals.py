"""Proposes questions to a scene: plausible ones, whose negatives are near misses and whose references are unique."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from operator import attrgetter

from .graph import COLOURS, HELD_OUT, ICON_KINDS, ICON_TYPE, ICONS, SHAPES, SIZES, TEXTURES, Scene, Thing
from .programs import SIDES, Bigger, Colour, Count, Exist, More, Phrase, Program, Query, Relation, Shape, Size
from .rng import Stream

Proposer = Callable[[Scene, Stream], Program | None]

_SINGLE = (("shape",), ("colour",))
_DOUBLE = (("colour", "shape"), ("size", "shape"), ("texture", "shape"), ("size", "colour"), ("texture", "colour"))
_TRIPLE = (("size", "texture", "shape"), ("size", "texture", "colour"), ("size", "colour", "shape"))
_READ: dict[tuple[str, ...], Callable[[Thing], object]] = {
    names: attrgetter(*names) for names in (*_SINGLE, *_DOUBLE, *_TRIPLE)
}
_OF_SHAPES = frozenset(names for names in _READ if {"size", "texture"} & set(names))
"""What describes no icon."""


def proposer(kind: str, stream: Stream) -> Proposer:
    """A way to propose questions of this type; it may propose None, and the answer is the caller's to weigh."""
    return stream.weighted(_PROPOSERS[kind])


def _focus(scene: Scene, stream: Stream) -> Thing:
    """A thing to ask about; in `test_novel` mostly one of the novel pairs."""
    if scene.split == "test_novel" and stream.chance(2, 3):
        return stream.choice([t for t in scene.things if (t.colour, t.shape) in HELD_OUT] or list(scene.things))
    return stream.choice(scene.things)


def _describe(thing: Thing, names: tuple[str, ...]) -> Phrase:
    return Phrase(**{name: getattr(thing, name) for name in names})


def _refer(scene: Scene, thing: Thing, stream: Stream, hidden: str = "") -> Phrase | None:
    """A phrase that describes this thing alone and does not give away the `hidden` attribute; short ones first."""
    longer_first = stream.chance(1, 4)
    singles = () if longer_first else stream.shuffled(_SINGLE)
    for names in chain(singles, stream.shuffled_if_needed(_DOUBLE), _TRIPLE):
        if hidden not in names and _singles_out(thing, names, scene):
            return _describe(thing, names)
    return None


def _singles_out(thing: Thing, names: tuple[str, ...], scene: Scene) -> bool:
    """Whether these attributes describe this thing alone."""
    if names in _OF_SHAPES and thing.is_icon:
        return False
    read = _READ[names]
    own = read(thing)
    alike = [other for other in scene.things if read(other) == own]
    return len(alike) == 1 or (names in _OF_SHAPES and sum(not other.is_icon for other in alike) == 1)


def _two(scene: Scene, stream: Stream) -> tuple[Thing, Thing] | None:
    if len(scene.things) < 2:
        return None
    first = _focus(scene, stream)
    return first, stream.choice([thing for thing in scene.things if thing is not first])


def _exist_pair(scene: Scene, stream: Stream) -> Program | None:
    """Half of the time a pair that is there; else the colour of one thing with another's shape, or one part changed.

    In `test_novel` any held-out pair may be asked about: if only those shown were, their rarity would say "yes".
    """
    if scene.split == "test_novel" and stream.chance(2, 5):
        colour, shape = stream.choice(sorted(HELD_OUT))
        return Exist(Phrase(colour=colour, shape=shape))
    thing = _focus(scene, stream)
    if thing.is_icon:
        return None
    colour, shape = thing.colour, thing.shape
    if stream.chance(2, 3):
        other = stream.choice(scene.things)
        if stream.chance(1, 2):
            colour = other.colour if other.colour != colour else stream.choice(COLOURS)
        else:
            shape = other.shape if other.shape != shape and not other.is_icon else stream.choice(SHAPES)
    if (colour, shape) in HELD_OUT and scene.split != "test_novel":
        return None
    return Exist(Phrase(colour=colour, shape=shape))


def _exist_shape(scene: Scene, stream: Stream) -> Program | None:
    thing = _focus(scene, stream)
    return Exist(Phrase(shape=thing.shape if stream.chance(1, 2) and not thing.is_icon else stream.choice(SHAPES)))


def _exist_icon(scene: Scene, stream: Stream) -> Program | None:
    """An icon that is there, or another of its type, or any."""
    if not scene.icons:
        return Exist(Phrase(shape=stream.choice(ICON_KINDS))) if stream.chance(1, 4) else None
    kind = stream.choice(scene.icons).shape
    return Exist(Phrase(shape=kind if stream.chance(1, 2) else stream.choice(ICONS[ICON_TYPE[kind]])))


def _count_colour(scene: Scene, stream: Stream) -> Program:
    return Count(Phrase(colour=_focus(scene, stream).colour if stream.chance(5, 6) else stream.choice(COLOURS)))


def _count_shape(scene: Scene, stream: Stream) -> Program | None:
    shape = _focus(scene, stream).shape if stream.chance(5, 6) else stream.choice(SHAPES)
    return Count(Phrase(shape=shape)) if shape in SHAPES else None


def _count_texture(_: Scene, stream: Stream) -> Program:
    return Count(Phrase(texture=stream.choice(TEXTURES)))


def _count_size(_: Scene, stream: Stream) -> Program:
    return Count(Phrase(size=stream.choice(SIZES)))


def _count_all(_: Scene, __: Stream) -> Program:
    return Count(Phrase())


def _colour(scene: Scene, stream: Stream) -> Program | None:
    target = _refer(scene, _focus(scene, stream), stream, "colour")
    return Colour(target) if target else None


def _shape(scene: Scene, stream: Stream) -> Program | None:
    target = _refer(scene, _focus(scene, stream), stream, "shape")
    return Shape(target) if target else None


def _size(scene: Scene, stream: Stream) -> Program | None:
    target = _refer(scene, _focus(scene, stream), stream, "size")
    return Size(target) if target else None


def _more_colour(scene: Scene, stream: Stream) -> Program | None:
    colours = sorted({thing.colour for thing in scene.things})
    if len(colours) < 2:
        return None
    first, second = stream.sample(colours, 2)
    return More(Phrase(colour=first), Phrase(colour=second))


def _more_shape(scene: Scene, stream: Stream) -> Program | None:
    shapes = sorted({thing.shape for thing in scene.things if not thing.is_icon})
    if len(shapes) < 2:
        return None
    first, second = stream.sample(shapes, 2)
    return More(Phrase(shape=first), Phrase(shape=second))


def _bigger(scene: Scene, stream: Stream) -> Program | None:
    pair = _two(scene, stream)
    if pair is None or pair[0].is_icon or pair[1].is_icon or pair[0].size == pair[1].size:
        return None
    first, second = _refer(scene, pair[0], stream, "size"), _refer(scene, pair[1], stream, "size")
    return Bigger(first, second) if first and second else None


def _relation(scene: Scene, stream: Stream) -> Program | None:
    pair = _two(scene, stream)
    if pair is None:
        return None
    # A size mentioned with a place would make it a question of both.
    first, second = _refer(scene, pair[0], stream, "size"), _refer(scene, pair[1], stream, "size")
    return Relation(first, stream.choice(SIDES), second) if first and second else None


def _query(scene: Scene, stream: Stream) -> Program | None:
    pair = _two(scene, stream)
    anchor = _refer(scene, pair[1], stream, "size") if pair else None
    return Query(stream.choice(("colour", "shape")), stream.choice(SIDES), anchor) if anchor else None


_PROPOSERS: dict[str, tuple[tuple[Proposer, int], ...]] = {
    "exist": ((_exist_pair, 5), (_exist_shape, 2), (_exist_icon, 2)),
    "count": ((_count_colour, 8), (_count_shape, 8), (_count_texture, 4), (_count_size, 4), (_count_all, 1)),
    "colour": ((_colour, 1),),
    "shape": ((_shape, 1),),
    "size": ((_size, 1),),
    "compare": ((_more_colour, 2), (_more_shape, 2), (_bigger, 3)),
    "relation": ((_relation, 1),),
    "query": ((_query, 1),),
}
