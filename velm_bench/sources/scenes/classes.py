"""Scene classification: the class of the thing that stands out.

What stands out is decided by three cues in turn: large before small, striped before plain, and near the middle before
far from it. The class is the thing's shape, or the family of a composite icon. So neither a shape's presence nor any
colour, size, texture or count settles it: size, texture, place and shape have to be seen on the *same* thing.
"""

from __future__ import annotations

from typing import Final

from .graph import ICON_TYPE, SHAPES, Scene, Thing, scene

_FAMILIES: Final[dict[str, str]] = {"PER": "person", "LOC": "scenery", "ORG": "landmark", "MISC": "vehicle"}

CLASSES: Final[tuple[str, ...]] = (*SHAPES, *_FAMILIES.values())
"""The eight shapes, then the four families of icons (man, woman, child: person; house, tree, mountain: scenery; flag,
factory, tower: landmark; car, boat, rocket: vehicle)."""

_MIDDLE: Final = 512
"""Half the canvas, in the units of `Thing.x` and `Thing.y`."""


def class_of(thing: Thing) -> str:
    """The class of one thing: its shape, or the family of its icon."""
    return _FAMILIES[ICON_TYPE[thing.shape]] if thing.is_icon else thing.shape


def salience(thing: Thing) -> tuple[bool, bool, int]:
    """How much a thing stands out, greater is more: (large, striped, minus the squared distance from the middle)."""
    distance = (thing.x - _MIDDLE) * (thing.x - _MIDDLE) + (thing.y - _MIDDLE) * (thing.y - _MIDDLE)
    return (thing.size == "large", thing.texture == "striped", -distance)


def salient(seen: Scene) -> Thing:
    """The thing that stands out most; the earlier in the graph where two are exactly alike."""
    return max(seen.things, key=salience)


def class_label(split: str, index: int) -> str:
    """The class of the scene at this address, one of `CLASSES`.

    Defined for every scene of every split; raises ValueError for an unknown split, IndexError outside of it.
    """
    return class_of(salient(scene(split, index)))


def oracle_label(split: str, index: int) -> str:
    """What the scene graph says: the label itself, since no noise is put on it (the ceiling is 1)."""
    return class_label(split, index)
