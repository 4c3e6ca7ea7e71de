"""Draws scenes with signed distances in numpy.

Only + - * / sqrt, minimum, maximum and floor are used: IEEE 754 fixes each of their results, so the
bytes are the same on every machine and with every version of numpy. Pillow's drawing differs between versions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from .graph import Background, Scene, Thing
from .icons import DRAWINGS, Box, Disc, Form, Hull

Field = NDArray[np.float64]

DEFAULT_SIZE = 64
"""Pixels along an edge, where no other size is asked for."""

# (cosine, sine) of -24, -18, ... 24 degrees in 1/1024: written out, since no library promises the last bit of a sine.
_ROTATIONS = (
    (935, -417),
    (974, -316),
    (1002, -213),
    (1018, -107),
    (1024, 0),
    (1018, 107),
    (1002, 213),
    (974, 316),
    (935, 417),
)
_NOISE_CELLS = 64
_STRIPE = 0.64
_STRIPE_SHADE = 0.5
# Outward normals of a pentagon's sides in 1/1024, its corner upwards.
_PENTAGON = ((0, 1024), (974, 316), (602, -828), (-602, -828), (-974, 316))


def render(scene: Scene, size: int = DEFAULT_SIZE) -> NDArray[np.uint8]:
    """The scene as RGB pixels, shape (size, size, 3): the same content at any size of at least 8."""
    if size < 8:
        raise ValueError(f"a scene cannot be drawn at {size} pixels: use 8 or more")
    canvas = _background(scene.background, scene.noise, size)
    for thing in scene.things:
        _paint(canvas, thing, size)
    np.maximum(canvas, 0.0, out=canvas)
    np.minimum(canvas, 255.0, out=canvas)
    canvas += 0.5  # truncation of what is at least 0 then rounds halves up
    return np.ascontiguousarray(canvas.astype(np.uint8).transpose(1, 2, 0))


def _background(background: Background, seed: int, size: int) -> Field:
    """The gradient with its noise, one plane per colour: shape (3, size, size)."""
    first, second = np.array(background.first, np.float64), np.array(background.second, np.float64)
    ramp = (np.arange(size) + 0.5) / size
    line = first[:, None] + (second - first)[:, None] * ramp
    grain = _noise(seed, size)
    grain -= 127.5
    grain *= background.amplitude / 127.5
    return (line[:, None, :] if background.sideways else line[:, :, None]) + grain


def _noise(seed: int, size: int) -> Field:
    """Bytes as floats, shape (size, size): splitmix64 of a fixed grid, the same grain at any size."""
    count = _NOISE_CELLS * _NOISE_CELLS // 8
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    cells = (z ^ (z >> np.uint64(31))).astype("<u8").view(np.uint8).reshape(_NOISE_CELLS, _NOISE_CELLS)
    if size != _NOISE_CELLS:
        at = np.arange(size) * _NOISE_CELLS // size
        cells = cells[at][:, at]
    return cells.astype(np.float64)


def _paint(canvas: Field, thing: Thing, size: int) -> None:
    """Lay one thing over the canvas, in place."""
    reach = thing.scale * 9 // 8 + 1024 // size + 1
    left, right = _span(thing.x, reach, size)
    top, bottom = _span(thing.y, reach, size)
    u, v = _coordinates(thing, left, right, top, bottom, size)
    patch = canvas[:, top:bottom, left:right]
    radius = thing.scale * size / 1024
    if thing.is_icon:
        for paint, form in DRAWINGS[thing.shape, thing.variant]:
            _lay(patch, _planes(paint or thing.rgb), _covered(_form_distance(form, u, v), radius))
        return
    _lay(patch, _ink(thing, u, radius), _covered(_SHAPES[thing.shape](u, v), radius))


def _span(centre: int, reach: int, size: int) -> tuple[int, int]:
    """The pixels from (included) and to (excluded) along one axis that a thing can touch."""
    return max(0, (centre - reach) * size // 1024), min(size, (centre + reach) * size // 1024 + 1)


def _coordinates(thing: Thing, left: int, right: int, top: int, bottom: int, size: int) -> tuple[Field, Field]:
    """The thing's own coordinates at the pixels' centres, turned back by its rotation; its radius is 1."""
    across, down = _centres(size)
    dx = ((across[left:right] - thing.x) / thing.scale)[None, :]
    dy = ((down[top:bottom] - thing.y) / thing.scale)[:, None]
    cosine, sine = _ROTATIONS[thing.angle]
    if sine == 0:
        return dx, dy
    c, s = cosine / 1024, sine / 1024
    return dx * c + dy * s, dy * c - dx * s


@lru_cache(maxsize=8)
def _centres(size: int) -> tuple[Field, Field]:
    """The pixels' centres along an axis, in 1/1024 of the canvas."""
    centres = (np.arange(size) + 0.5) * 1024 / size
    return centres, centres


