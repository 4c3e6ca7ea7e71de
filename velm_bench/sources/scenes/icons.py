"""The composite icons: each a list of painted parts in the icon's own coordinates.

Coordinates run from -1 to 1, x to the right and y downwards, and nothing leaves the unit square by more than a tenth.
A part is (paint, form); a paint is a colour or `MAIN`, the colour of the thing. Later parts lie over earlier ones.
"""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float


class Disc(NamedTuple):
    """A disc."""

    x: float
    y: float
    radius: float


class Hull(NamedTuple):
    """A convex polygon, its corners clockwise as seen on the screen."""

    corners: tuple[tuple[float, float], ...]


Form = Box | Disc | Hull
Paint = tuple[int, int, int] | None
Part = tuple[Paint, Form]

MAIN: Paint = None
"""The paint that stands for the thing's own colour."""

_SKIN, _INK, _WHITE, _BROWN = (236, 188, 150), (28, 26, 30), (250, 250, 250), (112, 70, 38)
_GLASS, _SMOKE, _STEEL, _FLAME = (196, 232, 250), (164, 164, 170), (88, 90, 98), (255, 196, 40)


def _hull(*corners: tuple[float, float]) -> Hull:
    return Hull(corners)


def _mirrored(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same parts seen in a mirror."""
    return tuple((paint, _mirror(form)) for paint, form in parts)


def _mirror(form: Form) -> Form:
    if isinstance(form, Box):
        return Box(-form.right, form.top, -form.left, form.bottom)
    if isinstance(form, Disc):
        return Disc(-form.x, form.y, form.radius)
    return Hull(tuple((-x, y) for x, y in reversed(form.corners)))


_MAN_LEGS: tuple[Part, ...] = ((_INK, Box(-0.3, 0.3, -0.05, 1.0)), (_INK, Box(0.05, 0.3, 0.3, 1.0)))
_MAN: tuple[Part, ...] = (
    *_MAN_LEGS,
    (MAIN, Box(-0.62, -0.36, 0.62, -0.08)),
    (MAIN, Box(-0.36, -0.36, 0.36, 0.42)),
    (_SKIN, Disc(0.0, -0.68, 0.3)),
)
_MAN_WITH_HAT: tuple[Part, ...] = (
    *_MAN_LEGS,
    (MAIN, Box(-0.36, -0.36, 0.36, 0.42)),
    (MAIN, _hull((-0.36, -0.36), (-0.16, -0.2), (-0.56, 0.3), (-0.76, 0.16))),
    (MAIN, _hull((0.16, -0.2), (0.36, -0.36), (0.76, 0.16), (0.56, 0.3))),
    (_SKIN, Disc(0.0, -0.62, 0.28)),
    (_INK, Box(-0.5, -0.84, 0.5, -0.72)),
    (_INK, Box(-0.26, -1.05, 0.26, -0.76)),
)
_DRESS: Part = (MAIN, _hull((-0.14, -0.42), (0.14, -0.42), (0.72, 0.66), (-0.72, 0.66)))
_SKIN_LEGS: tuple[Part, ...] = ((_SKIN, Box(-0.26, 0.6, -0.08, 1.0)), (_SKIN, Box(0.08, 0.6, 0.26, 1.0)))
_WOMAN: tuple[Part, ...] = (
    *_SKIN_LEGS,
    (_BROWN, Disc(0.0, -0.68, 0.42)),
    (_BROWN, Box(-0.42, -0.68, 0.42, -0.2)),
    _DRESS,
    (_SKIN, Disc(0.0, -0.62, 0.27)),
)
_WOMAN_WITH_BUN: tuple[Part, ...] = (
    *_SKIN_LEGS,
    (_SKIN, Box(-0.7, -0.3, 0.7, -0.12)),
    _DRESS,
    (_INK, Disc(0.0, -0.98, 0.19)),
    (_INK, Disc(0.0, -0.7, 0.35)),
    (_SKIN, Disc(0.0, -0.58, 0.27)),
)
_CHILD: tuple[Part, ...] = (
    (_INK, Box(-0.28, 0.66, -0.06, 0.96)),
    (_INK, Box(0.06, 0.66, 0.28, 0.96)),
    (MAIN, Box(-0.34, 0.1, 0.34, 0.74)),
    (_SKIN, Disc(0.0, -0.38, 0.54)),
    (_INK, Disc(-0.2, -0.42, 0.09)),
    (_INK, Disc(0.2, -0.42, 0.09)),
)
_CHILD_WITH_ARMS_UP: tuple[Part, ...] = (
    (_INK, Box(-0.28, 0.66, -0.06, 0.96)),
    (_INK, Box(0.06, 0.66, 0.28, 0.96)),
    (MAIN, _hull((-0.9, -0.2), (-0.72, -0.3), (-0.2, 0.16), (-0.3, 0.4))),
    (MAIN, _hull((0.72, -0.3), (0.9, -0.2), (0.3, 0.4), (0.2, 0.16))),
    (MAIN, Box(-0.34, 0.1, 0.34, 0.74)),
    (_SKIN, Disc(0.0, -0.34, 0.48)),
    (_BROWN, _hull((-0.46, -0.46), (-0.3, -0.84), (0.3, -0.84), (0.46, -0.46))),
    (_INK, Disc(-0.18, -0.28, 0.09)),
    (_INK, Disc(0.18, -0.28, 0.09)),
)
_HOUSE: tuple[Part, ...] = (
    (MAIN, Box(-0.74, -0.2, 0.74, 0.92)),
    (_BROWN, _hull((0.0, -1.0), (1.0, -0.12), (-1.0, -0.12))),
    (_INK, Box(-0.18, 0.32, 0.18, 0.92)),
    (_GLASS, Box(-0.58, 0.06, -0.3, 0.36)),
    (_GLASS, Box(0.3, 0.06, 0.58, 0.36)),
)
_COTTAGE: tuple[Part, ...] = (
    (_STEEL, Box(0.36, -0.9, 0.62, -0.3)),
    (MAIN, Box(-0.86, 0.0, 0.86, 0.86)),
    (_INK, _hull((-0.6, -0.62), (0.6, -0.62), (1.02, 0.06), (-1.02, 0.06))),
    (_WHITE, Box(-0.62, 0.3, -0.26, 0.86)),
    (_GLASS, Box(0.1, 0.28, 0.62, 0.58)),
)
_TREE: tuple[Part, ...] = (
    (_BROWN, Box(-0.15, 0.2, 0.15, 1.0)),
    (MAIN, Disc(-0.38, -0.1, 0.46)),
    (MAIN, Disc(0.38, -0.1, 0.46)),
    (MAIN, Disc(0.0, -0.5, 0.48)),
)
_FIR: tuple[Part, ...] = (
    (_BROWN, Box(-0.14, 0.6, 0.14, 1.0)),
    (MAIN, _hull((0.0, -0.4), (0.8, 0.68), (-0.8, 0.68))),
    (MAIN, _hull((0.0, -0.78), (0.62, 0.16), (-0.62, 0.16))),
    (MAIN, _hull((0.0, -1.04), (0.44, -0.32), (-0.44, -0.32))),
)
_MOUNTAIN: tuple[Part, ...] = (
    (_STEEL, _hull((0.46, -0.4), (1.05, 0.8), (-0.2, 0.8))),
    (MAIN, _hull((-0.2, -0.92), (0.72, 0.8), (-1.05, 0.8))),
    (_WHITE, _hull((-0.2, -0.92), (0.06, -0.42), (-0.2, -0.28), (-0.46, -0.42))),
)
_TWIN_PEAKS: tuple[Part, ...] = (
    (MAIN, _hull((-0.45, -0.66), (0.2, 0.8), (-1.08, 0.8))),
    (MAIN, _hull((0.45, -0.8), (1.08, 0.8), (-0.2, 0.8))),
    (_WHITE, _hull((-0.45, -0.66), (-0.25, -0.2), (-0.63, -0.2))),
    (_WHITE, _hull((0.45, -0.8), (0.65, -0.3), (0.26, -0.3))),
)
_FLAG: tuple[Part, ...] = (
    (_STEEL, Box(-0.74, -1.0, -0.56, 1.0)),
    (MAIN, Box(-0.56, -0.9, 0.95, 0.16)),
    (_WHITE, Disc(0.2, -0.37, 0.27)),
)
_PENNANT: tuple[Part, ...] = (
    (_BROWN, Box(-0.8, -1.0, -0.6, 1.0)),
    (MAIN, _hull((-0.6, -0.95), (1.0, -0.38), (-0.6, 0.2))),
    (_WHITE, _hull((-0.6, -0.5), (0.66, -0.38), (-0.6, -0.24))),
)
_FACTORY: tuple[Part, ...] = (
    (_SMOKE, Disc(0.62, -0.86, 0.2)),
    (_SMOKE, Disc(0.9, -0.98, 0.16)),
    (_STEEL, Box(0.46, -0.7, 0.76, 0.3)),
    (MAIN, _hull((-0.95, -0.4), (-0.5, 0.05), (-0.95, 0.05))),
    (MAIN, _hull((-0.5, -0.4), (-0.05, 0.05), (-0.5, 0.05))),
    (MAIN, _hull((-0.05, -0.4), (0.4, 0.05), (-0.05, 0.05))),
    (MAIN, Box(-0.95, 0.0, 0.95, 0.84)),
    (_INK, Box(-0.7, 0.28, 0.7, 0.5)),
)
_PLANT: tuple[Part, ...] = (
    (_SMOKE, Disc(-0.5, -0.92, 0.2)),
    (_SMOKE, Disc(0.22, -0.92, 0.2)),
    (_STEEL, Box(-0.7, -0.74, -0.4, 0.3)),
    (_STEEL, Box(0.02, -0.74, 0.32, 0.3)),
    (MAIN, Box(-0.95, 0.0, 0.95, 0.84)),
    (_GLASS, Box(-0.74, 0.24, -0.34, 0.54)),
    (_GLASS, Box(-0.18, 0.24, 0.22, 0.54)),
    (_INK, Box(0.42, 0.24, 0.72, 0.84)),
)
_TOWER: tuple[Part, ...] = (
    (_INK, Box(-0.62, -1.0, 0.62, -0.66)),
    (_WHITE, Box(-0.46, -0.91, 0.46, -0.76)),
    (MAIN, Box(-0.44, -0.66, 0.44, 1.0)),
    *((_WHITE, Box(x, y, x + 0.22, y + 0.22)) for y in (-0.46, -0.06, 0.34) for x in (-0.3, 0.08)),
)
_HIGH_RISE: tuple[Part, ...] = (
    (_STEEL, Box(-0.06, -1.08, 0.06, -0.6)),
    (MAIN, Box(-0.56, -0.7, 0.56, 1.0)),
    *((_GLASS, Box(-0.42, y, 0.42, y + 0.16)) for y in (-0.54, -0.2, 0.14)),
    (_INK, Box(-0.16, 0.56, 0.16, 1.0)),
)
_CAR: tuple[Part, ...] = (
    (MAIN, _hull((-0.36, -0.5), (0.34, -0.5), (0.62, 0.04), (-0.62, 0.04))),
    (_GLASS, _hull((-0.28, -0.36), (-0.06, -0.36), (-0.06, 0.0), (-0.46, 0.0))),
    (_GLASS, _hull((0.06, -0.36), (0.26, -0.36), (0.46, 0.0), (0.06, 0.0))),
    (MAIN, Box(-1.0, -0.02, 1.0, 0.42)),
    (_INK, Disc(-0.52, 0.42, 0.27)),
    (_INK, Disc(0.52, 0.42, 0.27)),
)
_VAN: tuple[Part, ...] = (
    (MAIN, Box(-1.0, -0.6, 0.5, 0.42)),
    (MAIN, _hull((0.4, -0.3), (0.72, -0.3), (1.0, 0.08), (1.0, 0.42), (0.4, 0.42))),
    (_GLASS, _hull((0.52, -0.2), (0.68, -0.2), (0.9, 0.1), (0.52, 0.1))),
    (_GLASS, Box(-0.8, -0.42, -0.36, -0.08)),
    (_GLASS, Box(-0.2, -0.42, 0.24, -0.08)),
    (_INK, Disc(-0.54, 0.44, 0.27)),
    (_INK, Disc(0.54, 0.44, 0.27)),
)
_SAILING_BOAT: tuple[Part, ...] = (
    (_BROWN, Box(-0.09, -1.0, 0.07, 0.4)),
    (_WHITE, _hull((0.1, -0.9), (0.8, 0.2), (0.1, 0.2))),
    (_WHITE, _hull((-0.12, -0.7), (-0.12, 0.2), (-0.62, 0.2))),
    (MAIN, _hull((-1.0, 0.34), (1.0, 0.34), (0.6, 0.9), (-0.6, 0.9))),
)
_STEAMER: tuple[Part, ...] = (
    (_INK, Box(0.02, -0.8, 0.34, -0.2)),
    (_SMOKE, Disc(0.34, -0.88, 0.19)),
    (_WHITE, Box(-0.5, -0.26, 0.56, 0.26)),
    (_INK, Disc(-0.24, 0.0, 0.12)),
    (_INK, Disc(0.26, 0.0, 0.12)),
    (MAIN, _hull((-1.0, 0.2), (1.0, 0.2), (0.7, 0.8), (-0.7, 0.8))),
)
_ROCKET: tuple[Part, ...] = (
    (_FLAME, _hull((-0.2, 0.6), (0.2, 0.6), (0.0, 1.08))),
    (_STEEL, _hull((-0.28, 0.1), (-0.28, 0.66), (-0.72, 0.8))),
    (_STEEL, _hull((0.28, 0.1), (0.72, 0.8), (0.28, 0.66))),
    (MAIN, _hull((0.0, -1.05), (0.36, -0.46), (0.36, 0.66), (-0.36, 0.66), (-0.36, -0.46))),
    (_GLASS, Disc(0.0, -0.3, 0.2)),
)
_SHUTTLE: tuple[Part, ...] = (
    (_FLAME, _hull((-0.32, 0.7), (-0.06, 0.7), (-0.19, 1.05))),
    (_FLAME, _hull((0.06, 0.7), (0.32, 0.7), (0.19, 1.05))),
    (_STEEL, _hull((0.0, -0.3), (0.86, 0.74), (-0.86, 0.74))),
    (MAIN, Box(-0.34, -0.5, 0.34, 0.72)),
    (_WHITE, _hull((0.0, -1.05), (0.34, -0.46), (-0.34, -0.46))),
    (_INK, Box(-0.2, -0.3, 0.2, -0.1)),
)

DRAWINGS: dict[tuple[str, int], tuple[Part, ...]] = {
    ("man", 0): _MAN,
    ("man", 1): _MAN_WITH_HAT,
    ("woman", 0): _WOMAN,
    ("woman", 1): _WOMAN_WITH_BUN,
    ("child", 0): _CHILD,
    ("child", 1): _CHILD_WITH_ARMS_UP,
    ("house", 0): _HOUSE,
    ("house", 1): _COTTAGE,
    ("tree", 0): _TREE,
    ("tree", 1): _FIR,
    ("mountain", 0): _MOUNTAIN,
    ("mountain", 1): _TWIN_PEAKS,
    ("flag", 0): _FLAG,
    ("flag", 1): _mirrored(_PENNANT),
    ("factory", 0): _FACTORY,
    ("factory", 1): _PLANT,
    ("tower", 0): _TOWER,
    ("tower", 1): _HIGH_RISE,
    ("car", 0): _CAR,
    ("car", 1): _VAN,
    ("boat", 0): _SAILING_BOAT,
    ("boat", 1): _STEAMER,
    ("rocket", 0): _ROCKET,
    ("rocket", 1): _SHUTTLE,
}
"""The parts of each icon by (kind, variant)."""
