"""The scene graph: what is in a picture, before anything is drawn or said about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .rng import Stream
from .splits import VERSION, check_address

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart", "moon")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
SIZES = ("small", "large")
TEXTURES = ("plain", "striped")
BACKGROUNDS = ("dark", "grey", "pale", "sandy")

ICONS: dict[str, tuple[str, ...]] = {
    "PER": ("man", "woman", "child"),
    "LOC": ("house", "tree", "mountain"),
    "ORG": ("flag", "factory", "tower"),
    "MISC": ("car", "boat", "rocket"),
}
"""Composite icons by the entity type that they are evidence for; each is drawn in `ICON_VARIANTS` ways."""

ICON_KINDS: tuple[str, ...] = tuple(kind for kinds in ICONS.values() for kind in kinds)
ICON_TYPE: dict[str, str] = {kind: label for label, kinds in ICONS.items() for kind in kinds}
ICON_VARIANTS = 2

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (214, 32, 36),
    "orange": (246, 132, 20),
    "yellow": (246, 220, 36),
    "green": (34, 158, 52),
    "cyan": (48, 206, 214),
    "blue": (36, 70, 214),
    "purple": (128, 40, 176),
    "pink": (248, 128, 190),
}
"""The colours in the order of the hue circle: neighbours (pink and red too) are what a doubtful hue lies between."""

_GROUNDS: dict[str, tuple[int, int, int]] = {
    "dark": (56, 56, 64),
    "grey": (122, 122, 126),
    "pale": (226, 226, 230),
    "sandy": (196, 180, 150),
}

HELD_OUT: frozenset[tuple[str, str]] = frozenset((COLOURS[i], SHAPES[(3 * i + 1) % 8]) for i in range(8))
"""(colour, shape) pairs that only `test_novel` shows: one per colour and per shape."""

ANGLES = 9
"""Rotations are numbered: 4 is upright, each step is six degrees."""

UPRIGHT = 4
MARGIN = 48
"""Below this distance along an axis (in 1/1024 of the canvas) nobody says which of two things is further left."""

_TIE = 20
_RADII = {"small": (90, 102), "large": (164, 184)}
_DOUBTFUL_RADIUS = (126, 134)
_ICON_RADIUS = (172, 188)
_GAP = 22

DoubtKind = Literal["hue", "size", "tie"]


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing in a scene. `x`, `y` (centre) and `scale` (radius) are in 1/1024 of the canvas, y downwards.

    `shape` is one of `SHAPES` or of `ICON_KINDS`. An icon's size is always "large" and is never spoken of.
    """

    shape: str
    colour: str
    size: str
    texture: str
    x: int
    y: int
    scale: int
    angle: int
    rgb: tuple[int, int, int]
    variant: int = 0

    def but(
        self,
        *,
        shape: str | None = None,
        colour: str | None = None,
        size: str | None = None,
        texture: str | None = None,
        x: int | None = None,
        y: int | None = None,
        scale: int | None = None,
        angle: int | None = None,
        rgb: tuple[int, int, int] | None = None,
    ) -> Thing:
        """The same thing with some of it changed: `dataclasses.replace`, several times as fast."""
        return Thing(
            self.shape if shape is None else shape,
            self.colour if colour is None else colour,
            self.size if size is None else size,
            self.texture if texture is None else texture,
            self.x if x is None else x,
            self.y if y is None else y,
            self.scale if scale is None else scale,
            self.angle if angle is None else angle,
            self.rgb if rgb is None else rgb,
            self.variant,
        )

    @property
    def is_icon(self) -> bool:
        """Whether this is a composite icon and not one of the eight shapes."""
        return self.shape in ICON_TYPE

    @property
    def entity_type(self) -> str | None:
        """PER, LOC, ORG or MISC for an icon, None for a shape."""
        return ICON_TYPE.get(self.shape)


@dataclass(frozen=True, slots=True)
class Background:
    """A gradient between two colours, from top to bottom or from left to right, and a noise of this amplitude."""

    name: str
    first: tuple[int, int, int]
    second: tuple[int, int, int]
    sideways: bool
    amplitude: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """What people will not agree on in this scene.

    `hue`: the thing's colour lies between its own and `other`. `size`: its size lies at the threshold. `tie`: it is
    hardly further left (or right) than thing number `other`. Of 1000 people `share` see it as the graph names it.
    """

    kind: DoubtKind
    thing: int
    other: str
    share: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture's content: 1 to 5 things (6 to 8 in `test_more`) on a background, and at most one doubt."""

    split: str
    index: int
    things: tuple[Thing, ...]
    background: Background
    noise: int
    doubt: Doubt | None = None

    def showing(self, things: tuple[Thing, ...], doubt: Doubt | None) -> Scene:
        """The same background with these things, and this doubt about them."""
        return Scene(self.split, self.index, things, self.background, self.noise, doubt)

    @property
    def icons(self) -> tuple[Thing, ...]:
        """The composite icons among the things."""
        return tuple(thing for thing in self.things if thing.is_icon)