def _covered(distance: Field, radius: float) -> Field:
    """How much of each pixel lies inside, from the signed distance in radii."""
    cover = distance * -radius
    cover += 0.5
    np.maximum(cover, 0.0, out=cover)
    return np.minimum(cover, 1.0, out=cover)


def _lay(patch: Field, paint: Field, cover: Field) -> None:
    change = paint - patch
    change *= cover
    patch += change


def _planes(rgb: tuple[int, int, int]) -> Field:
    """A colour as a column of planes, shape (3, 1, 1)."""
    return np.array(rgb, np.float64)[:, None, None]


def _ink(thing: Thing, u: Field, radius: float) -> Field:
    """The paint of a shape: its colour, or its colour with stripes of a darker shade."""
    paint = _planes(thing.rgb)
    if thing.texture == "plain":
        return paint
    phase = u / _STRIPE + 0.25
    phase = phase - np.floor(phase)
    stripe = _covered((np.maximum(0.5 - phase, phase - 0.5) - 0.25) * _STRIPE, radius)
    return paint * (1.0 - stripe * (1.0 - _STRIPE_SHADE))


def _form_distance(form: Form, u: Field, v: Field) -> Field:
    """The signed distance to a part of an icon."""
    if isinstance(form, Box):
        return np.maximum(np.maximum(form.left - u, u - form.right), np.maximum(form.top - v, v - form.bottom))
    if isinstance(form, Disc):
        return _radial(u - form.x, v - form.y) - form.radius
    return _hull_distance(form, u, v)


def _hull_distance(hull: Hull, u: Field, v: Field) -> Field:
    distance = None
    for a, b, c in _sides(hull):
        plane = a * u + b * v - c
        distance = plane if distance is None else np.maximum(distance, plane)
    assert distance is not None
    return distance


@cache
def _sides(hull: Hull) -> tuple[tuple[float, float, float], ...]:
    """The outward half-planes a x + b y <= c of a polygon given clockwise on the screen."""
    sides = []
    for (x0, y0), (x1, y1) in zip(hull.corners, hull.corners[1:] + hull.corners[:1], strict=True):
        a, b = y1 - y0, x0 - x1
        length = float(np.sqrt(a * a + b * b))
        sides.append((a / length, b / length, (a * x0 + b * y0) / length))
    return tuple(sides)


def _radial(u: Field, v: Field) -> Field:
    return np.sqrt(u * u + v * v)


def _circle(u: Field, v: Field) -> Field:
    return _radial(u, v) - 0.97


def _square(u: Field, v: Field) -> Field:
    return np.maximum(np.maximum(u, -u), np.maximum(v, -v)) - 0.84


_TRIANGLE = Hull(((0.0, -1.06), (1.0, 0.78), (-1.0, 0.78)))


def _triangle(u: Field, v: Field) -> Field:
    return _hull_distance(_TRIANGLE, u, v)


def _star(u: Field, v: Field) -> Field:
    """Inside at least four of a pentagon's five sides: the second largest of the five distances."""
    largest = second = np.full(np.broadcast_shapes(u.shape, v.shape), -8.0)
    for a, b in _PENTAGON:
        plane = u * (a / 1024) + v * (b / 1024) - 0.34
        second = np.maximum(second, np.minimum(largest, plane))
        largest = np.maximum(largest, plane)
    return second - 0.05


def _cross(u: Field, v: Field) -> Field:
    across, down = np.maximum(u, -u), np.maximum(v, -v)
    return np.minimum(np.maximum(across - 0.31, down - 0.98), np.maximum(across - 0.98, down - 0.31))


def _ring(u: Field, v: Field) -> Field:
    away = _radial(u, v) - 0.74
    return np.maximum(away, -away) - 0.25


def _heart(u: Field, v: Field) -> Field:
    """Two discs and the corner that their tangents make below."""
    across = np.maximum(u, -u)
    lobe = _radial(across - 0.45, v + 0.34) - 0.52
    tip = np.maximum(across * 0.744 + (v - 0.98) * 0.668, -0.14 - v)
    return np.minimum(lobe, tip)


def _moon(u: Field, v: Field) -> Field:
    return np.maximum(_radial(u, v) - 0.98, 0.78 - _radial(u - 0.5, v + 0.1))


_SHAPES: dict[str, Callable[[Field, Field], Field]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "heart": _heart,
    "moon": _moon,
}
