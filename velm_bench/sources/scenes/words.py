"""The words of the captions: synonyms, plurals, numbers and places."""

from __future__ import annotations

from .graph import COLOURS, Thing
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

_FORMS = {form: shape for shape, words in SHAPE_WORDS.items() for word in words for form in (word, plural(word))}

VOCABULARY: dict[str, dict[str, str]] = {
    "colours": {word: colour for colour in COLOURS for word in COLOUR_WORDS[colour]},
    "shapes": {"plus": "cross", **{form: shape for form, shape in _FORMS.items() if " " not in form}},
}
"""{"colours": {word: canonical colour}, "shapes": {word, singular or plural: canonical shape}}.

Of "plus sign" and "love heart" the one telling word is listed.
"""


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
