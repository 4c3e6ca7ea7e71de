"""What a question means: small programs over a scene graph, and the words that put them to a person.

A program answers a scene with a word, or with None where the question would make no sense (nothing or too much is
referred to, or two things are level and neither is left of the other).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from .graph import ICON_TYPE, MARGIN, Doubt, Scene, Thing, recoloured, resized

SIDES = ("left", "right", "above", "below")
SIDE_WORDS = {"left": "left of", "right": "right of", "above": "above", "below": "below"}

YES, NO = "yes", "no"


def article(phrase: str) -> str:
    """The phrase with "a" or "an" before it."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def plural(noun: str) -> str:
    """The plural of a noun that the benchmark uses."""
    irregular = {"man": "men", "woman": "women", "child": "children"}
    if noun in irregular:
        return irregular[noun]
    if noun.endswith("y"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A description of things; what is left empty does not matter."""

    colour: str = ""
    shape: str = ""
    size: str = ""
    texture: str = ""

    def fits(self, thing: Thing) -> bool:
        """Whether it describes this thing. Icons have neither a size nor a texture that anybody speaks of."""
        return bool(self.all((thing,)))

    def all(self, things: Sequence[Thing]) -> list[Thing]:
        """The things that it describes."""
        colour, shape, size, texture = self.colour, self.shape, self.size, self.texture
        found = [t for t in things if (not colour or t.colour == colour) and (not shape or t.shape == shape)]
        if not found or not (size or texture):
            return found
        alike = [t for t in found if (not size or t.size == size) and (not texture or t.texture == texture)]
        return [t for t in alike if t.shape not in ICON_TYPE]

    def only(self, things: Sequence[Thing]) -> Thing | None:
        """The one thing that it describes; None where there is none, or more than one."""
        found = self.all(things)
        return found[0] if len(found) == 1 else None

    @property
    def text(self) -> str:
        """In the singular, without an article: "large striped red circle"."""
        return " ".join(filter(None, (self.size, self.texture, self.colour, self.shape or "thing")))

    @property
    def plural(self) -> str:
        """In the plural: "large striped red circles"."""
        return " ".join(filter(None, (self.size, self.texture, self.colour, plural(self.shape or "thing"))))


def on_side(thing: Thing, side: str, other: Thing) -> bool | None:
    """Whether `thing` lies on this side of `other`; None where they are level."""
    distance = thing.x - other.x if side in ("left", "right") else thing.y - other.y
    if side in ("left", "above"):
        distance = -distance
    return None if -MARGIN < distance < MARGIN else distance > 0


def readings(scene: Scene) -> tuple[Scene, Scene]:
    """The scene as most people see it, and as the others do; the same one twice where there is no doubt."""
    return most_see(scene), others_see(scene)


def most_see(scene: Scene) -> Scene:
    """The scene as most people see it."""
    doubt = scene.doubt
    return _beside(scene, doubt, 1) if doubt and doubt.kind == "tie" else scene


def others_see(scene: Scene) -> Scene:
    """The scene as the others see it; as most do where there is no doubt."""
    doubt = scene.doubt
    if doubt is None:
        return scene
    if doubt.kind == "tie":
        return _beside(scene, doubt, -1)
    thing = scene.things[doubt.thing]
    other = recoloured(thing, doubt.other) if doubt.kind == "hue" else resized(thing, doubt.other)
    return _with(scene, doubt.thing, other)


def _beside(scene: Scene, doubt: Doubt, way: int) -> Scene:
    """The scene with its level thing clearly on one side of the other: where it lies (1), or opposite (-1)."""
    thing, partner = scene.things[doubt.thing], scene.things[int(doubt.other)]
    step = MARGIN if thing.x > partner.x else -MARGIN
    return _with(scene, doubt.thing, thing.but(x=partner.x + way * step))


def _with(scene: Scene, at: int, thing: Thing) -> Scene:
    return scene.showing((*scene.things[:at], thing, *scene.things[at + 1 :]), scene.doubt)


class Program(ABC):
    """The meaning of a question."""

    __slots__ = ()
    type: ClassVar[str]
    answer_type: ClassVar[str]

    @property
    @abstractmethod
    def template(self) -> str:
        """The pattern of its wording, mentioned attributes included, values left out."""

    @abstractmethod
    def answer(self, scene: Scene) -> str | None:
        """The answer, or None where the question does not apply to the scene."""

    @abstractmethod
    def wordings(self) -> tuple[str, ...]:
        """Ways to ask it, all meaning the same."""

    def subjects(self, scene: Scene) -> tuple[Thing | None, ...]:
        """The things whose change can flip the answer; none where any thing's can, as `phrases` says."""
        return ()

    def phrases(self) -> tuple[Phrase, ...]:
        """The descriptions whose number of bearers decides the answer."""
        return ()

    def may_flip(self, name: str, thing: Thing, value: object) -> bool:
        """False where the edit `name` of a thing (to `value`) can never give another answer, so that none is tried."""
        return True


def _mention(phrase: Phrase) -> str:
    """Which attributes a phrase mentions: "colour+shape", or "icon" for the name of one."""
    kind = "" if not phrase.shape else "icon" if phrase.shape in ICON_TYPE else "shape"
    return _mentioning(bool(phrase.size), bool(phrase.texture), bool(phrase.colour), kind)


@cache
def _mentioning(size: bool, texture: bool, colour: bool, kind: str) -> str:
    return "+".join(filter(None, (size * "size", texture * "texture", colour * "colour", kind))) or "thing"


@dataclass(frozen=True, slots=True)
class Exist(Program):
    """Is there such a thing?"""

    phrase: Phrase
    type: ClassVar[str] = "exist"
    answer_type: ClassVar[str] = "yes/no"

    @property
    def template(self) -> str:
        return f"exist {_mention(self.phrase)}"

    def answer(self, scene: Scene) -> str | None:
        return YES if self.phrase.all(scene.things) else NO

    def phrases(self) -> tuple[Phrase, ...]:
        return (self.phrase,)

    def wordings(self) -> tuple[str, ...]:
        one = article(self.phrase.text)
        return f"is there {one}?", f"can you see {one}?", f"does the picture show {one}?"


@dataclass(frozen=True, slots=True)
class Count(Program):
    """How many such things are there?"""

    phrase: Phrase
    type: ClassVar[str] = "count"
    answer_type: ClassVar[str] = "number"

    @property
    def template(self) -> str:
        return f"count {_mention(self.phrase)}"

    def answer(self, scene: Scene) -> str | None:
        count = len(self.phrase.all(scene.things))
        return str(count) if count <= 5 else None

    def phrases(self) -> tuple[Phrase, ...]:
        return (self.phrase,)

    def wordings(self) -> tuple[str, ...]:
        many = self.phrase.plural
        return f"how many {many} are there?", f"how many {many} can you see?", f"what is the number of {many}?"


@dataclass(frozen=True, slots=True)
class Attribute(Program):
    """What is this about the thing referred to? A subclass says which attribute, and how people ask for it."""

    target: Phrase
    answer_type: ClassVar[str] = "other"
    patterns: ClassVar[tuple[str, ...]]
    """Ways to ask, with `{}` for the thing."""
    of_icons: ClassVar[bool] = False
    """Whether it is asked about icons too."""

    @property
    def template(self) -> str:
        return f"{self.type} {_mention(self.target)}"

    def answer(self, scene: Scene) -> str | None:
        thing = self.target.only(scene.things)
        if thing is None or (thing.is_icon and not self.of_icons):
            return None
        return self.read(thing)

    @staticmethod
    @abstractmethod
    def read(thing: Thing) -> str:
        """The attribute of a thing."""

    def subjects(self, scene: Scene) -> tuple[Thing | None, ...]:
        return (self.target.only(scene.things),)

    def wordings(self) -> tuple[str, ...]:
        name = self.target.text
        return tuple(pattern.format(name) for pattern in self.patterns)


class Colour(Attribute):
    """What colour is the thing referred to?"""

    __slots__ = ()
    type: ClassVar[str] = "colour"
    of_icons: ClassVar[bool] = True
    patterns = ("what colour is the {}?", "which colour does the {} have?", "what is the colour of the {}?")

    @staticmethod
    def read(thing: Thing) -> str:
        return thing.colour


class Shape(Attribute):
    """What shape is the thing referred to? Only the eight shapes are answers."""

    __slots__ = ()
    type: ClassVar[str] = "shape"
    patterns = ("what shape is the {}?", "which shape does the {} have?", "what is the shape of the {}?")

    @staticmethod
    def read(thing: Thing) -> str:
        return thing.shape


class Size(Attribute):
    """Is the thing referred to small or large?"""

    __slots__ = ()
    type: ClassVar[str] = "size"
    patterns = ("what size is the {}?", "is the {} small or large?", "what is the size of the {}?")

    @staticmethod
    def read(thing: Thing) -> str:
        return thing.size


@dataclass(frozen=True, slots=True)
class More(Program):
    """Are there more of these than of those? Asked only where the numbers differ."""

    first: Phrase
    second: Phrase
    type: ClassVar[str] = "compare"
    answer_type: ClassVar[str] = "yes/no"

    @property
    def template(self) -> str:
        return f"more {_mention(self.first)}"

    def answer(self, scene: Scene) -> str | None:
        first, second = len(self.first.all(scene.things)), len(self.second.all(scene.things))
        return None if first == second else (YES if first > second else NO)

    def phrases(self) -> tuple[Phrase, ...]:
        return self.first, self.second

    def may_flip(self, name: str, thing: Thing, value: object) -> bool:
        """One thing has to go over from these to those; two that exchange their looks leave the numbers alone."""
        if name == "exchange":
            return False
        return {getattr(thing, name), value} == {getattr(self.first, name), getattr(self.second, name)}

    def wordings(self) -> tuple[str, ...]:
        one, other = self.first.plural, self.second.plural
        return f"are there more {one} than {other}?", f"do you see more {one} than {other}?"


@dataclass(frozen=True, slots=True)
class Bigger(Program):
    """Is one thing larger than another? Asked only of a small and a large one."""

    first: Phrase
    second: Phrase
    type: ClassVar[str] = "compare"
    answer_type: ClassVar[str] = "yes/no"

    @property
    def template(self) -> str:
        return f"bigger {_mention(self.first)} {_mention(self.second)}"

    def answer(self, scene: Scene) -> str | None:
        first, second = self.first.only(scene.things), self.second.only(scene.things)
        if first is None or second is None or first.is_icon or second.is_icon or first.size == second.size:
            return None
        return YES if first.size == "large" else NO

    def subjects(self, scene: Scene) -> tuple[Thing | None, ...]:
        return self.first.only(scene.things), self.second.only(scene.things)

    def may_flip(self, name: str, thing: Thing, value: object) -> bool:
        """Another colour or shape of the two leaves the answer, or nobody knows any more which are meant."""
        return name not in ("colour", "shape")

    def wordings(self) -> tuple[str, ...]:
        one, other = self.first.text, self.second.text
        return f"is the {one} bigger than the {other}?", f"is the {one} larger than the {other}?"


@dataclass(frozen=True, slots=True)
class Relation(Program):
    """Does one thing lie on this side of another?"""

    first: Phrase
    side: str
    second: Phrase
    type: ClassVar[str] = "relation"
    answer_type: ClassVar[str] = "yes/no"

    @property
    def template(self) -> str:
        return f"relation {self.side} {_mention(self.first)} {_mention(self.second)}"

    def answer(self, scene: Scene) -> str | None:
        first, second = self.first.only(scene.things), self.second.only(scene.things)
        if first is None or second is None or first is second:
            return None
        found = on_side(first, self.side, second)
        return None if found is None else (YES if found else NO)

    def subjects(self, scene: Scene) -> tuple[Thing | None, ...]:
        return self.first.only(scene.things), self.second.only(scene.things)

    def wordings(self) -> tuple[str, ...]:
        words, one, other = SIDE_WORDS[self.side], self.first.text, self.second.text
        return f"is the {one} {words} the {other}?", f"does the {one} lie {words} the {other}?"


@dataclass(frozen=True, slots=True)
class Query(Program):
    """What colour (or shape) is the one thing on this side of another?"""

    asked: str
    side: str
    anchor: Phrase
    type: ClassVar[str] = "query"
    answer_type: ClassVar[str] = "other"

    @property
    def template(self) -> str:
        return f"query {self.asked} {self.side} {_mention(self.anchor)}"

    def answer(self, scene: Scene) -> str | None:
        thing = self.target(scene)
        if thing is None or (self.asked == "shape" and thing.is_icon):
            return None
        return thing.colour if self.asked == "colour" else thing.shape

    def target(self, scene: Scene) -> Thing | None:
        """The one thing on that side; None where it is not one, or where another is level with the anchor."""
        anchor = self.anchor.only(scene.things)
        if anchor is None:
            return None
        found = [(thing, on_side(thing, self.side, anchor)) for thing in scene.things if thing is not anchor]
        there = [thing for thing, side in found if side]
        return there[0] if len(there) == 1 and all(side is not None for _, side in found) else None

    def subjects(self, scene: Scene) -> tuple[Thing | None, ...]:
        return (self.target(scene),)

    def wordings(self) -> tuple[str, ...]:
        place = f"the thing {SIDE_WORDS[self.side]} the {self.anchor.text}"
        return f"what {self.asked} is {place}?", f"what is the {self.asked} of {place}?"


TYPES = ("exist", "count", "colour", "shape", "size", "compare", "relation", "query")
"""The question types; accuracy is reported for each, and their unweighted mean beside it."""
