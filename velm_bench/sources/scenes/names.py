"""Names and cue words of the NER sentences.

Every pool is built once from a few pieces and then cut in two: names that training may use, and names that it never
sees. Both halves come from the same pieces, so an unseen name looks like a name of its kind without being known.

An *ambiguous* name says nothing about its type: each is used for persons, places, organisations and other things
alike. A *telling* name carries its type in its ending ("Mortonville", "Veltronics").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TYPES: Final[tuple[str, ...]] = ("PER", "LOC", "ORG", "MISC")

_UNSEEN_EVERY: Final = 4


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ONSETS: Final = _words(
    "Jord Mar Bel Dor Flor Carol Ashl Vict Tor Kel Lor Sal Ren Mil Cor Dal Fen Gar Hol Per Quin Rid Tam Wil Zan Ald"
)
_ENDINGS: Final = _words("an ara is ey ina ow en ia us ix")
_WORLD: Final = _words(
    "Paris Austin Chelsea Georgia Sydney Florence Phoenix Lincoln Vienna Victoria Madison Charlotte Orlando Dakota "
    "Savannah Brooklyn Virginia Mercury Hudson Windsor Lancaster Berkeley Cleveland Cheyenne"
)
_SECOND: Final = _words("Vale Hart Stone Reed Wells Brook Cross Park Moor Heath Glen Marsh Dale Lane Ward Frost")
_TELLING_ENDINGS: Final[dict[str, tuple[str, ...]]] = {
    "PER": ("son", "sen", "ski", "ito"),
    "LOC": ("ton", "ville", "burg", "shire"),
    "ORG": ("corp", "tronics", "soft", "works"),
    "MISC": ("fest", "liga", "ism", "mas"),
}


@dataclass(frozen=True)
class Pool:
    """A list of names cut in two: `seen` is open to every split, `unseen` is kept from training."""

    seen: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Cue:
    """Words that settle the type of the name between them.

    `before` and `after` stand outside the entity ("Mr", "'s sister"); `head` and `tail` belong to it ("Lake", "Inc").
    """

    before: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def _pool(names: Sequence[str]) -> Pool:
    """Cut `names`, duplicates dropped, into three quarters seen and one quarter unseen."""
    distinct = tuple(dict.fromkeys(names))
    return Pool(
        seen=tuple(name for i, name in enumerate(distinct) if i % _UNSEEN_EVERY != 1),
        unseen=tuple(name for i, name in enumerate(distinct) if i % _UNSEEN_EVERY == 1),
    )


def _joined(onsets: Sequence[str], endings: Sequence[str]) -> list[str]:
    """Every onset with every ending, in an order that spreads the unseen quarter over both."""
    count = len(endings)
    return [onset + endings[(i + j) % count] for j in range(count) for i, onset in enumerate(onsets)]


AMBIGUOUS: Final[Pool] = _pool([*_joined(_ONSETS, _ENDINGS), *_WORLD])
"""First (or only) tokens of names that fit every type."""

SECOND: Final[Pool] = _pool(_SECOND)
"""Second tokens of such names: "Jordan Vale"."""

LINK: Final = "van"
"""Joins the tokens of a three-token name: "Jordan van Vale"."""

TELLING: Final[dict[str, Pool]] = {kind: _pool(_joined(_ONSETS, endings)) for kind, endings in _TELLING_ENDINGS.items()}
"""Per type, names whose ending gives the type away."""

CUES: Final[dict[str, tuple[Cue, ...]]] = {
    "PER": (
        Cue(before=("Mr",)),
        Cue(before=("Ms",)),
        Cue(before=("Dr",)),
        Cue(before=("my", "friend")),
        Cue(after=(",", "aged", "30", ",")),
        Cue(after=("'s", "sister")),
    ),
    "LOC": (
        Cue(before=("a", "day", "in")),
        Cue(before=("the", "town", "of")),
        Cue(before=("a", "trip", "to")),
        Cue(head=("Lake",)),
        Cue(tail=("Street",)),
        Cue(tail=("Valley",)),
    ),
    "ORG": (
        Cue(before=("a", "job", "at")),
        Cue(before=("shares", "of")),
        Cue(before=("the", "company")),
        Cue(tail=("Inc",)),
        Cue(tail=("Ltd",)),
        Cue(tail=("Bank",)),
    ),
    "MISC": (
        Cue(before=("the", "novel")),
        Cue(before=("the", "film")),
        Cue(before=("a", "song", "called")),
        Cue(tail=("Cup",)),
        Cue(tail=("Prize",)),
        Cue(tail=("Festival",)),
    ),
}
"""Per type, the words that decide where the picture does not; equally many for each."""

OPENERS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    (),
    (),
    ("Look", ":"),
    ("Here", "is"),
    ("This", "is"),
    ("Spotted", "today", ":"),
    ("Finally", ","),
    ("Again", ":"),
    ("Remember", "this", "?"),
)
"""Sentence beginnings; none of them says anything of a type."""

CLOSERS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    (),
    (),
    (".",),
    (".",),
    ("!",),
    ("again",),
    ("today", "."),
    ("#photo",),
    ("#nofilter",),
)
"""Sentence ends, as innocent."""
