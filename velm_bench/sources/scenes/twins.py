"""Minimal edits: the same scene with one thing changed, so that a question's answer flips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from .graph import (
    COLOURS,
    HELD_OUT,
    ICON_KINDS,
    PALETTE,
    SHAPES,
    SIZES,
    TEXTURES,
    Doubt,
    Scene,
    Thing,
    between_hues,
    fits,
    recoloured,
    resized,
)
from .programs import Program, most_see, others_see
from .rng import Stream

Edit = tuple[str, int, Any]
"""(what is done, to which thing, with what); cheap to shuffle, carried out only when tried."""

_FAMILIES: dict[str, tuple[str, ...]] = {
    "exist": ("colour", "shape"),
    "count": ("colour", "shape", "texture", "size", "remove", "add"),
    "colour": ("colour",),
    "shape": ("shape",),
    "size": ("size", "exchange"),
    "compare": ("colour", "shape", "exchange"),
    "relation": ("swap", "move", "exchange"),
    "query": ("colour", "shape"),
}

_OTHERS = {
    one: tuple(other for other in pool if other != one)
    for pool in (COLOURS, SHAPES, ICON_KINDS, SIZES, TEXTURES)
    for one in pool
}
"""All other colours of a colour, shapes of a shape, ..."""

_FALLBACKS = frozenset({"exchange", "move"})
_IN_PLACE = frozenset({"colour", "shape", "texture", "exchange", "remove"})


def twin_of(scene: Scene, program: Program, doubtful: bool, stream: Stream) -> Scene | None:
    """The scene with one edit that changes the program's answer, or None where no edit does.

    Apart from questions that are `doubtful` on purpose, both readings of the twin must agree on the new answer.
    """
    read = most_see(scene)
    old = program.answer(read)
    second_best: Scene | None = None
    wanted = _wanted(program, old, stream)
    for changed in _edited(scene, read, program, stream):
        new = program.answer(most_see(changed))
        if new is None or new == old or not _settled(changed, program, new, doubtful):
            continue
        if wanted in (None, new):
            return changed
        second_best = second_best or changed
    return second_best


def _wanted(program: Program, old: str | None, stream: Stream) -> str | None:
    """For counts, whether the twin should rather have one more or one less: most edits of a full scene take away."""
    if program.type != "count" or old is None:
        return None
    return str(max(0, int(old) + (1 if stream.chance(1, 2) else -1)))


def _settled(scene: Scene, program: Program, answer: str, doubtful: bool) -> bool:
    """Whether all people give this answer, or may differ as they are meant to."""
    if scene.doubt is None:
        return True
    other = program.answer(others_see(scene))
    return other == answer or (doubtful and other is not None)


def _edited(scene: Scene, read: Scene, program: Program, stream: Stream) -> Iterator[Scene]:
    """Valid edits that can matter to the program: the fallbacks last, the others shuffled."""
    subjects = program.subjects(read)
    at = [i for i, thing in enumerate(read.things) if not subjects or any(thing is one for one in subjects)]
    families = _FAMILIES[program.type]
    first = [edit for name in families if name not in _FALLBACKS for edit in _edits(name, scene, at, program)]
    last = [edit for name in families if name in _FALLBACKS for edit in _edits(name, scene, at, program)]
    for name, place, value in chain(stream.shuffled_if_needed(first), stream.shuffled_if_needed(last)):
        if not program.may_flip(name, scene.things[place], value):
            continue
        changed = _ACTIONS[name](scene, place, value, stream)
        if changed is not None and _allowed(scene, changed, name):
            yield changed


def _allowed(scene: Scene, changed: Scene, family: str) -> bool:
    """Whether the edit leaves room between things and makes no held-out pair."""
    if not changed.things or not HELD_OUT.isdisjoint([(thing.colour, thing.shape) for thing in changed.things]):
        return False
    return family in _IN_PLACE or fits(changed.things)


def _edits(name: str, scene: Scene, places: list[int], program: Program) -> list[Edit]:
    """What this family can do to the things at these places that could matter to the program."""
    phrases = program.phrases()
    edits: list[Edit] = [(name, i, value) for i in places for value in _values(name, i, scene.things[i], scene)]
    if not phrases or name == "exchange":
        return edits
    if name in ("add", "remove"):
        return [edit for edit in edits if any(phrase.fits(scene.things[edit[1]]) for phrase in phrases)]
    named = {getattr(phrase, name) for phrase in phrases} - {""}
    return [edit for edit in edits if edit[2] in named or getattr(scene.things[edit[1]], name) in named]


def _values(name: str, at: int, thing: Thing, scene: Scene) -> tuple[Any, ...]:
    """What this family of edits can do to one thing."""
    if name in ("colour", "shape"):
        return _OTHERS[getattr(thing, name)]
    if name in ("swap", "exchange"):
        return tuple(other for other in range(len(scene.things)) if other != at)
    if name == "move":
        return tuple(range(4))
    if name == "add":
        return (0,) if len(scene.things) < 5 else ()
    if name == "remove":
        return (0,)
    return () if thing.is_icon else _OTHERS[getattr(thing, name)]


def _put(scene: Scene, at: int, thing: Thing, settles: str = "") -> Scene:
    """The scene with another thing at this place; `settles` names the doubt about it that the edit ends."""
    doubt = scene.doubt
    if doubt and doubt.kind == settles and (doubt.thing == at or (settles == "tie" and doubt.other == str(at))):
        doubt = None
    return scene.showing((*scene.things[:at], thing, *scene.things[at + 1 :]), doubt)


def _recolour(scene: Scene, at: int, colour: str, _: Stream) -> Scene:
    thing, doubt = scene.things[at], scene.doubt
    if doubt and doubt.kind == "hue" and doubt.thing == at:
        return _still_doubtful(scene, at, colour, doubt)
    return _put(scene, at, recoloured(thing, colour))


def _still_doubtful(scene: Scene, at: int, colour: str, doubt: Doubt) -> Scene:
    """A thing of doubtful hue in another colour: again between that and a neighbour, where one is free."""
    thing = scene.things[at]
    for step in (1, 7):
        other = COLOURS[(COLOURS.index(colour) + step) % 8]
        if other not in (thing.colour, doubt.other) and (other, thing.shape) not in HELD_OUT:
            moved = replace(doubt, other=other)
            changed = _put(scene, at, thing.but(colour=colour, rgb=between_hues(colour, moved)))
            return changed.showing(changed.things, moved)
    return _put(scene, at, thing.but(colour=colour, rgb=PALETTE[colour]), "hue")


def _reshape(scene: Scene, at: int, shape: str, _: Stream) -> Scene | None:
    doubt = scene.doubt
    if doubt and doubt.kind == "hue" and doubt.thing == at and (doubt.other, shape) in HELD_OUT:
        return None
    return _put(scene, at, scene.things[at].but(shape=shape))


def _retexture(scene: Scene, at: int, texture: str, _: Stream) -> Scene:
    return _put(scene, at, scene.things[at].but(texture=texture))


def _resize(scene: Scene, at: int, size: str, _: Stream) -> Scene:
    return _put(scene, at, resized(scene.things[at], size), "size")


def _move(scene: Scene, at: int, _: int, stream: Stream) -> Scene:
    thing = scene.things[at]
    edge = thing.scale * 9 // 8 + 8
    place = thing.but(x=stream.between(edge, 1024 - edge), y=stream.between(edge, 1024 - edge))
    return _put(scene, at, place, "tie")


def _swap(scene: Scene, at: int, other: int, _: Stream) -> Scene | None:
    """Two things change places. A pair in doubt about its places would stay in doubt: that one is left alone."""
    doubt = scene.doubt
    if doubt and doubt.kind == "tie" and {doubt.thing, int(doubt.other)} & {at, other}:
        return None
    one, two = scene.things[at], scene.things[other]
    changed = _put(scene, at, one.but(x=two.x, y=two.y))
    return _put(changed, other, two.but(x=one.x, y=one.y))


def _exchange(scene: Scene, at: int, other: int, _: Stream) -> Scene | None:
    """Two shapes change everything but place and size, which always leaves room."""
    one, two = scene.things[at], scene.things[other]
    doubt = scene.doubt
    if one.is_icon or two.is_icon or (doubt and doubt.kind == "hue" and doubt.thing in (at, other)):
        return None
    changed = _put(scene, at, _looking_like(one, two))
    return _put(changed, other, _looking_like(two, one))


def _looking_like(thing: Thing, other: Thing) -> Thing:
    return thing.but(shape=other.shape, colour=other.colour, texture=other.texture, rgb=other.rgb, angle=other.angle)


def _remove(scene: Scene, at: int, _: int, __: Stream) -> Scene:
    return scene.showing(scene.things[:at] + scene.things[at + 1 :], _without(scene.doubt, at))


def _without(doubt: Doubt | None, at: int) -> Doubt | None:
    """The doubt after thing number `at` has gone and the others have moved up."""
    if doubt is None or doubt.thing == at or (doubt.kind == "tie" and doubt.other == str(at)):
        return None
    other = str(int(doubt.other) - (int(doubt.other) > at)) if doubt.kind == "tie" else doubt.other
    return replace(doubt, thing=doubt.thing - (doubt.thing > at), other=other)


def _add(scene: Scene, at: int, _: int, stream: Stream) -> Scene | None:
    """A small one more like this thing, somewhere there is room."""
    model = scene.things[at]
    if model.is_icon or (scene.doubt and scene.doubt.thing == at):
        return None
    small = resized(model, "small")
    for _attempt in range(12):
        more = small.but(x=stream.between(120, 904), y=stream.between(120, 904))
        if fits((*scene.things, more)):
            return scene.showing((*scene.things, more), scene.doubt)
    return None


_ACTIONS: dict[str, Callable[[Scene, int, Any, Stream], Scene | None]] = {
    "colour": _recolour,
    "shape": _reshape,
    "texture": _retexture,
    "size": _resize,
    "move": _move,
    "swap": _swap,
    "exchange": _exchange,
    "remove": _remove,
    "add": _add,
}
