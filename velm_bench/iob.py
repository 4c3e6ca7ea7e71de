"""Tags of entities (IOB1, IOB2 and other I/E schemes), read by the rules of conlleval.pl (2004-01-26).

In IOB2 every entity begins with ``B-``. In IOB1, CoNLL-2003's own form, it begins with ``I-``, and with ``B-`` only
where it follows an entity of the same type without a gap (Tjong Kim Sang and Veenstra 1999).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

Entity = tuple[str, int, int]
"""Type, first token, the token after the last."""

ENDS = frozenset({*product("BI", "BO"), *product("E", "EIO")})
"""Neighbouring prefixes between which conlleval ends an entity."""
STARTS = frozenset({*product("BIO", "B"), *product("EO", "IE")})
"""Neighbouring prefixes at the second of which conlleval starts one."""
OUTSIDE = frozenset({"O", "."})


def split_tag(tag: str) -> tuple[str, str]:
    """Prefix and type of a tag, parted at the first hyphen: "B-geo-loc" is ("B", "geo-loc")."""
    prefix, _, kind = str(tag).partition("-")
    return prefix, kind


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a tag sequence, in order, by conlleval's rules.

    The script knows no S- prefix and starts no entity at an E- that follows an entity's inside of the same type; for
    B, I and O this is what seqeval calls lenient.
    """
    found: list[Entity] = []
    start, before = -1, ("O", "")
    for place, tag in enumerate([*tags, "O"]):
        now = split_tag(tag)
        if start >= 0 and (now[0] in OUTSIDE or ends_before(before, now)):
            found.append((before[1], start, place))
            start = -1
        if starts_at(before, now):
            start = place
        before = now
    return found


def entity_text(tags: Sequence[str], tokens: Sequence[str]) -> str:
    """The entities of tags: "Ada Lovelace PER, Rome LOC"; "tokens 2-3 PER, token 5 LOC" where the words are unknown."""
    known = len(tokens) == len(tags)

    def named(start: int, end: int) -> str:
        if known:
            return " ".join(tokens[start:end])
        return f"token {end}" if end == start + 1 else f"tokens {start + 1}-{end}"

    return ", ".join(f"{named(start, end)} {one}" for one, start, end in entities(tags)) or "no entity"


def ends_before(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity ends between two neighbouring tags."""
    return (before[0], now[0]) in ENDS or (before[0] not in OUTSIDE and before[1] != now[1])


def starts_at(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether an entity starts at the second of two neighbouring tags."""
    return (before[0], now[0]) in STARTS or (now[0] not in OUTSIDE and before[1] != now[1])


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags rewritten as IOB2; IOB2 stays as it is, and so does a sequence with prefixes besides B, I and O."""
    if any(split_tag(tag)[0] not in ("B", "I", "O") for tag in tags):
        return tuple(tags)
    out = ["O"] * len(tags)
    for kind, start, end in entities(tags):
        out[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(out)