@lru_cache(maxsize=4096)
def scene(split: str, index: int) -> Scene:
    """The scene at this address; raises ValueError for an unknown split, IndexError outside of it."""
    check_address(split, index)
    stream = Stream(VERSION, split, index, "scene")
    things = _place(_cast(split, stream), stream)
    drawn = Scene(split, index, tuple(stream.shuffled(things)), _background(stream), stream.bits())
    return _with_doubt(drawn, stream) if stream.chance(40, 100) else drawn


def recoloured(thing: Thing, colour: str) -> Thing:
    """The thing in another colour, its small deviation from the palette kept."""
    old, new, now = PALETTE[thing.colour], PALETTE[colour], thing.rgb
    red, green, blue = (min(255, max(0, new[i] + now[i] - old[i])) for i in range(3))
    return thing.but(colour=colour, rgb=(red, green, blue))


def resized(thing: Thing, size: str) -> Thing:
    """The thing in the other size, at the middle of that size's range."""
    return thing.but(size=size, scale=sum(_RADII[size]) // 2)


def between_hues(colour: str, doubt: Doubt) -> tuple[int, int, int]:
    """The paint of a thing whose hue is in doubt between its colour and `doubt.other`."""
    # A share of 520 is the middle between the two hues, 700 well on the own side.
    own = 500 + (doubt.share - 520) // 2
    mixed = [(a * own + b * (1000 - own)) // 1000 for a, b in zip(PALETTE[colour], PALETTE[doubt.other], strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def fits(things: tuple[Thing, ...]) -> bool:
    """Whether all things lie inside the canvas and none overlaps another."""
    return all(_inside(t) and all(_apart(t, other) for other in things[:i]) for i, t in enumerate(things))


def _cast(split: str, stream: Stream) -> list[Thing]:
    """The things of a scene with all but their places, by the rules of the split."""
    more = split == "test_more"
    count = stream.between(6, 8) if more else stream.weighted(((1, 1), (2, 2), (3, 3), (4, 4), (5, 4)))
    # A novel scene keeps room for its novel pair, which only a shape can show.
    icons = min(stream.weighted(((0, 36), (1, 42), (2, 22))), count - (split == "test_novel"))
    looks = _looks(count, split, stream)
    large_left = (2 if more else 3) - icons
    things = [_icon(colour, stream) for colour, _ in looks[:icons]]
    for colour, shape in looks[icons:]:
        size = "large" if large_left > 0 and stream.chance(1, 2) else "small"
        large_left -= size == "large"
        things.append(_shape(colour, shape, size, stream))
    return things


def _looks(count: int, split: str, stream: Stream) -> list[tuple[str, str]]:
    """A (colour, shape) pair per thing. Most scenes repeat a colour or a shape, so that there is something to count."""
    repeated, colour, shape = stream.below(5), stream.choice(COLOURS), stream.choice(SHAPES)
    times = stream.between(2, count) if count > 1 else 0
    looks = []
    for i in range(count):
        same_colour, same_shape = i < times and repeated < 2, i < times and 2 <= repeated < 4
        looks.append(_pair(colour if same_colour else None, shape if same_shape else None, stream))
    looks = stream.shuffled(looks)
    if split == "test_novel":
        # Icons take the first two looks: a novel pair at the end is always drawn as a shape.
        looks[-1] = stream.choice(sorted(HELD_OUT))
    return looks


def _pair(colour: str | None, shape: str | None, stream: Stream) -> tuple[str, str]:
    """A pair that is not held out, with the given colour or shape where one is given."""
    while True:
        pair = (colour or stream.choice(COLOURS), shape or stream.choice(SHAPES))
        if pair not in HELD_OUT:
            return pair


def _shape(colour: str, shape: str, size: str, stream: Stream) -> Thing:
    texture = stream.choice(TEXTURES)
    return Thing(
        shape, colour, size, texture, 0, 0, stream.between(*_RADII[size]), stream.below(ANGLES), _rgb(colour, stream)
    )


def _icon(colour: str, stream: Stream) -> Thing:
    kind = stream.choice(ICONS[stream.choice(tuple(ICONS))])
    radius, variant = stream.between(*_ICON_RADIUS), stream.below(ICON_VARIANTS)
    return Thing(kind, colour, "large", "plain", 0, 0, radius, UPRIGHT, _rgb(colour, stream), variant)


def _rgb(colour: str, stream: Stream) -> tuple[int, int, int]:
    """The colour as it is painted: near the palette's, never so far that it could be called another."""
    red, green, blue = (min(255, max(0, value + stream.between(-10, 10))) for value in PALETTE[colour])
    return (red, green, blue)


def _place(things: list[Thing], stream: Stream) -> list[Thing]:
    """Find room for every thing; after many failures a large one becomes small, so that this always ends."""
    failures = 0
    while True:
        placed = _try_places(things, stream)
        if placed is not None:
            return placed
        failures += 1
        if failures % 12 == 0:
            things = _smaller(things)


def _try_places(things: list[Thing], stream: Stream) -> list[Thing] | None:
    placed: list[Thing] = []
    for thing in sorted(things, key=lambda t: -t.scale):
        edge, below = _reach(thing) + 8, stream.below
        span = 1024 - 2 * edge + 1
        taken = [(other.x, other.y, _least(thing.scale, other)) for other in placed]
        for _ in range(30):
            x, y = edge + below(span), edge + below(span)
            for other_x, other_y, least in taken:
                if (other_x - x) * (other_x - x) + (other_y - y) * (other_y - y) < least:
                    break
            else:
                placed.append(thing.but(x=x, y=y))
                break
        else:
            return None
    return placed


def _smaller(things: list[Thing]) -> list[Thing]:
    """One large shape made small; where there are icons only, one of them goes."""
    for i, thing in enumerate(things):
        if thing.size == "large" and not thing.is_icon:
            return [*things[:i], resized(thing, "small"), *things[i + 1 :]]
    return things[1:]


def _reach(thing: Thing) -> int:
    """How far from its centre a thing draws, corners included."""
    return thing.scale * 9 // 8


def _least(scale: int, other: Thing) -> int:
    """The square of the least distance at which something of this radius leaves room for another thing."""
    return int((scale * 9 // 8 + _reach(other) + _GAP) ** 2)


def _apart(thing: Thing, other: Thing) -> bool:
    across, down = other.x - thing.x, other.y - thing.y
    return across * across + down * down >= _least(thing.scale, other)


def _inside(thing: Thing) -> bool:
    edge = _reach(thing)
    return edge <= thing.x <= 1024 - edge and edge <= thing.y <= 1024 - edge


def _background(stream: Stream) -> Background:
    name = stream.choice(BACKGROUNDS)
    base = _GROUNDS[name]
    tint, step = [stream.between(-8, 8) for _ in range(3)], stream.between(-18, 18)
    first = [min(255, max(0, b + t - step)) for b, t in zip(base, tint, strict=True)]
    second = [min(255, max(0, b + t + step)) for b, t in zip(base, tint, strict=True)]
    ends = ((first[0], first[1], first[2]), (second[0], second[1], second[2]))
    return Background(name, ends[0], ends[1], stream.chance(1, 2), stream.between(4, 14))


def _with_doubt(drawn: Scene, stream: Stream) -> Scene:
    """The scene with one thing made doubtful, where the kind of doubt drawn is possible in it."""
    kind: DoubtKind = stream.weighted((("hue", 4), ("size", 3), ("tie", 3)))
    share = stream.between(520, 700)
    places = [i for i, thing in enumerate(drawn.things) if not thing.is_icon]
    if not places:
        return drawn
    at = stream.choice(places)
    if kind == "hue":
        return _doubtful_hue(drawn, at, share, stream)
    if kind == "size":
        return _doubtful_size(drawn, at, share, stream)
    return _doubtful_place(drawn, at, share, stream)


def _doubtful_hue(drawn: Scene, at: int, share: int, stream: Stream) -> Scene:
    thing = drawn.things[at]
    own = COLOURS.index(thing.colour)
    other = COLOURS[(own + stream.choice((1, 7))) % 8]
    if (other, thing.shape) in HELD_OUT and drawn.split != "test_novel":
        return drawn
    doubt = Doubt("hue", at, other, share)
    return _changed(drawn, at, thing.but(rgb=between_hues(thing.colour, doubt)), doubt)


def _doubtful_size(drawn: Scene, at: int, share: int, stream: Stream) -> Scene:
    thing = drawn.things[at]
    other = SIZES[1 - SIZES.index(thing.size)]
    changed = thing.but(scale=stream.between(*_DOUBTFUL_RADIUS))
    return _changed(drawn, at, changed, Doubt("size", at, other, share))


def _doubtful_place(drawn: Scene, at: int, share: int, stream: Stream) -> Scene:
    """The thing moved to (almost) straight above or below another one."""
    others = [i for i in range(len(drawn.things)) if i != at]
    if not others:
        return drawn
    partner = stream.choice(others)
    step = stream.between(4, _TIE) * (1 if stream.chance(1, 2) else -1)
    x, edge = drawn.things[partner].x + step, _reach(drawn.things[at])
    for _ in range(24):
        moved = drawn.things[at].but(x=x, y=stream.between(edge, 1024 - edge))
        changed = _changed(drawn, at, moved, Doubt("tie", at, str(partner), share))
        if changed.doubt:
            return changed
    return drawn


def _changed(drawn: Scene, at: int, thing: Thing, doubt: Doubt) -> Scene:
    """The scene with this thing at place `at`, unless it would then overlap another."""
    things = (*drawn.things[:at], thing, *drawn.things[at + 1 :])
    return drawn.showing(things, doubt) if fits(things) else drawn
