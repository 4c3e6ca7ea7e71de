"""The words of the captions: synonyms, plurals, numbers and places."""

from __future__ import annotations

import re
from typing import Any

from .graph import COLOURS, ICON_KINDS, SHAPES, Thing
from .programs import plural

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "scarlet"),
    "orange": ("orange", "tangerine"),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "cyan": ("cyan", "turquoise"),
    "blue": ("blue", "cobalt"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "rosy"),
}
SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "disc"),
    "square": ("square", "block"),
    "triangle": ("triangle", "wedge"),
    "star": ("star", "pentagram"),
    "cross": ("cross", "plus sign"),
    "ring": ("ring", "hoop"),
    "heart": ("heart", "love heart"),
    "moon": ("moon", "crescent"),
    "man": ("man", "guy"),
    "woman": ("woman", "lady"),
    "child": ("child", "kid"),
    "house": ("house", "cottage"),
    "tree": ("tree",),
    "mountain": ("mountain", "peak"),
    "flag": ("flag", "banner"),
    "factory": ("factory", "plant"),
    "tower": ("tower", "skyscraper"),
    "car": ("car", "automobile"),
    "boat": ("boat", "ship"),
    "rocket": ("rocket", "spaceship"),
}
SIZE_WORDS: dict[str, tuple[str, ...]] = {"small": ("small", "little", "tiny"), "large": ("large", "big")}
TEXTURE_WORDS: dict[str, tuple[str, ...]] = {"plain": ("plain",), "striped": ("striped", "stripy")}
BACKGROUND_WORDS: dict[str, tuple[str, ...]] = {
    "dark": ("dark", "blackish"),
    "grey": ("grey", "gray"),
    "pale": ("pale", "light"),
    "sandy": ("sandy", "beige"),
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")

VOCABULARY: dict[str, dict[str, str]] = {
    "colours": {word: colour for colour in COLOURS for word in COLOUR_WORDS[colour]},
    "shapes": {
        form: shape
        for shape in (*SHAPES, *ICON_KINDS)
        for word in SHAPE_WORDS[shape]
        for form in (word, plural(word))
    },
}
"""{"colours": {word: canonical colour}, "shapes": {word or two-word phrase, singular and plural: canonical shape}}."""

_REACH = 2


def mentioned(caption: str) -> tuple[tuple[str, str], ...]:
    """The (colour, shape) pairs that a caption names, in its order.

    A pair is a shape word and the nearest colour word before it, at most one word between the two.
    """
    words = re.findall(r"[a-z]+", caption.lower())
    shapes, colours = VOCABULARY["shapes"], VOCABULARY["colours"]
    found: list[tuple[str, str]] = []
    last_shape = -1
    for i, word in enumerate(words):
        double = i > 0 and f"{words[i - 1]} {word}" in shapes
        shape = shapes.get(f"{words[i - 1]} {word}") if double else shapes.get(word)
        if shape is None:
            continue
        start = i - 1 if double else i
        near = [words[j] for j in range(start - 1, max(last_shape, start - 1 - _REACH), -1) if words[j] in colours]
        if near:
            if double and last_shape == i - 1 and found:
                found.pop()
            found.append((colours[near[0]], shape))
        last_shape = i
    return tuple(found)


def place(thing: Thing) -> str:
    """Where a thing lies in the picture: "at the top left", "in the middle"."""
    across = "left" if thing.x < 400 else "right" if thing.x > 624 else ""
    down = "top" if thing.y < 400 else "bottom" if thing.y > 624 else ""
    if not across and not down:
        return "in the middle"
    corner = " ".join(filter(None, (down, across)))
    return f"at the {corner}" if down else f"on the {corner}"


def listing(parts: list[str]) -> str:
    """ "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def vocabulary() -> dict[str, Any]:
    """A copy of `VOCABULARY`, for a task's facts."""
    return {name: dict(words) for name, words in VOCABULARY.items()}
